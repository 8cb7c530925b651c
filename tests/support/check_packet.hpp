// SPDX-License-Identifier: Apache-2.0
// Is a packet right in itself? Every length against every other, every checksum by naive
// summing, down to the packet that an ICMP error quotes. For packets that the program made:
// they must be more than parsable.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "tests/support/bytes.hpp"

#include <cstdint>
#include <string>

namespace nat64::test {

/// What an ICMP error may quote: only packets whose checksum is finished, or also those that a
/// kernel has handed over with the pseudo-header's sum alone, which are quoted as they came.
enum class Quotes : std::uint8_t { Finished, AsTheyCame };

/// Empty if all is right, else what is wrong, with the packet: CHECK(check_packet(x) == "").
/// Checks: length fields, IPv4 header checksum, TCP, UDP, ICMP and ICMPv6 checksums of whole
/// packets (as partial ones where `offload` says so, in the place it says), no UDP checksum of
/// zero over IPv6, lengths and IPv4 header checksum of quoted packets and, if they are quoted
/// whole, their transport checksum (a UDP datagram may be without); length field and checksum
/// of RFC 4884 extensions.
[[nodiscard]] std::string
check_packet(View packet, const Offload& offload = {}, Quotes quotes = Quotes::Finished);

} // namespace nat64::test
