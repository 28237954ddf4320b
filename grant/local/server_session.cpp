#include <xenring/grant/local/server_session.hpp>

namespace xenring::local {
namespace {

packet_writer begin(const error_code& ec) {
    packet_writer answer;
    answer.put(ec);
    return answer;
}

packet_writer nonsense() {
    return begin(errc::protocol_violation);
}

packet_writer share(link& process, packet_reader& question) {
    const auto peer = question.get<domid>();
    const auto count = question.get<std::uint32_t>();
    const auto mode = question.get_access();
    const auto notify = question.get_notify();
    if (!question.ok())
        return nonsense();
    error_code ec;
    const auto shared = process.share(peer, count, mode, notify, ec);
    auto answer = begin(ec);
    answer.put(shared.region).put(static_cast<std::uint32_t>(shared.references.size()));
    for (const auto reference : shared.references)
        answer.put(reference);
    return answer;
}

packet_writer unshare(link& process, packet_reader& question) {
    error_code ec;
    const auto result = process.unshare(question.get<region_id>(), ec);
    auto answer = begin(ec);
    answer.put(result);
    return answer;
}

packet_writer map(link& process, packet_reader& question) {
    const auto mode = question.get_access();
    const auto notify = question.get_notify();
    std::vector<foreign_grant> grants(question.get_count(sizeof(domid) + sizeof(grant_ref)));
    for (auto& grant : grants) {
        grant.owner = question.get<domid>();
        grant.reference = question.get<grant_ref>();
    }
    if (!question.ok() || grants.size() > grants_a_packet)
        return nonsense();
    error_code ec;
    const auto mapped = process.map(grants, mode, notify, ec);
    auto answer = begin(ec);
    answer.put(mapped.map);
    for (const auto& page : mapped.pages)
        answer.put(page);
    return answer;
}

packet_writer unmap(link& process, packet_reader& question) {
    error_code ec;
    process.unmap(question.get<map_id>(), ec);
    return begin(ec);
}

packet_writer memory(link& process, packet_reader& question) {
    const auto region = question.get<region_id>();
    const auto mode = question.get_access();
    error_code ec;
    auto pages = process.memory(region, mode, ec);
    auto answer = begin(ec);
    answer.attach(std::move(pages));
    return answer;
}

packet_writer check_copy(link& process, packet_reader& question) {
    constexpr std::size_t side_size = 11; // domid, reference, mode, offset, length
    std::vector<copy_side> sides(question.get_count(side_size));
    for (auto& side : sides) {
        side.grant.owner = question.get<domid>();
        side.grant.reference = question.get<grant_ref>();
        side.mode = question.get_access();
        side.offset = question.get<std::uint16_t>();
        side.length = question.get<std::uint16_t>();
    }
    if (!question.ok() || sides.size() > grants_a_packet)
        return nonsense();
    error_code ec;
    const auto answers = process.check_copy(sides, ec);
    auto answer = begin(ec);
    for (const auto& one : answers)
        answer.put(one.status).put(one.source).put(one.region_pages).put(one.region_mode);
    return answer;
}

packet_writer open_event_channel(link& process, packet_reader&) {
    error_code ec;
    const auto channel = process.open_event_channel(ec);
    auto answer = begin(ec);
    answer.put(channel);
    return answer;
}

packet_writer close_event_channel(link& process, packet_reader& question) {
    error_code ec;
    process.close_event_channel(question.get<channel_id>(), ec);
    return begin(ec);
}

packet_writer bound(const error_code& ec, channel_end end) {
    auto answer = begin(ec);
    answer.put(end.number).put(end.side).put(end.binding);
    answer.attach(std::move(end.words)).attach(std::move(end.own_event));
    answer.attach(std::move(end.peer_event));
    return answer;
}

packet_writer bind_unbound(link& process, packet_reader& question) {
    const auto channel = question.get<channel_id>();
    const auto remote = question.get<domid>();
    error_code ec;
    auto end = process.bind_unbound(channel, remote, ec);
    return bound(ec, std::move(end));
}

packet_writer bind_interdomain(link& process, packet_reader& question) {
    const auto channel = question.get<channel_id>();
    const auto remote = question.get<domid>();
    const auto remote_port = question.get<port>();
    error_code ec;
    auto end = process.bind_interdomain(channel, remote, remote_port, ec);
    return bound(ec, std::move(end));
}

packet_writer unbind(link& process, packet_reader& question) {
    const auto channel = question.get<channel_id>();
    const auto own = question.get<port>();
    error_code ec;
    process.unbind(channel, own, ec);
    return begin(ec);
}

} // namespace

packet_writer server_session::hello(packet_reader& question) {
    const auto version = question.get<std::uint32_t>();
    const auto domain = question.get<domid>();
    if (!question.ok() || process_ || version != protocol_version)
        return nonsense();
    error_code ec;
    process_ = machine_.start_process(domain, ec);
    file_descriptor destroyed;
    if (!ec)
        destroyed = duplicate(process_->destroyed_handle(), ec);
    auto answer = begin(ec);
    answer.attach(std::move(destroyed));
    return answer;
}

packet_writer server_session::destroy_domain(packet_reader& question) {
    const auto domain = question.get<domid>();
    if (!question.ok())
        return nonsense();
    error_code ec;
    machine_.destroy(domain, ec);
    return begin(ec);
}

packet_writer server_session::statistics() const {
    const auto all = machine_.statistics();
    auto answer = begin({});
    answer.put(static_cast<std::uint32_t>(all.domains.size()));
    for (const auto& one : all.domains) {
        answer.put(one.domain);
        for (const std::uint64_t figure :
             {one.processes, one.pages_granted, one.pages_deferred, one.pages_mapped, one.ports,
              one.watches, one.store_transactions, one.store_nodes})
            answer.put(figure);
    }
    return answer;
}

packet_writer server_session::answer_process(request_number what, packet_reader& question) {
    switch (what) {
    case request_number::share:
        return share(*process_, question);
    case request_number::unshare:
        return unshare(*process_, question);
    case request_number::map:
        return map(*process_, question);
    case request_number::unmap:
        return unmap(*process_, question);
    case request_number::memory:
        return memory(*process_, question);
    case request_number::check_copy:
        return check_copy(*process_, question);
    case request_number::open_event_channel:
        return open_event_channel(*process_, question);
    case request_number::close_event_channel:
        return close_event_channel(*process_, question);
    case request_number::bind_unbound:
        return bind_unbound(*process_, question);
    case request_number::bind_interdomain:
        return bind_interdomain(*process_, question);
    case request_number::unbind:
        return unbind(*process_, question);
    default:
        return nonsense();
    }
}

packet_writer server_session::answer(packet_reader question) {
    const auto what = question.get<request_number>();
    switch (what) {
    case request_number::hello:
        return hello(question);
    case request_number::destroy_domain:
        return destroy_domain(question);
    case request_number::statistics:
        return statistics();
    default:
        return process_ ? answer_process(what, question) : nonsense();
    }
}

} // namespace xenring::local
