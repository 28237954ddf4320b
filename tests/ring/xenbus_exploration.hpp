#pragma once

/// A check of every world that can come of one.

#include "xenbus_world.hpp"

#include <functional>

namespace xenring::ring::model {

/// Fails the test unless no move is forbidden, all is `good` wherever nothing happens any more
/// (though the world outside may stay idle for ever), and from everywhere such an end can be
/// reached.
void expect_good(const world& first, const std::function<bool(const world&)>& good);

} // namespace xenring::ring::model
