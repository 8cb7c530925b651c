// SPDX-License-Identifier: Apache-2.0
// A PacketBuffer together with its storage, with the room around the packet that every buffer
// that enters the translator has, and no byte more: a write beyond it is a heap overflow that
// the address sanitizer sees. The room is filled with 0xee, so that a byte left there by
// mistake shows.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "tests/support/bytes.hpp"

#include <algorithm>
#include <cstddef>

namespace nat64::test {

class OwnedPacket {
public:
    explicit OwnedPacket(View packet,
                         const Offload& offload = {},
                         std::size_t headroom = kHeadroom,
                         std::size_t tailroom = kTailroom)
        : storage_(headroom + packet.size() + tailroom, std::byte{0xee}),
          buffer_{storage_, headroom, packet.size()} {
        std::ranges::copy(packet, buffer_.data());
        buffer_.offload = offload;
    }

    OwnedPacket(const OwnedPacket&) = delete;
    OwnedPacket& operator=(const OwnedPacket&) = delete;
    OwnedPacket(OwnedPacket&&) noexcept = default;
    OwnedPacket& operator=(OwnedPacket&&) noexcept = default;
    ~OwnedPacket() = default;

    [[nodiscard]] PacketBuffer& buffer() noexcept { return buffer_; }

    [[nodiscard]] View bytes() const noexcept { return buffer_.bytes(); }

    [[nodiscard]] Bytes copy() const { return {bytes().begin(), bytes().end()}; }

private:
    Bytes storage_;
    PacketBuffer buffer_;
};

} // namespace nat64::test
