// SPDX-License-Identifier: Apache-2.0
#include "core/rfc6146/tuple.hpp"

#include "core/net/address.hpp"
#include "core/verdict.hpp"

namespace nat64::rfc6146 {

namespace {

/// Clouds and tunnels number routers from 169.254.0.0/16 and class E. No server has such an
/// address, but what these routers say of a path is as true as what others say.
constexpr bool may_be_router4(Ipv4Addr address) noexcept {
    const bool class_e = address.bits() >> 28 == 0xf && address != Ipv4Addr{0xffffffff};
    return class_e || address.bits() >> 16 == 0xa9fe || !is_never_forwarded(address);
}

} // namespace

std::expected<void, DropReason> check_server4(Ipv4Addr server4,
                                              const AddressRules& rules) noexcept {
    if (may_be_server4(server4, rules)) return {};
    return std::unexpected{is_never_forwarded(server4) ? DropReason::IllegalDestination
                                                       : DropReason::NonGlobalIpv4};
}

std::expected<void, Refusal> check_source6(const Ipv6Addr& source,
                                           const AddressRules& rules) noexcept {
    if (may_be_client6(source, rules)) return {};
    // RFC 6146 §3.5: "packets with a source address that belongs to Pref64::/n MUST be silently
    // discarded".
    return std::unexpected{Refusal{is_illegal_source(source) ? DropReason::IllegalSource
                                                             : DropReason::SourceInPrefix,
                                   {}}};
}

std::expected<Ipv4Addr, Refusal> check_destination6(const Ipv6Addr& destination,
                                                    const AddressRules& rules) noexcept {
    const auto server4 = rules.prefix.extract(destination);
    if (!server4) return std::unexpected{Refusal{DropReason::NotInPrefix, {}}};
    if (const auto ok = check_server4(*server4, rules); !ok)
        return std::unexpected{Refusal{ok.error(), kAdminProhibited6}};
    return *server4;
}

std::expected<Ipv4Addr, Refusal> check_addresses6(const PacketView& view,
                                                  const AddressRules& rules) noexcept {
    const auto server4 = check_destination6(view.ipv6().destination.value(), rules);
    if (!server4 && server4.error().reason == DropReason::NotInPrefix) return server4;
    if (const auto ok = check_source6(view.ipv6().source.value(), rules); !ok)
        return std::unexpected{ok.error()};
    return server4;
}

std::expected<void, Refusal> check_source4(Ipv4Addr source,
                                           const AddressRules& rules) noexcept {
    if (may_be_server4(source, rules)) return {};
    return std::unexpected{Refusal{is_never_forwarded(source) ? DropReason::IllegalSource
                                                              : DropReason::NonGlobalIpv4,
                                   {}}};
}

std::expected<void, Refusal> check_addresses4(const PacketView& view,
                                              const AddressRules& rules) noexcept {
    const auto source = view.ipv4().source.value();
    const auto ok = check_source4(source, rules);
    if (ok || !may_be_router4(source)) return ok;
    if (view.has_transport_header() && view.is_icmp_error()) return {};
    return ok;
}

} // namespace nat64::rfc6146
