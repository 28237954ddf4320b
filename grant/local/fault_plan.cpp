#include <xenring/grant/local/fault_plan.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

namespace xenring::local {
namespace {

constexpr std::array call_names{
    std::pair{std::string_view{"share"}, call::share},
    std::pair{std::string_view{"unshare"}, call::unshare},
    std::pair{std::string_view{"map"}, call::map},
    std::pair{std::string_view{"unmap"}, call::unmap},
    std::pair{std::string_view{"copy"}, call::copy},
    std::pair{std::string_view{"open_event_channel"}, call::open_event_channel},
    std::pair{std::string_view{"bind_unbound"}, call::bind_unbound},
    std::pair{std::string_view{"bind_interdomain"}, call::bind_interdomain},
    std::pair{std::string_view{"unbind"}, call::unbind},
    std::pair{std::string_view{"notify"}, call::notify},
    std::pair{std::string_view{"unmask"}, call::unmask},
    std::pair{std::string_view{"read_pending"}, call::read_pending},
    std::pair{std::string_view{"open_store"}, call::open_store},
};

constexpr std::array errno_names{
    std::pair{std::string_view{"EPERM"}, EPERM},   std::pair{std::string_view{"ENOENT"}, ENOENT},
    std::pair{std::string_view{"EIO"}, EIO},       std::pair{std::string_view{"EAGAIN"}, EAGAIN},
    std::pair{std::string_view{"ENOMEM"}, ENOMEM}, std::pair{std::string_view{"EACCES"}, EACCES},
    std::pair{std::string_view{"EFAULT"}, EFAULT}, std::pair{std::string_view{"EINVAL"}, EINVAL},
    std::pair{std::string_view{"EMFILE"}, EMFILE}, std::pair{std::string_view{"ENOSPC"}, ENOSPC},
};

template <class Table>
auto find(const Table& table, std::string_view name) {
    const auto at = std::find_if(table.begin(), table.end(),
                                 [name](const auto& entry) { return entry.first == name; });
    using value = typename Table::value_type::second_type;
    return at == table.end() ? std::optional<value>{} : std::optional<value>{at->second};
}

/// Cuts the text up to the separator off its front.
std::string_view take_until(char separator, std::string_view& text) {
    const auto end = text.find(separator);
    const auto head = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return head;
}

std::optional<fault> parse_one(std::string_view text) {
    const auto what = find(call_names, take_until(':', text));
    const auto number = take_until(':', text);
    unsigned nth = 0;
    const auto [end, bad] = std::from_chars(number.data(), number.data() + number.size(), nth);
    if (!what || bad != std::errc{} || end != number.data() + number.size() || nth == 0)
        return std::nullopt;
    if (text.empty())
        return fault{*what, nth, usual_failure(*what)};
    const auto code = find(errno_names, text);
    return code ? std::optional{fault{*what, nth, errno_code(*code)}} : std::nullopt;
}

} // namespace

error_code usual_failure(call what) noexcept {
    switch (what) {
    case call::share:
        return errc::grant_limit;
    case call::map:
        return grant_status::no_space;
    case call::bind_unbound:
    case call::bind_interdomain:
        return errno_code(ENOSPC);
    case call::read_pending:
        return errc::event_overflow;
    default:
        return errno_code(ENOMEM);
    }
}

std::vector<fault> parse_faults(std::string_view text, error_code& ec) {
    std::vector<fault> faults;
    while (!text.empty()) {
        const auto one = parse_one(take_until(',', text));
        if (!one) {
            ec = errc::bad_specification;
            return {};
        }
        faults.push_back(*one);
    }
    return faults;
}

void fault_plan::fail(call what, unsigned nth, error_code code) {
    std::lock_guard lock{mutex_};
    faults_.push_back({what, nth, code});
}

void fault_plan::clear() {
    std::lock_guard lock{mutex_};
    faults_.clear();
}

bool fault_plan::strikes(call what, error_code& ec) {
    std::lock_guard lock{mutex_};
    bool struck = false;
    for (auto& waiting : faults_)
        if (waiting.what == what && --waiting.nth == 0) {
            ec = waiting.code;
            struck = true;
        }
    std::erase_if(faults_, [](const fault& done) { return done.nth == 0; });
    return struck;
}

} // namespace xenring::local
