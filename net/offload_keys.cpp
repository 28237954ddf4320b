#include <xenring/net/offload_keys.hpp>

namespace xenring::net {

receiver_keys read_receiver(device_key_reader& keys) {
    const bool scatter_gather = keys.flag("feature-sg");
    const bool ipv4 = !keys.flag("feature-no-csum-offload"); // the one that is on by default
    const bool ipv6 = keys.flag("feature-ipv6-csum-offload");
    return {scatter_gather,
            {.checksum_ipv4 = ipv4,
             .checksum_ipv6 = ipv6,
             .tcpv4 = keys.flag("feature-gso-tcpv4") && scatter_gather && ipv4,
             .tcpv6 = keys.flag("feature-gso-tcpv6") && scatter_gather && ipv6}};
}

} // namespace xenring::net
