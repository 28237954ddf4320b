// A capture, read back as the format's text says.
#include <xenring/net/pcap_file.hpp>

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace xenring::net::test {
namespace {

std::vector<std::byte> bytes(std::string_view text) {
    std::vector<std::byte> out;
    for (const char each : text)
        out.push_back(static_cast<std::byte>(each));
    return out;
}

struct record {
    std::uint32_t seconds, microseconds, length;
    std::string data;
};

class pcap_file_test : public testing::Test {
protected:
    pcap_file_test() {
        auto name = (std::filesystem::temp_directory_path() / "pcap.XXXXXX").string();
        directory = mkdtemp(name.data());
        path = directory + "/frames";
    }
    ~pcap_file_test() override { std::filesystem::remove_all(directory); }

    std::string content() const {
        std::ifstream in{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{in}, {}};
    }
    static std::uint32_t word(const std::string& text, std::size_t at) {
        std::uint32_t value = 0;
        std::memcpy(&value, text.data() + at, sizeof value);
        return value;
    }
    /// Every byte after the file's header must belong to a record.
    std::vector<record> records() const {
        const auto text = content();
        std::vector<record> out;
        std::size_t at = 24;
        while (at + 16 <= text.size()) {
            const auto captured = word(text, at + 8);
            out.push_back({word(text, at), word(text, at + 4), word(text, at + 12),
                           text.substr(at + 16, captured)});
            at += 16 + captured;
        }
        EXPECT_EQ(at, text.size());
        return out;
    }
    void append(pcap_file& file, std::string_view text) {
        ec.clear();
        file.append(bytes(text), ec);
        EXPECT_FALSE(ec) << ec.message();
    }

    std::string directory, path;
    error_code ec;
};

TEST_F(pcap_file_test, HasTheFormatsHeaderAndARecordForEachFrame) {
    const auto before = static_cast<std::uint32_t>(std::time(nullptr));
    const auto file = pcap_file::open(path, ec, 1000);
    ASSERT_TRUE(file) << ec.message();
    append(*file, "a frame");
    append(*file, "another");
    const auto text = content();
    EXPECT_EQ(word(text, 0), 0xa1b2c3d4U);
    EXPECT_EQ(word(text, 4), 2U | 4U << 16) << "version 2.4";
    EXPECT_EQ(word(text, 16), 1000U);
    EXPECT_EQ(word(text, 20), 1U) << "Ethernet";
    const auto got = records();
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0].data, "a frame");
    EXPECT_EQ(got[1].data, "another");
    EXPECT_EQ(got[1].length, 7U);
    EXPECT_GE(got[0].seconds, before);
    EXPECT_LT(got[0].microseconds, 1'000'000U);
}

TEST_F(pcap_file_test, LeavesOutWhatIsBeyondTheSnapLength) {
    const auto file = pcap_file::open(path, ec, 4);
    append(*file, "12345678");
    append(*file, "12");
    const auto got = records();
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0].data, "1234");
    EXPECT_EQ(got[0].length, 8U);
    EXPECT_EQ(got[1].data, "12");
}

TEST_F(pcap_file_test, GoesOnWithItsOwnFile) {
    append(*pcap_file::open(path, ec), "first");
    append(*pcap_file::open(path, ec), "second");
    ASSERT_EQ(records().size(), 2U);
    EXPECT_EQ(records()[1].data, "second");
}

TEST_F(pcap_file_test, TouchesNoFileThatIsSomethingElse) {
    std::ofstream{path} << "the only copy of something";
    EXPECT_FALSE(pcap_file::open(path, ec));
    EXPECT_EQ(ec, errno_code(EEXIST));
    EXPECT_EQ(content(), "the only copy of something");
    EXPECT_FALSE(pcap_file::open(directory + "/no/such", ec));
    EXPECT_EQ(ec, errno_code(ENOENT));
}

TEST_F(pcap_file_test, AFullDiskIsToldOnceAndTheFileStaysReadable) {
    const auto file = pcap_file::open(path, ec);
    append(*file, "first");
    rlimit unlimited{};
    getrlimit(RLIMIT_FSIZE, &unlimited);
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    auto small = unlimited;
    small.rlim_cur = content().size() + 20; // the next record's header and a part of its data
    setrlimit(RLIMIT_FSIZE, &small);
    file->append(bytes("a frame that is too long"), ec);
    setrlimit(RLIMIT_FSIZE, &unlimited);
    std::signal(SIGXFSZ, before);
    EXPECT_TRUE(ec);
    append(*file, "no more");
    ASSERT_EQ(records().size(), 1U);
    EXPECT_EQ(records()[0].data, "first");
}

TEST_F(pcap_file_test, APipeThatNobodyReadsBlocksNothing) {
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    const auto file = pcap_file::open(path, ec);
    ASSERT_TRUE(file) << ec.message();
    for (int i = 0; i != 1000; ++i) // far more than a pipe holds; a record is at most PIPE_BUF
        append(*file, std::string(1000, 'x'));
}

} // namespace
} // namespace xenring::net::test
