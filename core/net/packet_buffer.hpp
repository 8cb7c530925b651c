// SPDX-License-Identifier: Apache-2.0
// A packet in memory that somebody else owns, with room to grow at both ends, and what the
// device said about its checksum and segmentation. Translation happens in place: IPv6 to IPv4
// gives up 20 bytes or more at the front, IPv4 to IPv6 takes 20 or 28, an ICMP error grows
// inside as well.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64 {

/// Room every buffer that enters the translator must have in front of and behind the packet.
inline constexpr std::size_t kHeadroom = 64;
inline constexpr std::size_t kTailroom = 128;

/// Room that every packet that leaves still has in front: the header of a device goes there.
inline constexpr std::size_t kHeadroomLeft = 16;

/// The largest IP packet.
inline constexpr std::size_t kMaxPacket = 65535;

/// How the device will cut a super-packet (GSO). The segment size is payload bytes of each
/// segment and does not change with the address family.
enum class Segmentation : std::uint8_t { None, Tcp, Udp };

/// Offload metadata of a packet, the meaning of a virtio_net_hdr without its layout.
struct Offload {
    Segmentation segmentation = Segmentation::None;
    bool tcp_cwr = false; ///< VIRTIO_NET_HDR_GSO_ECN: only the first segment carries CWR
    bool partial_checksum =
        false; ///< the checksum field holds the folded pseudo-header sum, not complemented
    std::uint16_t segment_size = 0;    ///< payload bytes a segment; 0 without segmentation
    std::uint16_t checksum_start = 0;  ///< offset of the transport header, if partial_checksum
    std::uint16_t checksum_offset = 0; ///< offset of the checksum field behind checksum_start
};

class PacketBuffer {
public:
    PacketBuffer() noexcept = default;

    /// A packet of `size` bytes that starts `offset` bytes into `storage`. The storage stays
    /// the caller's.
    PacketBuffer(std::span<std::byte> storage, std::size_t offset, std::size_t size) noexcept
        : storage_{storage}, offset_{offset}, size_{size} {
        assert(offset + size <= storage.size());
    }

    [[nodiscard]] std::span<std::byte> bytes() noexcept {
        return {storage_.data() + offset_, size_};
    }

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return {storage_.data() + offset_, size_};
    }

    [[nodiscard]] std::byte* data() noexcept { return storage_.data() + offset_; }

    [[nodiscard]] const std::byte* data() const noexcept { return storage_.data() + offset_; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] std::size_t headroom() const noexcept { return offset_; }

    [[nodiscard]] std::size_t tailroom() const noexcept {
        return storage_.size() - offset_ - size_;
    }

    /// Makes the packet `n` bytes longer at the front; the new bytes are whatever was there.
    void push_front(std::size_t n) noexcept {
        assert(n <= headroom());
        offset_ -= n;
        size_ += n;
    }

    void pop_front(std::size_t n) noexcept {
        assert(n <= size_);
        offset_ += n;
        size_ -= n;
    }

    /// Changes the length at the end; bytes beyond the old end are whatever was there.
    void resize(std::size_t size) noexcept {
        assert(offset_ + size <= storage_.size());
        size_ = size;
    }

    Offload offload;

private:
    std::span<std::byte> storage_;
    std::size_t offset_ = 0;
    std::size_t size_ = 0;
};

/// Where packets leave, each with kHeadroomLeft in front. Called on the packet thread; the
/// buffer is the caller's again when the call returns, so an implementation that queues must
/// copy.
class Emit {
public:
    virtual void packet(PacketBuffer& packet) noexcept = 0;

    /// Several packets in their order, all of them plain (core/plain.hpp). An implementation
    /// may give those of IPv4 other identifications: the ones they have were made up here.
    virtual void packets(std::span<PacketBuffer> packets) noexcept {
        for (auto& one : packets)
            packet(one);
    }

protected:
    ~Emit() = default;
};

} // namespace nat64
