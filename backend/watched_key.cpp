#include <xenring/backend/watched_key.hpp>
#include <xenring/grant/blocking.hpp>

#include <utility>

namespace xenring::backend {

watched_key::watched_key(const domain& here, std::string path, error_code& ec)
    : here_{here}, path_{std::move(path)}, watch_{here.store().watch(path_, ec)} {}

void watched_key::start(handler changed) {
    changed_ = std::move(changed);
    wait(); // a new watch has an event at once
}

void watched_key::stop() noexcept {
    changed_ = nullptr;
    watch_.close();
}

void watched_key::wait() {
    watch_.async_wait([weak = weak_from_this()](const error_code& ec, const std::string&) {
        const auto self = weak.lock();
        if (self && self->changed_ && !ec)
            self->read();
    });
}

void watched_key::read() {
    auto value = std::make_shared<std::optional<std::string>>();
    xenring::detail::run_blocking(
        here_.get_executor(),
        [here = here_, path = path_, value] {
            error_code absent;
            auto text = here.store().read(path, absent);
            if (!absent)
                *value = std::move(text);
        },
        [weak = weak_from_this(), value] {
            const auto self = weak.lock();
            if (!self || !self->changed_)
                return;
            self->changed_(*value);
            self->wait();
        });
}

} // namespace xenring::backend
