// The directory of one end of a device in the store, as xenbus has it.
#pragma once

#include <xenring/grant/domain.hpp>
#include <xenring/grant/error.hpp>
#include <xenring/grant/store.hpp>
#include <xenring/ring/xenbus_state.hpp>

#include <functional>
#include <optional>
#include <string>

namespace xenring {

/// What a state node says: nothing if it is garbage, `unknown` if there is none, or none that we
/// may read.
using xenbus_reading = std::optional<ring::xenbus_state>;

/// Reads the node "state" in `directory`. Blocks. `trouble` is set for errors of the store itself,
/// which say nothing about the device, and is left alone otherwise.
xenbus_reading read_xenbus_state(const store_operations& where, const std::string& directory,
                                 error_code& trouble);

/// Our end's directory: written only while it is there and ours, which the transaction that writes
/// sees for itself. A plain write would make a removed directory anew, and would speak for a
/// device that a toolstack has put in its place meanwhile.
///
/// A toolstack makes a directory with state 1, and only we write later states into it (xl's unplug
/// apart, which writes 5). So a state of 1 after we wrote more is that of another device.
///
/// Thread safety: one call at a time. Blocks where it says so.
class xenbus_directory {
public:
    using writer = std::function<void(store_operations&, error_code&)>;

    /// `path` is absolute. Does nothing yet.
    xenbus_directory(const domain& here, std::string path);

    const std::string& path() const noexcept { return path_; }

    /// Takes the directory for ours as it is now; `found` is its state.
    void adopt(xenbus_reading found) noexcept;

    /// Whether a directory with this state is ours.
    bool is_ours(xenbus_reading seen) const noexcept;

    /// Blocks. See read_xenbus_state().
    xenbus_reading read_state(error_code& trouble) const;

    /// Has `body` write into the directory, in a transaction; it may run several times. Blocks.
    /// Errors: ENODEV (the directory is gone or not ours any more: nothing was written, and see
    /// is_lost()), body's, transact()'s.
    void write(const writer& body, error_code& ec) const;

    /// Writes a state; whatever comes of it, a state of 1 is ours from now on only if this is it.
    /// Blocks. Errors: as write().
    void write_state(ring::xenbus_state state, error_code& ec);

private:
    domain here_;
    std::string path_;
    bool past_initialising_ = false;
};

/// Whether an error of xenbus_directory says that the directory is not ours any more.
bool is_lost(const error_code& ec) noexcept;

} // namespace xenring
