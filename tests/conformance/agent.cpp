#include "agent.hpp"

#include <xenring/grant/ledger.hpp>
#include <xenring/grant/store_transaction.hpp>
#include <xenring/grant/store_watch.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace xenring::conformance {
namespace {

domid domid_of(std::string_view word) {
    return domid{static_cast<std::uint16_t>(number_of(word))};
}

foreign_grant grant_of(const std::string& word) {
    const auto colon = word.find(':');
    return {domid_of(word.substr(0, colon)), grant_ref{number_of(word.substr(colon + 1))}};
}

} // namespace

agent::agent(std::shared_ptr<hypervisor> machine, store& where)
    : machine_{std::move(machine)}, store_{where} {}

const std::map<std::string, agent::handler>& agent::handlers() {
    static const std::map<std::string, handler> table{
        {"share", &agent::share},
        {"map", &agent::map},
        {"read", &agent::read},
        {"write", &agent::write},
        {"end", &agent::end},
        {"unmap", &agent::unmap},
        {"bind-unbound", &agent::bind_unbound},
        {"bind-interdomain", &agent::bind_interdomain},
        {"unbind", &agent::port_operation},
        {"notify", &agent::port_operation},
        {"unmask", &agent::port_operation},
        {"wait-event", &agent::wait_event},
        {"close-events", &agent::close_events},
        {"store-read", &agent::store_operation},
        {"store-write", &agent::store_operation},
        {"store-remove", &agent::store_operation},
        {"store-crowd", &agent::store_crowd},
        {"store-exhaust", &agent::store_exhaust},
        {"reset", &agent::reset},
        {"kill", &agent::kill},
    };
    return table;
}

words agent::execute(const words& command) {
    const auto found = command.empty() ? handlers().end() : handlers().find(command[0]);
    if (found == handlers().end())
        return to_words(make_error_code(errc::protocol_violation));
    try {
        auto reply = (this->*found->second)(command);
        reply.insert(reply.begin(), "ok");
        return reply;
    } catch (const boost::system::system_error& failure) {
        return to_words(failure.code());
    } catch (const std::logic_error&) { // a word is missing, or not what it should be
        return to_words(make_error_code(errc::protocol_violation));
    }
}

words agent::share(const words& command) {
    auto pages = machine_->share(domid_of(command.at(1)), number_of(command.at(2)),
                                 access_of(command.at(3)), notify_of(command.at(4), command.at(5)));
    words reply{std::to_string(next_id_)};
    for (const auto reference : pages.references())
        reply.push_back(std::to_string(reference.value));
    granted_.emplace(next_id_++, std::move(pages));
    return reply;
}

words agent::map(const words& command) {
    const auto notify = notify_of(command.at(2), command.at(3));
    std::vector<foreign_grant> grants;
    for (std::size_t i = 4; i < command.size(); ++i)
        grants.push_back(grant_of(command[i]));
    if (access_of(command.at(1)) == access::read_write)
        mapped_.emplace(next_id_, machine_->map<access::read_write>(grants, notify));
    else
        mapped_read_only_.emplace(next_id_, machine_->map<access::read_only>(grants, notify));
    return {std::to_string(next_id_++)};
}

std::span<const std::byte> agent::readable(std::uint32_t id) const {
    if (const auto found = mapped_read_only_.find(id); found != mapped_read_only_.end())
        return found->second.bytes();
    return writable(id);
}

std::span<std::byte> agent::writable(std::uint32_t id) const {
    if (const auto found = granted_.find(id); found != granted_.end())
        return found->second.bytes();
    return mapped_.at(id).bytes();
}

words agent::read(const words& command) {
    const auto bytes = readable(number_of(command.at(1)))
                           .subspan(number_of(command.at(2)), number_of(command.at(3)));
    return {to_word({reinterpret_cast<const char*>(bytes.data()), bytes.size()})};
}

words agent::write(const words& command) {
    const auto bytes = bytes_of(command.at(3));
    const auto target =
        writable(number_of(command.at(1))).subspan(number_of(command.at(2)), bytes.size());
    std::memcpy(target.data(), bytes.data(), bytes.size());
    return {};
}

words agent::end(const words& command) {
    const auto found = granted_.find(number_of(command.at(1)));
    if (found == granted_.end())
        throw std::invalid_argument{"no such grant"};
    const auto result = found->second.end();
    if (result != grant_end::busy)
        granted_.erase(found);
    return {to_word(result)};
}

words agent::unmap(const words& command) {
    const auto id = number_of(command.at(1));
    if (mapped_.erase(id) + mapped_read_only_.erase(id) == 0)
        throw std::invalid_argument{"no such mapping"};
    return {};
}

event_queue& agent::events() {
    if (!events_)
        events_ = std::make_unique<event_queue>(machine_->open_event_channel());
    return *events_;
}

words agent::bind_unbound(const words& command) {
    error_code ec;
    const auto own = events().channel().bind_unbound(domid_of(command.at(1)), ec);
    throw_if(ec, "bind_unbound");
    return {std::to_string(own.value)};
}

words agent::bind_interdomain(const words& command) {
    error_code ec;
    const auto own = events().channel().bind_interdomain(domid_of(command.at(1)),
                                                         port{number_of(command.at(2))}, ec);
    throw_if(ec, "bind_interdomain");
    return {std::to_string(own.value)};
}

words agent::port_operation(const words& command) {
    const port own{number_of(command.at(1))};
    error_code ec;
    if (command[0] == "unbind")
        events().channel().unbind(own, ec);
    else if (command[0] == "notify")
        events().channel().notify(own, ec);
    else
        events().channel().unmask(own, ec);
    throw_if(ec, command[0]);
    return {};
}

words agent::wait_event(const words& command) {
    const std::chrono::milliseconds time{number_of(command.at(2))};
    return {events().wait(port{number_of(command.at(1))}, time) ? "yes" : "no"};
}

words agent::close_events(const words&) {
    events_.reset();
    return {};
}

words agent::store_operation(const words& command) {
    if (command[0] == "store-read")
        return {to_word(store_.read(command.at(1)))};
    if (command[0] == "store-write")
        store_.write(command.at(1), bytes_of(command.at(2)));
    else
        store_.remove(command.at(1));
    return {};
}

/// Reads a node again and again while watches on it come and go.
words agent::store_crowd(const words& command) {
    const auto& path = command.at(1);
    std::atomic<bool> done{false};
    std::thread reader{[&] {
        error_code ec;
        while (!done && !ec)
            store_.read(path, ec);
    }};
    error_code ec;
    for (auto rounds = number_of(command.at(2)); rounds != 0 && !ec; --rounds) {
        auto watch = store_.watch(path, ec);
        if (!ec)
            watch.wait_for(std::chrono::seconds{5}, ec);
    }
    done = true;
    reader.join();
    if (ec)
        throw error{ec, "watch a node that is being read"};
    return {};
}

/// Takes one after another until the store refuses one, and gives all of them back.
words agent::store_exhaust(const words& command) {
    const auto& kind = command.at(1);
    const auto& path = command.at(2);
    const auto most = number_of(command.at(3));
    std::vector<store_watch> watches;
    std::vector<store_transaction> transactions;
    error_code refused;
    std::uint32_t count = 0;
    for (; count != most; ++count) {
        if (kind == "nodes") // in many directories: the names in one count for its size
            store_.write(path + "/" + std::to_string(count / 50) + "/" + std::to_string(count % 50),
                         "", refused);
        else if (kind == "watches")
            watches.push_back(store_.watch(path, refused));
        else
            transactions.push_back(store_.begin(refused));
        if (refused)
            break;
    }
    error_code ignored; // there may be no nodes
    if (kind == "nodes")
        store_.remove(path, ignored);
    words reply{std::to_string(count)};
    if (refused)
        for (auto& part : to_words(refused))
            reply.push_back(part);
    return reply;
}

words agent::reset(const words&) {
    mapped_.clear();
    mapped_read_only_.clear();
    granted_.clear();
    events_.reset();
    machine_->retry_quarantine();
    const auto& accounts = machine_->accounts();
    return {std::to_string(accounts.granted() + accounts.quarantined()),
            std::to_string(accounts.mapped())};
}

words agent::kill(const words&) {
    ::kill(::getpid(), SIGKILL);
    return {};
}

} // namespace xenring::conformance
