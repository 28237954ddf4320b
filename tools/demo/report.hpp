// What a demo's processes tell the one that started them: lines over a pipe.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace xenring::tools::demo {

/// Writes "progress WHAT DONE TOTAL" and "figure NAME VALUE" lines; each line is one write(2), so
/// several processes may share the pipe.
class reporter {
public:
    explicit reporter(int descriptor) : descriptor_{descriptor} {}

    void progress(std::string_view what, double done, double total);
    void figure(std::string_view name, double value);
    void trouble(std::string_view text);

private:
    void line(const std::string& text);

    int descriptor_;
};

/// What was collected from those lines.
struct figures {
    std::map<std::string, double, std::less<>> values;
    bool trouble = false;

    double operator[](std::string_view name) const;
};

/// Takes those lines from a pipe, and shows progress on standard error.
class collector {
public:
    /// Takes what the pipe holds, and waits for something; false once every writer has closed it.
    bool take(int descriptor);
    const figures& seen() const noexcept { return seen_; }

private:
    figures seen_;
    std::string text_;
};

} // namespace xenring::tools::demo
