// The stand-in's process begins and ends: one a directory, nothing left behind, programs are told.
#include <xenring/grant/local/runtime_directory.hpp>

#include <fstream>
#include <functional>
#include <tests/grant/local_fixture.hpp>
#include <tests/grant/local_processes.hpp>

namespace xenring::test {
namespace {

using enum access;

class LocalLifetime : public ::testing::Test {
protected:
    temporary_directory parent;
    const std::string directory = parent / "deep/run";
    boost::asio::io_context io;
    error_code ec;
};

TEST_F(LocalLifetime, WithoutAStandInThereIsNoHypervisor) {
    EXPECT_FALSE(local::connect({directory, domid{1}, {}, {}}, ec));
    EXPECT_EQ(ec, errc::no_hypervisor);
    EXPECT_EQ(ec, make_error_condition(condition::not_available));
    const local::control nobody{directory, ec};
    EXPECT_EQ(ec, errc::no_hypervisor);
}

TEST_F(LocalLifetime, DirectoryIsPrivateAndGoesAtTheEnd) {
    {
        const local::server server{io.get_executor(), directory};
        const auto permissions = std::filesystem::status(directory).permissions();
        EXPECT_EQ(permissions, std::filesystem::perms::owner_all);
        EXPECT_TRUE(std::filesystem::is_socket(local::hypervisor_socket_path(directory)));
        io.poll();
    }
    io.poll();
    EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST_F(LocalLifetime, SecondStandInInADirectoryIsRefused) {
    const local::server server{io.get_executor(), directory};
    const local::server second{io.get_executor(), directory, local::machine{}, ec};
    EXPECT_EQ(ec, errno_code(EADDRINUSE));
    EXPECT_TRUE(std::filesystem::is_socket(local::hypervisor_socket_path(directory)));
}

TEST_F(LocalLifetime, PathTooLongForASocketIsNamed) {
    const local::server server{io.get_executor(), parent / std::string(120, 'x').c_str(),
                               local::machine{}, ec};
    EXPECT_EQ(ec, errc::socket_path_too_long);
    EXPECT_NE(ec.message().find("shorter directory"), std::string::npos) << ec.message();
}

TEST_F(LocalLifetime, WhatNoStandInMadeIsRefusedAndStays) {
    namespace fs = std::filesystem;
    const auto write = [](const fs::path& path) {
        fs::create_directories(path.parent_path());
        std::ofstream{path} << "precious";
    };
    const fs::path place{directory}, elsewhere{parent / "elsewhere"};
    write(elsewhere / "5");
    // What is made there, and what of it is in the way.
    const std::vector<std::pair<std::function<void()>, fs::path>> cases{
        {[&] { write(place / "store/notes/letter"); }, place / "store/notes"},
        {[&] { write(place / "store/7"); }, place / "store/7"},
        {[&] { write(place / "store"); }, place / "store"},
        {[&] { write(place / "hypervisor"); }, place / "hypervisor"},
        {[&] { fs::create_directories(place / "hypervisor"); }, place / "hypervisor"},
        {[&] { fs::create_directory_symlink(elsewhere, place / "store"); }, place / "store"},
    };
    for (const auto& [make, in_the_way] : cases) {
        fs::create_directories(place);
        make();
        const local::server refused{io.get_executor(), directory, local::machine{}, ec};
        EXPECT_EQ(ec, errc::foreign_directory) << in_the_way;
        EXPECT_EQ(local::foreign_path(directory), in_the_way);
        EXPECT_TRUE(fs::exists(in_the_way)) << in_the_way;
        fs::remove_all(place);
    }
    EXPECT_TRUE(fs::exists(elsewhere / "5"));
}

TEST_F(LocalLifetime, WhatOthersPutThereMeanwhileStays) {
    const std::string notes = directory + "/store/notes", readme = directory + "/readme";
    {
        const local::server server{io.get_executor(), directory};
        for (const auto& path : {notes, readme})
            std::ofstream{path} << "precious";
        io.poll();
    }
    io.poll();
    for (const auto& path : {notes, readme})
        EXPECT_TRUE(std::filesystem::exists(path)) << path;
    EXPECT_FALSE(std::filesystem::exists(local::hypervisor_socket_path(directory)));
}

TEST_F(LocalLifetime, KilledStandInIsNoticedAndReplaced) {
    peer_process first{{directory, "0", "serve"}};
    ASSERT_EQ(first.wait_ready(), 0);
    const auto one = local::connect({directory, domid{1}, {}, {}}, ec);
    ASSERT_TRUE(one) << ec.message();
    const auto channel = one->open_event_channel();
    auto granted = one->share(domid{2}, 1, read_write);
    first.kill();
    EXPECT_TRUE(becomes_readable(channel->native_handle()));
    std::array<port, 1> none;
    channel->read_pending(none, ec);
    EXPECT_EQ(ec, errc::hypervisor_gone);
    EXPECT_FALSE(one->share(domid{2}, 1, read_write, {}, ec));
    EXPECT_EQ(ec, errc::hypervisor_gone);
    granted.bytes()[0] = std::byte{1}; // memory is memory
    EXPECT_EQ(granted.end(), grant_end::unknown);
    EXPECT_TRUE(std::filesystem::exists(local::hypervisor_socket_path(directory)));
    peer_process second{{directory, "0", "serve"}};
    ASSERT_EQ(second.wait_ready(), 0);
    EXPECT_TRUE(local::connect({directory, domid{1}, {}, {}}, ec)) << ec.message();
}

TEST_F(LocalLifetime, DescriptionSaysWhereAndWhy) {
    peer_process served{{directory, "0", "serve"}};
    ASSERT_EQ(served.wait_ready(), 0);
    const auto one = local::connect({directory, domid{7}, {}, "asked for"}, ec);
    EXPECT_EQ(one->description(),
              "the stand-in hypervisor in " + directory + ", as domain 7; asked for");
}

} // namespace
} // namespace xenring::test
