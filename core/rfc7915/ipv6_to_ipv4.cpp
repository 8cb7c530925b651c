// SPDX-License-Identifier: Apache-2.0
// IPv6 to IPv4 for everything but ICMP errors (RFC 7915 §5.1, §5.4). The transport header stays
// where it is; the IPv4 header takes the place of the last 20 bytes in front of it, so
// extension headers vanish without being looked at. Transport first, because it needs the old
// addresses.
#include "core/rfc7915/ipv6_to_ipv4.hpp"

#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/refusal.hpp"
#include "core/rfc7915/icmp_types.hpp"
#include "core/rfc7915/ip_headers.hpp"
#include "core/rfc7915/mss.hpp"
#include "core/rfc7915/mtu.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "core/rfc7915/transport.hpp"
#include "core/verdict.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

namespace nat64::rfc7915 {

namespace {

using Checked = std::expected<void, Refusal>;

Checked refuse(DropReason reason, std::optional<IcmpAnswer> answer = {}) noexcept {
    return std::unexpected{Refusal{.reason = reason, .answer = answer}};
}

/// RFC 7915 §5.1.1: "If the Next Header field of the Fragment Header is an extension header
/// (except ESP, but including AH), then the packet SHOULD be dropped and logged"; §5.4 says how
/// to answer. AH itself is no transport protocol for us.
bool hides_extension_header(const PacketView& view) noexcept {
    if (!view.has_fragment_header) return false;
    switch (view.fragment_header().next_header) {
    case kProtoHopByHop:
    case kProtoRouting:
    case kProtoDestinationOptions:
        return true;
    default:
        return false;
    }
}

bool icmpv6_checksum_is_right(const PacketView& view) noexcept {
    const auto& ip = view.ipv6();
    return pseudo_header(
               ip.source.value(), ip.destination.value(), kProtoIcmpv6, view.transport_length())
               .add(view.transport())
               .folded() == 0xffff;
}

/// RFC 7915 §5.2. A wrong checksum would be made right, since that of an error is computed
/// anew.
Checked check_icmpv6(const PacketView& view) noexcept {
    if (!view.has_transport_header()) return {};
    if (view.is_echo()) return {};
    const auto rest = overlay<Be32>(view.transport(), offsetof(IcmpHeader, rest)).value();
    if (!view.is_icmp_error() || !map_icmpv6_error(view.icmp_type, view.icmp_code, rest))
        return refuse(DropReason::UnknownIcmpType);
    if (view.is_fragment()) return refuse(DropReason::FragmentedIcmpError);
    if (!icmpv6_checksum_is_right(view)) return refuse(DropReason::BadIcmpChecksum);
    return {};
}

} // namespace

Checked check_ipv6_to_ipv4(const PacketView& view,
                           const Offload& offload,
                           const Settings& settings) noexcept {
    assert(view.family == Family::V6);
    if (hops_used_up(view.hop_limit, settings.hop_policy, CountHop::Yes))
        return refuse(DropReason::HopLimitExceeded, kHopLimitExceeded6);
    if (view.segments_left_offset != 0)
        return refuse(DropReason::SourceRoute,
                      IcmpAnswer{.type = kIcmpv6ParameterProblem,
                                 .code = 0,
                                 .rest = view.segments_left_offset});
    if (hides_extension_header(view))
        return refuse(DropReason::BadExtensionHeader, kAdminProhibited6);
    switch (view.protocol) {
    case kProtoTcp:
    case kProtoUdp:
        return check_ipv4_size(view, offload, settings);
    case kProtoIcmpv6: {
        const bool error = view.has_transport_header() && view.is_icmp_error();
        if (const auto ok = check_icmpv6(view); !ok || error) return ok;
        return check_ipv4_size(view, offload, settings);
    }
    default:
        // RFC 6146 §3.4: "ICMPv6 Destination Unreachable error message with Code 4 (Port
        // Unreachable)", which IPv6 has no protocol code for.
        return refuse(DropReason::UnknownProtocol, kPortUnreachable6);
    }
}

void ipv6_to_ipv4(PacketBuffer& packet,
                  const PacketView& view,
                  const Outgoing4& outgoing,
                  const Settings& settings,
                  Identification& identification,
                  std::uint32_t transport_length) noexcept {
    assert(view.family == Family::V6 && view.bytes.data() == packet.data());
    packet.resize(view.bytes.size());
    if (settings.clamp_mss && view.has_transport_header()) clamp_mss(packet, view, settings);
    auto& offload = packet.offload;
    if (view.has_transport_header()) [[likely]] {
        const auto length = transport_length != 0 ? transport_length : view.transport_length();
        transport_to_ipv4(packet.bytes().subspan(view.transport_offset),
                          view,
                          outgoing,
                          {.checksum = checksum_kind(offload), .length = length});
    }
    auto fields = ipv4_fields(view, outgoing, segment_length(view, offload));
    fields.tos = settings.dscp_to_ipv4(view.traffic_class);
    fields.ttl = next_hop_limit(view.hop_limit, settings.hop_policy, CountHop::Yes);
    if (!view.has_fragment_header) fields.identification = identification.next();

    packet.pop_front(view.transport_offset - sizeof(Ipv4Header));
    write_header(packet.bytes(), fields);
    if (offload.partial_checksum) offload.checksum_start = sizeof(Ipv4Header);
}

} // namespace nat64::rfc7915
