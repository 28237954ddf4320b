#include <xenring/grant/local/store_listener.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

namespace xenring::local {
namespace {

namespace asio = boost::asio;
using protocol = asio::local::stream_protocol;

/// One client. Reads only while the store takes requests, so that a client which does not take its
/// answers is made to wait and costs no memory.
class session : public std::enable_shared_from_this<session> {
public:
    session(protocol::socket socket, std::shared_ptr<store_server> server)
        : socket_{std::move(socket)}, server_{std::move(server)} {}

    // Ends here only if the execution context went away; end() is the usual way, so that the last
    // reference may also be dropped where the server's lock is held.
    ~session() {
        if (!closed_)
            server_->close(id_);
    }

    void start(domid domain) {
        id_ = server_->open(domain, [weak = weak_from_this()] {
            // The server's lock is held: only ask to be called.
            if (const auto self = weak.lock())
                self->wake();
        });
        advance();
    }

    void close() noexcept {
        const std::lock_guard guard{mutex_};
        end();
    }

private:
    void wake() {
        if (!woken_.exchange(true))
            asio::post(socket_.get_executor(), [self = shared_from_this()] { self->advance(); });
    }

    void advance() {
        woken_ = false;
        const std::lock_guard guard{mutex_};
        if (closed_)
            return;
        write();
        read();
        if (!writing_ && server_->has_ended(id_))
            end();
    }

    void read() {
        if (reading_ || !server_->accepts_input(id_))
            return;
        reading_ = true;
        socket_.async_read_some(asio::buffer(input_),
                                [self = shared_from_this()](error_code ec, std::size_t count) {
                                    self->on_read(ec, count);
                                });
    }

    void on_read(error_code ec, std::size_t count) {
        {
            const std::lock_guard guard{mutex_};
            reading_ = false;
            if (ec)
                return end();
            server_->receive(id_, std::as_bytes(std::span{input_}.first(count)));
        }
        advance();
    }

    void write() {
        if (writing_)
            return;
        if (pending_.size() == 0) {
            const std::size_t count =
                server_->read(id_, std::as_writable_bytes(std::span{output_}));
            pending_ = asio::buffer(output_, count);
        }
        if (pending_.size() == 0)
            return;
        writing_ = true;
        socket_.async_write_some(asio::const_buffer{pending_},
                                 [self = shared_from_this()](error_code ec, std::size_t count) {
                                     self->on_written(ec, count);
                                 });
    }

    void on_written(error_code ec, std::size_t count) {
        {
            const std::lock_guard guard{mutex_};
            writing_ = false;
            if (ec)
                return end();
            pending_ += count;
        }
        advance();
    }

    // A client that is gone takes its watches and transactions with it at once.
    void end() noexcept {
        if (std::exchange(closed_, true))
            return;
        server_->close(id_);
        error_code ignored;
        socket_.close(ignored);
    }

    std::mutex mutex_;
    protocol::socket socket_;
    const std::shared_ptr<store_server> server_;
    store_server::connection_id id_ = 0;
    std::atomic<bool> woken_ = false;
    bool reading_ = false;
    bool writing_ = false;
    bool closed_ = false;
    std::array<char, 4096> input_;
    std::array<char, 16384> output_;
    asio::mutable_buffer pending_; ///< what of output_ is still to be written
};

} // namespace

class store_listener::state : public std::enable_shared_from_this<state> {
public:
    state(const asio::any_io_executor& executor, std::shared_ptr<store_server> server, domid domain,
          std::string path)
        : acceptor_{executor}, retry_{executor}, server_{std::move(server)}, domain_{domain},
          path_{std::move(path)} {}

    void open(error_code& ec) {
        if (path_.size() >= sizeof sockaddr_un{}.sun_path) {
            ec = errc::socket_path_too_long;
            return;
        }
        ::unlink(path_.c_str());
        acceptor_.open(protocol{}, ec);
        if (!ec)
            acceptor_.bind(protocol::endpoint{path_}, ec);
        if (!ec)
            acceptor_.listen(asio::socket_base::max_listen_connections, ec);
        if (!ec)
            accept();
    }

    void close() noexcept {
        const std::lock_guard guard{mutex_};
        if (!acceptor_.is_open())
            return;
        error_code ignored;
        acceptor_.close(ignored);
        retry_.cancel();
        ::unlink(path_.c_str());
        for (const auto& each : sessions_)
            if (const auto alive = each.lock())
                alive->close();
    }

private:
    void accept() {
        acceptor_.async_accept([self = shared_from_this()](error_code ec, protocol::socket socket) {
            self->on_accepted(ec, std::move(socket));
        });
    }

    void on_accepted(error_code ec, protocol::socket socket) {
        const std::lock_guard guard{mutex_};
        if (!acceptor_.is_open())
            return;
        if (ec) { // no descriptor left, most likely: try again, but do not spin
            retry_.expires_after(std::chrono::milliseconds{50});
            retry_.async_wait([self = shared_from_this()](error_code stopped) {
                const std::lock_guard again{self->mutex_};
                if (!stopped && self->acceptor_.is_open())
                    self->accept();
            });
            return;
        }
        start_session(std::move(socket));
        accept();
    }

    void start_session(protocol::socket socket) {
        const auto added = std::make_shared<session>(std::move(socket), server_);
        std::erase_if(sessions_, [](const auto& each) { return each.expired(); });
        sessions_.push_back(added);
        added->start(domain_);
    }

    std::mutex mutex_;
    protocol::acceptor acceptor_;
    asio::steady_timer retry_;
    const std::shared_ptr<store_server> server_;
    const domid domain_;
    const std::string path_;
    std::vector<std::weak_ptr<session>> sessions_;
};

store_listener::store_listener(asio::any_io_executor executor, std::shared_ptr<store_server> server,
                               domid domain, std::string path, error_code& ec)
    : state_{std::make_shared<state>(executor, std::move(server), domain, std::move(path))} {
    ec = {};
    state_->open(ec);
}

store_listener::~store_listener() {
    close();
}

void store_listener::close() noexcept {
    if (state_)
        state_->close();
}

} // namespace xenring::local
