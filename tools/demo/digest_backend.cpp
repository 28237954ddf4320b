// The backend of the digest device: maps the frontend's ring and pages, serves requests.
#include "digest_ring.hpp"
#include "roles.hpp"

#include <xenring/grant/domain.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/grant/store_watch.hpp>

#include <boost/asio/io_context.hpp>

#include <charconv>
#include <chrono>
#include <unordered_map>

namespace xenring::tools::demo {
namespace {

using namespace std::chrono_literals;

/// A number that a frontend wrote; a bad one is an error, not a guess.
std::uint32_t read_number(store& store, const std::string& path) {
    const auto text = store.read(path);
    std::uint32_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size())
        throw error{errc::server_keys_malformed, path};
    return value;
}

class digest_backend {
public:
    explicit digest_backend(domain here)
        : here_{std::move(here)}, base_{"/local/domain/" + std::to_string(frontend_domid) + "/" +
                                        digest_device},
          ports_{here_.get_executor(), here_.hypervisor()} {}

    void attach() {
        wait_for_frontend();
        const foreign_grant ring{domid{frontend_domid},
                                 grant_ref{read_number(here_.store(), base_ + "/ring-ref")}};
        page_ = here_.hypervisor().map<access::read_write>({&ring, 1});
        ring_.emplace(digest_back::attach(page_.bytes(), 0));
        port_ = ports_.bind_interdomain(domid{frontend_domid},
                                        port{read_number(here_.store(), base_ + "/event-channel")});
    }

    /// Serves until the frontend sends the end; true if the ring stayed sound.
    bool serve() {
        while (ring_->fault() == ring::fault::none && !ended_) {
            const auto ticket = port_.seen();
            answer_all();
            if (ring_->publish())
                notify();
            if (!ended_ && !ring_->arm())
                port_.wait_until(ticket, std::chrono::steady_clock::now() + 10s, problem_);
            if (problem_)
                throw error{problem_, "wait for requests"};
        }
        return ring_->fault() == ring::fault::none;
    }

    std::uint64_t served = 0;
    std::uint64_t notifications = 0;

private:
    void wait_for_frontend() {
        // Until the frontend lets us read its node, the store says that we may not, and nothing
        // more.
        const auto key = base_ + "/event-channel";
        auto watch = here_.store().watch(key);
        error_code ec;
        while (!here_.store().exists(key, ec) || ec)
            watch.wait_for(10s);
    }

    void answer_all() {
        served += ring_->answer_each(ring_->capacity(), [this](const digest_request& request) {
            ended_ = request.id == digest_end_id;
            return digest_response{request.id, ended_ ? 1 : answer(request)};
        });
    }

    /// The request is a private copy; the page it names is the frontend's word, and is checked.
    std::uint64_t answer(const digest_request& request) {
        if (std::size_t{request.offset} + request.length > page_size)
            return 0;
        auto* page = mapped(request.reference);
        if (!page)
            return 0;
        const auto bytes = page->bytes().subspan(request.offset, request.length);
        const auto result = digest(bytes);
        for (auto& byte : bytes)
            byte = ~byte;
        return result;
    }

    /// Pages stay mapped: one call to the hypervisor for each, not one for each request.
    mapped_pages<access::read_write>* mapped(std::uint32_t reference) {
        const auto found = pages_.find(reference);
        if (found != pages_.end())
            return &found->second;
        const foreign_grant grant{domid{frontend_domid}, grant_ref{reference}};
        error_code ec;
        auto page = here_.hypervisor().map<access::read_write>({&grant, 1}, {}, ec);
        return ec ? nullptr : &pages_.emplace(reference, std::move(page)).first->second;
    }

    void notify() {
        ++notifications;
        port_.notify();
    }

    domain here_;
    std::string base_;
    port_set ports_;
    mapped_pages<access::read_write> page_;
    std::optional<digest_back> ring_;
    bound_port port_;
    std::unordered_map<std::uint32_t, mapped_pages<access::read_write>> pages_;
    error_code problem_;
    bool ended_ = false;
};

} // namespace

bool serve_digests(const plan& work, reporter& report) {
    boost::asio::io_context io;
    digest_backend backend{domain{io.get_executor(), specification(work, backend_domid)}};
    backend.attach();
    const bool sound = backend.serve();
    report.figure("ring_served", static_cast<double>(backend.served));
    report.figure("ring_backend_events", static_cast<double>(backend.notifications));
    return sound;
}

} // namespace xenring::tools::demo
