#include <xenring/grant/local/control.hpp>
#include <xenring/grant/local/runtime_directory.hpp>
#include <xenring/grant/local/socket_link.hpp>

#include <cerrno>

namespace xenring::local {
namespace {

domain_statistics get_domain(packet_reader& answer) {
    domain_statistics one;
    one.domain = answer.get<domid>();
    for (auto* figure : {&one.processes, &one.pages_granted, &one.pages_deferred, &one.pages_mapped,
                         &one.ports, &one.watches, &one.store_transactions, &one.store_nodes})
        *figure = answer.get<std::uint64_t>();
    return one;
}

} // namespace

control::control(const std::string& directory, error_code& ec) {
    ec.clear();
    socket_ = connect_packets(hypervisor_socket_path(directory), ec);
    if (ec == errno_code(ENOENT) || ec == errno_code(ECONNREFUSED))
        ec = errc::no_hypervisor;
    if (!ec)
        limit_waits(socket_, answer_patience);
}

control::control(const std::string& directory) {
    error_code ec;
    control connected{directory, ec};
    throw_if(ec, "control the stand-in in " + directory);
    socket_ = std::move(connected.socket_);
}

void control::destroy(domid domain, error_code& ec) {
    packet_writer question;
    question.put(request_number::destroy_domain).put(domain);
    std::lock_guard lock{mutex_};
    exchange_packets(socket_, question, ec);
}

void control::destroy(domid domain) {
    error_code ec;
    destroy(domain, ec);
    throw_if(ec, "destroy domain " + std::to_string(domain.value));
}

machine_statistics control::statistics(error_code& ec) {
    packet_writer question;
    question.put(request_number::statistics);
    std::lock_guard lock{mutex_};
    auto answer = exchange_packets(socket_, question, ec);
    machine_statistics result;
    if (ec)
        return result;
    const auto count = answer.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && answer.ok(); ++i)
        result.domains.push_back(get_domain(answer));
    if (!answer.ok())
        ec = errc::protocol_violation;
    return result;
}

machine_statistics control::statistics() {
    error_code ec;
    auto result = statistics(ec);
    throw_if(ec, "ask the stand-in for its statistics");
    return result;
}

} // namespace xenring::local
