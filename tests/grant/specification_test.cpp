#include <xenring/grant/specification.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace xenring {
namespace {

using variables = std::map<std::string, std::string>;

specification resolve(std::string_view text, const variables& environment, error_code& ec) {
    return resolve_specification(
        text,
        [&](const char* name) {
            const auto found = environment.find(name);
            return found == environment.end() ? std::string{} : found->second;
        },
        ec);
}

TEST(Specification, NamesTheStandInItsDirectoryAndTheDomain) {
    error_code ec;
    const auto found = resolve("local:/tmp/x?domid=7&fail=share:3", {}, ec);
    EXPECT_FALSE(ec);
    EXPECT_EQ(found.kind, hypervisor_kind::local);
    EXPECT_EQ(found.directory, "/tmp/x");
    EXPECT_EQ(found.self, domid{7});
    EXPECT_EQ(found.fault, "share:3");
}

TEST(Specification, FillsGapsFromTheEnvironment) {
    error_code ec;
    const auto found = resolve("local", {{"XENRING_RUNDIR", "/r"}, {"XENRING_DOMID", "3"}}, ec);
    EXPECT_FALSE(ec);
    EXPECT_EQ(found.directory, "/r");
    EXPECT_EQ(found.self, domid{3});
    EXPECT_EQ(resolve("", {{"XENRING_HYPERVISOR", "local:/q"}}, ec).directory, "/q");
    EXPECT_EQ(resolve("", {{"XENRING_HYPERVISOR", "xen"}}, ec).kind, hypervisor_kind::xen);
}

TEST(Specification, TheTextGoesBeforeTheEnvironment) {
    error_code ec;
    const auto found =
        resolve("local:/a?domid=1", {{"XENRING_DOMID", "9"}, {"XENRING_RUNDIR", "/b"}}, ec);
    EXPECT_EQ(found.directory, "/a");
    EXPECT_EQ(found.self, domid{1});
}

TEST(Specification, RefusesWhatItDoesNotUnderstand) {
    for (const auto* text : {"kvm", "xen:/dev", "local:/x?domid=", "local?domid=32752",
                             "local?domid=-1", "local?colour=red", "local?domid=1x"}) {
        error_code ec;
        (void)resolve(text, {}, ec);
        EXPECT_EQ(ec, errc::bad_specification) << text;
    }
}

TEST(Specification, NamesWhatItRefuses) {
    error_code ec;
    const auto why = [&](std::string_view text, const variables& environment) {
        return resolve(text, environment, ec).why;
    };
    EXPECT_EQ(why("kvm", {}),
              "the hypervisor is \"kvm\", not xen, local or local:DIRECTORY?domid=N");
    EXPECT_TRUE(why("", {{"XENRING_HYPERVISOR", "kvm"}}).starts_with("XENRING_HYPERVISOR is "));
    EXPECT_EQ(why("local:/x", {{"XENRING_DOMID", "abc"}}),
              "XENRING_DOMID is \"abc\", not a number from 0 to 32751");
    EXPECT_EQ(ec, errc::bad_specification);
    EXPECT_TRUE(
        why("local:/x?domid=1&fail=nonsense", {}).starts_with("fail= is \"nonsense\", not "));
    EXPECT_EQ(ec, errc::bad_specification);
    EXPECT_LT(why(std::string(5000, 'x'), {}).size(), 200u);
    (void)why("xen", {{"XENRING_DOMID", "abc"}}); // nobody looks at it there
    EXPECT_FALSE(ec);
}

TEST(Specification, LooksForXenOnlyWhereNobodySaysWhich) {
    const auto choose = [](const char* text, std::string sign) {
        error_code ec;
        const auto unset = [](const char*) { return std::string{}; };
        return resolve_specification(text, unset, ec, [&] { return sign; });
    };
    EXPECT_EQ(choose("", "/dev/xen").kind, hypervisor_kind::xen);
    EXPECT_EQ(choose("", "/dev/xen").why, "/dev/xen is there");
    EXPECT_EQ(choose("", "").kind, hypervisor_kind::local);
    EXPECT_EQ(choose("", "").why, "/dev/xen is not there");
    EXPECT_EQ(choose("local", "/dev/xen").kind, hypervisor_kind::local);
}

TEST(Specification, AnyNodeOrTheCapabilitiesAreASignOfXen) {
    namespace files = std::filesystem;
    std::string root = files::temp_directory_path() / "xenring-XXXXXX";
    ASSERT_TRUE(::mkdtemp(root.data()));
    EXPECT_EQ(sign_of_xen(root), "") << "as where there is no Xen";
    files::create_directories(root + "/dev/xen");
    files::create_directories(root + "/proc/xen");
    EXPECT_EQ(sign_of_xen(root), "") << "two empty directories";
    std::ofstream{root + "/proc/xen/capabilities"};
    EXPECT_EQ(sign_of_xen(root), root + "/proc/xen/capabilities");
    std::ofstream{root + "/dev/xen/xenbus"};
    EXPECT_EQ(sign_of_xen(root), root + "/dev/xen");
    files::remove_all(root);
}

TEST(Specification, SaysWhy) {
    error_code ec;
    EXPECT_EQ(resolve("xen", {}, ec).why, "asked for");
    EXPECT_EQ(resolve("", {{"XENRING_HYPERVISOR", "xen"}}, ec).why, "XENRING_HYPERVISOR says so");
}

} // namespace
} // namespace xenring
