// How a server left that does not say: several looks into the store, until it is clear.
#include <xenring/vchan/stream_core.hpp>
#include <xenring/vchan/stream_service.hpp>

#include <thread>

namespace xenring::vchan::detail {

/// Finds out, elsewhere, how a server left that does not say.
void stream_core::judge() {
    if (std::exchange(judging_, true))
        return;
    glance_.forget(); // of two looks at once one would count too much
    const auto verdict = std::make_shared<error_code>();
    run_blocking(
        executor_,
        [verdict, here = here_, names = endpoint_->wire().names] {
            *verdict = how_server_left(here, names);
        },
        [self = shared_from_this(), verdict, opening = openings_] {
            if (!self->endpoint_ || self->openings_ != opening)
                return;
            self->judged(*verdict);
            if (self->endpoint_->needs_verdict() && self->waiting_for_anything())
                return self->judge_again();
            self->judging_ = false;
            if (self->waiting_for_anything())
                self->settle();
        });
}

void stream_core::judge_again() {
    verdict_timer_.expires_after(verdict_pause);
    verdict_timer_.async_wait([self = shared_from_this(), opening = openings_](error_code) {
        if (!self->endpoint_ || self->openings_ != opening)
            return;
        self->judging_ = false;
        if (self->waiting_for_anything()) // again, perhaps: rest() ends the pause early
            self->judge();
    });
}

/// Takes one look's result: it may take a few until it is clear.
void stream_core::judged(error_code verdict) {
    if (verdict)
        endpoint_->end(verdict);
    else if (++verdict_looks_ >= verdict_looks)
        endpoint_->end(errc::peer_process_died);
}

/// The next look, and a pause, on this thread: for calls that may block.
void stream_core::judge_blocking() {
    judged(how_server_left(here_, endpoint_->wire().names));
    if (endpoint_->needs_verdict())
        std::this_thread::sleep_for(verdict_pause);
}

/// The same for calls that may not, whether anybody runs the executor or not: each takes what the
/// last look found elsewhere, or lets the next one begin.
void stream_core::judge_in_passing() {
    if (judging_ && waiting_for_anything())
        return; // an asynchronous operation sees to it
    const auto look = [this] {
        return [here = here_, names = endpoint_->wire().names] {
            return how_server_left(here, names);
        };
    };
    if (const auto verdict = glance_.pass_by(executor_, look))
        judged(*verdict);
}

} // namespace xenring::vchan::detail
