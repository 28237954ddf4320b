#include <xenring/vchan/acceptor.hpp>
#include <xenring/vchan/path.hpp>
#include <xenring/vchan/stream_core.hpp>

#include <boost/asio/error.hpp>

#include <optional>
#include <utility>

namespace xenring::vchan {

namespace asio = boost::asio;

namespace detail {

class accept_operation;

/// Whether a wait for a client ended by what the client did. Such a one is given out: its stream's
/// reads tell, and the server lives on.
bool is_about_client(const error_code& ec) noexcept {
    return ec == condition::peer_misbehaved || ec == condition::peer_gone;
}

/// Where an acceptor listens, the stream that it gave out last, and the accept under way.
struct accept_place {
    domain here;
    domid client;
    std::string base;
    options chosen;
    std::weak_ptr<stream_core> last = {};
    std::weak_ptr<accept_operation> under_way = {};

    bool busy() const noexcept {
        const auto core = last.lock();
        return core && core->end();
    }
};

/// One asynchronous accept: waits for the stream before, listens, waits for a client. What it waits
/// on owns it, not the acceptor: an abandoned accept must not keep itself alive.
class accept_operation : public std::enable_shared_from_this<accept_operation> {
public:
    explicit accept_operation(std::shared_ptr<accept_place> place)
        : place_{std::move(place)}, next_{place_->here} {}

    void start(pending<stream>::handler_type handler) {
        const auto& executor = place_->here.get_executor();
        handler_.start(executor, std::move(handler), [weak = weak_from_this()](std::uint64_t) {
            if (const auto self = weak.lock())
                self->cancel();
        });
        if (!place_->busy())
            return listen();
        place_->last.lock()->on_close = [self = shared_from_this(), executor] {
            asio::post(executor, [self] { self->listen(); });
        };
    }

    void cancel() { finish(asio::error::operation_aborted); }

private:
    void listen() {
        if (!handler_.active())
            return;
        next_.async_listen(place_->client, place_->base, place_->chosen,
                           [self = shared_from_this()](error_code ec) {
                               if (ec)
                                   return self->finish(ec);
                               self->await_client();
                           });
    }

    void await_client() {
        next_.async_wait(wait_type::connected, [self = shared_from_this()](error_code ec) {
            self->finish(is_about_client(ec) ? error_code{} : ec);
        });
    }

    void finish(error_code ec) {
        if (!handler_.active() || std::exchange(finishing_, true))
            return;
        place_->under_way.reset();
        if (!ec) {
            place_->last = next_.core_;
            return complete(ec);
        }
        // The first failure is the one to tell; the announcement goes as far as the store lets it.
        next_.async_close([self = shared_from_this(), ec](error_code) { self->complete(ec); });
    }

    void complete(error_code ec) {
        handler_.complete(ec, std::move(next_));
        next_ = stream{place_->here};
    }

    std::shared_ptr<accept_place> place_;
    stream next_;
    pending<stream> handler_;
    bool finishing_ = false;
};

} // namespace detail

acceptor::acceptor(domain here, domid client, std::string_view path, const options& chosen) {
    if (here.self() == client)
        throw error{errc::loopback_refused, "vchan listen for the own domain"};
    if (!ring::choose_vchan_geometry(chosen.left_size, chosen.right_size))
        throw error{errc::bad_geometry, "vchan listen"};
    auto base = base_path(path, here.self(), client);
    place_ = std::make_shared<detail::accept_place>(
        detail::accept_place{std::move(here), client, std::move(base), chosen});
}

acceptor::acceptor(acceptor&&) noexcept = default;

acceptor& acceptor::operator=(acceptor&& other) noexcept {
    acceptor taken{std::move(other)};
    std::swap(place_, taken.place_);
    return *this;
}

acceptor::~acceptor() {
    if (!place_)
        return;
    try {
        cancel();
    } catch (...) {
        // Out of memory while the handler was told; nothing more can be done for it.
    }
}

acceptor::executor_type acceptor::get_executor() const noexcept {
    return place_->here.get_executor();
}

const std::string& acceptor::path() const noexcept {
    return place_->base;
}

stream acceptor::accept(error_code& ec) {
    stream next{place_->here};
    if (place_->busy() || !place_->under_way.expired()) {
        ec = errc::channel_busy;
        return next;
    }
    next.listen(place_->client, place_->base, place_->chosen, ec);
    if (!ec)
        next.wait(wait_type::connected, ec);
    if (detail::is_about_client(ec) && next.is_open())
        ec.clear();
    if (ec) {
        error_code ignored; // the first failure is the one to tell
        next.close(ignored);
        return next;
    }
    place_->last = next.core_;
    return next;
}

stream acceptor::accept() {
    error_code ec;
    auto next = accept(ec);
    if (ec)
        throw_if(ec, "vchan accept at " + path());
    return next;
}

void acceptor::start_accept(accept_handler handler) {
    if (!place_->under_way.expired())
        return detail::complete_later(get_executor(), std::move(handler),
                                      error_code{asio::error::already_started},
                                      stream{place_->here});
    const auto operation = std::make_shared<detail::accept_operation>(place_);
    place_->under_way = operation;
    operation->start(std::move(handler));
}

void acceptor::cancel() {
    if (const auto operation = place_->under_way.lock())
        operation->cancel();
}

} // namespace xenring::vchan
