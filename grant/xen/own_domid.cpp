#include <xenring/grant/store_wire.hpp>
#include <xenring/grant/xen/own_domid.hpp>

#include <boost/asio/error.hpp>

#include <poll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <vector>

namespace xenring::xen {
namespace {

using clock = std::chrono::steady_clock;

/// Waits until the pipe is ready for `events`. False, with ec set, when the deadline passed.
bool wait_for(const store_pipe& pipe, short events, clock::time_point deadline, error_code& ec) {
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
        pollfd poller{pipe.native_handle(), events, 0};
        const int ready = ::poll(&poller, 1, left > 0 ? static_cast<int>(left) : 0);
        if (ready > 0)
            return true;
        if (ready == 0) {
            ec = make_error_code(errc::timed_out);
            return false;
        }
        if (errno != EINTR) {
            ec = errno_code(errno);
            return false;
        }
    }
}

void send(store_pipe& pipe, std::span<const std::byte> bytes, clock::time_point deadline,
          error_code& ec) {
    while (!bytes.empty()) {
        const auto written = pipe.write_some(bytes, ec);
        if (ec == boost::asio::error::would_block) {
            ec.clear();
            if (!wait_for(pipe, POLLOUT, deadline, ec))
                return;
        } else if (ec) {
            return;
        }
        bytes = bytes.subspan(written);
    }
}

std::optional<store_wire::message> receive(store_pipe& pipe, clock::time_point deadline,
                                           error_code& ec) {
    store_wire::decoder decoder;
    std::array<std::byte, 256> buffer;
    while (!ec) {
        if (auto answer = decoder.next(ec); answer || ec)
            return answer;
        const auto size = pipe.read_some(buffer, ec);
        if (ec == boost::asio::error::would_block) {
            ec.clear();
            wait_for(pipe, POLLIN, deadline, ec);
        } else if (ec == boost::asio::error::eof) {
            ec = make_error_code(errc::store_gone);
        } else if (!ec) {
            decoder.feed(std::span{buffer}.first(size));
        }
    }
    return std::nullopt;
}

domid parse(const store_wire::message& answer, error_code& ec) {
    if (answer.type == store_wire::message_type::error) {
        const auto words = store_wire::split(answer.payload);
        ec = store_wire::parse_error(words.empty() ? std::string{} : words.front());
        return {};
    }
    std::uint16_t number = 0;
    const auto* end = answer.payload.data() + answer.payload.size();
    const auto result = std::from_chars(answer.payload.data(), end, number);
    if (answer.type != store_wire::message_type::read || result.ec != std::errc{} ||
        result.ptr != end || number >= first_reserved_domid)
        ec = make_error_code(errc::store_protocol);
    return domid{number};
}

} // namespace

domid read_own_domid(store_pipe& pipe, std::chrono::milliseconds patience, error_code& ec) {
    ec.clear();
    const auto deadline = clock::now() + patience;
    std::vector<std::byte> request;
    store_wire::encode({store_wire::message_type::read, 1, 0, store_wire::join({"domid"})},
                       request);
    send(pipe, request, deadline, ec);
    if (ec)
        return {};
    const auto answer = receive(pipe, deadline, ec);
    return answer && !ec ? parse(*answer, ec) : domid{};
}

} // namespace xenring::xen
