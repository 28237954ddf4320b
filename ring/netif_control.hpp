#pragma once

/// Messages of the control ring: hashing, and grants that stay mapped.
///
///     type                      data[0]    data[1]  data[2]   response's data
///     1  get_hash_flags         0          0        0         types that can be had
///     2  set_hash_flags         types      0        0         0
///     3  set_hash_key           gref       bytes    0         0
///     4  get_hash_mapping_size  0          0        0         most entries
///     5  set_hash_mapping_size  entries    0        0         0
///     6  set_hash_mapping       gref       entries  offset    0
///     7  set_hash_algorithm     algorithm  0        0         0
///     8  get_gref_mapping_size  queue      0        0         most grants
///     9  add_gref_mapping       queue      gref     entries   0
///     10 del_gref_mapping       queue      gref     entries   entries that were removed
///
/// A gref is that of a page which begins with a key, an array of queue numbers, or one of
/// gref_entry. Responses may come in any order. Source: xen/io/netif.h.

#include <xenring/ring/netif_steering.hpp>
#include <xenring/ring/request_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace xenring::ring::netif {

/// Values of ctrl_request::type.
namespace control_type {
inline constexpr std::uint16_t get_hash_flags = 1;
inline constexpr std::uint16_t set_hash_flags = 2;
inline constexpr std::uint16_t set_hash_key = 3;
inline constexpr std::uint16_t get_hash_mapping_size = 4;
inline constexpr std::uint16_t set_hash_mapping_size = 5;
inline constexpr std::uint16_t set_hash_mapping = 6;
inline constexpr std::uint16_t set_hash_algorithm = 7;
inline constexpr std::uint16_t get_gref_mapping_size = 8;
inline constexpr std::uint16_t add_gref_mapping = 9;
inline constexpr std::uint16_t del_gref_mapping = 10;
} // namespace control_type

/// Guest to backend: one message of the table above.
struct ctrl_request {
    std::uint16_t id;
    std::uint16_t type; ///< control_type
    std::uint32_t data[3];
};

/// Answers a ctrl_request; the status is a control_status, the data means nothing unless it is
/// success.
struct ctrl_response {
    std::uint16_t id;   ///< of the request
    std::uint16_t type; ///< of the request
    std::uint32_t status;
    std::uint32_t data;
    friend constexpr bool operator==(const ctrl_response&, const ctrl_response&) = default;
};

/// One grant in a list that is to be mapped or unmapped for good.
struct gref_entry {
    std::uint32_t gref;
    std::uint16_t flags;  ///< gref_readonly or 0
    std::uint16_t status; ///< written by the backend for del_gref_mapping: control_status
};
/// Flag of a gref_entry: the backend may only read.
inline constexpr std::uint16_t gref_readonly = 1;

/// Entries in a list, which is one page.
inline constexpr std::uint32_t max_gref_entries = page_size / sizeof(gref_entry);

static_assert(sizeof(ctrl_request) == 16 && sizeof(ctrl_response) == 12);
static_assert(sizeof(gref_entry) == 8 && max_gref_entries == 512);
static_assert(ring_message<ctrl_request> && ring_message<ctrl_response>);
static_assert(ring_message<gref_entry>);

/// The control ring, seen by the guest and by the backend.
using control_front_ring = front_ring<ctrl_request, ctrl_response>;
using control_back_ring = back_ring<ctrl_request, ctrl_response>;

/// Whether a response is that of a request. A frontend looks no further at one that is not.
[[nodiscard]] constexpr bool answers(const ctrl_response& response,
                                     const ctrl_request& request) noexcept {
    return response.id == request.id && response.type == request.type;
}

/// The response to a request.
[[nodiscard]] constexpr ctrl_response respond(const ctrl_request& request, std::uint32_t status,
                                              std::uint32_t data = 0) noexcept {
    return {request.id, request.type, status, data};
}

/// What the backend has to do for a request before it can answer.
enum class control_need : std::uint8_t {
    nothing,   ///< the response is complete
    key,       ///< copy `bytes` from the page, then finish_key()
    mapping,   ///< copy `bytes` from the page, then finish_mapping()
    add_grefs, ///< copy the list, map all of it for `queue` or nothing, then respond()
    del_grefs, ///< copy the list, unmap, write each status back, then respond()
};

/// A request that was looked at. Whatever the guest wrote, bytes <= page_size and queue is one of
/// the guest's.
struct control_step {
    control_need need = control_need::nothing;
    std::uint32_t gref = 0;
    std::uint32_t bytes = 0;
    std::uint32_t queue = 0;
    ctrl_response response{}; ///< if nothing is needed
};

namespace detail {

[[nodiscard]] constexpr control_step gref_step(const ctrl_request& request,
                                               std::uint32_t queues) noexcept {
    const auto [queue, gref, entries] = request.data;
    if (queue >= queues || entries == 0 || entries > max_gref_entries)
        return {.response = respond(request, control_status::invalid_parameter)};
    const bool add = request.type == control_type::add_gref_mapping;
    return {.need = add ? control_need::add_grefs : control_need::del_grefs,
            .gref = gref,
            .bytes = entries * static_cast<std::uint32_t>(sizeof(gref_entry)),
            .queue = queue};
}

/// A step that copies from a page, or the refusal. Nothing to copy needs no page.
[[nodiscard]] constexpr control_step copy_step(const ctrl_request& request, control_need need,
                                               std::uint32_t bytes, std::uint32_t status) noexcept {
    if (status != control_status::success)
        return {.response = respond(request, status)};
    return {.need = need, .gref = request.data[0], .bytes = bytes};
}

} // namespace detail

/// Looks at a request (a private copy) and carries it out if no page of the guest's is needed for
/// it. `grefs` is the most grants that the backend keeps mapped for a queue; 0: none, and every
/// request about them is not_supported, as is every unknown one.
[[nodiscard]] constexpr control_step begin(const ctrl_request& request, steering& settings,
                                           std::uint32_t grefs) noexcept {
    const auto done = [&request](std::uint32_t status, std::uint32_t data = 0) {
        return control_step{.response = respond(request, status, data)};
    };
    const auto [first, second, third] = request.data;
    switch (request.type) {
    case control_type::set_hash_algorithm:
        return done(settings.set_algorithm(first));
    case control_type::get_hash_flags:
        if (settings.algorithm() == hash_algorithm::none)
            return done(control_status::not_supported);
        return done(control_status::success, hash_type::all);
    case control_type::set_hash_flags:
        return done(settings.set_types(first));
    case control_type::set_hash_key:
        return detail::copy_step(request, control_need::key, second, steering::check_key(second));
    case control_type::get_hash_mapping_size:
        return done(control_status::success, max_hash_mapping);
    case control_type::set_hash_mapping_size:
        return done(settings.set_mapping_size(first));
    case control_type::set_hash_mapping:
        return detail::copy_step(request, control_need::mapping,
                                 second * static_cast<std::uint32_t>(sizeof(std::uint32_t)),
                                 settings.check_mapping(third, second));
    case control_type::get_gref_mapping_size:
        if (grefs == 0)
            return done(control_status::not_supported);
        return first < settings.queues() ? done(control_status::success, grefs)
                                         : done(control_status::invalid_parameter);
    case control_type::add_gref_mapping:
    case control_type::del_gref_mapping:
        return grefs == 0 ? done(control_status::not_supported)
                          : detail::gref_step(request, settings.queues());
    default:
        return done(control_status::not_supported);
    }
}

/// Carries out set_hash_key. `key` is a private copy of the bytes that begin() named.
[[nodiscard]] constexpr ctrl_response finish_key(const ctrl_request& request, steering& settings,
                                                 std::span<const std::uint8_t> key) noexcept {
    return respond(request, settings.set_key(key));
}

/// Carries out set_hash_mapping. `queues` is a private copy of the entries that begin() named.
[[nodiscard]] constexpr ctrl_response
finish_mapping(const ctrl_request& request, steering& settings,
               std::span<const std::uint32_t> queues) noexcept {
    return respond(request, settings.set_mapping(request.data[2], queues));
}

} // namespace xenring::ring::netif
