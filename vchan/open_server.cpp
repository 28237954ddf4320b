#include <xenring/vchan/channel.hpp>

#include <vector>

namespace xenring::vchan::detail {
namespace {

/// Grants the pages of one ring and lists their references. The peer may write them all, as with
/// libxenvchan: some clients map both rings for writing, and one that scribbles over what it was
/// sent harms itself only, since nothing of it is read back here.
granted_pages share_ring(hypervisor& machine, domid client, std::uint16_t order,
                         std::vector<std::uint32_t>& references, error_code& ec) {
    const auto count = ring::vchan_ring_pages(order);
    if (count == 0 || ec)
        return {};
    auto pages = machine.share(client, count, access::read_write, {}, ec);
    for (const auto reference : pages.references())
        references.push_back(reference.value);
    return pages;
}

} // namespace

std::unique_ptr<channel> open_server(const domain& here, const boost::asio::any_io_executor& where,
                                     domid client, const std::string& base, const options& wish,
                                     error_code& ec) {
    ec.clear();
    const auto geometry = ring::choose_vchan_geometry(wish.left_size, wish.right_size);
    if (!geometry) {
        ec = errc::bad_geometry;
        return nullptr;
    }
    auto& machine = here.hypervisor();
    port_set ports{where, machine, ec};
    if (ec)
        return nullptr;
    auto own_port = ports.bind_unbound(client, ec);
    if (ec)
        return nullptr;

    channel_memory memory;
    std::vector<std::uint32_t> references;
    constexpr auto own_live = ring::vchan_page::live_offset(ring::vchan_role::server);
    memory.granted_control =
        machine.share(client, 1, access::read_write,
                      {.clear_byte = std::uint16_t{own_live}, .notify = own_port.number()}, ec);
    memory.granted_left = share_ring(machine, client, geometry->left_order, references, ec);
    memory.granted_right = share_ring(machine, client, geometry->right_order, references, ec);
    if (ec)
        return nullptr;

    const auto control = memory.granted_control.bytes().first<ring::page_size>();
    if (const auto bad = ring::vchan_page{control}.initialise(*geometry, references);
        bad != ring::fault::none) {
        ec = fault_code(bad);
        return nullptr;
    }
    closing_marks{control, *geometry}.set(ring::vchan_role::server, mark::open);

    channel_names names{client,
                        ring::vchan_role::server,
                        base,
                        {memory.granted_control.references()[0], own_port.number()}};
    auto opened = std::make_unique<channel>(std::move(names), *geometry, std::move(own_port),
                                            std::move(memory));
    publish_keys(here.store(), base, here.self(), client, opened->names.keys, ec);
    if (ec)
        return nullptr;
    return opened;
}

} // namespace xenring::vchan::detail
