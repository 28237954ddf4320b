#include <xenring/vchan/opening.hpp>
#include <xenring/vchan/stream.hpp>
#include <xenring/vchan/stream_core.hpp>

#include <boost/asio/error.hpp>

#include <utility>

namespace xenring::vchan {
namespace {

detail::need need_of(wait_type what) noexcept {
    switch (what) {
    case wait_type::read:
        return detail::need::read;
    case wait_type::write:
        return detail::need::write;
    case wait_type::connected:
        break;
    }
    return detail::need::connected;
}

std::string describe(std::string_view verb, domid peer, std::string_view path) {
    return "vchan " + std::string{verb} + " domain " + std::to_string(peer.value) + " at '" +
           std::string{path} + "'";
}

} // namespace

stream::stream(domain here) {
    auto executor = here.get_executor();
    core_ = detail::stream_core::make(std::move(executor), std::move(here));
}

stream::stream(executor_type executor, domain here)
    : core_{detail::stream_core::make(std::move(executor), std::move(here))} {}

stream::stream(stream&&) noexcept = default;

stream& stream::operator=(stream&& other) noexcept {
    stream taken{std::move(other)};
    std::swap(core_, taken.core_);
    return *this;
}

stream::~stream() {
    if (!core_)
        return;
    try {
        error_code ignored; // a key that could not be removed is overwritten by the next server
        core_->close(ignored);
    } catch (...) {
        // Out of memory while handlers were told; nothing more can be done for them.
    }
}

stream::executor_type stream::get_executor() const noexcept {
    return core_->executor();
}

// --- opening -------------------------------------------------------------------------------------

void stream::open(ring::vchan_role role, domid peer, std::string_view path, const options& chosen,
                  error_code& ec) {
    const auto request = detail::make_request(*core_, role, peer, path, chosen, ec);
    if (!ec)
        detail::open_now(*core_, request, ec);
}

void stream::start_open(ring::vchan_role role, domid peer, std::string_view path,
                        const options& chosen, wait_handler handler) {
    error_code ec;
    auto request = detail::make_request(*core_, role, peer, path, chosen, ec);
    if (ec)
        return detail::complete_later(core_->executor(), std::move(handler), ec);
    detail::start_open(core_, std::move(request), std::move(handler));
}

void stream::connect(domid server, std::string_view path, const options& chosen, error_code& ec) {
    open(ring::vchan_role::client, server, path, chosen, ec);
}

void stream::connect(domid server, std::string_view path, const options& chosen) {
    error_code ec;
    connect(server, path, chosen, ec);
    if (ec)
        throw_if(ec, describe("connect to", server, path));
}

void stream::listen(domid client, std::string_view path, const options& chosen, error_code& ec) {
    open(ring::vchan_role::server, client, path, chosen, ec);
}

void stream::listen(domid client, std::string_view path, const options& chosen) {
    error_code ec;
    listen(client, path, chosen, ec);
    if (ec)
        throw_if(ec, describe("listen for", client, path));
}

// --- data ----------------------------------------------------------------------------------------

std::size_t stream::read_now(const detail::mutable_buffers& buffers, error_code& ec) {
    return core_->read(buffers, ec);
}

std::size_t stream::write_now(const detail::const_buffers& buffers, error_code& ec) {
    return core_->write(buffers, ec);
}

void stream::start_read(const detail::mutable_buffers& buffers, io_handler handler) {
    core_->start_read(buffers, std::move(handler));
}

void stream::start_write(const detail::const_buffers& buffers, io_handler handler) {
    core_->start_write(buffers, std::move(handler));
}

ring::byte_spans stream::prepare(std::size_t want, error_code& ec) noexcept {
    if (auto* end = core_->end())
        return end->prepare(want, ec);
    ec = errc::not_connected;
    return {};
}

void stream::commit(std::size_t count) noexcept {
    if (auto* end = core_->end())
        end->commit(count);
}

ring::const_byte_spans stream::data(error_code& ec) noexcept {
    if (auto* end = core_->end())
        return end->data(ec);
    ec = errc::not_connected;
    return {};
}

void stream::consume(std::size_t count) noexcept {
    if (auto* end = core_->end())
        end->consume(count);
}

// --- waiting -------------------------------------------------------------------------------------

void stream::wait(wait_type what, error_code& ec) {
    core_->wait(need_of(what), ec);
}

void stream::wait(wait_type what) {
    error_code ec;
    wait(what, ec);
    throw_if(ec, "vchan wait");
}

void stream::start_wait(wait_type what, wait_handler handler) {
    core_->start_wait(need_of(what), std::move(handler));
}

void stream::drain(error_code& ec) {
    core_->wait(detail::need::drained, ec);
}

void stream::drain() {
    error_code ec;
    drain(ec);
    throw_if(ec, "vchan drain");
}

void stream::start_drain(wait_handler handler) {
    core_->start_wait(detail::need::drained, std::move(handler));
}

bool stream::non_blocking() const noexcept {
    return core_->non_blocking;
}
void stream::non_blocking(bool mode) noexcept {
    core_->non_blocking = mode;
}

// --- closing and asking --------------------------------------------------------------------------

void stream::cancel() {
    core_->cancel();
}

void stream::close(error_code& ec) {
    core_->close(ec);
}

void stream::start_close(wait_handler handler) {
    core_->start_close(std::move(handler));
}

void stream::close() {
    error_code ec;
    close(ec);
    throw_if(ec, "vchan close");
}

void stream::abort() {
    core_->abort();
}

bool stream::is_open() const noexcept {
    return core_ && core_->end();
}

bool stream::peer_connected() noexcept {
    auto* const end = core_->end();
    error_code ec;
    return end && end->ready(detail::need::connected, ec) && !end->ended() && !end->needs_verdict();
}

domid stream::peer() const noexcept {
    return core_->end()->wire().names.peer;
}
ring::vchan_role stream::role() const noexcept {
    return core_->end()->wire().names.role;
}
const std::string& stream::path() const noexcept {
    return core_->end()->wire().names.base;
}
std::size_t stream::readable() noexcept {
    return core_->end()->wire().input.available();
}
std::size_t stream::writable() noexcept {
    return core_->end()->wire().output.free();
}

std::size_t stream::read_capacity() const noexcept {
    return core_->end()->wire().input.capacity();
}

std::size_t stream::write_capacity() const noexcept {
    return core_->end()->wire().output.capacity();
}

statistics stream::stats() const noexcept {
    return core_->stats();
}

} // namespace xenring::vchan
