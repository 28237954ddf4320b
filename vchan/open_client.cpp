#include <xenring/vchan/channel.hpp>

#include <cerrno>
#include <span>
#include <vector>

namespace xenring::vchan::detail {
namespace {

constexpr auto client_role = ring::vchan_role::client;

/// How often to begin again when the server is seen to change under our hands.
constexpr int generations = 4;

/// Whether a page that was just mapped is a live server's, waiting for a client.
void check_server(ring::vchan_page page, const closing_marks& marks, error_code& ec) {
    switch (page.peer_live(client_role)) {
    case ring::vchan_live::connected:
        break;
    case ring::vchan_live::gone:
        ec = errc::server_keys_missing; // they are a dead server's
        return;
    default:
        ec = errc::bad_live_byte;
        return;
    }
    // Ours serves one client a page; libxenvchan's takes the next one on the same page.
    const bool one_client_a_page = marks.peer(client_role) != mark::none;
    if (one_client_a_page && page.peer_live(ring::vchan_role::server) != ring::vchan_live::not_yet)
        ec = errc::channel_busy;
}

template <access Mode>
mapped_pages<Mode> map_ring(hypervisor& machine, domid server, ring::vchan_page page,
                            std::size_t first, std::size_t count, error_code& ec) {
    if (count == 0 || ec)
        return {};
    std::vector<foreign_grant> grants;
    grants.reserve(count);
    for (std::size_t i = 0; i != count; ++i)
        grants.push_back({server, grant_ref{page.reference(first + i)}});
    return machine.map<Mode>(grants, {}, ec);
}

struct attempt {
    const domain& here;
    const boost::asio::any_io_executor& where;
    domid server;
    const std::string& base;

    /// Null without an error: the keys changed meanwhile, begin again.
    std::unique_ptr<channel> run(error_code& ec) {
        const auto keys = read_keys(here.store(), base, ec);
        if (ec)
            return nullptr;
        port_set ports{where, here.hypervisor(), ec};
        if (ec)
            return nullptr;
        error_code failure;
        auto own_port = ports.bind_interdomain(server, keys.event_channel, failure);
        if (failure == errno_code(EINVAL)) // not unbound, or not for us
            failure = errc::channel_busy;
        auto opened = failure ? nullptr : map(keys, std::move(own_port), failure);

        // Whatever went wrong, or right, with keys that are no longer there means nothing.
        if (read_keys(here.store(), base, ec) != keys && !ec)
            return nullptr;
        if (ec)
            return nullptr;
        ec = failure;
        if (opened)
            greet(*opened);
        return opened;
    }

private:
    std::unique_ptr<channel> map(const server_keys& keys, bound_port own_port, error_code& ec) {
        auto& machine = here.hypervisor();
        constexpr auto own_live = ring::vchan_page::live_offset(client_role);
        const foreign_grant control{server, keys.control};
        channel_memory memory;
        memory.mapped_control = machine.map<access::read_write>(
            std::span{&control, 1},
            {.clear_byte = std::uint16_t{own_live}, .notify = own_port.number()}, ec);
        if (ec)
            return nullptr;
        const auto bytes = memory.mapped_control.bytes().first<ring::page_size>();
        const ring::vchan_page page{bytes};
        const auto geometry = page.geometry(); // our copy; the page's may change
        if (const auto bad = ring::check_vchan_geometry(geometry); bad != ring::fault::none) {
            ec = fault_code(bad);
            return nullptr;
        }
        check_server(page, closing_marks{bytes, geometry}, ec);
        const auto left = ring::vchan_ring_pages(geometry.left_order);
        const auto right = ring::vchan_ring_pages(geometry.right_order);
        memory.mapped_left = map_ring<access::read_write>(machine, server, page, 0, left, ec);
        memory.mapped_right = map_ring<access::read_only>(machine, server, page, left, right, ec);
        if (ec)
            return nullptr;
        auto opened = std::make_unique<channel>(channel_names{server, client_role, base, keys},
                                                geometry, std::move(own_port), std::move(memory));
        for (const auto bad : {opened->output.fault(), opened->input.fault()})
            if (bad != ring::fault::none)
                ec = fault_code(bad);
        return ec ? nullptr : std::move(opened);
    }

    static void greet(channel& opened) noexcept {
        opened.marks.set(client_role, mark::open);
        opened.page.connect();
        opened.notify();
    }
};

} // namespace

std::unique_ptr<channel> open_client(const domain& here, const boost::asio::any_io_executor& where,
                                     domid server, const std::string& base, error_code& ec) {
    for (int i = 0; i != generations; ++i) {
        ec.clear();
        auto opened = attempt{here, where, server, base}.run(ec);
        if (opened || ec)
            return opened;
    }
    ec = errc::channel_busy; // servers come and go faster than we can read
    return nullptr;
}

} // namespace xenring::vchan::detail
