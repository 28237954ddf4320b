// What one program asks of its hypervisor and of its store, written down in the order it happens.
#pragma once

#include <xenring/grant/local/client.hpp>
#include <xenring/grant/store_wire.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace xenring::vchan::test {

/// A line for each call. `looking` is called before and after each message to the store, when the
/// store has done all that came before and nothing that comes after.
struct call_record {
    std::vector<std::string> lines;
    std::function<void()> looking = [] {};
};

/// A pipe to the store that writes down what goes through it.
class recording_pipe final : public store_pipe {
public:
    recording_pipe(std::unique_ptr<store_pipe> pipe, std::shared_ptr<call_record> record)
        : pipe_{std::move(pipe)}, record_{std::move(record)} {}

    int native_handle() const noexcept override { return pipe_->native_handle(); }
    std::size_t write_some(std::span<const std::byte> bytes, error_code& ec) noexcept override {
        record_->looking();
        const auto count = pipe_->write_some(bytes, ec);
        decoder_.feed(bytes.first(count));
        error_code broken;
        while (const auto message = decoder_.next(broken))
            record_->lines.push_back(describe(*message));
        record_->looking();
        return count;
    }
    std::size_t read_some(std::span<std::byte> bytes, error_code& ec) noexcept override {
        return pipe_->read_some(bytes, ec);
    }

private:
    static std::string describe(const store_wire::message& message) {
        using store_wire::message_type;
        const auto words = store_wire::split(message.payload);
        std::string line = message.transaction == 0 ? "store: " : "transaction: ";
        switch (message.type) {
        case message_type::read:
            return line + "read " + words[0];
        case message_type::transaction_start:
            return line + "begin";
        case message_type::transaction_end:
            return line + "end " + words[0];
        case message_type::write:
            return line + "write " + words[0];
        case message_type::set_permissions:
            line += "permissions " + words[0];
            for (std::size_t i = 1; i != words.size(); ++i)
                line += ' ' + words[i];
            return line;
        default:
            return line + "type " + std::to_string(static_cast<unsigned>(message.type));
        }
    }

    std::unique_ptr<store_pipe> pipe_;
    std::shared_ptr<call_record> record_;
    store_wire::decoder decoder_;
};

/// A process of the stand-in that writes down what it does.
class recording_link final : public local::link {
public:
    recording_link(std::shared_ptr<link> process, std::shared_ptr<call_record> record)
        : process_{std::move(process)}, record_{std::move(record)} {}

    domid self() const noexcept override { return process_->self(); }
    std::string where() const override { return process_->where(); }

    local::shared_region share(domid peer, std::uint32_t count, access mode,
                               const unmap_notify& notify, error_code& ec) override {
        note("share " + pages(peer, count, mode, notify));
        return process_->share(peer, count, mode, notify, ec);
    }
    grant_end unshare(local::region_id region, error_code& ec) override {
        return process_->unshare(region, ec);
    }
    local::mapped_region map(std::span<const foreign_grant> grants, access mode,
                             const unmap_notify& notify, error_code& ec) override {
        note("map " + pages(grants[0].owner, grants.size(), mode, notify));
        return process_->map(grants, mode, notify, ec);
    }
    void unmap(local::map_id map, error_code& ec) override { process_->unmap(map, ec); }
    local::file_descriptor memory(local::region_id region, access mode, error_code& ec) override {
        return process_->memory(region, mode, ec);
    }
    std::vector<local::copy_answer> check_copy(std::span<const local::copy_side> sides,
                                               error_code& ec) override {
        return process_->check_copy(sides, ec);
    }
    local::channel_id open_event_channel(error_code& ec) override {
        return process_->open_event_channel(ec);
    }
    void close_event_channel(local::channel_id channel, error_code& ec) override {
        process_->close_event_channel(channel, ec);
    }
    local::channel_end bind_unbound(local::channel_id channel, domid remote,
                                    error_code& ec) override {
        note("bind an unbound port for " + std::to_string(remote.value));
        return process_->bind_unbound(channel, remote, ec);
    }
    local::channel_end bind_interdomain(local::channel_id channel, domid remote, port remote_port,
                                        error_code& ec) override {
        note("bind to a port of " + std::to_string(remote.value));
        return process_->bind_interdomain(channel, remote, remote_port, ec);
    }
    void unbind(local::channel_id channel, port own, error_code& ec) override {
        process_->unbind(channel, own, ec);
    }
    std::unique_ptr<store_pipe> open_store(error_code& ec) override {
        auto pipe = process_->open_store(ec);
        return ec ? nullptr : std::make_unique<recording_pipe>(std::move(pipe), record_);
    }
    error_code state() const noexcept override { return process_->state(); }
    int destroyed_handle() const noexcept override { return process_->destroyed_handle(); }
    int gone_handle() const noexcept override { return process_->gone_handle(); }
    void disconnect() noexcept override { process_->disconnect(); }

private:
    void note(std::string line) { record_->lines.push_back(std::move(line)); }
    static std::string pages(domid peer, std::size_t count, access mode,
                             const unmap_notify& notify) {
        auto text = std::to_string(count) + " with " + std::to_string(peer.value) +
                    (mode == access::read_write ? " writable" : " read-only");
        if (notify.clear_byte)
            text += ", clears " + std::to_string(*notify.clear_byte);
        return text + (notify.notify ? ", notifies" : "");
    }

    std::shared_ptr<link> process_;
    std::shared_ptr<call_record> record_;
};

} // namespace xenring::vchan::test
