#include <xenring/grant/local/runtime_directory.hpp>
#include <xenring/grant/local/server.hpp>
#include <xenring/grant/local/server_session.hpp>
#include <xenring/grant/local/store_listener.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/strand.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <set>

namespace xenring::local {
namespace {

namespace asio = boost::asio;
using descriptor = asio::posix::stream_descriptor;

void raise_open_file_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// A connection: waits for a packet, answers it, and waits again. Keeps itself alive while it does.
class connection : public std::enable_shared_from_this<connection> {
public:
    connection(const asio::any_io_executor& executor, file_descriptor socket, machine hypervisor,
               error_code& ec)
        : socket_{std::move(socket)}, session_{std::move(hypervisor)}, waiter_{executor} {
        auto watched = socket_.duplicate(ec);
        if (!ec)
            waiter_.assign(watched.release(), ec);
    }

    void wait(std::function<void(const std::shared_ptr<connection>&)> ended) {
        waiter_.async_wait(
            descriptor::wait_read,
            [self = shared_from_this(), ended = std::move(ended)](error_code ec) mutable {
                if (!ec)
                    self->answer(ec);
                if (ec)
                    ended(self);
                else
                    self->wait(std::move(ended));
            });
    }

    void close() noexcept {
        error_code ignored;
        waiter_.close(ignored);
    }

private:
    void answer(error_code& ec) {
        try {
            auto question = receive_packet(socket_, ec);
            if (ec == errno_code(EAGAIN)) {
                ec.clear();
                return;
            }
            if (!ec)
                send_packet(socket_, session_.answer(std::move(question)), ec);
        } catch (const std::exception&) { // out of memory: this program has to go
            ec = errno_code(ENOMEM);
        }
    }

    file_descriptor socket_;
    server_session session_;
    descriptor waiter_;
};

} // namespace

/// All that runs does so on the strand; the store's listeners come and go on whatever thread brings
/// a domain up or down, under a lock.
class server::state : public std::enable_shared_from_this<server::state> {
public:
    state(asio::any_io_executor executor, std::string directory, machine hypervisor, error_code& ec)
        : executor_{executor}, strand_{asio::make_strand(executor)}, hypervisor_{hypervisor},
          directory_{std::in_place, std::move(directory), ec}, acceptor_{strand_} {
        if (ec)
            return;
        raise_open_file_limit();
        socket_ = listen_packets(hypervisor_socket_path(directory_->path()), ec);
        if (!ec && ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK) != 0)
            ec = errno_code(errno);
        auto watched = ec ? file_descriptor{} : socket_.duplicate(ec);
        if (!ec)
            acceptor_.assign(watched.release(), ec);
    }

    void start(error_code& ec) {
        hypervisor_.on_domain([weak = weak_from_this()](domid domain, bool exists) {
            if (const auto self = weak.lock())
                self->serve_store(domain, exists);
        });
        for (const auto& one : hypervisor_.statistics().domains)
            if (!ec)
                serve_store(one.domain, true, ec);
        if (!ec)
            asio::dispatch(strand_, [self = shared_from_this()] { self->accept(); });
    }

    void close() noexcept {
        hypervisor_.on_domain({});
        asio::dispatch(strand_, [self = shared_from_this()] { self->close_connections(); });
        std::lock_guard lock{mutex_};
        stores_.clear();
        directory_.reset();
        closed_ = true;
    }

    const machine& served() const noexcept { return hypervisor_; }

private:
    void serve_store(domid domain, bool exists) {
        error_code ec; // a socket that cannot be made: the domain's own open_store() says so
        serve_store(domain, exists, ec);
    }

    void serve_store(domid domain, bool exists, error_code& ec) {
        std::lock_guard lock{mutex_};
        if (!exists || closed_ || stores_.contains(domain)) {
            if (!exists)
                stores_.erase(domain);
            return;
        }
        store_listener listener{executor_, hypervisor_.store(), domain,
                                store_socket_path(directory_->path(), domain), ec};
        if (!ec)
            stores_.emplace(domain, std::move(listener));
    }

    void accept() {
        acceptor_.async_wait(descriptor::wait_read, [self = shared_from_this()](error_code ec) {
            if (ec)
                return;
            file_descriptor socket{
                ::accept4(self->socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
            if (socket)
                self->begin(std::move(socket));
            self->accept();
        });
    }

    void begin(file_descriptor socket) {
        error_code ec;
        auto fresh = std::make_shared<connection>(strand_, std::move(socket), hypervisor_, ec);
        if (ec)
            return;
        connections_.insert(fresh);
        fresh->wait([weak = weak_from_this()](const std::shared_ptr<connection>& ended) {
            if (const auto self = weak.lock())
                self->connections_.erase(ended);
        });
    }

    void close_connections() noexcept {
        error_code ignored;
        acceptor_.close(ignored);
        for (const auto& one : connections_)
            one->close();
        connections_.clear();
    }

    asio::any_io_executor executor_;
    asio::strand<asio::any_io_executor> strand_;
    machine hypervisor_;
    std::optional<runtime_directory> directory_;
    file_descriptor socket_;
    descriptor acceptor_;
    std::set<std::shared_ptr<connection>> connections_; // only on the strand
    std::mutex mutex_;                                  // guards what follows, and directory_
    bool closed_ = false;
    std::map<domid, store_listener> stores_;
};

server::server(asio::any_io_executor executor, std::string directory, machine hypervisor,
               error_code& ec) {
    ec.clear();
    state_ = std::make_shared<state>(std::move(executor), std::move(directory),
                                     std::move(hypervisor), ec);
    if (!ec)
        state_->start(ec);
    if (ec)
        close();
}

server::server(asio::any_io_executor executor, std::string directory, machine hypervisor) {
    error_code ec;
    server made{std::move(executor), directory, std::move(hypervisor), ec};
    if (ec == errc::foreign_directory)
        throw error{ec, "serve the stand-in hypervisor, in the way of which is " +
                            foreign_path(directory)};
    throw_if(ec, "serve the stand-in hypervisor in " + directory);
    state_ = std::move(made.state_);
}

server::~server() {
    close();
}

void server::close() noexcept {
    if (const auto closing = std::exchange(state_, nullptr))
        closing->close();
}

machine server::served() const {
    return state_->served();
}

} // namespace xenring::local
