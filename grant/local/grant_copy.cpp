#include <xenring/grant/local/grant_copy.hpp>

#include <cerrno>
#include <cstring>

namespace xenring::local {
namespace {

copy_side side_of(const granted_memory& memory, access mode, std::uint16_t length) {
    return {{memory.owner, memory.reference}, mode, memory.offset, length};
}

std::vector<copy_side> granted_sides(std::span<const copy_segment> segments, error_code& ec) {
    std::vector<copy_side> sides;
    sides.reserve(segments.size());
    for (const auto& segment : segments) {
        const auto* source = std::get_if<granted_memory>(&segment.source);
        const auto* destination = std::get_if<granted_memory>(&segment.destination);
        if (!source && !destination)
            ec = errno_code(EINVAL);
        if (source)
            sides.push_back(side_of(*source, access::read_only, segment.length));
        if (destination)
            sides.push_back(side_of(*destination, access::read_write, segment.length));
    }
    return sides;
}

/// Finds the memory of one side after another, in the order of granted_sides().
class side_reader {
public:
    side_reader(link& hypervisor, copy_cache& cache, std::span<const copy_answer> answers)
        : hypervisor_{hypervisor}, cache_{cache}, answers_{answers} {}

    /// Local memory is what it is; granted memory needs an answer. `status` keeps its first fault.
    template <class Byte>
    Byte* next(const std::variant<Byte*, granted_memory>& side, grant_status& status) {
        if (const auto* local = std::get_if<Byte*>(&side))
            return *local;
        const auto& answer = answers_.front();
        answers_ = answers_.subspan(1);
        if (status != grant_status::okay)
            return nullptr;
        status = answer.status;
        if (status != grant_status::okay)
            return nullptr;
        error_code ec;
        auto* const page = cache_.find(hypervisor_, answer, ec);
        if (ec)
            status = grant_status::general_error; // it ended between the question and now
        return page ? page + std::get<granted_memory>(side).offset : nullptr;
    }

private:
    link& hypervisor_;
    copy_cache& cache_;
    std::span<const copy_answer> answers_;
};

} // namespace

void grant_copy(link& hypervisor, copy_cache& cache, std::span<copy_segment> segments,
                error_code& ec) {
    const auto sides = granted_sides(segments, ec);
    if (ec)
        return;
    const auto answers = hypervisor.check_copy(sides, ec);
    if (ec)
        return;
    side_reader reader{hypervisor, cache, answers};
    for (auto& segment : segments) {
        segment.status = grant_status::okay;
        const auto* source = reader.next<const std::byte>(segment.source, segment.status);
        auto* destination = reader.next<std::byte>(segment.destination, segment.status);
        if (segment.status == grant_status::okay)
            std::memmove(destination, source, segment.length);
    }
}

} // namespace xenring::local
