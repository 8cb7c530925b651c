// SPDX-License-Identifier: Apache-2.0
// From a captured frame to the IP packet in it: raw IP, Ethernet with VLAN tags, Linux cooked
// (both versions), BSD loopback. Pure; which link type a capture has is cli/capture_reader's to
// ask. What lies in the IP packet is not looked at.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace nat64::cli {

/// Takes the link header off. nullopt: the frame carries something else (ARP, ...).
using TakeIp = std::optional<std::span<const std::byte>> (*)(std::span<const std::byte> frame);

/// By libpcap's number of the link type (DLT_*); nullptr if it is not supported.
[[nodiscard]] TakeIp find_link_layer(int link_type) noexcept;

/// "EN10MB (Ethernet), LINUX_SLL ..." for an error message.
[[nodiscard]] std::string supported_link_layers();

} // namespace nat64::cli
