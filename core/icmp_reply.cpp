// SPDX-License-Identifier: Apache-2.0
// The offending packet is quoted as it came, as much of it as fits into 576 (RFC 1812 §4.3.2.3)
// or 1280 bytes (RFC 4443 §2.4 c). That holds for super-packets and partial checksums, too: the
// quote then has a length or a checksum that was never on a wire, but who receives an error
// looks at addresses, ports and sequence numbers, and these are the ones of the first segment.
#include "core/icmp_reply.hpp"

#include "core/clock.hpp"
#include "core/counters.hpp"
#include "core/net/address.hpp"
#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/net/special_addresses.hpp"
#include "core/net/transport.hpp"
#include "core/refusal.hpp"
#include "core/rfc7915/ip_headers.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64 {

namespace {

/// RFC 1122 §3.2.1.7's recommended default: the kernel may still decrement it.
constexpr std::uint8_t kHopLimit = 64;
/// RFC 1812 §4.3.2.5: "ICMP ... error messages SHOULD have their precedence field set to 6
/// (INTERNETWORK CONTROL)".
constexpr std::uint8_t kInternetworkControl = 0xc0;
constexpr std::size_t kLargest4 = 576;
/// RFC 4861 §4.5: must not be answered (RFC 4443 §2.4 e)
constexpr std::uint8_t kIcmpv6Redirect = 137;
constexpr std::uint16_t kProbeWindow = 8192;

constexpr std::uint32_t burst_of(std::uint32_t per_second) noexcept {
    return std::max(per_second / 10, 10U);
}

constexpr Clock::duration cost_of_one(std::uint32_t per_second) noexcept {
    return Clock::duration{std::chrono::seconds{1}} / per_second;
}

bool is_single_host(Ipv4Addr source) noexcept {
    return !is_never_forwarded(source);
}

/// Everything of an ICMP message but its checksum.
void write_icmp(std::span<std::byte> message,
                const IcmpAnswer& answer,
                std::span<const std::byte> quote) noexcept {
    auto& header = overlay<IcmpHeader>(message);
    header.type = answer.type;
    header.code = answer.code;
    header.checksum = 0;
    overlay<Be32>(message, offsetof(IcmpHeader, rest)) = answer.rest;
    std::ranges::copy(quote, message.subspan(sizeof(IcmpHeader)).begin());
}

} // namespace

// ---- TokenBucket ----

TokenBucket::TokenBucket(std::uint32_t per_second) noexcept {
    set_rate(per_second);
}

void TokenBucket::set_rate(std::uint32_t per_second) noexcept {
    per_second_ = per_second;
    burst_ = per_second == 0 ? 0 : burst_of(per_second);
    full_ = per_second == 0 ? Clock::duration{0} : cost_of_one(per_second) * burst_;
    level_ = std::min(level_, full_);
}

bool TokenBucket::take(Clock::time_point now) noexcept {
    if (per_second_ == 0) return false;
    const auto gathered = started_ && now - last_ < full_ ? now - last_ : full_;
    level_ = std::min(full_, level_ + std::max(gathered, Clock::duration{0}));
    last_ = now;
    started_ = true;
    const auto cost = cost_of_one(per_second_);
    if (level_ < cost) return false;
    level_ -= cost;
    return true;
}

// ---- IcmpReplier ----

bool may_be_answered(const PacketView& view) noexcept {
    if (!view.has_transport_header() || view.is_icmp_error()) return false;
    if (view.family == Family::V4) {
        const auto& ip = view.ipv4();
        const auto destination = ip.destination.value();
        return is_single_host(ip.source.value()) && !is_multicast(destination) &&
               destination != Ipv4Addr{0xffffffff};
    }
    if (view.protocol == kProtoIcmpv6 && view.icmp_type == kIcmpv6Redirect) return false;
    const auto& ip = view.ipv6();
    return !is_illegal_source(ip.source.value()) && !is_multicast(ip.destination.value());
}

IcmpReplier::IcmpReplier(const Settings& settings) noexcept
    : settings_{settings},
      buckets_{TokenBucket{settings.per_second},
               TokenBucket{settings.per_second},
               TokenBucket{settings.per_second},
               TokenBucket{settings.per_second}} {}

void IcmpReplier::apply(const Settings& settings) noexcept {
    settings_ = settings;
    for (auto& bucket : buckets_)
        bucket.set_rate(settings.per_second);
}

std::size_t IcmpReplier::bucket_of(const PacketView& view, const IcmpAnswer& answer) noexcept {
    constexpr std::uint8_t fragmentation_needed = 4;
    const bool ipv6 = view.family == Family::V6;
    const bool path_mtu = ipv6 ? answer.type == kIcmpv6PacketTooBig
                               : answer.type == kIcmpDestinationUnreachable &&
                                     answer.code == fragmentation_needed;
    return (ipv6 ? 2U : 0U) + (path_mtu ? 1U : 0U);
}

bool IcmpReplier::reply(const PacketView& view,
                        const PacketBuffer& packet,
                        const IcmpAnswer& answer,
                        Clock::time_point now,
                        Counters& counters,
                        Emit& emit) noexcept {
    if (!may_be_answered(view)) return false;
    if (!buckets_[bucket_of(view, answer)].take(now)) {
        counters.icmp_errors_limited.add();
        return false;
    }
    const auto offending = packet.bytes().first(view.bytes.size());
    auto error = view.family == Family::V4 ? build4(view, offending, answer)
                                           : build6(view, offending, answer);
    emit.packet(error);
    counters.icmp_errors_sent.add();
    counters.emitted.add();
    return true;
}

/// CHOICE(RFC 6864 §4.1): an atomic datagram (DF=1), whose identification means nothing.
PacketBuffer IcmpReplier::build4(const PacketView& view,
                                 std::span<const std::byte> offending,
                                 const IcmpAnswer& answer) noexcept {
    constexpr auto headers = sizeof(Ipv4Header) + sizeof(IcmpHeader);
    const auto quote = offending.first(std::min(offending.size(), kLargest4 - headers));
    PacketBuffer packet{storage_, kHeadroom, headers + quote.size()};
    rfc7915::Ipv4Fields fields;
    fields.tos = kInternetworkControl;
    fields.ttl = kHopLimit;
    fields.protocol = kProtoIcmp;
    fields.total_length = static_cast<std::uint16_t>(packet.size());
    fields.flags_fragment = Ipv4Header::kDontFragment;
    fields.source = settings_.source4.value_or(view.ipv4().destination.value());
    fields.destination = view.ipv4().source.value();
    rfc7915::write_header(packet.bytes(), fields);
    const auto message = packet.bytes().subspan(sizeof(Ipv4Header));
    write_icmp(message, answer, quote);
    overlay<IcmpHeader>(message).checksum = ChecksumSum{}.add(message).checksum();
    return packet;
}

PacketBuffer IcmpReplier::build6(const PacketView& view,
                                 std::span<const std::byte> offending,
                                 const IcmpAnswer& answer) noexcept {
    constexpr auto headers = sizeof(Ipv6Header) + sizeof(IcmpHeader);
    const auto quote = offending.first(std::min(offending.size(), kLargest - headers));
    PacketBuffer packet{storage_, kHeadroom, headers + quote.size()};
    const auto message = packet.bytes().subspan(sizeof(Ipv6Header));
    rfc7915::Ipv6Fields fields;
    fields.hop_limit = kHopLimit;
    fields.next_header = kProtoIcmpv6;
    fields.payload_length = static_cast<std::uint16_t>(message.size());
    fields.source = settings_.source6.value_or(view.ipv6().destination.value());
    fields.destination = view.ipv6().source.value();
    rfc7915::write_header(packet.bytes(), fields);
    write_icmp(message, answer, quote);
    const auto length = static_cast<std::uint32_t>(message.size());
    overlay<IcmpHeader>(message).checksum =
        pseudo_header(fields.source, fields.destination, kProtoIcmpv6, length)
            .add(message)
            .checksum();
    return packet;
}

// ---- the probe ----

void IcmpReplier::tcp_probe(const Endpoint6& server6,
                            const Endpoint6& client6,
                            Counters& counters,
                            Emit& emit) noexcept {
    auto probe = build_tcp_probe(storage_, server6, client6);
    emit.packet(probe);
    counters.tcp_probes.add();
    counters.emitted.add();
}

PacketBuffer build_tcp_probe(std::span<std::byte> storage,
                             const Endpoint6& server6,
                             const Endpoint6& client6) noexcept {
    constexpr auto size = sizeof(Ipv6Header) + sizeof(TcpHeader);
    assert(storage.size() >= kHeadroom + size + kTailroom);
    PacketBuffer packet{storage, kHeadroom, size};
    rfc7915::Ipv6Fields fields;
    fields.hop_limit = kHopLimit;
    fields.next_header = kProtoTcp;
    fields.payload_length = sizeof(TcpHeader);
    fields.source = server6.address;
    fields.destination = client6.address;
    rfc7915::write_header(packet.bytes(), fields);

    const auto segment = packet.bytes().subspan(sizeof(Ipv6Header));
    auto& tcp = overlay<TcpHeader>(segment);
    tcp = {};
    tcp.source_port = server6.port.value();
    tcp.destination_port = client6.port.value();
    tcp.data_offset = sizeof(TcpHeader) / 4 << 4;
    tcp.flags = TcpFlags::kAck;
    tcp.window = kProbeWindow;
    tcp.checksum = pseudo_header(server6.address, client6.address, kProtoTcp, sizeof(TcpHeader))
                       .add(segment)
                       .checksum();
    return packet;
}

} // namespace nat64
