#include <xenring/grant/xen/devices.hpp>
#include <xenring/grant/xen/event_channel.hpp>
#include <xenring/grant/xen/grant_table.hpp>
#include <xenring/grant/xen/open.hpp>
#include <xenring/grant/xen/own_domid.hpp>
#include <xenring/grant/xen/store_location.hpp>

#include <filesystem>

namespace xenring::xen {
namespace {

using namespace std::chrono_literals;

class xen_hypervisor final : public hypervisor {
public:
    xen_hypervisor(open_options how, domid self, std::string store_location)
        : how_{std::move(how)}, self_{self},
          store_location_{std::move(store_location)}, grants_{how_.device_directory} {}

    std::string_view kind() const noexcept override { return "xen"; }
    std::string description() const override;
    domid self() const noexcept override { return self_; }

    void copy(std::span<copy_segment> segments, error_code& ec) noexcept override {
        grants_.copy(segments, ec);
    }

    std::unique_ptr<event_channel> open_event_channel(error_code& ec) override {
        return xen::open_event_channel(how_.device_directory, ec);
    }

    std::unique_ptr<store_pipe> open_store(error_code& ec) override {
        return open_store_pipe(store_location_, ec);
    }

protected:
    page_region do_share(domid peer, std::size_t count, access mode, const unmap_notify& notify,
                         std::vector<grant_ref>& references, error_code& ec) override {
        return grants_.share(peer, count, mode, notify, references, ec);
    }
    grant_end do_unshare(const page_region& region) noexcept override {
        return grants_.unshare(region);
    }
    page_region do_map(std::span<const foreign_grant> grants, access mode,
                       const unmap_notify& notify, error_code& ec) override {
        return grants_.map(grants, mode, notify, ec);
    }
    void do_unmap(const page_region& region, error_code& ec) noexcept override {
        grants_.unmap(region, ec);
    }

private:
    open_options how_;
    domid self_;
    std::string store_location_;
    grant_table grants_;
};

std::string xen_hypervisor::description() const {
    std::string text = "Xen";
    if (!how_.why.empty())
        text += " (" + how_.why + ")";
    text += ", as domain " + std::to_string(self_.value) + "; store at " + store_location_;
    for (const auto which : devices)
        if (const auto ec = check_device(how_.device_directory, which))
            text += "; " + advice(how_.device_directory, which, ec);
    return text;
}

/// Whether any of the nodes can be used; if not, what is wrong with each.
bool any_device(const std::string& directory, error_code& ec, std::string& why) {
    for (const auto which : devices) {
        const auto result = check_device(directory, which);
        if (!result) {
            ec.clear();
            return true;
        }
        if (!ec)
            ec = without_node(result);
        why += (why.empty() ? "" : "; ") + advice(directory, which, result);
    }
    return false;
}

std::shared_ptr<hypervisor> open_or_explain(const open_options& how, error_code& ec,
                                            std::string& why) {
    ec.clear();
    std::error_code ignored;
    if (!std::filesystem::exists(how.device_directory, ignored)) {
        ec = make_error_code(errc::no_hypervisor);
        why = how.device_directory +
              " is missing: this machine is not a Xen domain, or its kernel has not loaded the "
              "drivers (modprobe xen-evtchn xen-gntdev xen-gntalloc)";
        return nullptr;
    }
    if (!any_device(how.device_directory, ec, why))
        return nullptr;
    why.clear();
    std::string location;
    const auto pipe = open_store(how.device_directory, location, ec);
    if (ec) {
        why = "no way to the store: neither xenstored's socket nor " + how.device_directory +
              "/xenbus nor /proc/xen/xenbus can be opened (" + ec.message() +
              "): start xenstored, or 'mount -t xenfs xenfs /proc/xen', and run as root";
        ec = make_error_code(ec == boost::system::errc::permission_denied ? errc::device_permission
                                                                          : errc::device_missing);
        return nullptr;
    }
    const auto self = read_own_domid(*pipe, 5s, ec);
    if (ec) {
        why = "the store at " + location + " does not tell this domain's number: " + ec.message();
        return nullptr;
    }
    return std::make_shared<xen_hypervisor>(how, self, location);
}

} // namespace

std::shared_ptr<hypervisor> open(const open_options& how, error_code& ec, std::string* advice) {
    std::string why;
    auto machine = open_or_explain(how, ec, why);
    if (advice)
        *advice = why;
    return machine;
}

std::shared_ptr<hypervisor> open(error_code& ec, std::string* advice) {
    return open(open_options{}, ec, advice);
}

} // namespace xenring::xen
