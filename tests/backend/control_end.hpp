// A guest's end of a control ring as a test plays it, and a fixture for vifs that have one.
#pragma once

#include "fixture.hpp"

#include <xenring/ring/netif_control.hpp>

#include <cstring>

namespace xenring::backend::test {

namespace control_type = netif::control_type;
namespace control_status = netif::control_status;

class control_end {
public:
    explicit control_end(const domain& here)
        : here_{here}, ports_{here.get_executor(), here.hypervisor()},
          page_{here.hypervisor().share(domid{0}, 1, access::read_write)},
          list_{here.hypervisor().share(domid{0}, 1, access::read_write)},
          ring{netif::control_front_ring::initialise(page_.bytes())}, port{ports_.bind_unbound(
                                                                          domid{0})} {}

    /// What a frontend publishes, with the control ring.
    guest_end::keys beside(guest_end::keys all) const {
        all.emplace_back("ctrl-ring-ref", std::to_string(page_.references()[0].value));
        all.emplace_back("event-channel-ctrl", std::to_string(port.number().value));
        return all;
    }

    void push(std::uint16_t type, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
        ASSERT_TRUE(ring.push({next_id_++, type, {a, b, c}}));
        (void)ring.publish();
        port.notify();
    }

    /// Pages of the guest, granted to the backend.
    granted_pages& share(std::size_t count, access mode) {
        return shared_.emplace_back(here_.hypervisor().share(domid{0}, count, mode));
    }

    template <class T>
    void fill_list(const std::vector<T>& what) {
        std::memcpy(list_.bytes().data(), what.data(), what.size() * sizeof(T));
    }
    std::vector<netif::gref_entry> list(std::size_t count) const {
        std::vector<netif::gref_entry> out(count);
        std::memcpy(out.data(), list_.bytes().data(), count * sizeof(netif::gref_entry));
        return out;
    }
    std::uint32_t list_reference() const { return list_.references()[0].value; }
    std::span<std::byte> ring_memory() const { return page_.bytes(); }

private:
    domain here_;
    port_set ports_;
    granted_pages page_, list_;
    std::deque<granted_pages> shared_;
    std::uint16_t next_id_ = 100;

public:
    netif::control_front_ring ring;
    bound_port port;
};

using entries = std::vector<netif::gref_entry>;

/// Every page of `pages`, to be added with these flags.
inline entries entries_of(const granted_pages& pages, std::uint16_t flags = 0) {
    entries out;
    for (const auto reference : pages.references())
        out.push_back({reference.value, flags, 0xffff});
    return out;
}

class control_fixture : public netback_test {
protected:
    /// A guest with one connected vif that has a control ring.
    guest_end& connected_with_control(std::uint16_t number) {
        auto& guest = guests.contains(number) ? guests.at(number) : open_guest(number);
        make_vif(number);
        EXPECT_TRUE(reaches(number, "2")) << log;
        script_done(number);
        auto& end = *ends.emplace_back(std::make_unique<guest_end>(guest, 0));
        control = std::make_unique<control_end>(guest);
        end.publish(control->beside(end.usual_keys()));
        EXPECT_TRUE(reaches(number, "4")) << log;
        return end;
    }

    netif::ctrl_response ask(std::uint16_t type, std::uint32_t a = 0, std::uint32_t b = 0,
                             std::uint32_t c = 0) {
        control->push(type, a, b, c);
        std::optional<netif::ctrl_response> out;
        EXPECT_TRUE(eventually([&] { return (out = control->ring.pop()).has_value(); })) << log;
        EXPECT_EQ(out.value_or(netif::ctrl_response{}).type, type);
        return out.value_or(netif::ctrl_response{0, 0, 99, 0});
    }
    std::uint32_t status(std::uint16_t type, std::uint32_t a = 0, std::uint32_t b = 0,
                         std::uint32_t c = 0) {
        return ask(type, a, b, c).status;
    }

    std::uint32_t add(const entries& what) {
        control->fill_list(what);
        return status(control_type::add_gref_mapping, 0, control->list_reference(),
                      static_cast<std::uint32_t>(what.size()));
    }
    netif::ctrl_response remove(const entries& what) {
        control->fill_list(what);
        return ask(control_type::del_gref_mapping, 0, control->list_reference(),
                   static_cast<std::uint32_t>(what.size()));
    }
    std::size_t mapped() const { return machine.statistics().of(domid{0}).pages_mapped; }

    std::unique_ptr<control_end> control;
};

} // namespace xenring::backend::test
