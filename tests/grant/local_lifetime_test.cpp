// The stand-in's process begins and ends: one a directory, nothing left behind, programs are told.
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
    EXPECT_EQ(ec, errc::path_too_long);
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
