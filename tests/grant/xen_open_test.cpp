#include "xen_fake.hpp"

#include <xenring/grant/specification.hpp>
#include <xenring/grant/xen/devices.hpp>
#include <xenring/grant/xen/open.hpp>
#include <xenring/grant/xen/own_domid.hpp>
#include <xenring/grant/xen/store_location.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace xenring {
namespace {

using namespace std::chrono_literals;

/// Sets an environment variable for as long as it lives.
class environment {
public:
    environment(const char* name, const std::string& value) : name_{name} {
        ::setenv(name, value.c_str(), 1);
    }
    ~environment() { ::unsetenv(name_); }

private:
    const char* name_;
};

/// A pipe whose other end is in the test's hand.
struct store_end {
    store_end() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        pipe = std::make_unique<fd_store_pipe>(ends[0]);
        peer = ends[1];
    }
    ~store_end() { ::close(peer); }
    void answer(std::uint32_t type, std::string_view payload) {
        const std::uint32_t header[4]{type, 1, 0, static_cast<std::uint32_t>(payload.size())};
        ASSERT_EQ(::write(peer, header, sizeof header), 16);
        ASSERT_EQ(::write(peer, payload.data(), payload.size()),
                  static_cast<ssize_t>(payload.size()));
    }
    std::unique_ptr<store_pipe> pipe;
    int peer = -1;
};

class XenOpen : public ::testing::Test {
protected:
    void expect_failure(errc expected, std::initializer_list<const char*> words) {
        std::string advice;
        EXPECT_FALSE(xen::open({nodes_.path(), {}}, ec_, &advice));
        EXPECT_EQ(ec_, expected) << ec_.message();
        EXPECT_EQ(ec_, condition::not_available);
        for (const auto* word : words)
            EXPECT_NE(advice.find(word), std::string::npos) << advice;
    }

    tests::device_directory nodes_;
    environment no_socket_{"XENSTORED_PATH", nodes_.path() + "/no-store"};
    error_code ec_;
};

TEST_F(XenOpen, WithoutADeviceDirectoryThereIsNoHypervisor) {
    std::filesystem::remove_all(nodes_.path());
    expect_failure(errc::no_hypervisor, {nodes_.path().c_str(), "modprobe"});
}

TEST_F(XenOpen, WithoutAnyNodeEachIsNamedWithItsModule) {
    for (const auto* node : {"evtchn", "gntdev", "gntalloc"})
        std::filesystem::remove(nodes_.node(node));
    expect_failure(errc::device_missing, {nodes_.node("evtchn").c_str(), "modprobe xen-evtchn",
                                          "modprobe xen-gntdev", "modprobe xen-gntalloc"});
}

TEST_F(XenOpen, AGuestWithoutTheModulesIsXenAndIsToldToLoadThem) {
    const auto devices = nodes_.node("dev/xen"); // as the kernel of a fresh guest fills it
    std::filesystem::create_directories(devices);
    std::ofstream{devices + "/xenbus"};
    const auto nothing_set = [](const char*) { return std::string{}; };
    const auto sign = [this] { return sign_of_xen(nodes_.path()); };
    const auto found = resolve_specification("", nothing_set, ec_, sign);
    EXPECT_EQ(found.kind, hypervisor_kind::xen);
    EXPECT_EQ(found.why, devices + " is there");
    std::string advice;
    EXPECT_FALSE(xen::open({devices, found.why}, ec_, &advice));
    EXPECT_EQ(ec_, errc::device_missing);
    EXPECT_NE(advice.find("modprobe xen-gntalloc"), std::string::npos) << advice;
}

TEST_F(XenOpen, NodesThatMayNotBeOpenedAreNamed) {
    for (const auto* node : {"evtchn", "gntdev", "gntalloc"})
        ::chmod(nodes_.node(node).c_str(), 0);
    ::chmod(nodes_.path().c_str(), 0755);
    const auto user = ::geteuid();
    if (user == 0) { // modes do not hold root back
        ASSERT_EQ(::seteuid(65534), 0);
    }
    expect_failure(errc::device_permission, {nodes_.node("evtchn").c_str(), "root"});
    ASSERT_EQ(::seteuid(user), 0);
}

TEST_F(XenOpen, WithoutAStoreItSaysHowToGetOne) {
    expect_failure(errc::device_missing, {"xenstored", "xenfs"});
}

TEST_F(XenOpen, StoreThatHangsUpIsReported) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = nodes_.node("store");
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    environment here{"XENSTORED_PATH", path};
    std::string location;
    const auto pipe = xen::open_store(nodes_.path(), location, ec_);
    ASSERT_TRUE(pipe) << ec_.message();
    EXPECT_EQ(location, path);
    ::close(::accept(listener, nullptr, nullptr));
    xen::read_own_domid(*pipe, 5s, ec_);
    EXPECT_TRUE(ec_);
    EXPECT_NE(ec_, errc::timed_out);
    ::close(listener);
}

TEST(XenDevices, NodeThatIsNotADeviceKeepsItsErrno) {
    tests::device_directory nodes;
    std::filesystem::remove(nodes.node("gntdev"));
    std::filesystem::create_directory(nodes.node("gntdev"));
    const auto ec = xen::check_device(nodes.path(), xen::device::gntdev);
    EXPECT_EQ(ec, errno_code(EISDIR));
    EXPECT_NE(xen::advice(nodes.path(), xen::device::gntdev, ec).find(nodes.node("gntdev")),
              std::string::npos);
}

TEST(XenDevices, UsableNodeIsNoError) {
    tests::device_directory nodes;
    EXPECT_FALSE(xen::check_device(nodes.path(), xen::device::evtchn));
}

TEST(XenStoreLocation, VariablesComeBeforeTheUsualPlaces) {
    {
        environment directory{"XENSTORED_RUNDIR", "/elsewhere"};
        EXPECT_EQ(xen::store_locations("/dev/xen").front(), "/elsewhere/socket");
        environment path{"XENSTORED_PATH", "/named"};
        EXPECT_EQ(xen::store_locations("/dev/xen"), std::vector<std::string>{"/named"});
    }
    const auto usual = xen::store_locations("/dev/xen");
    EXPECT_EQ(usual.front(), "/run/xenstored/socket");
    EXPECT_NE(std::find(usual.begin(), usual.end(), "/dev/xen/xenbus"), usual.end());
}

TEST(XenOwnDomid, IsReadFromTheStore) {
    store_end store;
    store.answer(2, "17");
    error_code ec;
    EXPECT_EQ(xen::read_own_domid(*store.pipe, 5s, ec), domid{17});
    EXPECT_FALSE(ec) << ec.message();
    char request[64]{};
    EXPECT_EQ(::read(store.peer, request, sizeof request), 16 + 6);
    EXPECT_STREQ(request + 16, "domid");
}

TEST(XenOwnDomid, TheStoresErrorIsKept) {
    store_end store;
    store.answer(16, std::string_view{"ENOENT\0", 7});
    error_code ec;
    xen::read_own_domid(*store.pipe, 5s, ec);
    EXPECT_EQ(ec, errno_code(ENOENT));
}

TEST(XenOwnDomid, AnswerThatIsNoDomidIsAProtocolError) {
    for (const auto* text : {"", "x", "1x", "65535", "32752"}) {
        store_end store;
        store.answer(2, text);
        error_code ec;
        xen::read_own_domid(*store.pipe, 5s, ec);
        EXPECT_EQ(ec, errc::store_protocol) << text;
    }
}

TEST(XenOwnDomid, SilentStoreTimesOut) {
    store_end store;
    error_code ec;
    xen::read_own_domid(*store.pipe, 10ms, ec);
    EXPECT_EQ(ec, errc::timed_out);
}

} // namespace
} // namespace xenring
