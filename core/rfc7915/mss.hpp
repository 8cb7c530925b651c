// SPDX-License-Identifier: Apache-2.0
// TCP maximum segment size (`mtu.clamp_mss`): both ends of a connection are told, by the option
// of their SYN and SYN-ACK, to send no more than fits through this gateway unfragmented. It
// helps where somebody drops the ICMP errors that path MTU discovery needs. No RFC asks for it,
// so it is off by default. The value is only ever lowered, an option that is missing is not
// added, and options that do not parse are left alone.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstdint>

namespace nat64::rfc7915 {

/// The most data that a segment without options can have on both sides of the gateway.
[[nodiscard]] std::uint16_t largest_mss(const Settings& settings) noexcept;

/// Lowers the option of a SYN, and its checksum with it, in a packet that is still as `view`
/// describes it. Any other packet stays as it is.
void clamp_mss(PacketBuffer& packet, const PacketView& view, const Settings& settings) noexcept;

} // namespace nat64::rfc7915
