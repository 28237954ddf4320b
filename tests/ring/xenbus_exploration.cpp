#include "xenbus_exploration.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

namespace xenring::ring::model {
namespace {

/// Every world that can come of one, and how.
class exploration {
public:
    explicit exploration(const world& first) {
        add(begin(first), 0, "begins");
        for (std::size_t at = 0; at != worlds_.size() && wrong_.empty(); ++at)
            expand(at);
    }

    [[nodiscard]] std::size_t size() const { return worlds_.size(); }

    /// Why a move must not have happened; empty if all was well.
    [[nodiscard]] const std::string& wrong() const { return wrong_; }

    /// Where nothing happens any more, things are as they should be; and from everywhere such an
    /// end can be reached. Says what came before a world where that is not so.
    [[nodiscard]] std::string check_ends(const std::function<bool(const world&)>& good) const {
        std::vector<bool> ends_well(worlds_.size());
        std::vector<std::size_t> next;
        for (std::size_t at = 0; at != worlds_.size(); ++at) {
            if (!at_rest_[at])
                continue;
            if (!good(worlds_[at]))
                return "a bad end:" + history(at);
            ends_well[at] = true;
            next.push_back(at);
        }
        while (!next.empty()) {
            const std::size_t at = next.back();
            next.pop_back();
            for (const std::size_t before : before_[at])
                if (!ends_well[before]) {
                    ends_well[before] = true;
                    next.push_back(before);
                }
        }
        for (std::size_t at = 0; at != worlds_.size(); ++at)
            if (!ends_well[at])
                return "never an end after:" + history(at);
        return {};
    }

private:
    void expand(std::size_t at) {
        const world now = worlds_[at];
        try {
            bool rests = true;
            for (const move& each : moves(now)) {
                rests = rests && each.outside;
                add(each.after, at, each.what);
            }
            at_rest_[at] = rests;
        } catch (const std::string& why) {
            wrong_ = why + history(at);
        }
    }

    void add(const world& w, std::size_t from, const std::string& what) {
        const auto [found, fresh] = index_.emplace(w.key(), worlds_.size());
        if (fresh) {
            worlds_.push_back(w);
            came_from_.push_back(from);
            how_.push_back(what);
            before_.emplace_back();
            at_rest_.push_back(false);
        }
        before_[found->second].push_back(from);
    }

    [[nodiscard]] std::string history(std::size_t at) const {
        const auto line = [this](std::size_t i) {
            const world& w = worlds_[i];
            return "\n  " + how_[i] + ": backend phase " + std::to_string(int(w.back)) + " state " +
                   std::to_string(w.back_state) + ", frontend phase " +
                   std::to_string(int(w.front)) + " state " + std::to_string(w.front_state);
        };
        std::string text;
        for (; at != 0; at = came_from_[at])
            text.insert(0, line(at));
        return line(0) + text;
    }

    std::unordered_map<std::string, std::size_t> index_;
    std::vector<world> worlds_;
    std::vector<std::size_t> came_from_;
    std::vector<std::string> how_;
    std::vector<std::vector<std::size_t>> before_;
    std::vector<bool> at_rest_;
    std::string wrong_;
};

} // namespace

void expect_good(const world& first, const std::function<bool(const world&)>& good) {
    const exploration all{first};
    ASSERT_TRUE(all.wrong().empty()) << all.wrong();
    const std::string bad = all.check_ends(good);
    EXPECT_TRUE(bad.empty()) << bad;
    testing::Test::RecordProperty("worlds", std::to_string(all.size()));
}

} // namespace xenring::ring::model
