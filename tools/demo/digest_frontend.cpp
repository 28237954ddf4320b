// The frontend of the digest device: grants a ring and pages, sends requests, checks every answer.
#include "digest_ring.hpp"
#include "pattern.hpp"
#include "roles.hpp"

#include <xenring/grant/domain.hpp>
#include <xenring/grant/page_pool.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/grant/store_permissions.hpp>
#include <xenring/grant/store_transaction.hpp>

#include <boost/asio/io_context.hpp>

#include <array>
#include <chrono>
#include <cstring>
#include <optional>

namespace xenring::tools::demo {
namespace {

using namespace std::chrono_literals;
constexpr domid backend{backend_domid};

/// One page and the request in it.
struct slot {
    pooled_page page;
    std::uint64_t id = 0;
    std::uint64_t expected = 0;
    std::span<const std::byte> sent; ///< what was written into the page
    std::uint16_t offset = 0;
    bool busy = false;
};

class digest_frontend {
public:
    digest_frontend(domain here, const plan& work, reporter& report)
        : here_{std::move(here)}, work_{work}, report_{report}, bytes_{7},
          pool_{here_.hypervisor()}, page_{here_.hypervisor().share(backend, 1,
                                                                    access::read_write)},
          ring_{digest_front::initialise(page_.bytes())},
          ports_{here_.get_executor(), here_.hypervisor()}, port_{ports_.bind_unbound(backend)} {
        for (auto& each : slots_)
            each.page = pool_.take(backend, access::read_write);
    }

    void publish_keys() {
        const auto base = std::string{digest_device};
        const store_permissions readable{{here_.self(), store_access::none},
                                         {backend, store_access::read}};
        const std::array entries{
            store_entry{base + "/ring-ref", std::to_string(page_.references()[0].value), readable},
            store_entry{base + "/event-channel", std::to_string(port_.number().value), readable}};
        write_with_permissions(here_.store(), entries);
    }

    /// True if every answer was right.
    bool run() {
        while (verified + wrong < work_.requests && ring_.fault() == ring::fault::none) {
            const auto ticket = port_.seen();
            fill();
            const auto before = verified + wrong;
            while (const auto response = ring_.pop())
                check(*response);
            if (verified + wrong > before)
                continue; // there are free slots to fill first
            // Half of what is in flight: one event then carries many responses.
            const auto batch = std::max<std::size_t>(ring_.in_flight() / 2, 1);
            if (!ring_.arm(static_cast<std::uint32_t>(batch)))
                sleep(ticket);
        }
        end();
        here_.store().remove(digest_device);
        return wrong == 0 && verified == work_.requests;
    }

    std::uint64_t verified = 0;
    std::uint64_t wrong = 0;
    std::uint64_t notifications = 0;

private:
    void fill() {
        for (std::size_t i = 0; i < slots_.size() && sent_ < work_.requests; ++i) {
            auto& each = slots_[i];
            if (!each.busy && ring_.free() > 0)
                send(each, i);
        }
        if (ring_.publish())
            notify();
    }

    void send(slot& each, std::size_t index) {
        const auto length = static_cast<std::uint16_t>(64 + sent_ % 512);
        each.offset = static_cast<std::uint16_t>(sent_ % 1024);
        each.sent = bytes_.at(sent_ * 131, length);
        std::memcpy(each.page.bytes().data() + each.offset, each.sent.data(), length);
        each.expected = digest(each.sent);
        each.id = sent_ * slots_.size() + index;
        each.busy = ring_.push({each.id, each.page.reference().value, each.offset, length});
        ++sent_;
    }

    /// The response is the backend's word: its id must be one that is in flight.
    void check(const digest_response& response) {
        auto& each = slots_[response.id % slots_.size()];
        const bool known = each.busy && each.id == response.id;
        const bool good = known && response.digest == each.expected && inverted(each);
        good ? ++verified : ++wrong;
        if (known)
            each.busy = false;
        if ((verified & 0x3fff) == 0)
            report_.progress("ring:_requests_answered", static_cast<double>(verified),
                             static_cast<double>(work_.requests));
    }

    static bool inverted(const slot& each) {
        const auto now = each.page.bytes().subspan(each.offset, each.sent.size());
        return std::equal(now.begin(), now.end(), each.sent.begin(),
                          [](std::byte a, std::byte b) { return a == ~b; });
    }

    void sleep(event_ticket ticket) {
        error_code ec;
        port_.wait_until(ticket, std::chrono::steady_clock::now() + 10s, ec);
        throw_if(ec, "wait for responses");
    }

    /// Tells the backend to stop and waits for its word, so that it maps nothing any more.
    void end() {
        if (!ring_.push({digest_end_id, 0, 0, 0}))
            return;
        if (ring_.publish())
            notify();
        for (;;) {
            const auto ticket = port_.seen();
            if (ring_.pop() || ring_.fault() != ring::fault::none)
                return;
            if (!ring_.arm())
                sleep(ticket);
        }
    }

    void notify() {
        ++notifications;
        port_.notify();
    }

    domain here_;
    const plan& work_;
    reporter& report_;
    pattern bytes_;
    page_pool pool_;
    granted_pages page_;
    digest_front ring_;
    port_set ports_;
    bound_port port_;
    std::array<slot, 64> slots_;
    std::uint64_t sent_ = 0;
};

} // namespace

bool ask_digests(const plan& work, reporter& report) {
    boost::asio::io_context io;
    const auto total = static_cast<double>(work.requests);
    digest_frontend frontend{domain{io.get_executor(), specification(work, frontend_domid)}, work,
                             report};
    const auto begin = std::chrono::steady_clock::now();
    frontend.publish_keys();
    const bool good = frontend.run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    report.progress("ring:_requests_answered", total, total);
    report.figure("ring_verified", static_cast<double>(frontend.verified));
    report.figure("ring_wrong", static_cast<double>(frontend.wrong));
    report.figure("ring_seconds", took.count());
    report.figure("ring_frontend_events", static_cast<double>(frontend.notifications));
    return good;
}

} // namespace xenring::tools::demo
