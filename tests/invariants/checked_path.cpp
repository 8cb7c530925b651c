// SPDX-License-Identifier: Apache-2.0
#include "tests/invariants/checked_path.hpp"

#include "core/net/packet_view.hpp"
#include "tests/invariants/audit.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/naive_checksum.hpp"
#include "tests/support/owned_packet.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace nat64::test {

namespace {

using oracle::expect;
using oracle::expect_none;

bool is_ip(View packet) {
    const auto version = packet.empty() ? 0 : get8(packet, 0) >> 4;
    return (version == 4 && packet.size() >= 20) || (version == 6 && packet.size() >= 40);
}

/// Link padding behind the packet is not part of it.
View without_padding(View packet) {
    if (!is_ip(packet)) return packet;
    const auto layout = read_layout(packet);
    return packet.first(std::min(packet.size(), layout.length));
}

/// The least that holds for anything that leaves.
std::string check_ip(const Sent& sent, const TranslatorSettings& settings) {
    const View packet{sent.bytes};
    if (!is_ip(packet)) return "no IP packet";
    const auto layout = read_layout(packet);
    if (layout.length != packet.size()) return "length in " + describe(packet);
    if (layout.version == 4 && naive_sum(packet.first(20)) != 0xffff)
        return "IPv4 header checksum in " + describe(packet);
    const auto mtu =
        layout.version == 4 ? settings.rfc7915.ipv4_mtu : settings.rfc7915.ipv6_mtu;
    // An IPv6 packet is never too big; an IPv4 one may be cut by the kernel where DF allows it.
    if (layout.version == 6 && sent.offload.segmentation == Segmentation::None &&
        packet.size() > std::max<std::size_t>(mtu.bytes(), 1280))
        return "too big in " + describe(packet);
    if (!parse_packet(packet)) return "does not parse: " + describe(packet);
    return {};
}

} // namespace

CheckedPath::CheckedPath(const TranslatorSettings& settings,
                         NaptBackend& backend,
                         Counters& counters,
                         Rng& rng)
    : settings_{settings},
      backend_{backend},
      counters_{counters},
      translator_{settings, backend, counters, rng} {}

void CheckedPath::packet(PacketBuffer& packet) noexcept {
    const auto bytes = std::as_const(packet).bytes();
    fresh_.push_back({Bytes{bytes.begin(), bytes.end()}, packet.offload});
}

void CheckedPath::check_sent(bool strict) {
    emitted_ += fresh_.size();
    for (auto& sent : fresh_) {
        expect_none(check_ip(sent, settings_));
        if (strict) expect_none(check_packet(sent.bytes, sent.offload, quotes_));
        sent_.push_back(std::move(sent));
    }
    fresh_.clear();
    expect_none(check_books(counters_, emitted_));
}

void CheckedPath::expire() {
    deadline_ = translator_.expire(now_, Budget{}, *this);
    check_sent(all_right_);
}

void CheckedPath::advance(Clock::time_point now) {
    for (expire(); deadline_ <= now; expire())
        now_ = std::max(now_, deadline_);
    now_ = std::max(now_, now);
}

void CheckedPath::hand_over(std::span<const Handed> batch, Clock::time_point now) {
    advance(now);
    bool right = true;
    std::vector<OwnedPacket> owned;
    std::vector<PacketBuffer> buffers;
    owned.reserve(batch.size());
    for (const auto& [bytes, offload] : batch) {
        if (offload.partial_checksum) quotes_ = Quotes::AsTheyCame;
        right = right && is_ip(bytes) && check_packet(without_padding(bytes), offload).empty();
        buffers.push_back(owned.emplace_back(bytes, offload).buffer());
    }
    all_right_ = all_right_ && right;
    translator_.handle(buffers, now_, *this);
    check_sent(right);
}

void CheckedPath::hand_over(View bytes, const Offload& offload, Clock::time_point now) {
    const Handed one{{bytes.begin(), bytes.end()}, offload};
    hand_over({&one, 1}, now);
}

void CheckedPath::finish(const NaptSettings& settings) {
    expect_none(audit(backend_, settings, counters_, now_));
    const auto& t = settings.timeouts;
    // An established session is probed before it ends.
    auto longest = std::max({t.udp, t.icmp, t.tcp_established + 2 * t.tcp_transitory});
    advance(now_ + longest + std::chrono::minutes{10});
    expect_none(audit(backend_, settings, counters_, now_));
    if (unaccounted(counters_) != 0)
        expect_none("a packet is held for ever: " + books(counters_));
    for (std::size_t p = 0; p < kL4ProtoCount; ++p)
        expect(counters_.sessions_created[p].value() == counters_.sessions_deleted[p].value(),
               "a session outlives its lifetime");
}

} // namespace nat64::test
