#include <xenring/grant/local/store_in_process.hpp>

#include <boost/asio/error.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace xenring::local {
namespace {

class in_process_pipe final : public store_pipe {
public:
    in_process_pipe(std::shared_ptr<store_server> server, domid domain)
        : server_{std::move(server)}, descriptor_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
        if (descriptor_ < 0)
            throw error{errno_code(errno), "open a connection to the store"};
        id_ = server_->open(domain, [this] { signal(); });
        if (server_->has_ended(id_))
            signal();
    }

    ~in_process_pipe() override {
        server_->close(id_);
        ::close(descriptor_);
    }

    int native_handle() const noexcept override { return descriptor_; }

    std::size_t write_some(std::span<const std::byte> bytes, error_code& ec) noexcept override {
        ec = {};
        if (server_->has_ended(id_))
            ec = errno_code(EPIPE);
        else if (!server_->accepts_input(id_))
            ec = boost::asio::error::would_block;
        if (ec)
            return 0;
        server_->receive(id_, bytes);
        return bytes.size();
    }

    std::size_t read_some(std::span<std::byte> bytes, error_code& ec) noexcept override {
        ec = {};
        // Before reading: what comes after this sets the descriptor again.
        eventfd_t ignored;
        ::eventfd_read(descriptor_, &ignored);
        const bool ended = server_->has_ended(id_);
        const std::size_t count = server_->read(id_, bytes);
        if (count == bytes.size() || ended)
            signal(); // there may be more, or the end
        if (count == 0 && !bytes.empty())
            ec = ended ? error_code{boost::asio::error::eof}
                       : error_code{boost::asio::error::would_block};
        return count;
    }

private:
    void signal() noexcept { ::eventfd_write(descriptor_, 1); }

    const std::shared_ptr<store_server> server_;
    const int descriptor_;
    store_server::connection_id id_ = 0;
};

} // namespace

std::unique_ptr<store_pipe> open_in_process(std::shared_ptr<store_server> server, domid domain) {
    return std::make_unique<in_process_pipe>(std::move(server), domain);
}

} // namespace xenring::local
