#include "report.hpp"

#include <fmt/core.h>

#include <unistd.h>

#include <cstdio>
#include <limits>
#include <sstream>

namespace xenring::tools::demo {

void reporter::line(const std::string& text) {
    // Short of PIPE_BUF, so whole or not at all; without a reader there is nobody to tell.
    [[maybe_unused]] const auto written = ::write(descriptor_, text.data(), text.size());
}

void reporter::progress(std::string_view what, double done, double total) {
    line(fmt::format("progress {} {} {}\n", what, done, total));
}

void reporter::figure(std::string_view name, double value) {
    line(fmt::format("figure {} {}\n", name, value));
}

void reporter::trouble(std::string_view text) {
    line(fmt::format("trouble {}\n", text));
}

double figures::operator[](std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

namespace {

class screen {
public:
    void progress(const std::string& what, double done, double total) {
        const int percent = static_cast<int>(total > 0 ? 100 * done / total : 100);
        if (terminal_)
            fmt::print(stderr, "\r  {:<44} {:>3} %", what, percent);
        else if (percent >= 100)
            fmt::print(stderr, "  {:<44} {:>3} %\n", what, percent);
        if (terminal_ && percent >= 100)
            fmt::print(stderr, "\n");
        std::fflush(stderr);
    }
    static void trouble(const std::string& text) { fmt::print(stderr, "\nxenring: {}\n", text); }

private:
    bool terminal_ = ::isatty(STDERR_FILENO) != 0;
};

void take_line(const std::string& text, figures& into, screen& view) {
    std::istringstream words{text};
    std::string kind;
    std::string name;
    double first = 0;
    double second = 0;
    words >> kind;
    if (kind == "trouble") {
        into.trouble = true;
        view.trouble(text.substr(kind.size() + 1));
        return;
    }
    words >> name >> first >> second;
    if (kind == "figure")
        into.values[name] = first;
    for (auto& letter : name)
        letter = letter == '_' ? ' ' : letter;
    if (kind == "progress")
        view.progress(name, first, second);
}

} // namespace

bool collector::take(int descriptor) {
    screen view;
    char block[4096];
    const auto count = ::read(descriptor, block, sizeof block);
    if (count <= 0)
        return false;
    text_.append(block, static_cast<std::size_t>(count));
    for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
        take_line(text_.substr(0, end), seen_, view);
        text_.erase(0, end + 1);
    }
    return true;
}

} // namespace xenring::tools::demo
