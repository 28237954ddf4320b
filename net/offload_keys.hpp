#pragma once

/// What a peer says in the store of the frames that it takes: the same keys from either side
/// (xen/io/netif.h, "Feature").

#include <xenring/grant/device_keys.hpp>
#include <xenring/net/virtio_header.hpp>

namespace xenring::net {

/// What the receiver of frames takes.
struct receiver_keys {
    bool scatter_gather = false; ///< frames in several slots
    offloads takes;              ///< no large segment without slots for it and its checksum
};

/// Reads them from the directory of the receiver. Blocks. Errors: the reader's.
receiver_keys read_receiver(device_key_reader& keys);

} // namespace xenring::net
