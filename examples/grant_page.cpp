// Grants one page to another domain, tells it where, and waits until it has read it.
//
//     grant_page READER_DOMID
#include <xenring/grant/domain.hpp>
#include <xenring/grant/pages.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/grant/store_transaction.hpp>

#include <boost/asio/io_context.hpp>

#include <array>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

using namespace xenring;

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: grant_page READER_DOMID\n";
        return 2;
    }
    try {
        boost::asio::io_context io;
        const domain here{io.get_executor()}; // Xen, or the stand-in
        const domid reader{static_cast<std::uint16_t>(std::atoi(argv[1]))};

        auto page = here.hypervisor().share(reader, 1, access::read_only);
        const auto text = "a page of domain " + std::to_string(here.self().value);
        std::memcpy(page.bytes().data(), text.c_str(), text.size() + 1);

        port_set ports{io.get_executor(), here.hypervisor()};
        auto done = ports.bind_unbound(reader);
        const auto before = done.seen();

        // The store forgets rights of domains that do not exist yet: wait for the reader's sign.
        const auto base = "/local/domain/" + std::to_string(here.self().value) + "/data/page";
        const store_permissions for_reader{{here.self(), store_access::none},
                                           {reader, store_access::read}};
        const std::array<store_entry, 2> entries{{
            {base + "/reference", std::to_string(page.references()[0].value), for_reader},
            {base + "/port", std::to_string(done.number().value), for_reader},
        }};
        error_code ec = errc::timed_out;
        while (ec == errc::timed_out) {
            write_with_permissions(here.store(), entries);
            done.wait_until(before, std::chrono::steady_clock::now() + std::chrono::seconds{1}, ec);
        }
        throw_if(ec, "wait for the reader");
        here.store().remove(base);
        std::cout << "the reader has read it\n";
    } catch (const std::exception& failure) {
        std::cerr << "grant_page: " << failure.what() << '\n';
        return 1;
    }
}
