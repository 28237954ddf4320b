// What traffic.h describes, on our own stream. Both throw std::runtime_error if the peer leaves.
#pragma once

#include <xenring/vchan/stream.hpp>

#include <cstddef>
#include <cstdint>

void both_ways(xenring::vchan::stream& peer, std::uint64_t count, std::size_t write_size);
void load(xenring::vchan::stream& peer, double rate, std::uint64_t count, std::size_t size);
