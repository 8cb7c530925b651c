// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/inner_pool.hpp"

#include <vector>

#include <doctest/doctest.h>

namespace nat64::kernel {

namespace {

std::string chosen(const std::vector<const char*>& in_use) {
    std::vector<Prefix4> prefixes;
    for (const auto* text : in_use)
        prefixes.push_back(*Prefix4::parse(text));
    const auto pool = choose_inner_pool(prefixes);
    return pool ? pool->to_string() : "none";
}

} // namespace

TEST_CASE("inner_pool: the default collides with nothing on this machine") {
    CHECK(chosen({}) == "100.64.0.0/16");
    CHECK(chosen({"192.0.2.7", "0.0.0.0/0"}) == "100.64.0.0/16");
    // An uplink behind carrier-grade NAT, a VPN with addresses of its own there.
    CHECK(chosen({"100.64.3.0/24", "100.65.7.1"}) == "100.66.0.0/16");
    // A route for all of it.
    CHECK(chosen({"100.64.0.0/10"}) == "198.18.0.0/16");
    CHECK(chosen({"100.64.0.0/10", "198.18.0.0/15", "172.16.0.0/16"}) == "172.17.0.0/16");
    CHECK(chosen({"100.64.0.0/10", "198.18.0.0/15", "172.16.0.0/12"}) == "10.0.0.0/16");
    CHECK(chosen({"100.64.0.0/10", "198.18.0.0/15", "172.16.0.0/12", "10.0.0.0/8"}) == "none");
    // A default route in two halves, as VPNs make it.
    CHECK(chosen({"0.0.0.0/1", "128.0.0.0/1"}) == "100.64.0.0/16");
}

TEST_CASE("inner_pool: overlap in either direction is a collision") {
    const Prefix4 pool{Ipv4Addr{100, 64, 0, 0}, 16};
    const auto collides_with = [&](const char* text) {
        const Prefix4 used = *Prefix4::parse(text);
        return collides(pool, {&used, 1});
    };
    CHECK(collides_with("100.64.200.1"));
    CHECK(collides_with("100.0.0.0/8"));
    CHECK(!collides_with("100.65.0.0/16"));
    CHECK(!collides_with("0.0.0.0/1"));
}

} // namespace nat64::kernel
