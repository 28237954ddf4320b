// conformance_xen --far-domid N [--destroy COMMAND] [GoogleTest's options]: the suite on real Xen,
// run in dom0 while conformance_agent runs in domain N. COMMAND destroys that domain; without it
// the last test, which needs it, fails.
#include "two_domains.hpp"

#include <cstdlib>
#include <iostream>
#include <string_view>

int main(int argc, char** argv) {
    using namespace xenring;
    ::testing::InitGoogleTest(&argc, argv);
    auto& here = conformance::the_setting();
    here.near_specification = "xen";
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        const std::string value = argv[i + 1];
        if (option == "--far-domid")
            here.far = domid{static_cast<std::uint16_t>(conformance::number_of(value))};
        else if (option == "--destroy")
            here.destroy_far = [value] {
                if (std::system(value.c_str()) != 0)
                    throw std::runtime_error{"failed: " + value};
            };
        else
            argc = 0; // not ours: say how to call it
    }
    if (argc % 2 == 0 || (here.far == domid{} && !::testing::GTEST_FLAG(list_tests))) {
        std::cerr << "usage: conformance_xen --far-domid N [--destroy COMMAND]\n";
        return 2;
    }
    return RUN_ALL_TESTS();
}
