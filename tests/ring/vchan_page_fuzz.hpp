// One side of a vchan on a control page that may hold anything, with a peer that writes anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace xenring::ring::test {

/// The first byte of `input` says which side we are, the second is the length of a program that
/// follows: steps of ours and scribbles of the peer. The rest is the control page as it is found,
/// zeros where it ends: so that short inputs, which fuzzers begin with, do something already.
/// Returns what went wrong, nullptr if nothing did. Memory errors show by themselves.
const char* run_vchan_page(std::span<const std::uint8_t> input);

} // namespace xenring::ring::test
