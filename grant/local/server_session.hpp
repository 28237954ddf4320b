// One program's conversation with the stand-in's process: a question in, an answer out, no I/O.
#pragma once

#include <xenring/grant/local/machine.hpp>
#include <xenring/grant/local/packet.hpp>

#include <memory>

namespace xenring::local {

/// Begins as a connection that is no domain's, and becomes a process of a domain with `hello`. Its
/// end is that process's end. A question that makes no sense is answered with
/// errc::protocol_violation.
class server_session {
public:
    explicit server_session(machine hypervisor) : machine_{std::move(hypervisor)} {}

    packet_writer answer(packet_reader question);

private:
    packet_writer hello(packet_reader& question);
    packet_writer destroy_domain(packet_reader& question);
    packet_writer statistics() const;
    packet_writer answer_process(request_number what, packet_reader& question);

    machine machine_;
    std::shared_ptr<link> process_;
};

} // namespace xenring::local
