// SPDX-License-Identifier: Apache-2.0
#include "core/rfc6146/tuple.hpp"

namespace nat64::rfc6146 {

std::expected<void, DropReason> check_server4(Ipv4Addr server4,
                                              const AddressRules& rules) noexcept {
    if (may_be_server4(server4, rules)) return {};
    return std::unexpected{is_never_forwarded(server4) ? DropReason::IllegalDestination
                                                       : DropReason::NonGlobalIpv4};
}

std::expected<Ipv4Addr, Refusal> check_addresses6(const PacketView& view,
                                                  const AddressRules& rules) noexcept {
    const auto server4 = rules.prefix.extract(view.ipv6().destination.value());
    if (!server4) return std::unexpected{Refusal{DropReason::NotInPrefix, {}}};
    const auto client6 = view.ipv6().source.value();
    // RFC 6146 §3.5: "packets with a source address that belongs to Pref64::/n MUST be silently
    // discarded".
    if (!may_be_client6(client6, rules))
        return std::unexpected{Refusal{is_illegal_source(client6) ? DropReason::IllegalSource
                                                                  : DropReason::SourceInPrefix,
                                       {}}};
    if (const auto ok = check_server4(*server4, rules); !ok)
        return std::unexpected{Refusal{ok.error(), kAdminProhibited6}};
    return *server4;
}

std::expected<void, Refusal> check_addresses4(const PacketView& view,
                                              const AddressRules& rules) noexcept {
    const auto source = view.ipv4().source.value();
    if (may_be_server4(source, rules)) return {};
    if (is_never_forwarded(source))
        return std::unexpected{Refusal{DropReason::IllegalSource, {}}};
    if (view.has_transport_header() && view.is_icmp_error()) return {};
    return std::unexpected{Refusal{DropReason::NonGlobalIpv4, {}}};
}

} // namespace nat64::rfc6146
