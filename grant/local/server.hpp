// The stand-in as a process of its own: a machine served to programs in other processes.
#pragma once

#include <xenring/grant/local/machine.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>

namespace xenring::local {

/// Serves a machine in a directory (see runtime_directory.hpp). Programs find it through
/// connect() or open_hypervisor("local:DIRECTORY?domid=N"), Xen's own store tools through
/// XENSTORED_PATH=DIRECTORY/store/N. A program that dies, even by SIGKILL, is noticed, and what it
/// held is taken back.
///
/// Runs on the executor; a program in the same process as the server needs another thread, for its
/// calls block. Raises the process's limit of open files to the most that is allowed: each page
/// region takes one descriptor and each event channel three. Must be destroyed before its
/// execution context. Members are thread-safe.
///
/// Trust: whoever may enter the directory may be any domain, and may destroy any.
class server {
public:
    /// Errors: EADDRINUSE if a stand-in runs in `directory`, errc::foreign_directory if something
    /// there is in the way (see runtime_directory.hpp), errc::socket_path_too_long, errno. After an
    /// error nothing is served.
    server(boost::asio::any_io_executor executor, std::string directory, machine hypervisor,
           error_code& ec);
    explicit server(boost::asio::any_io_executor executor, std::string directory,
                    machine hypervisor = machine{});
    server(server&&) noexcept = default;
    server& operator=(server&&) = delete;
    /// Closes: connections end, sockets are removed.
    ~server();

    void close() noexcept;

    /// The machine that is served.
    machine served() const;

private:
    class state;
    std::shared_ptr<state> state_;
};

} // namespace xenring::local
