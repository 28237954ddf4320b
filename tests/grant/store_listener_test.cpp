#include "store_socket_fixture.hpp"

#include <xenring/grant/store_transaction.hpp>
#include <xenring/grant/store_watch.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <vector>

namespace xenring {
namespace {

using namespace std::chrono_literals;

class StoreListener : public store_socket_fixture {};

TEST_F(StoreListener, GivesEachSocketItsOwnDomain) {
    store one = connect_socket(1);
    store two = connect_socket(2);
    EXPECT_EQ(one.read("domid"), "1");
    EXPECT_EQ(two.read("domid"), "2");
    one.write("data/x", "v");
    error_code ec;
    two.read("/local/domain/1/data/x", ec);
    EXPECT_EQ(ec, eacces());
}

TEST_F(StoreListener, TellsEventsOfOtherConnections) {
    store one = connect_socket(1);
    store_watch watch = one.watch("data");
    EXPECT_EQ(watch.wait_for(1h), "data");
    connect_socket(0).write("/local/domain/1/data/x", "v");
    EXPECT_EQ(watch.wait_for(1h), "data/x");
}

TEST_F(StoreListener, WaitsOnTheClientsExecutor) {
    store one = connect_socket(1);
    store_watch watch = one.watch("data");
    watch.wait_for(1h);
    std::string heard;
    watch.async_wait([&](error_code ec, std::string path) {
        EXPECT_FALSE(ec) << ec.message();
        heard = std::move(path);
    });
    std::vector<std::string> values;
    for (int each = 0; each < 100; ++each)
        one.async_read("domid", [&](error_code ec, std::string value) {
            EXPECT_FALSE(ec) << ec.message();
            values.push_back(std::move(value));
        });
    connect(0).write("/local/domain/1/data/x", "v");
    context.run();
    EXPECT_EQ(heard, "data/x");
    EXPECT_EQ(values, std::vector<std::string>(100, "1"));
}

TEST_F(StoreListener, ALargeDirectoryAndLargeValuesCross) {
    store control = connect_socket(0);
    const std::string large(3000, 'v');
    for (int each = 0; each < 300; ++each)
        control.write("/big/a-rather-long-name-" + std::to_string(each), large);
    EXPECT_EQ(control.directory("/big").size(), 300u);
    EXPECT_EQ(control.read("/big/a-rather-long-name-299"), large);
}

TEST_F(StoreListener, AClientThatGoesLeavesNothing) {
    {
        store one = connect_socket(1);
        const store_watch watch = one.watch("data");
        const store_transaction transaction = one.begin();
        EXPECT_EQ(server->used_by(domid{1}).watches, 1u);
        one = store{};
    }
    while (server->used_by(domid{1}).connections != 0)
        std::this_thread::yield();
    EXPECT_EQ(server->used_by(domid{1}).watches, 0u);
    EXPECT_EQ(server->used_by(domid{1}).transactions, 0u);
}

TEST_F(StoreListener, AReleasedDomainsClientsSeeTheEnd) {
    store one = connect_socket(1);
    store_watch watch = one.watch("data");
    watch.wait_for(1h);
    server->release(domid{1});
    error_code ec;
    watch.wait_for(1h, ec);
    EXPECT_EQ(ec, errc::store_gone);
}

TEST_F(StoreListener, ClosingEndsItsClientsAndRemovesTheSocket) {
    store one = connect_socket(1);
    EXPECT_EQ(one.read("domid"), "1");
    for (auto& listener : listeners)
        listener.close();
    error_code ec;
    one.read("domid", ec);
    EXPECT_EQ(ec, errc::store_gone);
    EXPECT_FALSE(std::filesystem::exists(socket_of(1)));
    EXPECT_EQ(open_store_pipe(socket_of(1), ec), nullptr);
    EXPECT_EQ(ec, enoent());
}

TEST_F(StoreListener, AClientThatReadsNothingHoldsNobodyUp) {
    error_code ec;
    const auto deaf = open_store_pipe(socket_of(1), ec);
    ASSERT_TRUE(deaf);
    std::vector<std::byte> request;
    store_wire::encode({store_wire::message_type::read, 1, 0, store_wire::join({"domid"})},
                       request);
    std::size_t sent = 0;
    while (!ec && sent < 64 * 1024 * 1024) // until the way to the store is full
        sent += deaf->write_some(request, ec);
    EXPECT_EQ(ec, boost::asio::error::would_block);
    EXPECT_EQ(connect_socket(2).read("domid"), "2");
}

TEST_F(StoreListener, SaysWhyAPathCannotBeServed) {
    error_code ec;
    const local::store_listener missing{serving.get_executor(), server, domid{0},
                                        (directory / "missing" / "socket").string(), ec};
    EXPECT_EQ(ec, enoent());
    const local::store_listener too_long{serving.get_executor(), server, domid{0},
                                         (directory / std::string(120, 'x')).string(), ec};
    EXPECT_EQ(ec, errc::socket_path_too_long);
}

TEST_F(StoreListener, ReplacesASocketThatIsLeftOver) {
    const std::string path = (directory / "left-over").string();
    std::filesystem::create_symlink(directory / "nowhere", path);
    error_code ec;
    const local::store_listener listener{serving.get_executor(), server, domid{1}, path, ec};
    EXPECT_FALSE(ec) << ec.message();
    const store one{context.get_executor(), open_store_pipe(path, ec)};
    EXPECT_EQ(one.read("domid"), "1");
}

} // namespace
} // namespace xenring
