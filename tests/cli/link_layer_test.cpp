// SPDX-License-Identifier: Apache-2.0
// Link headers: what is behind them is found, what is not IP is not.
#include "cli/link_layer.hpp"
#include "tests/support/bytes.hpp"

#include <array>
#include <string>

#include <doctest/doctest.h>
#include <pcap/dlt.h>

using namespace nat64;
using test::unhex;

namespace {

struct Case {
    int link_type;
    const char* header; ///< the bytes in front of the packet
    bool ip = true;
};

const std::array<Case, 24> kCases{{
    {DLT_RAW, ""},
    {DLT_IPV4, ""},
    {DLT_IPV6, ""},
    {DLT_EN10MB, "02 00 00 00 00 01  02 00 00 00 00 02  08 00"},
    {DLT_EN10MB, "02 00 00 00 00 01  02 00 00 00 00 02  86 dd"},
    // 802.1Q, 802.1ad around it, four tags, and one more than that
    {DLT_EN10MB, "02 00 00 00 00 01  02 00 00 00 00 02  81 00 00 05  86 dd"},
    {DLT_EN10MB, "02 00 00 00 00 01  02 00 00 00 00 02  88 a8 00 05  81 00 00 06  08 00"},
    {DLT_EN10MB,
     "02 00 00 00 00 01  02 00 00 00 00 02  81 00 00 01 81 00 00 02 81 00 00 03 81 00 00 04 08 "
     "00"},
    {DLT_EN10MB,
     "02 00 00 00 00 01  02 00 00 00 00 02  81 00 00 01 81 00 00 02 81 00 00 03 81 00 00 04 "
     "81 00 00 05 08 00",
     false},
    // ARP, a length (802.3), PPPoE
    {DLT_EN10MB, "02 00 00 00 00 01  02 00 00 00 00 02  08 06", false},
    {DLT_EN10MB, "02 00 00 00 00 01  02 00 00 00 00 02  00 26", false},
    {DLT_EN10MB, "02 00 00 00 00 01  02 00 00 00 00 02  88 64", false},
    // type, ARPHRD, address length, address, protocol
    {DLT_LINUX_SLL, "00 00  00 01  00 06  02 00 00 00 00 01 00 00  86 dd"},
    {DLT_LINUX_SLL, "00 04  ff fe  00 00  00 00 00 00 00 00 00 00  08 00"},
    {DLT_LINUX_SLL, "00 00  00 01  00 06  02 00 00 00 00 01 00 00  08 06", false},
    {DLT_LINUX_SLL, "00 00  00 01  00 06  02 00 00 00 00 01 00 00  81 00 00 07 08 00"},
    // protocol, reserved, interface, ARPHRD, type, address length, address
    {DLT_LINUX_SLL2, "86 dd  00 00  00 00 00 02  00 01  00  06  02 00 00 00 00 01 00 00"},
    {DLT_LINUX_SLL2,
     "08 06  00 00  00 00 00 02  00 01  00  06  02 00 00 00 00 01 00 00",
     false},
    // little-endian IPv4, big-endian FreeBSD IPv6, Linux IPv6, something else
    {DLT_NULL, "02 00 00 00"},
    {DLT_NULL, "00 00 00 1c"},
    {DLT_NULL, "0a 00 00 00"},
    {DLT_NULL, "07 00 00 00", false},
    {DLT_LOOP, "00 00 00 18"},
    {DLT_LOOP, "00 01 00 02", false},
}};

} // namespace

TEST_CASE("replay: the IP packet is found behind every supported link header") {
    const auto packet = test::pattern(60);
    for (const auto& c : kCases) {
        CAPTURE(c.link_type);
        CAPTURE(c.header);
        auto frame = unhex(c.header);
        test::append(frame, packet);
        const auto take_ip = cli::find_link_layer(c.link_type);
        REQUIRE((take_ip != nullptr));
        const auto ip = take_ip(frame);
        REQUIRE(ip.has_value() == c.ip);
        if (ip) CHECK(test::hex(*ip) == test::hex(packet));
    }
}

TEST_CASE("replay: a frame may end anywhere in its link header") {
    for (const auto& c : kCases) {
        const auto frame = unhex(c.header);
        for (std::size_t size = 0; size < frame.size(); ++size) {
            CAPTURE(c.header);
            CAPTURE(size);
            const auto ip = cli::find_link_layer(c.link_type)(std::span{frame}.first(size));
            CHECK_FALSE(ip.has_value());
        }
    }
}

TEST_CASE("replay: other link types are refused, with the list of those that work") {
    CHECK((cli::find_link_layer(DLT_IEEE802_11) == nullptr));
    CHECK(cli::supported_link_layers().find("Ethernet") != std::string::npos);
}
