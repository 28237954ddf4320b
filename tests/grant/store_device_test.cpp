// The client on something that behaves as Linux' /dev/xen/xenbus does (xenbus_dev_frontend.c).
#include "store_fixture.hpp"

#include <xenring/grant/store_transaction.hpp>
#include <xenring/grant/store_watch.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

namespace xenring {
namespace {

using namespace std::chrono_literals;
using store_wire::message_type;

/// What the device does that a socket does not.
struct device_behaviour {
    int refuse_watch = 0;           ///< an errno: the next watch is refused by write() itself
    bool anonymous_answers = false; ///< WATCH and UNWATCH are answered with request number 0
    bool full = false;              ///< write() would block
    bool silent = false;            ///< read() would block
    int unwatches = 0;              ///< how many were written
    bool overwritten = false;       ///< a request was written before the last one was answered
    std::size_t outstanding = 0;    ///< answers that have not been read
    std::size_t largest_message = 4096;
};

class device_pipe final : public store_pipe {
public:
    device_pipe(std::unique_ptr<store_pipe> inner, device_behaviour& behaviour)
        : inner_{std::move(inner)}, behaviour_{behaviour} {}

    int native_handle() const noexcept override { return inner_->native_handle(); }
    bool one_request_at_a_time() const noexcept override { return true; }

    std::size_t write_some(std::span<const std::byte> bytes, error_code& ec) noexcept override {
        ec = {};
        std::uint32_t header[4];
        std::memcpy(header, bytes.data(), sizeof header);
        const auto type = static_cast<message_type>(header[0]);
        if (behaviour_.full)
            ec = boost::asio::error::would_block;
        else if (bytes.size() > behaviour_.largest_message)
            ec = errno_code(EINVAL);
        else if (type == message_type::watch && behaviour_.refuse_watch != 0)
            ec = errno_code(std::exchange(behaviour_.refuse_watch, 0));
        if (ec)
            return 0;
        behaviour_.overwritten |= behaviour_.outstanding != 0;
        behaviour_.unwatches += type == message_type::unwatch;
        // One message; what else there is, is forgotten.
        inner_->write_some(bytes.first(store_wire::header_size + header[3]), ec);
        if (ec)
            return 0;
        ++behaviour_.outstanding;
        return bytes.size();
    }

    std::size_t read_some(std::span<std::byte> bytes, error_code& ec) noexcept override {
        if (behaviour_.silent) {
            ec = boost::asio::error::would_block;
            return 0;
        }
        const std::size_t count = inner_->read_some(bytes, ec);
        // Whole messages only come out of the store in this process when they fit.
        for (std::size_t at = 0; at + store_wire::header_size <= count;) {
            std::uint32_t header[4];
            std::memcpy(header, bytes.data() + at, sizeof header);
            const auto type = static_cast<message_type>(header[0]);
            if (type != message_type::watch_event)
                --behaviour_.outstanding;
            if (behaviour_.anonymous_answers &&
                (type == message_type::watch || type == message_type::unwatch))
                std::memset(bytes.data() + at + 4, 0, 8);
            at += store_wire::header_size + header[3];
        }
        return count;
    }

private:
    std::unique_ptr<store_pipe> inner_;
    device_behaviour& behaviour_;
};

class StoreDevice : public store_fixture {
protected:
    device_behaviour behaviour;
    store own{context.get_executor(),
              std::make_unique<device_pipe>(local::open_in_process(server, domid{1}), behaviour)};
};

TEST_F(StoreDevice, NeverHasTwoMessagesInOneWrite) {
    behaviour.full = true; // so that requests queue up in the client
    int done = 0;
    for (int each = 0; each < 100; ++each)
        own.async_read("domid", [&](error_code ec, const std::string& value) {
            EXPECT_FALSE(ec) << ec.message();
            EXPECT_EQ(value, "1");
            ++done;
        });
    behaviour.full = false;
    context.run();
    EXPECT_EQ(done, 100);
}

TEST_F(StoreDevice, KeepsTheErrnoOfAWatchThatIsRefusedByWrite) {
    behaviour.refuse_watch = ENOSPC;
    error_code ec;
    own.watch("data", ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    EXPECT_TRUE(own.is_open());
    store_watch watch = own.watch("data");
    EXPECT_EQ(watch.wait_for(0ms), "data");
}

TEST_F(StoreDevice, AMessageThatTheDeviceCannotHoldFailsAlone) {
    error_code ec;
    own.write("data/x", std::string(4085, 'v'), ec);
    EXPECT_EQ(ec, errno_code(EINVAL));
    EXPECT_EQ(own.read("domid"), "1");
}

TEST_F(StoreDevice, TakesAnswersToWatchesThatNameNoRequest) {
    behaviour.anonymous_answers = true;
    bool read = false;
    own.async_read("domid", [&](error_code ec, const std::string&) { read = !ec; });
    store_watch first = own.watch("data");
    store_watch second = own.watch("data");
    first.wait_for(0ms);
    second.wait_for(0ms);
    first.close();
    own.write("data", "x");
    EXPECT_EQ(second.wait_for(0ms), "data");
    context.run();
    EXPECT_TRUE(read);
}

// Linux would send another body than ours, or hang, and with it every program of the domain that
// uses the store.
TEST_F(StoreDevice, SendsWhatWaitedForAnAnswerOnceThatIsThere) {
    store_watch watch = own.watch("data");
    behaviour.silent = true;
    int done = 0;
    own.async_read("domid", [&](error_code ec, const std::string&) { done += !ec; });
    own.async_read("data", [&](error_code ec, const std::string&) { done += !ec; });
    watch.close();
    EXPECT_EQ(behaviour.unwatches, 0);
    behaviour.silent = false;
    context.run();
    EXPECT_EQ(done, 2);
    EXPECT_EQ(behaviour.unwatches, 1);
    EXPECT_FALSE(behaviour.overwritten);
}

TEST_F(StoreDevice, AbortsOneTransactionAfterTheOther) {
    for (int round = 0; round != 2; ++round) {
        std::vector<store_transaction> open;
        for (int each = 0; each != 10; ++each)
            open.push_back(own.begin());
        behaviour.silent = true;
        open.clear();
        behaviour.silent = false;
    }
    EXPECT_EQ(own.read("domid"), "1");
    EXPECT_FALSE(behaviour.overwritten);
}

} // namespace
} // namespace xenring
