// In what order a channel is opened and closed: what libxenvchan does, as others may rely on it.
#include "fixture.hpp"
#include "recording_link.hpp"

#include <xenring/grant/store_watch.hpp>

namespace xenring::vchan::test {
namespace {

using lines = std::vector<std::string>;

class order_of_steps : public two_domains {
protected:
    domain recorded(domid who) {
        error_code ec;
        auto process = machine.start_process(who, ec);
        EXPECT_FALSE(ec);
        auto program = std::make_shared<local::client>(
            std::make_shared<recording_link>(std::move(process), record),
            std::make_shared<local::fault_plan>(), "");
        return domain{io.get_executor(), std::move(program)};
    }

    /// What changes anything; whether a key is there already is asked by ours alone.
    lines changes() const {
        lines found;
        for (const auto& line : record->lines)
            if (!line.starts_with("transaction: read"))
                found.push_back(line);
        return found;
    }

    /// How many of the two keys the client's domain can see now.
    int keys_seen(const std::string& base) {
        auto& store = client_here->store();
        int found = 0;
        for (const auto* key : {"/ring-ref", "/event-channel"}) {
            error_code ec;
            store.read(base + key, ec);
            found += !ec;
        }
        return found;
    }

    std::shared_ptr<call_record> record = std::make_shared<call_record>();
};

TEST_F(order_of_steps, Case3ServerPreparesEverythingAndAnnouncesItAtOnce) {
    const auto here = recorded(server_domain);
    stream ours{here};
    ours.listen(client_domain, "test", sized(1 << 14, 1 << 13));
    const std::string base = "/local/domain/1/data/vchan/2/test";
    const lines wanted{
        "bind an unbound port for 2",
        "share 1 with 2 writable, clears 21, notifies",
        "share 4 with 2 writable",
        "share 2 with 2 writable",
        "store: begin",
        "transaction: write " + base + "/ring-ref",
        "transaction: permissions " + base + "/ring-ref n1 r2",
        "transaction: write " + base + "/event-channel",
        "transaction: permissions " + base + "/event-channel n1 r2",
        "transaction: end T",
    };
    EXPECT_EQ(changes(), wanted);
}

TEST_F(order_of_steps, Case3ClientReadsBindsAndMaps) {
    auto listening = server();
    listening.listen(client_domain, "test", sized(1 << 14, 1 << 13));
    const auto here = recorded(client_domain);
    stream ours{here};
    ours.connect(server_domain, "test", small());
    const std::string base = "/local/domain/1/data/vchan/2/test";
    const lines wanted{
        "store: read " + base + "/ring-ref",
        "store: read " + base + "/event-channel",
        "bind to a port of 1",
        "map 1 with 1 writable, clears 20, notifies",
        "map 4 with 1 writable",
        "map 2 with 1 read-only",
        "store: read " + base + "/ring-ref", // a server that restarted in between is seen
        "store: read " + base + "/event-channel",
    };
    EXPECT_EQ(record->lines, wanted);
}

TEST_F(order_of_steps, Case3KeysAppearAndVanishTogether) {
    const auto here = recorded(server_domain);
    stream ours{here};
    const std::string base = "/local/domain/1/data/vchan/2/test";
    lines seen; // between any two requests of the server, what the client's domain sees
    record->looking = [&] {
        auto now = std::to_string(keys_seen(base));
        if (seen.empty() || seen.back() != now)
            seen.push_back(std::move(now));
    };
    ours.listen(client_domain, "test", small());
    EXPECT_EQ(seen, (lines{"0", "2"}));
    ours.close();
    EXPECT_EQ(seen, (lines{"0", "2", "0"}));
    record->looking = [] {};
}

TEST_F(order_of_steps, Case3AWatchingClientFindsBothKeysAtEveryEvent) {
    const std::string base = "/local/domain/1/data/vchan/2/test";
    auto watch = client_here->store().watch(base);
    lines seen;
    std::function<void()> look = [&] {
        watch.async_wait([&](error_code ec, const std::string& path) {
            if (ec)
                return;
            seen.push_back(path.substr(base.size()) + ' ' + std::to_string(keys_seen(base)));
            look();
        });
    };
    look();
    io.poll();
    EXPECT_EQ(seen, (lines{" 0"})) << "a watch fires once at once";
    seen.clear();
    const auto here = recorded(server_domain);
    stream ours{here};
    record->looking = [&] { io.poll(); }; // handlers run between the server's requests
    ours.listen(client_domain, "test", small());
    EXPECT_FALSE(seen.empty());
    for (const auto& event : seen)
        EXPECT_TRUE(event.ends_with(" 2")) << event;
    record->looking = [] {};
    watch.close();
    run();
}

} // namespace
} // namespace xenring::vchan::test
