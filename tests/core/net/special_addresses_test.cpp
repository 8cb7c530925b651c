// SPDX-License-Identifier: Apache-2.0
// Every row of the IANA IPv4 Special-Purpose Address Registry, at both ends and one address
// beyond, and the IPv6 ranges that may not be a source.
#include "core/net/address.hpp"
#include "core/net/special_addresses.hpp"

#include <cstdint>
#include <string>

#include <doctest/doctest.h>

namespace nat64 {
namespace {

struct Row {
    const char* prefix;
    bool global;
    bool never_forwarded;
    bool is_private;
};

// "Globally Reachable" of the registry, with the multicast block and 192.88.99.0/24 of RFC 5735
// §3. Smaller ranges behind the larger ones they lie in.
constexpr Row kRegistry[] = {
    {"0.0.0.0/0", true, false, false},       {"0.0.0.0/8", false, true, false},
    {"10.0.0.0/8", false, false, true},      {"100.64.0.0/10", false, false, true},
    {"127.0.0.0/8", false, true, false},     {"169.254.0.0/16", false, true, false},
    {"172.16.0.0/12", false, false, true},   {"192.0.0.0/24", false, false, false},
    {"192.0.0.0/29", false, false, false},   {"192.0.0.8/32", false, false, false},
    {"192.0.0.9/32", true, false, false},    {"192.0.0.10/32", true, false, false},
    {"192.0.0.170/32", false, false, false}, {"192.0.0.171/32", false, false, false},
    {"192.0.2.0/24", false, false, false},   {"192.31.196.0/24", true, false, false},
    {"192.52.193.0/24", true, false, false}, {"192.88.99.0/24", false, false, false},
    {"192.168.0.0/16", false, false, true},  {"192.175.48.0/24", true, false, false},
    {"198.18.0.0/15", false, false, false},  {"198.51.100.0/24", false, false, false},
    {"203.0.113.0/24", false, false, false}, {"224.0.0.0/4", false, true, false},
    {"240.0.0.0/4", false, true, false},     {"255.255.255.255/32", false, true, false},
};

/// The most specific row, as the registry is meant to be read.
const Row& row_of(Ipv4Addr a) {
    const Row* best = nullptr;
    for (const auto& row : kRegistry)
        if (Prefix4::parse(row.prefix)->contains(a)) best = &row;
    return *best;
}

void check_address(Ipv4Addr a) {
    CAPTURE(a.to_string());
    const auto& row = row_of(a);
    CHECK(is_global(a) == row.global);
    CHECK(is_never_forwarded(a) == row.never_forwarded);
    CHECK(is_private(a) == row.is_private);
    CHECK(is_multicast(a) == (a.bits() >> 28 == 14));
}

TEST_CASE("RFC 6052 §3.1: non-global addresses are those of the IANA registry") {
    for (const auto& row : kRegistry) {
        const auto prefix = *Prefix4::parse(row.prefix);
        const auto first = prefix.address().bits();
        const auto last = static_cast<std::uint32_t>(first + (prefix.size() - 1));
        for (const auto bits : {first - 1, first, first + 1, last - 1, last, last + 1})
            check_address(Ipv4Addr{bits});
    }
    for (const auto* const text :
         {"8.8.8.8", "1.1.1.1", "100.63.255.255", "192.0.1.0", "198.20.0.0"})
        CHECK_MESSAGE(is_global(*Ipv4Addr::parse(text)), text);
}

TEST_CASE("RFC 4291 §2.5-§2.7: sources that are never translated") {
    for (const auto* const text : {"::",
                                   "::1",
                                   "::2",
                                   "::192.0.2.1",
                                   "::ffff:192.0.2.1",
                                   "fe80::1",
                                   "febf:ffff::",
                                   "ff00::",
                                   "ff02::1",
                                   "ffff::"})
        CHECK_MESSAGE(is_illegal_source(*Ipv6Addr::parse(text)), text);
    for (const auto* const text : {"2001:db8::1",
                                   "400::1",
                                   "fd00::1",
                                   "fc00::1",
                                   "fec0::1",
                                   "fe7f::1",
                                   "64:ff9b::1",
                                   "::1:0:0",
                                   "::fffe:192.0.2.1",
                                   "0:0:1::",
                                   "1::",
                                   "0:ff00::"})
        CHECK_MESSAGE(!is_illegal_source(*Ipv6Addr::parse(text)), text);
    CHECK(is_multicast(*Ipv6Addr::parse("ff02::1")));
    CHECK(!is_multicast(*Ipv6Addr::parse("fe80::1")));
}

} // namespace
} // namespace nat64
