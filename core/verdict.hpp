// SPDX-License-Identifier: Apache-2.0
// What becomes of a packet, and why. The one list of drop reasons generates the enum, the
// label that metrics and `nat64 show drops` use, the help text, and the rows of
// docs/counters.md. A packet is dropped only through Counters::drop(), which counts it; a
// DropReason on its own decides nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nat64 {

/// What the translator did with one packet it was handed.
enum class Verdict : std::uint8_t {
    Forward, ///< translated and emitted
    Reply,   ///< answered with an ICMP error; the packet itself is counted as dropped
    Held,    ///< kept: a fragment waiting for its siblings, or a SYN (RFC 6146 §3.5.2.2)
    Drop,    ///< counted and gone
};

// X(enumerator, label, help)
#define NAT64_DROP_REASONS(X)                                                                  \
    /* What does not parse */                                                                  \
    X(Unreadable, "unreadable", "the kernel failed to hand the packet over")                   \
    X(Truncated, "truncated", "shorter than its own headers say")                              \
    X(BadVersion, "bad_version", "neither IPv4 nor IPv6")                                      \
    X(BadIpv4Header, "bad_ipv4_header", "impossible IPv4 header length or malformed options")  \
    X(BadIpv4Checksum, "bad_ipv4_checksum", "IPv4 header checksum is wrong")                   \
    X(BadExtensionHeader,                                                                      \
      "bad_extension_header",                                                                  \
      "IPv6 extension header chain is malformed, too long or has two fragment headers")        \
    X(BadFragment, "bad_fragment", "fragment is empty, unaligned or reaches past 65535 bytes") \
    X(BadTransportHeader,                                                                      \
      "bad_transport_header",                                                                  \
      "transport header is truncated or contradicts the IP length")                            \
    X(BadOffload, "bad_offload", "offload metadata from the device does not fit the packet")   \
    /* Addresses */                                                                            \
    X(NotInPrefix, "not_in_prefix", "IPv6 destination is outside the NAT64 prefix")            \
    X(SourceInPrefix,                                                                          \
      "source_in_prefix",                                                                      \
      "IPv6 source lies inside the NAT64 prefix (RFC 6146 §3.5, loop)")                        \
    X(IllegalSource,                                                                           \
      "illegal_source",                                                                        \
      "source address may not be translated (multicast, loopback, unspecified ...)")           \
    X(IllegalDestination,                                                                      \
      "illegal_destination",                                                                   \
      "destination is never reachable through a router (loopback, link-local, multicast ...)") \
    X(OwnAddress, "own_address", "destination is an address of the gateway machine itself")    \
    X(NonGlobalIpv4,                                                                           \
      "non_global_ipv4",                                                                       \
      "non-global IPv4 address under the well-known prefix (RFC 6052 §3.1)")                   \
    X(NotInPool,                                                                               \
      "not_in_pool",                                                                           \
      "IPv4 destination is not one of the pool's transport addresses")                         \
    X(ClientDenied,                                                                            \
      "client_denied",                                                                         \
      "client is not allowed by clients.allow and clients.deny")                               \
    X(DestinationDenied, "destination_denied", "destination is refused by destinations.deny")  \
    X(PrivateDestination,                                                                      \
      "private_destination",                                                                   \
      "private IPv4 destination, and destinations.private is false")                           \
    /* RFC 7915 */                                                                             \
    X(HopLimitExceeded, "hop_limit_exceeded", "hop limit or TTL ran out here")                 \
    X(PacketTooBig, "packet_too_big", "does not fit the next link and may not be fragmented")  \
    X(SourceRoute,                                                                             \
      "source_route",                                                                          \
      "IPv4 source route or IPv6 routing header with segments left")                           \
    X(UnknownProtocol, "unknown_protocol", "transport protocol is not TCP, UDP or ICMP")       \
    X(UnknownIcmpType,                                                                         \
      "unknown_icmp_type",                                                                     \
      "ICMP type or code has no counterpart in the other family")                              \
    X(BadIcmpChecksum, "bad_icmp_checksum", "checksum of an ICMP error is wrong")              \
    X(BadQuotedPacket,                                                                         \
      "bad_quoted_packet",                                                                     \
      "packet quoted by an ICMP error is missing, malformed or of no use")                     \
    X(QuotedIcmpError, "quoted_icmp_error", "ICMP error about an ICMP error")                  \
    X(FragmentedIcmpError, "fragmented_icmp_error", "ICMP error in fragments")                 \
    /* RFC 6146 */                                                                             \
    X(NoBinding, "no_binding", "IPv4 packet for a transport address without binding")          \
    X(Filtered, "filtered", "address-dependent filtering has no permission for this source")   \
    X(TcpNotSyn, "tcp_not_syn", "TCP segment that is no SYN and has no binding")               \
    X(SynStoreFull, "syn_store_full", "no room to store an inbound SYN")                       \
    X(SynRepeated, "syn_repeated", "inbound SYN is already stored")                            \
    X(SynExpired, "syn_expired", "stored inbound SYN was not claimed by its client in time")   \
    X(SynSuperseded,                                                                           \
      "syn_superseded",                                                                        \
      "stored inbound SYN was claimed by its client's own SYN")                                \
    X(PoolExhausted, "pool_exhausted", "no free port or address left in the pool")             \
    X(SessionLimit, "session_limit", "limits.sessions is reached or a table is full")          \
    X(HalfOpenLimit, "half_open_limit", "limits.half_open is reached")                         \
    X(RateLimit, "rate_limit", "limits.new_sessions_per_second_in_all is reached")             \
    X(ClientSessionLimit, "client_session_limit", "limits.sessions_per_client is reached")     \
    X(ClientPortLimit, "client_port_limit", "limits.ports_per_client is reached")              \
    X(ClientAddressLimit,                                                                      \
      "client_address_limit",                                                                  \
      "limits.addresses_per_client is reached (napt: kernel)")                                 \
    X(ClientHalfOpenLimit, "client_half_open_limit", "limits.half_open_per_client is reached") \
    X(ClientRateLimit, "client_rate_limit", "limits.new_sessions_per_second is reached")       \
    /* Fragments */                                                                            \
    X(FragmentOverlap, "fragment_overlap", "fragment overlaps another one (RFC 5722)")         \
    X(FragmentDuplicate, "fragment_duplicate", "fragment is held already")                     \
    X(FragmentTimeout,                                                                         \
      "fragment_timeout",                                                                      \
      "held fragment whose siblings did not come in time")                                     \
    X(FragmentLimit,                                                                           \
      "fragment_limit",                                                                        \
      "no room to hold this fragment, or none in its source's quarter")                        \
    X(FragmentRefused,                                                                         \
      "fragment_refused",                                                                      \
      "fragment of a packet whose first fragment was dropped")                                 \
    /* Device */                                                                               \
    X(DeviceRefused, "device_refused", "the kernel refused the translated packet at the TUN")  \
    X(DeviceBusy, "device_busy", "the TUN could not take the translated packet")               \
    /* Rules of our nftables table; own_address, tcp_not_syn and limits are among them, too */ \
    X(InnerSource,                                                                             \
      "inner_source",                                                                          \
      "inner address as source, but not from the TUN (napt: kernel)")                          \
    X(InnerNoFlow,                                                                             \
      "inner_no_flow",                                                                         \
      "to an inner address, and of no connection that conntrack knows (napt: kernel)")         \
    X(InnerUninvited,                                                                          \
      "inner_uninvited",                                                                       \
      "begins a connection to an inner address that nothing forwards (napt: kernel)")          \
    X(NotMasqueraded,                                                                          \
      "not_masqueraded",                                                                       \
      "conntrack would have let it out with an inner address (napt: kernel)")                  \
    X(NotOurs, "not_ours", "not to do with nat64, and forwarding is on for nat64 alone")

enum class DropReason : std::uint8_t {
#define NAT64_ENUMERATOR(name, label, help) name,
    NAT64_DROP_REASONS(NAT64_ENUMERATOR)
#undef NAT64_ENUMERATOR
};

struct DropReasonInfo {
    std::string_view label; ///< stable: metric label, JSON key
    std::string_view help;  ///< one line for a person
};

inline constexpr std::array kDropReasons = {
#define NAT64_ROW(name, label, help) DropReasonInfo{label, help},
    NAT64_DROP_REASONS(NAT64_ROW)
#undef NAT64_ROW
};

inline constexpr std::size_t kDropReasonCount = kDropReasons.size();

/// Packets by reason.
using DropSum = std::array<std::uint64_t, kDropReasonCount>;

[[nodiscard]] constexpr const DropReasonInfo& info(DropReason reason) noexcept {
    return kDropReasons[static_cast<std::size_t>(reason)];
}

} // namespace nat64
