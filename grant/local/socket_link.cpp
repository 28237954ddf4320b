#include <xenring/grant/local/runtime_directory.hpp>
#include <xenring/grant/local/socket_link.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace xenring::local {
namespace {

packet_writer ask_for(request_number what) {
    packet_writer question;
    question.put(what);
    return question;
}

/// An answer that was too short, or had too few descriptors, is no answer.
void check(const packet_reader& answer, error_code& ec) {
    if (!ec && !answer.ok())
        ec = errc::protocol_violation;
}

} // namespace

packet_reader exchange_packets(const file_descriptor& socket, const packet_writer& question,
                               error_code& ec) {
    ec.clear();
    send_packet(socket, question, ec);
    packet_reader answer;
    if (!ec)
        answer = receive_packet(socket, ec);
    if (ec == errno_code(EAGAIN)) {
        ec = errc::timed_out;
        ::shutdown(socket.get(), SHUT_RDWR); // an answer that comes late must not answer the next
    }
    if (!ec)
        ec = answer.get_error();
    check(answer, ec);
    return answer;
}

socket_link::socket_link(std::string directory, domid self, error_code& ec)
    : directory_{std::move(directory)}, self_{self} {
    socket_ = connect_packets(hypervisor_socket_path(directory_), ec);
    if (ec == errno_code(ENOENT) || ec == errno_code(ECONNREFUSED))
        ec = errc::no_hypervisor;
    if (ec)
        return;
    limit_waits(socket_, answer_patience);
    auto answer = ask(ask_for(request_number::hello).put(protocol_version).put(self), ec);
    if (!ec)
        destroyed_ = answer.take_descriptor();
    check(answer, ec);
    limit_waits(socket_, {}); // whose answers are as sure as the hypervisor's
}

packet_reader socket_link::ask(const packet_writer& question, error_code& ec) {
    std::lock_guard lock{mutex_};
    auto answer = exchange_packets(socket_, question, ec);
    if (ec == errc::protocol_violation)
        disconnect(); // what comes next would answer nothing that we ask
    return answer;
}

shared_region socket_link::share(domid peer, std::uint32_t count, access mode,
                                 const unmap_notify& notify, error_code& ec) {
    auto answer =
        ask(ask_for(request_number::share).put(peer).put(count).put(mode).put(notify), ec);
    shared_region result;
    if (ec)
        return result;
    result.region = answer.get<region_id>();
    result.references.resize(answer.get_count(sizeof(grant_ref)));
    for (auto& reference : result.references)
        reference = answer.get<grant_ref>();
    check(answer, ec);
    if (!ec && result.references.size() != count)
        ec = errc::protocol_violation;
    return result;
}

grant_end socket_link::unshare(region_id region, error_code& ec) {
    auto answer = ask(ask_for(request_number::unshare).put(region), ec);
    if (ec)
        return grant_end::unknown;
    const auto result = answer.get<grant_end>();
    check(answer, ec);
    return result == grant_end::ended || result == grant_end::busy ? result : grant_end::unknown;
}

mapped_region socket_link::map(std::span<const foreign_grant> grants, access mode,
                               const unmap_notify& notify, error_code& ec) {
    mapped_region result;
    if (grants.size() > grants_a_packet) {
        ec = errno_code(EINVAL); // gntdev has such a limit, too
        return result;
    }
    auto question = ask_for(request_number::map);
    question.put(mode).put(notify).put(static_cast<std::uint32_t>(grants.size()));
    for (const auto& grant : grants)
        question.put(grant.owner).put(grant.reference);
    auto answer = ask(question, ec);
    if (ec)
        return result;
    result.map = answer.get<map_id>();
    for (std::size_t i = 0; i < grants.size(); ++i)
        result.pages.push_back(answer.get_source());
    check(answer, ec);
    return result;
}

void socket_link::unmap(map_id map, error_code& ec) {
    ask(ask_for(request_number::unmap).put(map), ec);
}

file_descriptor socket_link::memory(region_id region, access mode, error_code& ec) {
    auto answer = ask(ask_for(request_number::memory).put(region).put(mode), ec);
    auto result = ec ? file_descriptor{} : answer.take_descriptor();
    check(answer, ec);
    return result;
}

std::vector<copy_answer> socket_link::check_copy(std::span<const copy_side> sides, error_code& ec) {
    std::vector<copy_answer> answers;
    answers.reserve(sides.size());
    do {
        const auto some = sides.first(std::min(sides.size(), grants_a_packet));
        sides = sides.subspan(some.size());
        check_copy(some, answers, ec);
    } while (!sides.empty() && !ec);
    return answers;
}

void socket_link::check_copy(std::span<const copy_side> sides, std::vector<copy_answer>& answers,
                             error_code& ec) {
    auto question = ask_for(request_number::check_copy);
    question.put(static_cast<std::uint32_t>(sides.size()));
    for (const auto& side : sides)
        question.put(side.grant.owner)
            .put(side.grant.reference)
            .put(side.mode)
            .put(side.offset)
            .put(side.length);
    auto answer = ask(question, ec);
    for (std::size_t i = 0; i < sides.size() && !ec; ++i) {
        copy_answer one;
        one.status = answer.get<grant_status>();
        one.source = answer.get_source();
        one.region_pages = answer.get<std::uint32_t>();
        one.region_mode = answer.get_access();
        answers.push_back(one);
    }
    check(answer, ec);
}

channel_id socket_link::open_event_channel(error_code& ec) {
    auto answer = ask(ask_for(request_number::open_event_channel), ec);
    const auto channel = ec ? 0 : answer.get<channel_id>();
    check(answer, ec);
    return channel;
}

void socket_link::close_event_channel(channel_id channel, error_code& ec) {
    ask(ask_for(request_number::close_event_channel).put(channel), ec);
}

channel_end socket_link::bind(const packet_writer& question, error_code& ec) {
    auto answer = ask(question, ec);
    if (ec)
        return {};
    channel_end end;
    end.number = answer.get<port>();
    end.side = answer.get<channel_side>() & 1;
    end.binding = answer.get<std::uint32_t>();
    end.words = answer.take_descriptor();
    end.own_event = answer.take_descriptor();
    end.peer_event = answer.take_descriptor();
    check(answer, ec);
    return end;
}

channel_end socket_link::bind_unbound(channel_id channel, domid remote, error_code& ec) {
    return bind(ask_for(request_number::bind_unbound).put(channel).put(remote), ec);
}

channel_end socket_link::bind_interdomain(channel_id channel, domid remote, port remote_port,
                                          error_code& ec) {
    return bind(ask_for(request_number::bind_interdomain).put(channel).put(remote).put(remote_port),
                ec);
}

void socket_link::unbind(channel_id channel, port own, error_code& ec) {
    ask(ask_for(request_number::unbind).put(channel).put(own), ec);
}

std::unique_ptr<store_pipe> socket_link::open_store(error_code& ec) {
    ec = state();
    if (ec)
        return nullptr;
    auto pipe = open_store_pipe(store_socket_path(directory_, self_), ec);
    return ec ? nullptr : std::move(pipe);
}

error_code socket_link::state() const noexcept {
    if (is_readable(destroyed_.get()))
        return errc::domain_destroyed;
    if (is_hung_up(socket_.get()))
        return errc::hypervisor_gone;
    return {};
}

void socket_link::disconnect() noexcept {
    ::shutdown(socket_.get(), SHUT_RDWR);
}

} // namespace xenring::local
