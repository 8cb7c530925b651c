// SPDX-License-Identifier: Apache-2.0
// The packet builder against packets that scapy made, and the checker against packets with one
// byte wrong: a test tool that accepts everything proves nothing.
#include "tests/support/bytes.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/reassemble.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::test {
namespace {

Bytes text(std::string_view characters) {
    Bytes bytes;
    for (const char c : characters)
        append8(bytes, static_cast<unsigned char>(c));
    return bytes;
}

std::string compact(View bytes) {
    auto digits = hex(bytes);
    std::erase(digits, ' ');
    return digits;
}

TEST_CASE("The builder makes the packets that scapy makes") {
    // IP(src='192.0.2.1',dst='198.51.100.7',id=0x1234,ttl=63,flags='DF')/UDP(4000,53)/b'hello'
    CHECK(compact(ipv4("192.0.2.1", "198.51.100.7")
                      .identification(0x1234)
                      .hop_limit(63)
                      .dont_fragment()
                      .udp(4000, 53)
                      .payload(text("hello"))
                      .bytes()) ==
          "45000021123440003f113d5cc0000201c63364070fa00035000dbff068656c6c6f");
    // IPv6(tc=0x2e,fl=0x12345,hlim=7)/TCP(40000,443,'S',seq=1,window=8192,[('MSS',1440)])
    auto syn = ipv6("2001:db8::1", "64:ff9b::c000:221")
                   .traffic_class(0x2e)
                   .flow_label(0x12345)
                   .hop_limit(7)
                   .tcp(40000, 443, 0x02)
                   .sequence(1)
                   .tcp_options(unhex("020405a0"))
                   .bytes();
    put16(syn, 54, 8192);
    put16(syn, 56, 0xea62);
    CHECK(compact(syn) ==
          "62e123450018060720010db80000000000000000000000010064ff9b00000000000000"
          "00c00002219c4001bb000000010000000060022000ea620000020405a0");
    CHECK(check_packet(syn) == "");
    // IPv6()/IPv6ExtHdrHopByHop(PadN)/IPv6ExtHdrFragment(id=0xdeadbeef)/ICMPv6EchoRequest(7,9)
    CHECK(compact(ipv6("2001:db8::1", "64:ff9b::c000:221")
                      .extension(0)
                      .fragment(0, false, 0xdeadbeef)
                      .echo_request(7, 9)
                      .payload(text("abcd"))
                      .bytes()) == "60000000001c004020010db80000000000000000000000010064ff9b000"
                                   "0000000000000c00002212c000104"
                                   "000000003a000000deadbeef8000cb060007000961626364");
    // IP(id=2)/ICMP(3,4,nexthopmtu=1400)/IP(id=1)/UDP(53,4000)/b'12345678'
    const auto quoted = ipv4("198.51.100.7", "192.0.2.1")
                            .identification(1)
                            .udp(53, 4000)
                            .payload(text("12345678"))
                            .bytes();
    CHECK(compact(ipv4("203.0.113.9", "198.51.100.7")
                      .identification(2)
                      .icmp(3, 4, 1400)
                      .payload(quoted)
                      .bytes()) == "450000400002000040011477cb007109c63364070304e3e100000578450"
                                   "000240001000040118e8cc6336407"
                                   "c000020100350fa0001032e83132333435363738");
}

std::vector<PacketBuilder> right_packets() {
    const auto four = [] { return ipv4("192.0.2.1", "198.51.100.7"); };
    const auto six = [] { return ipv6("2001:db8::1", "64:ff9b::192.0.2.33"); };
    const auto quoted4 = four().udp(1, 2).payload(33).bytes();
    const auto quoted6 = six().tcp(1, 2).payload(33).bytes();
    return {
        four().udp(1, 2).payload(33),
        four().tcp(1, 2).tcp_options(Bytes(4)).payload(33),
        four().options(Bytes(8)).echo_request(1).payload(33),
        four().icmp(3, 3).payload(quoted4),
        four().icmp(11, 0).payload(quoted4).extensions(unhex("0004 0101")),
        six().udp(1, 2).payload(33),
        six().extension(0).extension(60, 16).tcp(1, 2).payload(33),
        six().fragment(0, false, 1).echo_reply(1).payload(33),
        six().icmp(1, 4).payload(quoted6),
        six().icmp(3, 0).payload(quoted6).extensions(unhex("0004 0101")),
    };
}

TEST_CASE("The checker accepts what is right") {
    for (const auto& builder : right_packets()) {
        CHECK(check_packet(builder.bytes()) == "");
        const auto pieces = PacketBuilder{builder}.in_pieces(24, 1);
        for (const auto& piece : pieces)
            CHECK(check_packet(piece) == "");
    }
    const auto partial =
        ipv6("2001:db8::1", "64:ff9b::1").udp(1, 2).payload(9).partial_checksum();
    CHECK(check_packet(partial.bytes(), partial.offload()) == "");
    CHECK(check_packet(partial.bytes()) != "");
    CHECK(check_packet(ipv4("192.0.2.1", "192.0.2.2").udp(1, 2).checksum(0).bytes()) == "");
    CHECK(check_packet(ipv6("2001:db8::1", "64:ff9b::1").udp(1, 2).checksum(0).bytes()) != "");
}

TEST_CASE("The checker sees any single wrong byte that a checksum or length covers") {
    for (const auto& builder : right_packets()) {
        const auto right = builder.bytes();
        const bool v4 = get8(right, 0) >> 4 == 4;
        const auto transport = read_layout(right).transport;
        for (std::size_t at = 0; at < right.size(); ++at) {
            // IPv6 does not protect its first bytes nor the contents of extension headers, and
            // another protocol (byte 6) may be one whose checksum nobody knows.
            if (!v4 && (at < 4 || at == 6 || at == 7 || (at >= 40 && at < transport))) continue;
            auto wrong = right;
            put8(wrong, at, get8(wrong, at) ^ 0x41U);
            CAPTURE(at);
            CHECK(check_packet(wrong) != "");
        }
    }
}

TEST_CASE("The checker lets a quote be as it came, with the pseudo-header's sum, if told to") {
    const auto came =
        ipv6("2001:db8::1", "64:ff9b::1").tcp(1, 2).payload(9).partial_checksum().bytes();
    const auto quoting = [](const Bytes& packet) {
        return ipv6("64:ff9b::2", "2001:db8::1").icmp(1, 1).payload(packet).bytes();
    };
    CHECK(check_packet(quoting(came)) != "");
    CHECK(check_packet(quoting(came), {}, Quotes::AsTheyCame) == "");
    auto wrong = came;
    put8(wrong, 40 + 16, get8(wrong, 40 + 16) ^ 0x41U);
    CHECK(check_packet(quoting(wrong), {}, Quotes::AsTheyCame) != "");
}

TEST_CASE("The checker lets a quoted UDP datagram be without checksum") {
    auto datagram = ipv6("2001:db8::1", "64:ff9b::1").udp(1, 2).payload(9);
    const auto quoting = [](const PacketBuilder& packet) {
        return ipv6("64:ff9b::2", "2001:db8::1").icmp(1, 4).payload(packet.bytes()).bytes();
    };
    CHECK(check_packet(quoting(datagram.checksum(0))) == "");
    CHECK(check_packet(quoting(datagram.checksum(1))) != "");
}

TEST_CASE("The checker does not miss the rest of a quote that was cut short") {
    auto cut = ipv6("2001:db8::1", "64:ff9b::1").extension(0, 160).tcp(1, 2).bytes();
    cut.resize(100);
    auto quoting = ipv6("64:ff9b::2", "2001:db8::1").icmp(1, 4).payload(cut);
    CHECK(check_packet(quoting.bytes()) == "");
    put16(cut, 4, 60);
    quoting.payload(cut);
    CHECK(check_packet(quoting.bytes()) != "");
}

TEST_CASE("Pieces reassemble to the packet they were cut from, in any order, or not at all") {
    for (const auto& builder : right_packets()) {
        auto whole = builder.bytes();
        if (read_layout(whole).fragment_header != 0) continue; // would have two
        auto pieces = builder.in_pieces(16, 0x4321);
        REQUIRE(pieces.size() > 2);
        std::ranges::reverse(pieces);
        auto joined = reassemble(pieces);
        REQUIRE(joined);
        if (get8(whole, 0) >> 4 == 4) { // pieces have an identification, the whole one has none
            put16(*joined, 4, 0);
            fix_ipv4_checksum(*joined);
        }
        CHECK(*joined == whole);
        pieces.pop_back();
        CHECK(!reassemble(pieces));
    }
}

TEST_CASE("describe() says what a packet is in one line") {
    CHECK(
        describe(ipv6("2001:db8::1", "64:ff9b::c000:201")
                     .tcp(40000, 443, 0x12)
                     .sequence(5)
                     .acknowledgment(6)
                     .checksum(0x1a2b)
                     .payload(2)
                     .bytes()) ==
        "IPv6 2001:db8::1 > 64:ff9b::c000:201 hl 64 tc 0 flow 0 len 62 | TCP 40000 > 443 [SA] "
        "seq 5 ack 6 sum 1a 2b | 2 bytes 00 01");
    CHECK(describe(
              ipv4("192.0.2.1", "192.0.2.2").dont_fragment().udp(1, 2).checksum(3).bytes()) ==
          "IPv4 192.0.2.1 > 192.0.2.2 ttl 64 tos 0 len 28 DF id 0 | UDP 1 > 2 len 8 sum 00 03 "
          "| 0 "
          "bytes ");
    CHECK(describe(Bytes(3)) == "no IP header: 00 00 00");
}

} // namespace
} // namespace nat64::test
