// SPDX-License-Identifier: Apache-2.0
// RFC 7915, the stateless half of the work: given a parsed packet and the addresses and ports it is to leave
// with, rewrite it into the other family. Two directions as mirror images, each in two steps:
//
//   check_*      everything the RFC wants refused or answered, before any state is made; changes nothing
//   *_to_*       the rewrite; cannot fail
//
// ICMP errors have a pair of their own because the packet they quote is translated too. Which addresses to use
// is RFC 6146's business (core/translator, core/napt_backend), building ICMP answers is core/icmp_reply's.
// One file a direction and topic: ipv6_to_ipv4 (§5), ipv4_to_ipv6 (§4), icmpv6_to_icmpv4 (§5.2), icmpv4_to_icmpv6
// (§4.2), transport (§4.5, §5.5), mtu (§4.2, §5.2 arithmetic and plateaus), segment (super-packets with DF=0).
// Single-threaded, no state but the identification counter.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/net/transport.hpp"
#include "core/random.hpp"
#include "core/refusal.hpp"

#include <cstdint>
#include <expected>

namespace nat64::rfc7915 {

/// Who counts the hop that the translator is. KernelForwards: the kernel decrements on the way
/// to the TUN and again behind it, which is the two hops' worth already; Decrement: we do
/// (library, replay).
enum class HopPolicy : std::uint8_t { KernelForwards, Decrement };

struct Settings {
    HopPolicy hop_policy = HopPolicy::KernelForwards;
    Mtu ipv6_mtu{1500};        ///< of the links on the IPv6 side
    Mtu ipv4_mtu{1500};        ///< of the links on the IPv4 side
    Mtu lowest_ipv6_mtu{1280}; ///< what a DF=0 packet is cut down to (RFC 7915 §4)

    friend bool operator==(const Settings&, const Settings&) = default;
};

/// The addresses and ports a packet leaves with (RFC 6146 §3.6). For ICMP queries both ports
/// are the identifier. For fragments other than the first the ports are not used.
struct Outgoing4 {
    Endpoint4 source;
    Endpoint4 destination;
};

struct Outgoing6 {
    Endpoint6 source;
    Endpoint6 destination;
};

/// Fresh IPv4 identifications for packets that had no Fragment header (RFC 7915 §5.1): every
/// value once in 65536, in an order that an outsider cannot predict from the last one.
class Identification {
public:
    explicit Identification(Rng& rng) noexcept;
    std::uint16_t next() noexcept;

private:
    std::uint64_t key_;
    std::uint16_t counter_ = 0;
};

/// A second buffer for what cannot be done in place: fragments, and ICMP errors whose quoted
/// packet moves. Owned by the translator, one for each.
struct Scratch {
    alignas(64) std::byte storage[kHeadroom + kMaxPacket + 1 + kTailroom];
};

// ---- IPv6 to IPv4, RFC 7915 §5 ----

/// RFC 7915 §5.1, §5.4 and RFC 6146 §3.4: hop limit, routing header with segments left (ICMPv6
/// 4/0 with pointer), unknown transport (1/4 port... see the .cpp), ICMPv6 types without
/// counterpart, size against the IPv4 MTU (Packet Too Big with max(1280, mtu + 20)). A
/// super-packet is judged by its segments.
[[nodiscard]] std::expected<void, Refusal> check_ipv6_to_ipv4(
    const PacketView& view, const Offload& offload, const Settings& settings) noexcept;

/// Rewrites a packet that is no ICMP error in place: IP header (§5.1), Fragment header
/// (§5.1.1), ports and checksums (§5.5). `count_hop` is false for the second half of a hairpin.
void ipv6_to_ipv4(PacketBuffer& packet,
                  const PacketView& view,
                  const Outgoing4& outgoing,
                  const Settings& settings,
                  Identification& identification) noexcept;

/// Rewrites an ICMPv6 error with the packet it quotes (§5.2, §5.3). `quoted` views the bytes
/// behind the ICMPv6 header of `packet`, `quoted_outgoing` is what that packet's tuple is on
/// the IPv4 side. The ports of `outgoing` are not used. RFC 4884 extensions are kept where the
/// target type has a length field.
void icmpv6_error_to_icmpv4(PacketBuffer& packet,
                            const PacketView& view,
                            const PacketView& quoted,
                            const Outgoing4& outgoing,
                            const Outgoing4& quoted_outgoing,
                            const Settings& settings,
                            Identification& identification,
                            Scratch& scratch) noexcept;

// ---- IPv4 to IPv6, RFC 7915 §4 ----

/// RFC 7915 §4.1, §4.4: TTL, unexpired source route (3/5), unknown transport (3/2), ICMPv4
/// types without counterpart, DF and size against the IPv6 MTU (3/4 with mtu - 20).
[[nodiscard]] std::expected<void, Refusal> check_ipv4_to_ipv6(
    const PacketView& view, const Offload& offload, const Settings& settings) noexcept;

/// Whether the hop of this pass counts: a hairpinned packet was counted on its way up (RFC 6146
/// §3.8).
enum class CountHop : std::uint8_t { Yes, No };

/// Rewrites a packet that is no ICMP error and emits it: in place and whole in the normal case,
/// or cut into fragments (DF=0 and larger than lowest_ipv6_mtu, §4.1) in `scratch`. A UDP
/// checksum of zero is computed (§4.5) if the packet is whole; for the first fragment the
/// caller has put the checksum in (core/rfc6146/fragments). Returns the number of packets
/// emitted.
unsigned ipv4_to_ipv6(PacketBuffer& packet,
                      const PacketView& view,
                      const Outgoing6& outgoing,
                      const Settings& settings,
                      CountHop count_hop,
                      Scratch& scratch,
                      Emit& emit) noexcept;

/// Rewrites an ICMPv4 error with the packet it quotes (§4.2, §4.3), in place from the caller's
/// point of view.
void icmpv4_error_to_icmpv6(PacketBuffer& packet,
                            const PacketView& view,
                            const PacketView& quoted,
                            const Outgoing6& outgoing,
                            const Outgoing6& quoted_outgoing,
                            const Settings& settings,
                            CountHop count_hop,
                            Scratch& scratch) noexcept;

} // namespace nat64::rfc7915
