#include "event_queue.hpp"
#include "far_domain.hpp"

#include <algorithm>

namespace xenring::conformance {
namespace {

/// As digits, with the words around them, these fit into a node of the store (2048 bytes).
constexpr std::size_t bytes_a_command = 900;

std::string grant_word(const foreign_grant& grant) {
    return std::to_string(grant.owner.value) + ":" + std::to_string(grant.reference.value);
}

std::string word(std::size_t number) {
    return std::to_string(number);
}
std::string word(port own) {
    return std::to_string(own.value);
}
std::string word(domid domain) {
    return std::to_string(domain.value);
}

} // namespace

far_domain::far_domain(store& where, domid id)
    : store_{where}, id_{id}, home_{"/local/domain/" + word(id) + "/"} {
    // Numbers go on from what an earlier run left, so that no old response is taken for a new one.
    const auto earlier = split(read_or_empty(home_ + request_path));
    number_ = earlier.empty() ? 0 : number_of(earlier[0]);
    generation_ = read_or_empty(home_ + generation_path);
    if (generation_.empty())
        generation_ = wait_for_change(home_ + generation_path, {});
}

std::vector<foreign_grant> far_domain::grants(const far_pages& pages) const {
    std::vector<foreign_grant> all;
    for (const auto reference : pages.references)
        all.push_back(grant(reference));
    return all;
}

far_pages far_domain::share(domid peer, std::size_t count, access mode,
                            const unmap_notify& notify) {
    words command{"share", word(peer), word(count), to_word(mode)};
    for (auto& part : to_words(notify))
        command.push_back(part);
    const auto reply = call(command);
    far_pages pages{number_of(reply.at(0)), {}};
    for (std::size_t i = 1; i < reply.size(); ++i)
        pages.references.emplace_back(number_of(reply[i]));
    return pages;
}

far_pages far_domain::map(const std::vector<foreign_grant>& grants, access mode,
                          const unmap_notify& notify) {
    words command{"map", to_word(mode)};
    for (auto& part : to_words(notify))
        command.push_back(part);
    for (const auto& grant : grants)
        command.push_back(grant_word(grant));
    return {number_of(call(command).at(0)), {}};
}

std::string far_domain::read(const far_pages& pages, std::size_t offset, std::size_t length) {
    std::string bytes;
    while (bytes.size() < length) {
        const auto piece = std::min(length - bytes.size(), bytes_a_command);
        bytes += bytes_of(
            call({"read", word(pages.id), word(offset + bytes.size()), word(piece)}).at(0));
    }
    return bytes;
}

void far_domain::write(const far_pages& pages, std::size_t offset, std::string_view bytes) {
    for (std::size_t done = 0; done < bytes.size(); done += bytes_a_command)
        call({"write", word(pages.id), word(offset + done),
              to_word(bytes.substr(done, bytes_a_command))});
}

grant_end far_domain::end(const far_pages& pages) {
    return grant_end_of(call({"end", word(pages.id)}).at(0));
}

void far_domain::unmap(const far_pages& pages) {
    call({"unmap", word(pages.id)});
}

port far_domain::bind_unbound(domid remote) {
    return port{number_of(call({"bind-unbound", word(remote)}).at(0))};
}

port far_domain::bind_interdomain(domid remote, port remote_port) {
    return port{number_of(call({"bind-interdomain", word(remote), word(remote_port)}).at(0))};
}

void far_domain::unbind(port own) {
    call({"unbind", word(own)});
}
void far_domain::notify(port own) {
    call({"notify", word(own)});
}
void far_domain::unmask(port own) {
    call({"unmask", word(own)});
}
void far_domain::close_events() {
    call({"close-events"});
}

bool far_domain::wait_event(port own) {
    const auto time = std::chrono::milliseconds{patience} / 2; // the reply itself takes its time
    return call({"wait-event", word(own), std::to_string(time.count())}).at(0) == "yes";
}

bool far_domain::has_event(port own) {
    return call({"wait-event", word(own), "0"}).at(0) == "yes";
}

std::string far_domain::store_read(const std::string& path) {
    return bytes_of(call({"store-read", path}).at(0));
}

void far_domain::store_write(const std::string& path, std::string_view value) {
    call({"store-write", path, to_word(value)});
}

void far_domain::store_remove(const std::string& path) {
    call({"store-remove", path});
}

void far_domain::store_crowd(const std::string& path, std::uint32_t rounds) {
    call({"store-crowd", path, std::to_string(rounds)});
}

far_domain::exhausted far_domain::store_exhaust(const std::string& kind, const std::string& path,
                                                std::uint32_t most) {
    auto reply = call({"store-exhaust", kind, path, std::to_string(most)});
    const auto count = number_of(reply.at(0));
    reply.erase(reply.begin());
    return {count, error_of(reply)};
}

std::size_t far_domain::reset() {
    const auto reply = call({"reset"});
    return number_of(reply.at(0)) + number_of(reply.at(1));
}

void far_domain::kill() {
    send({"kill"});
    generation_ = wait_for_change(home_ + generation_path, generation_);
}

void far_domain::send(const words& command) {
    store_.write(home_ + request_path, std::to_string(++number_) + " " + join(command));
}

words far_domain::call(const words& command) {
    send(command);
    const auto number = std::to_string(number_);
    std::string response;
    do
        response = wait_for_change(home_ + response_path, response);
    while (split(response).at(0) != number);
    auto reply = split(response);
    reply.erase(reply.begin());
    throw_if(error_of(reply), "far domain: " + join(command));
    reply.erase(reply.begin());
    return reply;
}

std::string far_domain::wait_for_change(const std::string& path, const std::string& old) {
    auto watch = store_.watch(path);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        auto value = read_or_empty(path);
        if (!value.empty() && value != old)
            return value;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        watch.wait_for(std::max(left, std::chrono::milliseconds{0}));
    }
}

std::string far_domain::read_or_empty(const std::string& path) {
    error_code ec;
    auto value = store_.read(path, ec);
    if (ec && ec != boost::system::errc::no_such_file_or_directory)
        throw_if(ec, path);
    return ec ? std::string{} : value;
}

} // namespace xenring::conformance
