// Non-blocking calls on a client whose libxenvchan server left: only the store can tell how, and
// nobody waits for it.
#include "raw_peer.hpp"

#include <xenring/grant/local/store_server.hpp>
#include <xenring/grant/store_wire.hpp>
#include <xenring/vchan/peer_check.hpp>

#include <future>
#include <thread>

namespace xenring::vchan::test {
namespace {

/// From construction to thaw() no request to a store is answered, whoever sends it.
class frozen_store {
public:
    explicit frozen_store(const std::shared_ptr<local::store_server>& server)
        : holding_{[this, server] {
              // Told of its answer, a connection keeps the server's lock for as long as it likes.
              const auto id = server->open(domid{0}, [this] { hold(); });
              std::vector<std::byte> request;
              store_wire::encode({store_wire::message_type::directory, 1, 0, {"/\0", 2}}, request);
              server->receive(id, request);
              server->close(id);
          }} {
        held_.get_future().wait();
    }
    void thaw() {
        thawed_.set_value();
        holding_.join();
    }

private:
    void hold() {
        held_.set_value();
        thawed_.get_future().wait();
    }

    std::promise<void> held_, thawed_;
    std::jthread holding_;
};

class verdict : public two_domains {
protected:
    verdict() {
        ours.connect(server_domain, "test", small());
        ours.non_blocking(true);
    }

    error_code wait_for_read() {
        error_code ec;
        ours.wait(wait_type::read, ec);
        return ec;
    }
    error_code drain() {
        error_code ec;
        ours.drain(ec);
        return ec;
    }
    /// Reads until that is something else than would_block; how often it was that.
    int refused_until(error_code expected) {
        int refused = 0;
        error_code ec;
        while ((ec = read_error(ours)) == asio::error::would_block)
            ++refused;
        EXPECT_EQ(ec, expected) << ec.message();
        return refused;
    }

    raw_server peer{*server_program, server_here->store(), {10, 11}};
    stream ours = client();
};

TEST_F(verdict, NoNonBlockingCallWaitsForTheStore) {
    send(ours, "not drained");
    local::kill_process(*server_program);
    frozen_store store{machine.store()};
    for (int round = 0; round != 2; ++round) { // the first call begins a look, others find it begun
        EXPECT_EQ(read_error(ours), asio::error::would_block);
        EXPECT_EQ(write_error(ours), asio::error::would_block);
        EXPECT_EQ(wait_for_read(), asio::error::would_block);
        EXPECT_EQ(drain(), asio::error::would_block);
    }
    store.thaw();
    refused_until(errc::peer_process_died);
    EXPECT_EQ(write_error(ours), errc::peer_process_died);
    EXPECT_EQ(drain(), errc::peer_process_died);
}

TEST_F(verdict, NoNonBlockingCallTakesMoreThanOneLook) {
    local::kill_process(*server_program);
    EXPECT_GE(refused_until(errc::peer_process_died), detail::verdict_looks);
}

TEST_F(verdict, NonBlockingCallsSeeTheClose) {
    peer.close();
    refused_until(asio::error::eof);
    EXPECT_EQ(write_error(ours), errc::peer_closed);
}

TEST_F(verdict, ALaterAsynchronousReadGetsItToo) {
    local::kill_process(*server_program);
    EXPECT_EQ(read_error(ours), asio::error::would_block);
    char byte;
    error_code result;
    ours.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t) { result = ec; });
    io.poll();
    EXPECT_EQ(read_error(ours), asio::error::would_block) << "the other one sees to it";
    run();
    EXPECT_EQ(result, errc::peer_process_died);
}

TEST_F(verdict, ACancelledReadLeavesItToNonBlockingCalls) {
    local::kill_process(*server_program);
    char byte;
    error_code result;
    ours.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t) { result = ec; });
    ours.cancel();
    refused_until(errc::peer_process_died); // with nobody who runs the executor
    run();
    EXPECT_EQ(result, asio::error::operation_aborted);
}

TEST_F(two_domains, NonBlockingCallsLearnThatThePeersDomainDied) {
    auto [server, client] = connected();
    server.non_blocking(true);
    machine.destroy(client_domain);
    error_code ec;
    while ((ec = read_error(server)) ==
           asio::error::would_block) // with nobody who runs the executor
        std::this_thread::yield();
    EXPECT_EQ(ec, errc::peer_domain_died);
}

} // namespace
} // namespace xenring::vchan::test
