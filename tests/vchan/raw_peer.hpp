// Peers that are not ours, moved by hand: what libxenvchan and others do to page, port and store,
// one step at a time, and what nobody should do.
#pragma once

#include "fixture.hpp"

#include <xenring/grant/pages.hpp>
#include <xenring/ring/vchan_page.hpp>
#include <xenring/vchan/server_keys.hpp>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

namespace xenring::vchan::test {

/// What both roles share: a control page with byte order and offsets of the wire, and a port.
class raw_peer {
public:
    std::span<std::byte> page() const { return page_; }

    template <class Word>
    Word get(std::size_t offset) const {
        Word value;
        std::memcpy(&value, page_.data() + offset, sizeof value);
        return value;
    }
    template <class Word>
    void put(std::size_t offset, Word value) {
        std::memcpy(page_.data() + offset, &value, sizeof value);
    }

    void notify() {
        error_code ec;
        channel->notify(own, ec);
        EXPECT_FALSE(ec);
    }
    /// Events since the last call: 1 or 0, they merge.
    std::size_t events() {
        std::array<port, 8> ports;
        error_code ec;
        const auto count = channel->read_pending(ports, ec);
        for (std::size_t i = 0; i != count; ++i)
            channel->unmask(ports[i], ec);
        EXPECT_FALSE(ec);
        return count;
    }

    std::unique_ptr<event_channel> channel;
    port own;

protected:
    std::span<std::byte> page_;
};

/// Offsets of the control page (xen/io/libxenvchan.h).
inline constexpr std::size_t left_cons = 0, left_prod = 4, right_cons = 8, right_prod = 12,
                             left_order = 16, right_order = 18, cli_live = 20, srv_live = 21,
                             cli_notify = 22, srv_notify = 23;

/// A libxenvchan server. Does not mark its closes.
class raw_server : public raw_peer {
public:
    raw_server(hypervisor& machine, store& where, ring::vchan_geometry geometry,
               std::string at = "/local/domain/1/data/vchan/2/test")
        : base{std::move(at)}, store_{where} {
        channel = machine.open_event_channel();
        error_code ec;
        own = channel->bind_unbound(client_domain, ec);
        control = machine.share(client_domain, 1, access::read_write,
                                {.clear_byte = std::uint16_t{srv_live}, .notify = own});
        page_ = control.bytes();
        std::vector<std::uint32_t> references;
        for (const auto& [order, pages] :
             {std::pair{geometry.left_order, &left}, std::pair{geometry.right_order, &right}})
            if (order >= 12 && order <= 20) {
                *pages = machine.share(client_domain, std::size_t{1} << (order - 12),
                                       access::read_write);
                for (const auto reference : pages->references())
                    references.push_back(reference.value);
            }
        for (std::size_t i = 0; i != references.size(); ++i)
            put(24 + 4 * i, references[i]);
        put(left_order, geometry.left_order);
        put(right_order, geometry.right_order);
        put<std::uint8_t>(cli_live, 2);
        put<std::uint8_t>(srv_live, 1);
        put<std::uint8_t>(cli_notify, 1);
        keys = {control.references()[0], own};
        publish();
    }

    void publish() {
        error_code ec;
        detail::publish_keys(store_, base, server_domain, client_domain, keys, ec);
        EXPECT_FALSE(ec) << ec.message();
    }
    void remove_keys() { store_.remove(base); }

    /// As libxenvchan 4.17 closes.
    void close() {
        put<std::uint8_t>(srv_live, 0);
        control = {};
        channel->notify(own, ignored);
        channel.reset();
        remove_keys();
    }

    std::string base;
    detail::server_keys keys;
    granted_pages control, left, right;

private:
    store& store_;
    error_code ignored;
};

/// A libxenvchan client. Does not mark its closes.
class raw_client : public raw_peer {
public:
    raw_client(hypervisor& machine, store& where,
               const std::string& base = "/local/domain/1/data/vchan/2/test") {
        error_code ec;
        keys = detail::read_keys(where, base, ec);
        EXPECT_FALSE(ec) << ec.message();
        channel = machine.open_event_channel();
        own = channel->bind_interdomain(server_domain, keys.event_channel, ec);
        EXPECT_FALSE(ec) << ec.message();
        const foreign_grant grant{server_domain, keys.control};
        control = machine.map<access::read_write>(
            std::span{&grant, 1}, {.clear_byte = std::uint16_t{cli_live}, .notify = own});
        page_ = control.bytes();
    }

    void connect() {
        connect_silently();
        notify();
    }
    /// As before Xen 4.14.
    void connect_silently() {
        put<std::uint8_t>(cli_live, 1);
        put<std::uint8_t>(srv_notify, 1);
    }
    void close() {
        put<std::uint8_t>(cli_live, 0);
        control.reset();
        channel->notify(own, ignored);
        channel.reset();
    }

    /// For rings in the page, order 10 left and 11 right.
    void write(std::string_view text) {
        auto prod = get<std::uint32_t>(left_prod);
        for (const char byte : text)
            page_[1024 + (prod++ & 1023)] = static_cast<std::byte>(byte);
        put(left_prod, prod);
    }

    detail::server_keys keys;
    mapped_pages<access::read_write> control;

private:
    error_code ignored;
};

} // namespace xenring::vchan::test
