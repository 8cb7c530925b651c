// SPDX-License-Identifier: Apache-2.0
// RFC 7915, the stateless half of the work: given a parsed packet and the addresses and ports
// it is to leave with, rewrite it into the other family. Two directions as mirror images, each
// in two steps:
//
//   check_*   everything the RFC wants refused or answered, before any state is made
//   *_to_*    the rewrite; cannot fail
//
// ICMP errors have a pair of their own because the packet they quote is translated too. Which
// addresses to use is RFC 6146's business (core/translator, core/napt_backend), building ICMP
// answers is core/icmp_reply's. Offload metadata must be as normalize_offload() leaves it.
//
// One file a direction and topic: ipv6_to_ipv4 (§5.1), ipv4_to_ipv6 (§4.1), icmpv6_to_icmpv4
// (§5.2), icmpv4_to_icmpv6 (§4.2), icmp_types (the tables of both), quote (the packet inside an
// ICMP error, RFC 4884), transport (§4.5, §5.5), mss (TCP option), mtu (arithmetic),
// segment (cutting), ip_headers (writing). Single-threaded, no state but the identification.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/net/transport.hpp"
#include "core/random.hpp"
#include "core/refusal.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

namespace nat64::rfc7915 {

/// Who counts the hop that the translator is. KernelForwards: the kernel decrements on the way
/// to the TUN and again behind it, which is the two hops' worth already; Decrement: we do
/// (library, replay).
enum class HopPolicy : std::uint8_t { KernelForwards, Decrement };

/// May a UDP checksum that the IPv4 sender left out be handed to the device as a partial
/// checksum, or must it be summed here? Allowed: the emitter passes offload metadata on or
/// calls finish_partial_checksum().
enum class PartialChecksums : std::uint8_t { Forbidden, Allowed };

/// What becomes of TOS and traffic class on the way. RFC 7915 §4.1, §5.1: copied, but there
/// "SHOULD" be a way to set a fixed value. CHOICE(RFC 7915 §4.1): that is one of the
/// differentiated services codepoint; the two ECN bits are always copied, since losing a mark
/// would break congestion control (RFC 3168).
class Dscp {
public:
    constexpr Dscp() noexcept = default; ///< copied

    /// `codepoint` is 0 to 63.
    [[nodiscard]] static constexpr Dscp fixed(std::uint8_t codepoint) noexcept {
        Dscp dscp;
        dscp.keep_ = 3;
        dscp.set_ = static_cast<std::uint8_t>(codepoint << 2);
        return dscp;
    }

    /// The octet that leaves for the one that came.
    [[nodiscard]] constexpr std::uint8_t operator()(std::uint8_t octet) const noexcept {
        return static_cast<std::uint8_t>((octet & keep_) | set_);
    }

    /// nullopt: copied.
    [[nodiscard]] constexpr std::optional<std::uint8_t> codepoint() const noexcept {
        if (keep_ == 0xff) return {};
        return static_cast<std::uint8_t>(set_ >> 2);
    }

    friend bool operator==(const Dscp&, const Dscp&) = default;

private:
    std::uint8_t keep_ = 0xff;
    std::uint8_t set_ = 0;
};

struct Settings {
    HopPolicy hop_policy = HopPolicy::KernelForwards;
    Mtu ipv6_mtu{1500};        ///< of the links on the IPv6 side, at least 1280
    Mtu ipv4_mtu{1500};        ///< of the links on the IPv4 side, at least 68
    Mtu lowest_ipv6_mtu{1280}; ///< what a DF=0 packet is cut down to (RFC 7915 §4)
    PartialChecksums partial_checksums = PartialChecksums::Forbidden;
    Dscp dscp_to_ipv4;
    Dscp dscp_to_ipv6;
    bool clamp_mss = false; ///< mtu.clamp_mss, see mss.hpp

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

/// Whether the hop of this pass counts: a hairpinned packet was counted on its way up (RFC 6146
/// §3.8).
enum class CountHop : std::uint8_t { Yes, No };

/// Fresh IPv4 identifications for packets that had no Fragment header (RFC 7915 §5.1): every
/// value once in each round of 65536, in an order that an outsider cannot predict from the last
/// one.
class Identification {
public:
    explicit Identification(Rng& rng) noexcept;

    std::uint16_t next() noexcept {
        if (used_ == kBlock) [[unlikely]]
            refill();
        return block_[used_++];
    }

private:
    static constexpr std::size_t kBlock = 64;

    void refill() noexcept;

    std::uint64_t key_;
    std::uint16_t counter_ = 0;
    std::size_t used_ = kBlock;
    std::array<std::uint16_t, kBlock> block_{}; ///< made at once, which costs less
};

/// A second buffer for what cannot be done in place: fragments, and ICMP errors whose quoted
/// packet moves. Owned by the translator, one for each.
struct Scratch {
    alignas(64) std::array<std::byte, kHeadroom + kMaxPacket + 1 + kTailroom> storage;
};

/// Turns a partial checksum into a full one in software and clears the offload metadata, for
/// emitters that cannot offload. Nothing to do without a partial checksum. Not for
/// super-packets.
void finish_partial_checksum(PacketBuffer& packet) noexcept;

// ---- IPv6 to IPv4, RFC 7915 §5 ----

/// What the RFCs want refused, in this order: hop limit (RFC 7915 §5.1), routing header with
/// segments left (ICMPv6 4/0 with pointer), extension header behind the Fragment header
/// (§5.1.1), transport protocol (RFC 6146 §3.4: ICMPv6 1/4), ICMPv6 type without counterpart or
/// error with a wrong checksum (§5.2), size against the IPv4 MTU (Packet Too Big). A
/// super-packet is judged by its segments; ICMP errors have no size since they are cut short.
[[nodiscard]] std::expected<void, Refusal> check_ipv6_to_ipv4(
    const PacketView& view, const Offload& offload, const Settings& settings) noexcept;

/// Rewrites a packet that is no ICMP error in place: IP header (§5.1), Fragment header
/// (§5.1.1), ports and checksums (§5.5). A hop always counts here: the second half of a hairpin
/// goes the other way. `transport_length` is that of the whole packet if this is the first
/// fragment of an ICMP query (its checksum covers the length), 0 otherwise.
void ipv6_to_ipv4(PacketBuffer& packet,
                  const PacketView& view,
                  const Outgoing4& outgoing,
                  const Settings& settings,
                  Identification& identification,
                  std::uint32_t transport_length = 0) noexcept;

/// Rewrites an ICMPv6 error with the packet it quotes (§5.2, §5.3). `quoted` views the bytes
/// behind the ICMPv6 header of `packet` and starts with its transport header, `quoted_outgoing`
/// is what that packet's tuple is on the IPv4 side. The ports of `outgoing` are not used. RFC
/// 4884 extensions are kept where the target type has a length field. At most 576 bytes long.
void icmpv6_error_to_icmpv4(PacketBuffer& packet,
                            const PacketView& view,
                            const PacketView& quoted,
                            const Outgoing4& outgoing,
                            const Outgoing4& quoted_outgoing,
                            const Settings& settings,
                            Identification& identification,
                            Scratch& scratch) noexcept;

// ---- IPv4 to IPv6, RFC 7915 §4 ----

/// What the RFCs want refused, in this order: TTL (RFC 7915 §4.1), unexpired source route
/// (3/5), transport protocol (RFC 6146 §3.4: 3/2), ICMPv4 type without counterpart or error
/// with a wrong checksum (§4.2), DF and size against the IPv6 MTU (3/4).
[[nodiscard]] std::expected<void, Refusal>
check_ipv4_to_ipv6(const PacketView& view,
                   const Offload& offload,
                   const Settings& settings,
                   CountHop count_hop = CountHop::Yes) noexcept;

/// Rewrites a packet that is no ICMP error and emits it: in place and whole in the normal case,
/// or cut into fragments (DF=0 and larger than lowest_ipv6_mtu, §4.1) in `scratch`. A UDP
/// checksum of zero is computed (§4.5) if the packet is whole; for the first fragment the
/// caller has put the checksum in (core/rfc6146/fragments). `transport_length` as in
/// ipv6_to_ipv4(). Returns the number of packets emitted.
unsigned ipv4_to_ipv6(PacketBuffer& packet,
                      const PacketView& view,
                      const Outgoing6& outgoing,
                      const Settings& settings,
                      CountHop count_hop,
                      Scratch& scratch,
                      Emit& emit,
                      std::uint32_t transport_length = 0) noexcept;

/// Rewrites an ICMPv4 error with the packet it quotes (§4.2, §4.3), in place from the caller's
/// point of view. At most 1280 bytes long.
void icmpv4_error_to_icmpv6(PacketBuffer& packet,
                            const PacketView& view,
                            const PacketView& quoted,
                            const Outgoing6& outgoing,
                            const Outgoing6& quoted_outgoing,
                            const Settings& settings,
                            CountHop count_hop,
                            Scratch& scratch) noexcept;

} // namespace nat64::rfc7915
