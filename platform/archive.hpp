// SPDX-License-Identifier: Apache-2.0
// How the values of this domain travel between our two processes (privileged_process.hpp), by
// cereal's binary archives. What arrives is checked like any input: a prefix length is one.
#pragma once

#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "platform/netlink_messages.hpp"

#include <chrono>
#include <cstdint>
#include <stdexcept>

#include <cereal/archives/binary.hpp> // IWYU pragma: export
#include <cereal/types/array.hpp>     // IWYU pragma: export
#include <cereal/types/chrono.hpp>    // IWYU pragma: export
#include <cereal/types/optional.hpp>  // IWYU pragma: export
#include <cereal/types/string.hpp>    // IWYU pragma: export
#include <cereal/types/variant.hpp>   // IWYU pragma: export
#include <cereal/types/vector.hpp>    // IWYU pragma: export

namespace nat64 {

template <typename Archive>
std::uint32_t save_minimal(const Archive& /*archive*/, const Ipv4Addr& address) {
    return address.bits();
}

template <typename Archive>
void load_minimal(const Archive& /*archive*/, Ipv4Addr& address, const std::uint32_t& bits) {
    address = Ipv4Addr{bits};
}

template <typename Archive>
void save(Archive& archive, const Ipv6Addr& address) {
    archive(address.bytes());
}

template <typename Archive>
void load(Archive& archive, Ipv6Addr& address) {
    Ipv6Addr::Bytes bytes{};
    archive(bytes);
    address = Ipv6Addr{bytes};
}

/// Prefix4 and Prefix6.
template <typename Archive, typename Prefix>
    requires requires(const Prefix& p) { p.address(); }
void save(Archive& archive, const Prefix& prefix) {
    archive(prefix.address(), static_cast<std::uint8_t>(prefix.length()));
}

template <typename Archive, typename Prefix>
    requires requires(const Prefix& p) { p.address(); }
void load(Archive& archive, Prefix& prefix) {
    auto network = prefix.address();
    std::uint8_t length = 0;
    archive(network, length);
    if (length > sizeof(network) * 8) throw std::invalid_argument{"not a prefix length"};
    prefix = Prefix{network, length};
}

template <typename Archive>
std::uint16_t save_minimal(const Archive& /*archive*/, const Port& port) {
    return port.value();
}

template <typename Archive>
void load_minimal(const Archive& /*archive*/, Port& port, const std::uint16_t& value) {
    port = Port{value};
}

template <typename Archive>
std::uint32_t save_minimal(const Archive& /*archive*/, const Mtu& mtu) {
    return mtu.bytes();
}

template <typename Archive>
void load_minimal(const Archive& /*archive*/, Mtu& mtu, const std::uint32_t& bytes) {
    mtu = Mtu{bytes};
}

} // namespace nat64

namespace nat64::platform {

template <typename Archive>
void serialize(Archive& archive, LinkSettings& settings) {
    archive(settings.mtu, settings.queue_length);
}

template <typename Archive>
void serialize(Archive& archive, Route& route) {
    archive(route.destination, route.link);
}

template <typename Archive>
void serialize(Archive& archive, LocalAddress& row) {
    archive(
        row.address, row.prefix_length, row.link, row.global, row.deprecated, row.temporary);
}

template <typename Archive>
void serialize(Archive& archive, RouteRow& row) {
    archive(row.destination, row.link, row.metric, row.table, row.kind);
}

} // namespace nat64::platform
