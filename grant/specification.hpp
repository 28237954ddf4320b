// The text that names a hypervisor, and what it means. See open_hypervisor() for the grammar.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/types.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace xenring {

enum class hypervisor_kind { xen, local };

/// A specification with everything filled in.
struct specification {
    hypervisor_kind kind = hypervisor_kind::xen;
    std::string directory; ///< local: where the stand-in's process runs
    domid self;            ///< local: as which domain
    std::string fault;     ///< local: which call shall fail, for tests ("share:3")
    bool asked = false;    ///< whether anybody named a hypervisor, or it was looked for
    std::string why;       ///< what decided, or what was refused; for people
};

/// What tells that this machine is a domain of Xen, empty if nothing does: /dev/xen with any node
/// in it, or /proc/xen/capabilities. Which nodes there are says nothing: a guest's kernel makes
/// xenbus by itself, and the others come with modules that may not be loaded. `root`: below which
/// both are looked for.
std::string sign_of_xen(const std::string& root = {});

/// Reads `text`, asks `environment` (a function from a variable's name to its value, empty if
/// unset) and `sign` (as sign_of_xen()) for what it leaves open. Error: errc::bad_specification.
specification resolve_specification(
    std::string_view text, const std::function<std::string(const char*)>& environment,
    error_code& ec, const std::function<std::string()>& sign = [] { return sign_of_xen(); });

} // namespace xenring
