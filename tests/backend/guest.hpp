// A guest's end of a vif as a test plays it: it follows no rule that the test does not make it
// follow.
#pragma once

#include <xenring/grant/domain.hpp>
#include <xenring/grant/local.hpp>
#include <xenring/grant/page_pool.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/grant/store_transaction.hpp>
#include <xenring/ring/netif_rx_builder.hpp>
#include <xenring/ring/netif_rx_parser.hpp>
#include <xenring/ring/netif_tx_builder.hpp>
#include <xenring/ring/netif_tx_parser.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xenring::backend::test {

namespace netif = ring::netif;

/// Rings, event channels and pages of one vif's frontend with one queue.
class guest_end {
public:
    guest_end(const domain& here, std::uint32_t handle)
        : here_{here}, directory_{"/local/domain/" + std::to_string(here.self().value) +
                                  "/device/vif/" + std::to_string(handle)},
          ports_{here.get_executor(), here.hypervisor()}, pool_{here.hypervisor()},
          tx_page_{here.hypervisor().share(domid{0}, 1, access::read_write)},
          rx_page_{here.hypervisor().share(domid{0}, 1, access::read_write)},
          tx{netif::tx_front_ring::initialise(tx_page_.bytes())},
          rx{netif::rx_front_ring::initialise(rx_page_.bytes())}, port{ports_.bind_unbound(
                                                                      domid{0})} {}

    using keys = std::vector<std::pair<std::string, std::string>>;
    /// What Linux's netfront publishes.
    keys usual_keys() const {
        return {{"tx-ring-ref", std::to_string(tx_page_.references()[0].value)},
                {"rx-ring-ref", std::to_string(rx_page_.references()[0].value)},
                {"event-channel", std::to_string(port.number().value)},
                {"request-rx-copy", "1"},
                {"feature-rx-notify", "1"},
                {"feature-sg", "1"},
                {"feature-gso-tcpv4", "1"},
                {"feature-gso-tcpv6", "1"},
                {"feature-ipv6-csum-offload", "1"}};
    }

    void publish(const keys& what) {
        transact(here_.store(), [&](store_transaction& inside, error_code& ec) {
            for (const auto& [name, value] : what)
                if (!ec)
                    inside.write(directory_ + '/' + name, value, ec);
            if (!ec)
                inside.write(directory_ + "/state", "4", ec);
        });
    }
    void connect() { publish(usual_keys()); }
    void write_state(std::string_view state) { here_.store().write(directory_ + "/state", state); }

    /// Sends the bytes in pieces of at most `piece`, each in a page of its own. False: no room.
    bool send(std::span<const std::byte> frame, const netif::packet_info& info = {},
              std::size_t piece = page_size) {
        std::vector<netif::tx_piece> pieces;
        for (std::size_t at = 0; at < frame.size(); at += piece) {
            const auto part = frame.subspan(at, std::min(piece, frame.size() - at));
            auto page = pool_.take(domid{0}, access::read_only);
            std::copy(part.begin(), part.end(), page.bytes().begin());
            pieces.push_back(
                {next_id_++, {page.reference().value, 0, static_cast<std::uint16_t>(part.size())}});
            sent_.push_back(std::move(page));
        }
        return netif::write(tx, pieces, info) == netif::send_error::none;
    }

    /// Shows the backend what was pushed, and always tells it.
    void kick() {
        (void)tx.publish();
        (void)rx.publish();
        port.notify();
    }

    /// Responses of the tx ring so far, in order.
    std::vector<netif::tx_response> responses() {
        std::vector<netif::tx_response> out;
        while (const auto response = tx.pop())
            out.push_back(*response);
        return out;
    }

    /// Offers `count` buffers.
    void post(std::size_t count) {
        for (std::size_t i = 0; i != count; ++i) {
            auto page = pool_.take(domid{0}, access::read_write);
            const auto id = static_cast<std::uint16_t>(posted_++ % rx.capacity());
            ASSERT_TRUE(rx.push({id, 0, page.reference().value}));
            buffers_.push_back(std::move(page));
        }
    }

    struct received {
        std::vector<std::byte> bytes;
        netif::rx_response first{};
        std::optional<netif::segmentation> gso;
        std::optional<netif::packet_hash> hash;
    };
    /// The next frame, without bytes if there is none. Believes the backend.
    received receive() {
        received out;
        bool more = true, extra = false;
        for (bool first = true; more; first = false) {
            const auto response = rx.pop();
            if (!response)
                return out;
            const auto page = std::move(buffers_.front());
            buffers_.pop_front();
            if (extra) {
                extra = take_extra(netif::extra_of(*response), out);
                more = extra || (out.first.flags & netif::rx_flag::more_data) != 0;
                continue;
            }
            EXPECT_GE(response->status, 0);
            if (first) {
                out.first = *response;
                extra = (response->flags & netif::rx_flag::extra_info) != 0;
            }
            more = extra || (response->flags & netif::rx_flag::more_data) != 0;
            const auto data = page.bytes().subspan(
                response->offset, static_cast<std::size_t>(std::max<int>(0, response->status)));
            out.bytes.insert(out.bytes.end(), data.begin(), data.end());
        }
        return out;
    }

    std::span<std::byte> tx_memory() const { return tx_page_.bytes(); }
    std::span<std::byte> rx_memory() const { return rx_page_.bytes(); }
    const std::string& directory() const { return directory_; }

private:
    /// True: another one follows.
    static bool take_extra(const netif::extra_info& extra, received& out) {
        if (extra.type == netif::extra_type::gso) {
            const auto gso = std::bit_cast<netif::gso_extra>(extra);
            out.gso = netif::segmentation{gso.size, static_cast<netif::gso_type>(gso.gso_type),
                                          gso.features};
        } else {
            EXPECT_EQ(extra.type, netif::extra_type::hash);
            const auto hash = std::bit_cast<netif::hash_extra>(extra);
            std::uint32_t value = 0;
            std::memcpy(&value, hash.value, sizeof value);
            out.hash = netif::packet_hash{hash.hash_type, hash.algorithm, value};
        }
        return (extra.flags & netif::extra_more) != 0;
    }

    domain here_;
    std::string directory_;
    port_set ports_;
    page_pool pool_;
    granted_pages tx_page_, rx_page_;
    std::deque<pooled_page> sent_, buffers_;
    std::uint16_t next_id_ = 0;
    std::size_t posted_ = 0;

public:
    netif::tx_front_ring tx;
    netif::rx_front_ring rx;
    bound_port port;
};

/// What a guest publishes that wants a queue of its vif served at each of two ends.
inline guest_end::keys keys_of_two(const guest_end& first, const guest_end& second) {
    guest_end::keys out{{"multi-queue-num-queues", "2"}};
    for (const auto* queue : {&first, &second})
        for (const auto& [name, value] : queue->usual_keys()) {
            const bool own = name.find("ring") != name.npos || name.find("event") != name.npos;
            const std::string directory = queue == &first ? "queue-0/" : "queue-1/";
            out.emplace_back(own ? directory + name : name, value);
        }
    return out;
}

} // namespace xenring::backend::test
