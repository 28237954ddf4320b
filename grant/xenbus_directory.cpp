#include <xenring/grant/store_transaction.hpp>
#include <xenring/grant/xenbus_directory.hpp>

#include <cerrno>
#include <utility>

namespace xenring {

using ring::xenbus_state;

xenbus_reading read_xenbus_state(const store_operations& where, const std::string& directory,
                                 error_code& trouble) {
    error_code ec;
    const auto text = where.read(directory + "/state", ec);
    if (!ec)
        return ring::parse_xenbus_state(text);
    if (ec != errno_code(ENOENT) && ec != errno_code(EACCES))
        trouble = ec;
    return xenbus_state::unknown;
}

xenbus_directory::xenbus_directory(const domain& here, std::string path)
    : here_{here}, path_{std::move(path)} {}

void xenbus_directory::adopt(xenbus_reading found) noexcept {
    past_initialising_ = found != xenbus_state::initialising;
}

bool xenbus_directory::is_ours(xenbus_reading seen) const noexcept {
    return seen != xenbus_state::unknown &&
           !(seen == xenbus_state::initialising && past_initialising_);
}

xenbus_reading xenbus_directory::read_state(error_code& trouble) const {
    return read_xenbus_state(here_.store(), path_, trouble);
}

void xenbus_directory::write(const writer& body, error_code& ec) const {
    transact(
        here_.store(),
        [&](store_transaction& inside, error_code& problem) {
            const auto seen = read_xenbus_state(inside, path_, problem);
            if (problem)
                return;
            if (is_ours(seen))
                body(inside, problem);
            else
                problem = errno_code(ENODEV);
        },
        ec);
}

void xenbus_directory::write_state(xenbus_state state, error_code& ec) {
    write(
        [&](store_operations& inside, error_code& problem) {
            inside.write(path_ + "/state", ring::state_text(state), problem);
        },
        ec);
    adopt(state);
}

bool is_lost(const error_code& ec) noexcept {
    return ec == errno_code(ENODEV);
}

} // namespace xenring
