// SPDX-License-Identifier: Apache-2.0
#include "fuzz/world.hpp"

#include "backends/registry.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/mend.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

namespace nat64::fuzz {

namespace {

using test::Bytes;
using test::View;

bool has(std::uint8_t choice, std::uint8_t bit) {
    return (choice & bit) != 0;
}

rfc6052::Nat64Prefix prefix_of(std::uint8_t choice) {
    constexpr std::array<const char*, 8> prefixes{"64:ff9b::/96",
                                                  "2001:db8::/32",
                                                  "2001:db8:6400::/40",
                                                  "2001:db8:64::/48",
                                                  "2001:db8:64::/56",
                                                  "2001:db8:64::/64",
                                                  "2001:db8:64::/96",
                                                  "64:ff9b::/96"};
    return rfc6052::Nat64Prefix::from(Prefix6::parse(prefixes.at(choice & kPrefixes)).value())
        .value();
}

Endpoint6 client6(std::uint64_t host, std::uint16_t port) {
    return {Ipv6Addr::from_halves(0x3fff'0000'0000'0000, host), Port{port}};
}

NaptSettings napt_of(std::uint8_t choice) {
    NaptSettings napt;
    napt.prefix = prefix_of(choice);
    if (has(choice, kKernel)) {
        napt.inner_pool = Prefix4{Ipv4Addr{198, 51, 100, 0}, 24};
        napt.statics = {{std::nullopt, client6(6, 0), {Ipv4Addr{198, 51, 100, 6}, Port{}}}};
    } else {
        napt.pool = {{Prefix4{Ipv4Addr{198, 51, 100, 0}, 31}, {Port{1000}, Port{1200}}}};
        napt.statics = {{std::nullopt, client6(6, 0), {Ipv4Addr{198, 51, 100, 6}, Port{}}},
                        {L4Proto::Udp, client6(5, 53), {Ipv4Addr{198, 51, 100, 1}, Port{53}}},
                        {L4Proto::Tcp, client6(5, 80), {Ipv4Addr{198, 51, 100, 1}, Port{80}}}};
    }
    napt.filtering = has(choice, kAddressDependent) ? Filtering::AddressDependent
                                                    : Filtering::EndpointIndependent;
    napt.limits.sessions = 48;
    if (has(choice, kTightLimits)) {
        napt.limits.client_prefix = 64;
        napt.limits.sessions_per_client = 4;
        napt.limits.ports_per_client = 2;
        napt.limits.half_open_per_client = 2;
        napt.limits.addresses_per_client = 2;
        napt.limits.new_sessions_per_second = 3;
    }
    return napt;
}

TranslatorSettings settings_of(std::uint8_t choice) {
    TranslatorSettings settings;
    settings.prefix = prefix_of(choice);
    settings.wkp_strict = false;
    settings.gateway4 = Ipv4Addr{192, 0, 2, 254};
    if (has(choice, kDecrement)) settings.rfc7915.hop_policy = rfc7915::HopPolicy::Decrement;
    if (has(choice, kSmallMtu)) {
        settings.rfc7915.ipv6_mtu = Mtu{1400};
        settings.rfc7915.ipv4_mtu = Mtu{1400};
    }
    settings.fragments_held = 16;
    settings.fragment_buffers = 24;
    return settings;
}

/// The two ports of TCP and UDP, the identifier of an echo; where they stand in the packet.
struct Ports {
    std::size_t source;
    std::size_t destination;
};

std::optional<Ports> ports_of(View packet, const test::Layout& layout) {
    const auto at = layout.transport;
    if (layout.is_fragment() || at + 8 > packet.size()) return std::nullopt;
    if (layout.protocol == 6 || layout.protocol == 17) return Ports{at, at + 2};
    if (layout.protocol == 1 || layout.protocol == 58) return Ports{at + 4, at + 4};
    return std::nullopt;
}

bool is_ip(View packet, unsigned version) {
    const std::size_t least = version == 4 ? 20 : 40;
    return packet.size() >= least && test::get8(packet, 0) >> 4 == version;
}

void copy(View from, std::size_t at, Bytes& to, std::size_t there, std::size_t size) {
    std::ranges::copy(from.subspan(at, size), to.begin() + static_cast<std::ptrdiff_t>(there));
}

} // namespace

World::World(std::uint8_t choice)
    : napt_{napt_of(choice)},
      settings_{settings_of(choice)},
      rng_{test::seeded_rng(choice)},
      backend_{backends::make_backend(
          has(choice, kKernel) ? "kernel" : "daemon", napt_, counters_, rng_)},
      path_{settings_, *backend_, counters_, rng_} {}

void World::play(const Script& script) {
    for (const auto& step : script.steps) {
        const bool alone = step.pause != 0 || step.aim == Step::Aim::Answer;
        if (alone || batch_.size() == kMaxBatch) hand_over();
        pause(pause_of(step.pause));
        batch_.push_back({aimed(step), step.has_offload ? step.offload : Offload{}});
    }
    hand_over();
}

void World::hand_over() {
    if (batch_.empty()) return;
    path_.hand_over(batch_, now_);
    batch_.clear();
    std::ranges::move(path_.take(), std::back_inserter(sent_));
}

Bytes World::aimed(const Step& step) const {
    auto packet = step.packet;
    if (step.aim == Step::Aim::AsItIs || sent_.empty()) return packet;
    const auto& last = sent_.back().bytes;
    const unsigned version = test::get8(last, 0) >> 4;
    if (!is_ip(packet, version)) return packet;
    const std::size_t source = version == 4 ? 12 : 8;
    const std::size_t size = version == 4 ? 4 : 16;
    copy(last, source, packet, source + size, size);
    copy(last, source + size, packet, source, size);
    const auto theirs = test::read_layout(last);
    const auto ours = test::read_layout(packet);
    const auto from = ports_of(last, theirs);
    const auto to = ports_of(packet, ours);
    if (theirs.problem.empty() && ours.problem.empty() && from && to) {
        copy(last, from->source, packet, to->destination, 2);
        copy(last, from->destination, packet, to->source, 2);
    }
    test::mend_checksums(packet);
    return packet;
}

} // namespace nat64::fuzz
