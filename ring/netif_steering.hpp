#pragma once

/// How a guest wants its frames spread over its queues: what it set over the control ring.
///
/// Every setter takes private copies of what a guest wrote, checks all of it, and only then changes
/// anything; it returns the status for the response. Source: xen/io/netif.h, "Control messages".

#include <xenring/ring/netif_hash.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace xenring::ring::netif {

namespace control_status {
inline constexpr std::uint32_t success = 0;
inline constexpr std::uint32_t not_supported = 1;
inline constexpr std::uint32_t invalid_parameter = 2;
inline constexpr std::uint32_t buffer_overflow = 3;
} // namespace control_status

/// Entries in the longest table from hashes to queues, which is Linux's limit as well.
inline constexpr std::uint32_t max_hash_mapping = 128;

/// Owns the key, its table and the mapping, about 5 KiB, nothing on the heap. Thread safety: none;
/// who steers and who serves the control ring take turns.
class steering {
public:
    /// For a guest with so many queues, at least 1.
    explicit constexpr steering(std::uint32_t queues) noexcept : queues_(queues) {}

    /// none: the backend steers as it likes.
    [[nodiscard]] constexpr std::uint32_t set_algorithm(std::uint32_t algorithm) noexcept {
        if (algorithm > hash_algorithm::toeplitz)
            return control_status::invalid_parameter;
        algorithm_ = algorithm;
        return control_status::success;
    }

    /// Bits of hash_type; 0: the backend steers as it likes. An algorithm must have been set.
    [[nodiscard]] constexpr std::uint32_t set_types(std::uint32_t types) noexcept {
        if ((types & ~hash_type::all) != 0 || algorithm_ == hash_algorithm::none)
            return control_status::invalid_parameter;
        types_ = types;
        return control_status::success;
    }

    /// Whether a key of so many bytes may follow; to be asked before they are copied.
    [[nodiscard]] static constexpr std::uint32_t check_key(std::uint32_t size) noexcept {
        return size > max_hash_key ? control_status::buffer_overflow : control_status::success;
    }

    /// Replaces the key; bytes that are missing are zero. Rebuilds a table: not for the data path.
    [[nodiscard]] constexpr std::uint32_t set_key(std::span<const std::uint8_t> key) noexcept {
        if (key.size() > max_hash_key)
            return control_status::buffer_overflow;
        table_ = toeplitz_table(key);
        return control_status::success;
    }

    /// A fresh mapping of so many entries, all zero; 0: the hash modulo the number of queues.
    [[nodiscard]] constexpr std::uint32_t set_mapping_size(std::uint32_t entries) noexcept {
        if (entries > max_hash_mapping)
            return control_status::invalid_parameter;
        mapping_size_ = entries;
        for (auto& queue : mapping_)
            queue = 0;
        return control_status::success;
    }

    /// Whether so many entries may be set from `offset` on; to be asked before they are copied.
    /// No sum is formed, so none can wrap (XSA-270).
    [[nodiscard]] constexpr std::uint32_t check_mapping(std::uint32_t offset,
                                                        std::uint32_t entries) const noexcept {
        if (entries > page_size / sizeof(std::uint32_t))
            return control_status::buffer_overflow;
        if (offset > mapping_size_ || entries > mapping_size_ - offset)
            return control_status::invalid_parameter;
        return control_status::success;
    }

    /// Sets part of the mapping; all of it or, if an entry names no queue, nothing.
    [[nodiscard]] constexpr std::uint32_t
    set_mapping(std::uint32_t offset, std::span<const std::uint32_t> queues) noexcept {
        if (queues.size() > max_hash_mapping)
            return control_status::invalid_parameter;
        const auto entries = static_cast<std::uint32_t>(queues.size());
        if (const auto bad = check_mapping(offset, entries); bad != control_status::success)
            return bad;
        for (const std::uint32_t queue : queues)
            if (queue >= queues_)
                return control_status::invalid_parameter;
        for (std::uint32_t i = 0; i != entries; ++i)
            mapping_[offset + i] = queues[i];
        return control_status::success;
    }

    [[nodiscard]] constexpr std::uint32_t algorithm() const noexcept { return algorithm_; }
    /// Whether anything is to be hashed. If not, the backend steers as it likes.
    [[nodiscard]] constexpr bool hashes() const noexcept {
        return algorithm_ != hash_algorithm::none && types_ != 0;
    }
    [[nodiscard]] constexpr std::uint32_t queues() const noexcept { return queues_; }

    /// The hash of a frame if the guest wants it steered by hash, and it is of a kind that the
    /// guest asked for. See hash_frame().
    [[nodiscard]] std::optional<packet_hash> hash(std::span<const std::byte> frame) const noexcept {
        if (algorithm_ == hash_algorithm::none)
            return std::nullopt;
        return hash_frame(frame, types_, table_);
    }

    /// The queue for a hash, less than queues().
    [[nodiscard]] constexpr std::uint32_t queue_of(std::uint32_t hash) const noexcept {
        return mapping_size_ == 0 ? hash % queues_ : mapping_[hash % mapping_size_];
    }

private:
    toeplitz_table table_{};
    std::uint32_t mapping_[max_hash_mapping]{};
    std::uint32_t mapping_size_ = 0;
    std::uint32_t algorithm_ = hash_algorithm::none;
    std::uint32_t types_ = 0;
    std::uint32_t queues_;
};

} // namespace xenring::ring::netif
