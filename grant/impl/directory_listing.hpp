// Listing a directory, in one message or in parts: which request is next, and what came of it.
#pragma once

#include <xenring/grant/store_wire.hpp>

#include <cerrno>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace xenring::detail {

class directory_listing {
public:
    explicit directory_listing(std::string path) : path_{std::move(path)} {}

    store_wire::message_type next_type() const noexcept {
        return in_parts_ ? store_wire::message_type::directory_part
                         : store_wire::message_type::directory;
    }
    std::string next_payload() const {
        return in_parts_ ? store_wire::join({path_, std::to_string(offset_)})
                         : store_wire::join({path_});
    }

    /// Takes the answer to the request that was next. True: that was all, and ec says how it went.
    bool take(const std::string& payload, error_code& ec) {
        if (in_parts_)
            return ec || take_part(payload, ec);
        if (ec == errno_code(E2BIG)) {
            in_parts_ = true;
            return false;
        }
        names_ = store_wire::split(payload);
        return true;
    }

    std::vector<std::string> take_names() noexcept { return std::move(names_); }

private:
    bool take_part(const std::string& payload, error_code& ec) {
        auto part = store_wire::parse_directory_part(payload);
        if (!part) {
            ec = errc::store_protocol;
            return true;
        }
        if (offset_ != 0 && part->generation != generation_)
            return start_again(ec);
        generation_ = std::move(part->generation);
        offset_ += part->length;
        names_.insert(names_.end(), std::make_move_iterator(part->names.begin()),
                      std::make_move_iterator(part->names.end()));
        return part->last;
    }

    // The directory changed between two parts: what was read is of no one moment.
    bool start_again(error_code& ec) {
        names_.clear();
        offset_ = 0;
        if (--tries_left_ != 0)
            return false;
        ec = errno_code(EAGAIN);
        return true;
    }

    std::string path_;
    std::vector<std::string> names_;
    std::string generation_;
    std::size_t offset_ = 0;
    int tries_left_ = 20;
    bool in_parts_ = false;
};

} // namespace xenring::detail
