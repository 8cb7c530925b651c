// SPDX-License-Identifier: Apache-2.0
// Cutting what is too big for the IPv6 side and may be cut (DF=0, RFC 7915 §4.1): packets into
// IPv6 fragments, UDP super-packets (USO) into datagrams first. TCP super-packets are never cut
// here; ipv4_to_ipv6.cpp says why. Pieces are built one after the other in the scratch buffer.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "core/rfc7915/ip_headers.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64::rfc7915 {

/// What is cut: the IPv6 header of all pieces (its payload length does not matter) and what
/// they have in common as fragments. A piece of a packet that was a fragment already keeps that
/// one's place in the whole.
struct Cut {
    Ipv6Fields header;
    std::uint32_t identification = 0;
    std::uint32_t offset = 0; ///< bytes
    bool more = false;
    Mtu limit; ///< of a piece, IPv6 header included
};

/// Emits the transport bytes in as many pieces as the limit asks for, without Fragment header
/// if one whole packet will do. Returns the number of pieces.
unsigned emit_pieces(std::span<const std::byte> transport,
                     const Cut& cut,
                     Scratch& scratch,
                     Emit& emit) noexcept;

/// Emits the datagrams that a UDP super-packet stands for. `transport` is UDP header (with the
/// ports it leaves with) and payload, and is overwritten. The identification goes up by one a
/// datagram, as the device would have counted (in 16 bits). Returns the number of packets
/// emitted.
unsigned emit_datagrams(std::span<std::byte> transport,
                        std::size_t segment_size,
                        Cut cut,
                        Scratch& scratch,
                        Emit& emit) noexcept;

} // namespace nat64::rfc7915
