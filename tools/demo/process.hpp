// The demo's child processes, and what happens to them.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

namespace xenring::tools::demo {

/// The signals that end the demo, and the one that tells of ended children, as a descriptor. They
/// are blocked as long as this lives; a signal that was ignored before stays ignored.
class signal_watch {
public:
    signal_watch();
    signal_watch(const signal_watch&) = delete;
    signal_watch& operator=(const signal_watch&) = delete;
    ~signal_watch();

    int descriptor() const noexcept { return descriptor_; }
    /// The next signal that has come, if any: SIGCHLD, or one that ends the demo.
    std::optional<int> next() const;
    /// In a child: signals act there as in any program.
    void forget() const;

private:
    int descriptor_ = -1;
};

/// A process of the demo. It ends when the demo ends, however that does; it is killed if it has not
/// ended by itself when this goes.
class process {
public:
    /// Forks; `body` is the child's whole life, and its result whether it went well.
    process(std::string name, const signal_watch& signals, const std::function<bool()>& body);
    process(const process&) = delete;
    process& operator=(const process&) = delete;
    ~process();

    const std::string& name() const noexcept { return name_; }
    /// Whether it is known to have ended.
    bool ended() const noexcept { return number_ == 0; }
    /// Looks whether it has ended, without waiting; true the first time that it has.
    bool look();
    /// What made it end: empty if all went well, else for people.
    const std::string& failure() const noexcept { return failure_; }
    /// Whether a signal ended it that was not ours.
    bool killed() const noexcept { return killed_; }
    /// Ends it at once.
    void kill();
    /// Asks it to end in order, and waits.
    void end_in_order();

private:
    void take(int status);

    std::string name_;
    std::string failure_;
    pid_t number_ = 0;
    bool killed_ = false;
};

} // namespace xenring::tools::demo
