// Xen's own clients (Debian's xenstore-utils, on libxenstore) against the stand-in's store.
#include "store_socket_fixture.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace xenring {
namespace {

class StoreTools : public store_socket_fixture {
protected:
    void SetUp() override {
        if (!std::filesystem::exists("/usr/bin/xenstore-read"))
            GTEST_SKIP() << "xenstore-read is not here: apt-get install xenstore-utils";
    }

    /// A command as a domain, with its standard output and error.
    std::FILE* start(std::uint16_t domain, const std::string& command) {
        return ::popen(("XENSTORED_PATH=" + socket_of(domain) + " " + command + " 2>&1").c_str(),
                       "r");
    }
    static std::string line_of(std::FILE* stream) {
        std::array<char, 256> line{};
        return std::fgets(line.data(), line.size(), stream) ? line.data() : "";
    }
    std::pair<int, std::string> run(std::uint16_t domain, const std::string& command) {
        std::FILE* const stream = start(domain, command);
        std::string output;
        while (true) {
            const std::string line = line_of(stream);
            if (line.empty())
                break;
            output += line;
        }
        return {WEXITSTATUS(::pclose(stream)), output};
    }
    std::string output(std::uint16_t domain, const std::string& command) {
        auto [status, text] = run(domain, command);
        EXPECT_EQ(status, 0) << command << ": " << text;
        return text;
    }
};

TEST_F(StoreTools, ReadWriteAndExists) {
    EXPECT_EQ(output(1, "xenstore-read domid name"), "1\ndomain-1\n");
    output(1, "xenstore-write data/x hello data/y world");
    EXPECT_EQ(output(1, "xenstore-read /local/domain/1/data/x"), "hello\n");
    EXPECT_EQ(connect(1).read("data/y"), "world");
    output(1, "xenstore-exists data/x");
    EXPECT_NE(run(1, "xenstore-exists data/z").first, 0);
}

TEST_F(StoreTools, FailuresAreTold) {
    const auto [status, text] = run(1, "xenstore-read /local/domain/2/data");
    EXPECT_NE(status, 0);
    EXPECT_NE(text.find("couldn't read path"), std::string::npos) << text;
    EXPECT_NE(run(1, "xenstore-write /local/domain/2/data/x 1").first, 0);
}

TEST_F(StoreTools, ListAndLs) {
    store one = connect(1);
    one.write("data/dir/a", "1");
    one.write("data/dir/b", "2");
    EXPECT_EQ(output(1, "xenstore-list data/dir"), "a\nb\n");
    EXPECT_EQ(output(1, "xenstore-ls data"), "dir = \"\"\n a = \"1\"\n b = \"2\"\n");
    const std::string all = output(0, "xenstore-ls -f -p /");
    EXPECT_NE(all.find("/local/domain/1/data/dir/b = \"2\"   (n1)"), std::string::npos) << all;
    EXPECT_NE(all.find("/local/domain/0/name = \"Domain-0\""), std::string::npos) << all;
}

TEST_F(StoreTools, LsOfADirectoryThatNeedsManyMessages) {
    store control = connect(0);
    for (int each = 0; each < 500; ++each)
        control.write("/big/a-rather-long-name-" + std::to_string(1000 + each), "");
    const std::string listed = output(0, "xenstore-list /big");
    EXPECT_EQ(std::count(listed.begin(), listed.end(), '\n'), 500);
}

TEST_F(StoreTools, ChmodAndRm) {
    output(1, "xenstore-write data/x v");
    output(1, "xenstore-chmod data/x n1 r2");
    EXPECT_EQ(output(2, "xenstore-read /local/domain/1/data/x"), "v\n");
    const store_permissions expected{{domid{1}, store_access::none},
                                     {domid{2}, store_access::read}};
    EXPECT_EQ(connect(1).get_permissions("data/x"), expected);
    EXPECT_NE(run(2, "xenstore-chmod /local/domain/1/data/x n2").first, 0);
    output(1, "xenstore-rm data/x");
    EXPECT_FALSE(connect(1).exists("data/x"));
}

TEST_F(StoreTools, WatchHearsOfChanges) {
    std::FILE* const watching = start(1, "xenstore-watch -n 3 data");
    EXPECT_EQ(line_of(watching), "data\n"); // once at once
    store control = connect(0);
    control.write("/local/domain/1/data/x", "1");
    EXPECT_EQ(line_of(watching), "data/x\n");
    control.remove("/local/domain/1/data/x");
    EXPECT_EQ(line_of(watching), "data/x\n");
    EXPECT_EQ(WEXITSTATUS(::pclose(watching)), 0);
}

TEST_F(StoreTools, WatchHearsThatADomainIsGone) {
    std::FILE* const watching = start(0, "xenstore-watch -n 2 @releaseDomain");
    EXPECT_EQ(line_of(watching), "@releaseDomain\n");
    server->release(domid{2});
    EXPECT_EQ(line_of(watching), "@releaseDomain\n");
    ::pclose(watching);
}

} // namespace
} // namespace xenring
