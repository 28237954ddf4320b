// Asking store and hypervisor what shared memory cannot tell: is the peer's domain still there, and
// did a peer that does not mark its closes close or die?
#pragma once

#include <xenring/grant/domain.hpp>
#include <xenring/grant/store_watch.hpp>
#include <xenring/vchan/channel.hpp>

#include <chrono>
#include <string>

namespace xenring::vchan::detail {

/// A whole domain dies without a word: no event comes and no live byte is cleared.
enum class presence {
    there,
    gone,
    unclear, ///< the store would not tell, not even by a watch: ask again after a while
};

/// Whether the peer's domain exists. Blocks on the store, and in rare cases on the hypervisor.
///
/// Domain 0 can read /local/domain/PEER/domid. A guest can not, and asks otherwise: a server, for
/// the client's sign (see watch_for_end), and when there is none, whether an event channel can be
/// bound to the client's domain; a client, for the server's keys, and when they have vanished,
/// whether its control page can be mapped any more. A toolstack removes a domain's nodes a moment
/// before the domain goes: that is unclear, not there. Without a store the hypervisor is asked.
presence check_presence(const domain& here, const channel_names& names);

/// Whether Xen refused because what the peer named is not there (any more), and not for want of
/// something of ours. Linux says only EINVAL for a page that Xen did not let it map.
bool refused_by_xen(const error_code& ec) noexcept;

/// A watch that fires when the peer's domain goes, as far as anybody tells. Blocks on the store.
///
/// Where the own domain may not read the client's /local/domain/CLIENT/domid, it is on a sign that
/// a client of ours leaves when it calls this: /local/domain/CLIENT/data/vchan-peer-SERVER-PORT, by
/// the server's port, which the server's domain may read, and which goes with the client's domain
/// as all its nodes do. While there is no sign check_presence() is unclear, and the only way is to
/// ask now and then. Errors: those of store::watch().
store_watch watch_for_end(const domain& here, const channel_names& names, error_code& ec);

/// Takes back what an end left in the store: a server its keys, a client its sign. Blocks on the
/// store. Errors: those of remove_keys().
void withdraw(const domain& here, const channel_names& names, error_code& ec);

/// Client: how a server left that does not mark its closes. libxenvchan 4.17 and later removes its
/// keys when it closes and cannot when it is killed. One look, which blocks on the store: eof once
/// the keys are gone, errc::peer_domain_died, an error of the store that cannot be asked; none
/// while the keys are there. Look verdict_looks times, verdict_pause apart; then the server's
/// process died.
error_code how_server_left(const domain& here, const channel_names& names);

inline constexpr int verdict_looks = 10;
inline constexpr std::chrono::milliseconds verdict_pause{50};

/// From one look for the peer's domain to the next where no watch tells of its end.
inline constexpr std::chrono::milliseconds unwatched_pause{400};

/// What waits longer than this is worth a watch.
inline constexpr std::chrono::milliseconds first_look{100};

/// Kernels before Linux 5.17 raise the event first and clear the live byte afterwards: so after one
/// that brought nothing, look again, twice.
inline constexpr std::chrono::milliseconds soon_after_event{20}, later_after_event{200};

/// Whatever the peer's end was, a stream that waits is told within a second.
static_assert(verdict_looks * verdict_pause < std::chrono::seconds{1} &&
              unwatched_pause < std::chrono::seconds{1});

} // namespace xenring::vchan::detail
