#pragma once

/// Runs two domains in every possible order, one step on shared memory at a time.
///
/// Each domain is a fiber with a store buffer, as an x86 or weaker processor has one: a store is
/// visible to the other domain only when it is drained, which may happen at any later step; a fence
/// waits until the own buffer is empty. A setting of request bits is buffered too, which is weaker
/// than x86 and is what a relaxed atomic operation promises. Loads see the own buffer.
///
/// A state in which no step is possible and a domain has not finished is a lost wake-up: it sleeps
/// and nobody will notify it. Exploring is depth first by replay; a state that was seen before
/// (memory, buffers, pending events, and all that each fiber has read so far, on which alone its
/// future depends) is not explored again.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace xenring::model {

/// One run from the beginning: fresh memory and two domains.
struct scenario {
    virtual ~scenario() = default;
    virtual void run(int domain) = 0;
    virtual std::span<const std::byte> shared() const = 0;
};

/// Fences to leave out, to see that the explorer misses them.
struct mutation {
    bool no_fence_after_index = false;
    bool no_fence_after_request = false;
};

struct outcome {
    std::size_t states = 0;
    bool lost_wake_up = false;
};

/// Explores until every state was seen or a wake-up was lost.
[[nodiscard]] outcome explore(const std::function<std::unique_ptr<scenario>()>& begin,
                              mutation without = {});

/// What follows is called by a domain.

enum class purpose { index, request };

void store(void* address, std::size_t size, std::uint32_t value, purpose why);
[[nodiscard]] std::uint32_t load(const void* address, std::size_t size);
void set_bits(std::uint8_t* address, std::uint8_t bits);
[[nodiscard]] std::uint8_t clear_bits(std::uint8_t* address, std::uint8_t bits);
void fence();

/// Sends an event to the other domain; it stays pending until that domain waits.
void notify();
/// Sleeps until an event is pending, and takes it.
void wait();

} // namespace xenring::model
