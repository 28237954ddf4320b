#!/bin/sh
# check_headers.sh freestanding COMPILER INCLUDE_DIR RING_DIR
#     each header compiles alone with no hosted environment, and all together need no heap: nothing
#     beyond the four memory functions that a compiler may call by itself
set -eu

freestanding() {
    compiler=$1 include=$2 ring=$3
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    flags="-std=c++20 -O2 -ffreestanding -fno-exceptions -fno-rtti -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
    for header in "$ring"/*.hpp; do
        name=$(basename "$header")
        echo "#include <xenring/ring/$name>" > "$dir/one.cpp"
        "$compiler" $flags -I"$include" -c "$dir/one.cpp" -o "$dir/one.o" ||
            { echo "$name does not compile alone with $compiler"; exit 1; }
        echo "#include <xenring/ring/$name>" >> "$dir/all.cpp"
    done
    cat >> "$dir/all.cpp" <<'END'
namespace xenring::ring {
template class front_ring<std::uint64_t, std::uint32_t>;
template class detail::ring_half<detail::ring_side::front, std::uint64_t, std::uint32_t, std::uint32_t>;
template class back_ring<std::uint64_t, std::uint32_t>;
template class basic_byte_producer<std::uint32_t>;
template class basic_byte_consumer<std::uint32_t>;
bool use(vchan_page page, vchan_output& out, vchan_input& in) {
    return page.initialise(page.geometry(), {}) == fault::none && out.arm() && out.publish() &&
           in.arm() && in.publish() && in.ended() && page.reference(0) != 0 && out.prepare(9).empty();
}
backend_step use(xenbus_backend& half, std::string_view state) {
    return half.handle(event_of_frontend(parse_xenbus_state(state)));
}
frontend_step use(xenbus_frontend& half, std::string_view state) {
    return half.handle(event_of_backend(parse_xenbus_state(state)));
}
namespace netif {
verdict use(tx_back_ring& ring, tx_packet& packet) {
    const verdict what = read(ring, packet);
    return answer(ring, packet, response_status::okay) ? what : verdict::broken;
}
verdict use(rx_reader& reader, rx_front_ring& ring, rx_packet& packet) {
    return reader.post(ring, 1) ? reader.read(ring, packet) : verdict::empty;
}
bool use(rx_back_ring& ring, rx_delivery& out, const packet_info& info) {
    return plan(ring, 60, info, {}, out) == send_error::none && answer(ring, out);
}
bool use(tx_front_ring& ring, std::span<const tx_piece> pieces, const packet_info& info) {
    return write(ring, pieces, info) == send_error::none;
}
std::uint32_t use(steering& settings, const ctrl_request& request, std::span<const std::byte> frame) {
    const auto step = begin(request, settings, 512);
    return settings.hash(frame) && step.need == control_need::nothing ? step.response.status : 0;
}
}
}
END
    "$compiler" $flags -I"$include" -c "$dir/all.cpp" -o "$dir/all.o"
    needs=$(nm -uP "$dir/all.o" | cut -d' ' -f1 | grep -vxE 'mem(cpy|move|set|cmp)|_GLOBAL_OFFSET_TABLE_' || true)
    if [ -n "$needs" ]; then
        echo "the ring room needs from outside: $needs"
        exit 1
    fi
}

check=$1
shift
"$check" "$@"
