// SPDX-License-Identifier: Apache-2.0
// mtu.clamp_mss. That checksums stay right is checked by Translate with every packet.
#include "core/rfc7915/mss.hpp"
#include "tests/core/rfc7915/translate.hpp"
#include "tests/support/bytes.hpp"

#include <array>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

constexpr unsigned kSyn = 0x02;
constexpr unsigned kSynAck = 0x12;
constexpr unsigned kAck = 0x10;

Bytes options(const std::vector<unsigned>& values) {
    Bytes bytes;
    for (const auto value : values)
        bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

const Bytes kMss1460 = options({2, 4, 0x05, 0xb4});

PacketBuilder out(unsigned flags, const Bytes& tcp_options) {
    return ipv6(kClient6, kServer6)
        .tcp(kClientPort, kServerPort, flags)
        .tcp_options(tcp_options);
}

PacketBuilder in(unsigned flags, const Bytes& tcp_options) {
    return ipv4(kServer4, kMapped4)
        .tcp(kServerPort, kMappedPort, flags)
        .tcp_options(tcp_options);
}

Translate clamping(unsigned ipv6_mtu = 1500, unsigned ipv4_mtu = 1500) {
    Translate translate;
    translate.settings.clamp_mss = true;
    translate.settings.ipv6_mtu = Mtu{ipv6_mtu};
    translate.settings.ipv4_mtu = Mtu{ipv4_mtu};
    return translate;
}

/// The TCP options that a packet leaves with.
Bytes after(Translate translate, const PacketBuilder& packet) {
    const auto sent = translate.one(packet);
    const std::size_t ip = sent.bytes[0] >> 4 == std::byte{6} ? 40 : 20;
    return Bytes{sent.bytes.begin() + static_cast<std::ptrdiff_t>(ip + 20), sent.bytes.end()};
}

} // namespace

TEST_CASE("mss: SYN and SYN-ACK of both directions are lowered to what fits both sides") {
    const auto lowered = options({2, 4, 0x05, 0xa0}); // 1440
    for (const auto flags : {kSyn, kSynAck}) {
        CHECK(after(clamping(), out(flags, kMss1460)) == lowered);
        CHECK(after(clamping(), in(flags, kMss1460)) == lowered);
    }
}

TEST_CASE("mss: the smaller of the two sides decides") {
    CHECK(rfc7915::largest_mss(clamping(1400, 1500).settings) == 1340);
    CHECK(rfc7915::largest_mss(clamping(1500, 1300).settings) == 1260);
    CHECK(rfc7915::largest_mss(clamping(1280, 68).settings) == 28);
    CHECK(rfc7915::largest_mss(clamping(65535, 65535).settings) == 65475);
}

TEST_CASE("mss: is never raised, never added, and off unless it is asked for") {
    const auto small = options({2, 4, 0x04, 0xc4}); // 1220
    CHECK(after(clamping(), out(kSyn, small)) == small);
    CHECK(after(clamping(), out(kSyn, {})).empty());
    const auto window_scale = options({3, 3, 7, 0});
    CHECK(after(clamping(), out(kSyn, window_scale)) == window_scale);
    CHECK(after(Translate{}, out(kSyn, kMss1460)) == kMss1460);
    CHECK(after(clamping(), out(kAck, kMss1460)) == kMss1460);
}

TEST_CASE("mss: is found behind other options, at any offset, as often as it is there") {
    CHECK(after(clamping(), out(kSyn, options({1, 2, 4, 5, 0xb4, 1, 1, 1}))) ==
          options({1, 2, 4, 5, 0xa0, 1, 1, 1}));
    CHECK(after(clamping(), in(kSyn, options({3, 3, 7, 2, 4, 5, 0xb4, 0}))) ==
          options({3, 3, 7, 2, 4, 5, 0xa0, 0}));
    CHECK(after(clamping(), in(kSyn, options({2, 4, 0xff, 0xff, 2, 4, 5, 0xb4}))) ==
          options({2, 4, 5, 0xa0, 2, 4, 5, 0xa0}));
}

TEST_CASE("mss: options that do not parse are left alone") {
    for (const auto& bytes : {options({2, 3, 0x05, 0xb4}),
                              options({2, 8, 0x05, 0xb4}),
                              options({3, 0, 2, 4, 5, 0xb4, 1, 1}),
                              options({3, 1, 2, 4, 5, 0xb4, 1, 1}),
                              options({0, 2, 4, 5, 0xb4, 0, 0, 0}),
                              options({1, 1, 1, 2})})
        CHECK(after(clamping(), out(kSyn, bytes)) == bytes);
}

TEST_CASE("mss: a partial checksum does not cover it and stays as it is but for addresses") {
    CHECK(after(clamping(), out(kSyn, kMss1460).partial_checksum()) ==
          options({2, 4, 0x05, 0xa0}));
    CHECK(after(clamping(), in(kSynAck, kMss1460).partial_checksum()) ==
          options({2, 4, 0x05, 0xa0}));
}

} // namespace nat64::test
