// A backend's end of a vif as a test plays it: it follows no rule that the test does not make it
// follow.
#pragma once

#include <xenring/grant/domain.hpp>
#include <xenring/grant/local.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/grant/store_transaction.hpp>
#include <xenring/ring/netif_rx_builder.hpp>
#include <xenring/ring/netif_tx_parser.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xenring::frontend::test {

namespace netif = ring::netif;
using frame_bytes = std::vector<std::byte>;

/// The backend in domain 0 of vif 0 of domain 1, and the toolstack.
class backend_end {
public:
    explicit backend_end(const domain& here) : here_{here} {}

    static std::map<std::string, std::string> usual_features() {
        return {{"feature-rx-copy", "1"},
                {"feature-sg", "1"},
                {"feature-gso-tcpv4", "1"},
                {"feature-ipv6-csum-offload", "1"},
                {"multi-queue-max-queues", "1"}};
    }
    std::map<std::string, std::string> features = usual_features();

    void make_device(const std::vector<std::pair<std::string, std::string>>& more = {}) {
        const domid guest{1};
        const store_permissions ours{{domid{0}, store_access::none}, {guest, store_access::read}};
        const store_permissions theirs{{guest, store_access::none}, {domid{0}, store_access::read}};
        std::vector<store_entry> entries{{front, "", theirs},
                                         {front + "/backend", back, theirs},
                                         {front + "/backend-id", "0", theirs},
                                         {front + "/mac", "00:16:3e:00:09:02", theirs},
                                         {front + "/state", "1", theirs},
                                         {back, "", ours},
                                         {back + "/state", "1", ours}};
        for (const auto& [name, value] : more)
            entries.push_back({front + '/' + name, value, theirs});
        write_with_permissions(here_.store(), entries);
    }

    /// Plays the handshake on by one step, as an honest backend does.
    void serve() {
        const auto theirs = frontend_state(), own = read(back + "/state");
        if (theirs == "1" && own != "2") {
            drop_rings();
            for (const auto& [name, value] : features)
                here_.store().write(back + '/' + name, value);
            write_state("2");
        } else if (theirs == "4" && own == "2") {
            map_rings();
            write_state("4");
        } else if (theirs == "5" && own != "5" && own != "6") {
            drop_rings();
            write_state("5");
        } else if (theirs == "6" && own != "6") {
            drop_rings();
            write_state("6");
        }
    }
    void write_state(const std::string& text) { here_.store().write(back + "/state", text); }
    std::string frontend_state() const { return read(front + "/state"); }

    void notify() { port_.notify(); }

    /// @name Lies
    /// @{
    void answer_tx(const netif::tx_response& response) {
        put(tx_page_.bytes(), tx_produced_, 12, response);
        tx_word(2) = ++tx_produced_;
    }
    /// Answers every request so far, none of which is an extra's, in the same way.
    void answer_all_tx(std::int16_t status) {
        while (tx_word(0) != tx_produced_)
            answer_tx({get<netif::tx_request>(tx_page_.bytes(), tx_produced_, 12).id, status});
    }
    void answer_rx(const std::vector<netif::rx_response>& responses) {
        for (const auto& each : responses)
            put(rx_page_.bytes(), rx_produced_++, 8, each);
        rx_word(2) = rx_produced_;
    }
    /// A word of the ring's header: 0 req_prod, 1 req_event, 2 rsp_prod, 3 rsp_event.
    std::uint32_t& tx_word(std::size_t index) { return word(tx_page_.bytes(), index); }
    std::uint32_t& rx_word(std::size_t index) { return word(rx_page_.bytes(), index); }
    /// Fills the page that was posted in this slot, whenever it wants.
    void scribble(std::size_t slot) {
        const frame_bytes junk(page_size, std::byte{0xee});
        copy_to(slot, junk);
    }
    /// @}

    /// Puts a frame into the next posted page.
    void deliver(std::span<const std::byte> bytes) {
        copy_to(rx_produced_, bytes);
        answer_rx({{static_cast<std::uint16_t>(rx_produced_ % 256), 0, 0,
                    static_cast<std::int16_t>(bytes.size())}});
        notify();
    }

    /// The same with an extra, which takes the page after it.
    void deliver_with(std::span<const std::byte> bytes, const netif::extra_info& extra) {
        copy_to(rx_produced_, bytes);
        answer_rx({{static_cast<std::uint16_t>(rx_produced_ % 256), 0, netif::rx_flag::extra_info,
                    static_cast<std::int16_t>(bytes.size())},
                   netif::rx_slot_of(extra)});
        notify();
    }

    /// The oldest request that was not answered, if it is one to change the multicast filter.
    struct multicast_request {
        std::uint16_t id;
        std::uint8_t type;
        netif::mac_address address;
    };
    std::optional<multicast_request> next_multicast() {
        if (tx_word(0) - tx_produced_ < 2)
            return std::nullopt;
        const auto dummy = get<netif::tx_request>(tx_page_.bytes(), tx_produced_, 12);
        const auto extra = netif::extra_of(
            get<netif::tx_request>(tx_page_.bytes(), tx_produced_ + std::size_t{1}, 12));
        EXPECT_EQ(dummy.flags, netif::tx_flag::extra_info);
        EXPECT_EQ(dummy.size, 0);
        multicast_request out{dummy.id, extra.type, {}};
        std::memcpy(out.address.data(), std::bit_cast<netif::multicast_extra>(extra).address, 6);
        return out;
    }
    void answer_multicast(const multicast_request& what, std::int16_t status) {
        answer_tx({what.id, status});
        answer_tx({0xffff, netif::response_status::null});
        notify();
    }

    /// Answers the next posted page with an error.
    void fail_rx() {
        answer_rx({{static_cast<std::uint16_t>(rx_produced_ % 256), 0, 0, -1}});
        notify();
    }

    /// The whole page of the oldest request that was not answered.
    frame_bytes page_of_next_request() {
        const auto request = get<netif::tx_request>(tx_page_.bytes(), tx_produced_, 12);
        frame_bytes page(page_size);
        copy_segment segment{.source = granted_memory{domid{1}, grant_ref{request.gref}, 0},
                             .destination = page.data(),
                             .length = page_size};
        here_.hypervisor().copy(std::span{&segment, 1});
        return page;
    }

    /// Sends every frame of one slot back.
    void echo() {
        while (tx_word(0) != tx_produced_) {
            const auto request = get<netif::tx_request>(tx_page_.bytes(), tx_produced_, 12);
            const auto page = page_of_next_request();
            answer_tx({request.id, 0});
            deliver(std::span{page}.subspan(request.offset, request.size));
        }
    }

private:
    static constexpr const char* front_path = "/local/domain/1/device/vif/0";

    std::string read(const std::string& path) const {
        error_code ec;
        return here_.store().read(path, ec);
    }
    std::uint32_t number(const char* name) const {
        return static_cast<std::uint32_t>(std::stoul(read(front + '/' + name)));
    }
    mapped_pages<access::read_write> map(const char* name) {
        const foreign_grant page{domid{1}, grant_ref{number(name)}};
        return here_.hypervisor().map<access::read_write>(std::span{&page, 1});
    }
    void map_rings() {
        tx_page_ = map("tx-ring-ref");
        rx_page_ = map("rx-ring-ref");
        port_set ports{here_.get_executor(), here_.hypervisor()};
        port_ = ports.bind_interdomain(domid{1}, port{number("event-channel")});
        tx_produced_ = rx_produced_ = 0;
    }
    void drop_rings() {
        port_ = {};
        tx_page_.reset();
        rx_page_.reset();
    }
    void copy_to(std::size_t slot, std::span<const std::byte> bytes) {
        // An answer overwrites its request, so the references are noted while they are there.
        for (std::size_t i = 0; i != 256 && references_.size() != 256; ++i)
            references_.push_back(get<netif::rx_request>(rx_page_.bytes(), i, 8).gref);
        copy_segment segment{.source = bytes.data(),
                             .destination = granted_memory{domid{1}, reference(slot), 0},
                             .length = static_cast<std::uint16_t>(bytes.size())};
        here_.hypervisor().copy(std::span{&segment, 1});
    }
    grant_ref reference(std::size_t slot) {
        if (slot >= rx_produced_ && word(rx_page_.bytes(), 0) > slot)
            references_[slot % 256] = get<netif::rx_request>(rx_page_.bytes(), slot, 8).gref;
        return grant_ref{references_[slot % 256]};
    }
    static std::uint32_t& word(std::span<std::byte> page, std::size_t index) {
        return *reinterpret_cast<std::uint32_t*>(page.data() + 4 * index);
    }
    template <class Message>
    static void put(std::span<std::byte> page, std::size_t index, std::size_t entry,
                    const Message& message) {
        std::memcpy(page.data() + 64 + index % 256 * entry, &message, sizeof message);
    }
    template <class Message>
    static Message get(std::span<std::byte> page, std::size_t index, std::size_t entry) {
        Message out;
        std::memcpy(&out, page.data() + 64 + index % 256 * entry, sizeof out);
        return out;
    }

    const std::string front = front_path;
    const std::string back = "/local/domain/0/backend/vif/1/0";
    domain here_;
    mapped_pages<access::read_write> tx_page_, rx_page_;
    bound_port port_;
    std::uint32_t tx_produced_ = 0, rx_produced_ = 0;
    std::vector<std::uint32_t> references_;
};

} // namespace xenring::frontend::test
