#pragma once

/// Frames in a netfront's hands: to be sent, and received. Each owns its pages; whoever has it is
/// the only one here that does.

#include <xenring/ring/netif_packet.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace xenring::frontend {

class outgoing_frame;
class received_frame;

namespace detail {

/// Where the pages of a frame go when nobody needs them any more.
class page_owner {
public:
    virtual void give_back(std::uint16_t page) noexcept = 0;

protected:
    ~page_owner() = default;
};

/// Pieces of pages, one a page, in the frame's order. Move-only.
template <class Byte>
class page_pieces {
public:
    page_pieces() noexcept = default;
    explicit page_pieces(std::shared_ptr<page_owner> owner) noexcept : owner_{std::move(owner)} {}
    page_pieces(page_pieces&& other) noexcept
        : owner_{std::move(other.owner_)}, pieces_{other.pieces_}, pages_{other.pages_},
          count_{std::exchange(other.count_, 0)} {}
    page_pieces& operator=(page_pieces&& other) noexcept {
        if (this != &other) {
            clear();
            owner_ = std::move(other.owner_);
            pieces_ = other.pieces_;
            pages_ = other.pages_;
            count_ = std::exchange(other.count_, 0);
        }
        return *this;
    }
    ~page_pieces() { clear(); }

    /// Precondition: fewer than netif::max_slots are there.
    void add(std::uint16_t page, std::span<Byte> bytes) noexcept {
        pieces_[count_] = bytes;
        pages_[count_++] = page;
    }
    /// Gives the last page back.
    void drop_last() noexcept { owner_->give_back(pages_[--count_]); }
    void clear() noexcept {
        while (count_ != 0)
            drop_last();
        owner_.reset();
    }
    /// They are somebody else's now.
    void release() noexcept {
        count_ = 0;
        owner_.reset();
    }

    const page_owner* owner() const noexcept { return owner_.get(); }
    std::size_t count() const noexcept { return count_; }
    std::uint16_t page(std::size_t index) const noexcept { return pages_[index]; }
    std::span<Byte>& operator[](std::size_t index) noexcept { return pieces_[index]; }
    std::span<const std::span<Byte>> all() const noexcept { return {pieces_.data(), count_}; }
    std::size_t size() const noexcept {
        std::size_t sum = 0;
        for (const auto& each : all())
            sum += each.size();
        return sum;
    }

private:
    std::shared_ptr<page_owner> owner_;
    std::array<std::span<Byte>, ring::netif::max_slots> pieces_{};
    std::array<std::uint16_t, ring::netif::max_slots> pages_{};
    std::size_t count_ = 0;
};

class queue_set;
class rx_path;
class tx_path;

} // namespace detail

/// A frame that is being made, in pages that the backend may read at any time: what was written
/// here is no secret from it. Move-only; the pages go back when it is dropped, and to the backend
/// when it is sent. Must be dropped on the netfront's executor; outlives the netfront safely.
class outgoing_frame {
public:
    outgoing_frame() noexcept = default;

    explicit operator bool() const noexcept { return pieces_.count() != 0; }
    std::size_t size() const noexcept { return pieces_.size(); }

    /// The frame's bytes, to be filled. The first piece holds at least the Ethernet header; a frame
    /// that fits into one page beside its header room is one piece.
    std::span<const std::span<std::byte>> pieces() const noexcept { return pieces_.all(); }

    /// Copies bytes to `at` in the frame; what does not fit is left out. Returns how many fitted.
    std::size_t fill(std::span<const std::byte> bytes, std::size_t at = 0) noexcept;

    /// By which queue it goes.
    std::size_t queue() const noexcept { return queue_; }

    /// Bytes that may still be put before the frame.
    std::size_t headroom() const noexcept { return headroom_; }
    /// Makes the frame longer at its front, for a lower layer's header; returns the new bytes.
    /// Precondition: bytes <= headroom().
    std::span<std::byte> prepend(std::size_t bytes) noexcept;

    /// Makes the frame shorter at its end. Precondition: 0 < bytes <= size().
    void shrink(std::size_t bytes) noexcept;

private:
    friend class detail::queue_set;
    friend class detail::tx_path;
    detail::page_pieces<std::byte> pieces_;
    std::size_t headroom_ = 0;
    std::size_t queue_ = 0; ///< whose pages they are
};

/// A frame that came from the backend. Move-only; its pages are used for others once it is dropped,
/// and as long as it is kept the backend has fewer to fill. Must be dropped on the netfront's
/// executor; outlives the netfront safely.
///
/// Nobody can take a page back from a backend on Linux, so with a trusted backend (the key
/// "trusted" is not 0) the bytes are in a page that it could still write: copy once what must not
/// change between two looks. With one that is not trusted they are a private copy.
class received_frame {
public:
    received_frame() noexcept = default;

    explicit operator bool() const noexcept { return pieces_.count() != 0; }
    std::size_t size() const noexcept { return pieces_.size(); }

    /// What the backend says of the frame; see net/virtio_header.hpp and net/transport.hpp for what
    /// to do about a blank checksum.
    const ring::netif::packet_info& info() const noexcept { return info_; }

    std::span<const std::span<const std::byte>> pieces() const noexcept { return pieces_.all(); }

    /// By which queue it came, which the backend chose.
    std::size_t queue() const noexcept { return queue_; }

    /// Copies the frame, each byte once; what does not fit is left out. Returns how many fitted.
    std::size_t copy_to(std::span<std::byte> to) const noexcept;

private:
    friend class detail::queue_set;
    friend class detail::rx_path;
    detail::page_pieces<const std::byte> pieces_;
    ring::netif::packet_info info_;
    std::size_t queue_ = 0;
};

} // namespace xenring::frontend
