#pragma once

/// How many pages of guests' a process may keep mapped, however many guests ask for it: each is a
/// memory mapping, and Linux allows a process so many. Rings need some as well.

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace xenring::backend {

/// Thread safety: all of it from any thread.
class mapping_budget {
public:
    /// Half of what Linux allows a process (vm.max_map_count).
    static std::size_t usual() noexcept;

    explicit mapping_budget(std::size_t most = usual()) noexcept : most_{most} {}

    std::size_t most() const noexcept { return most_; }

    /// One page's part, which the destructor gives back. Move-only.
    class part {
    public:
        part() noexcept = default;
        part(part&&) noexcept = default;
        part& operator=(part&& other) noexcept {
            std::swap(of_, other.of_);
            return *this;
        }
        ~part() {
            if (of_)
                --of_->used_;
        }
        explicit operator bool() const noexcept { return of_ != nullptr; }

    private:
        friend class mapping_budget;
        explicit part(std::shared_ptr<mapping_budget> of) noexcept : of_{std::move(of)} {}
        std::shared_ptr<mapping_budget> of_;
    };

    /// Empty: nothing is left.
    static part take(const std::shared_ptr<mapping_budget>& from) noexcept {
        if (from->used_++ < from->most_)
            return part{from};
        --from->used_;
        return {};
    }

private:
    std::size_t most_;
    std::atomic<std::size_t> used_{0};
};

} // namespace xenring::backend
