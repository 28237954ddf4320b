// Maps the page that another domain granted, read-only, prints it, and says so by an event.
//
//     read_page OWNER_DOMID
#include <xenring/grant/domain.hpp>
#include <xenring/grant/pages.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/grant/store_watch.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>

using namespace xenring;

/// A number that the other domain put in the store, waiting until it is there.
std::uint32_t await_number(store& where, const std::string& node) {
    auto watch = where.watch(node); // fires once at once
    for (;;) {
        watch.wait_for(std::chrono::seconds{10});
        error_code ec;
        const auto text = where.read(node, ec);
        if (!ec)
            return static_cast<std::uint32_t>(std::stoul(text));
    }
}

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: read_page OWNER_DOMID\n";
        return 2;
    }
    try {
        boost::asio::io_context io;
        const domain here{io.get_executor()}; // Xen, or the stand-in
        const domid owner{static_cast<std::uint16_t>(std::atoi(argv[1]))};
        const auto base = "/local/domain/" + std::to_string(owner.value) + "/data/page";
        const grant_ref reference{await_number(here.store(), base + "/reference")};
        const port owners_port{await_number(here.store(), base + "/port")};

        const foreign_grant grant{owner, reference};
        const auto page = here.hypervisor().map<access::read_only>(std::span{&grant, 1});
        std::string copy; // the owner may change the page at any time: look at a copy
        for (const auto byte : page.bytes())
            copy += static_cast<char>(byte);
        std::cout << "read: " << copy.c_str() << '\n';

        port_set ports{io.get_executor(), here.hypervisor()};
        ports.bind_interdomain(owner, owners_port).notify();
    } catch (const std::exception& failure) {
        std::cerr << "read_page: " << failure.what() << '\n';
        return 1;
    }
}
