// SPDX-License-Identifier: Apache-2.0
// Bug classes of other translators (docs/security.md), each with the behaviour that is wanted
// here. CheckedPath looks at everything that leaves; sanitizer builds run the same.
#include "tests/security/gateway.hpp"

#include <algorithm>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

constexpr auto kBackends = {"daemon", "kernel"};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A UDP packet of the client as the server would quote it.
Bytes quoted4(const Endpoint4& mapped4) {
    return ipv4(mapped4.address, kServer4).udp(mapped4.port.value(), 53).payload(40).bytes();
}

} // namespace

TEST_CASE("bug class 1: ICMPv6 of any type and code, cut anywhere, does no harm") {
    for (const auto* backend : kBackends) {
        Gateway gateway{small_napt(), backend};
        const auto quote = ipv6(kServer6, kClient).udp(53, 4000).payload(40).bytes();
        for (unsigned type = 0; type < 256; ++type)
            for (const unsigned code : {0U, 1U, 4U, 255U}) {
                auto packet = ipv6(kClient, kServer6)
                                  .icmp(type, code, 0x0001'0500)
                                  .payload(quote)
                                  .bytes();
                const auto size = 40 + (type * 4 + code) % (packet.size() - 39);
                packet.resize(size);
                put16(packet, 4, static_cast<unsigned>(size - 40));
                gateway.send(packet);
            }
        CHECK(gateway.counters().received.value() == 1024);
        gateway.finish();
    }
}

TEST_CASE("bug class 2: ICMP of the other family is an unknown protocol, quoted as well") {
    for (const auto* backend : kBackends) {
        Gateway gateway{small_napt(), backend};
        gateway.send(ipv6(kClient, kServer6).udp(4000, 53));
        const auto mapped4 = gateway.mapped(L4Proto::Udp, 4000);
        CHECK(gateway.take().size() == 1);
        const auto echo = unhex("80 00 00 00 00 01 00 01");

        gateway.send(ipv6(kClient, kServer6).protocol(1).payload(View{echo}));
        CHECK(has(gateway.left(),
                  "ICMP type 1 code 4")); // what RFC 7915 answers to any other protocol
        gateway.send(ipv4(kServer4, mapped4.address).protocol(58).payload(View{echo}));
        CHECK(has(gateway.left(), "ICMP type 3 code 2"));
        CHECK(gateway.drops(DropReason::UnknownProtocol) == 2);

        const auto inner4 =
            ipv4(mapped4.address, kServer4).protocol(58).payload(View{echo}).bytes();
        gateway.send(ipv4(kServer4, mapped4.address).icmp(3, 1).payload(View{inner4}));
        const auto inner6 = ipv6(kServer6, kClient).protocol(1).payload(View{echo}).bytes();
        gateway.send(ipv6(kClient, kServer6).icmp(1, 4).payload(View{inner6}));
        CHECK(gateway.take().empty());
        gateway.finish();
    }
}

TEST_CASE("bug class 3: an ICMP error that quotes oddly is dropped or leaves right") {
    for (const auto* backend : kBackends) {
        Gateway gateway{small_napt(), backend};
        gateway.send(ipv6(kClient, kServer6).udp(4000, 53));
        const auto mapped4 = gateway.mapped(L4Proto::Udp, 4000);
        const auto quote = quoted4(mapped4);
        for (std::size_t size = 0; size <= quote.size(); ++size)
            gateway.send(
                ipv4(kServer4, mapped4.address).icmp(3, 3).payload(View{quote}.first(size)));
        for (std::size_t at = 0; at < quote.size(); ++at)
            for (const unsigned value : {0x00U, 0x40U, 0x4fU, 0x60U, 0xffU}) {
                auto odd = quote;
                put8(odd, at, value);
                gateway.send(ipv4(kServer4, mapped4.address).icmp(3, 3).payload(View{odd}));
            }
        const auto extended = ipv6(kServer6, kClient)
                                  .extension(0)
                                  .extension(60, 64)
                                  .fragment(0, true, 7)
                                  .udp(53, 4000)
                                  .payload(40)
                                  .bytes();
        for (std::size_t size = 0; size <= extended.size(); ++size)
            gateway.send(
                ipv6(kClient, kServer6).icmp(3, 1).payload(View{extended}.first(size)));
        gateway.finish();
    }
}

TEST_CASE("bug class 4: no query is taken for an error, whatever its payload looks like") {
    Gateway gateway;
    gateway.send(ipv6(kClient, kServer6).udp(4000, 53));
    const auto quote = quoted4(gateway.mapped(L4Proto::Udp, 4000));
    CHECK(gateway.take().size() == 1);
    gateway.send(ipv6(kClient, kServer6).echo_request(9).payload(View{quote}));
    const auto sent = gateway.take();
    REQUIRE(sent.size() == 1);
    CHECK(std::ranges::equal(View{sent[0].bytes}.subspan(28), quote));
}

TEST_CASE("bug class 9: random segments of one connection, from both ends, at any pace") {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        Gateway gateway;
        Random random{seed};
        gateway.send(ipv6(kClient, kServer6).tcp(4000, 443, TcpFlags::kSyn));
        for (unsigned i = 0; i < 1000; ++i) {
            const auto flags = random.word() & 0x17U;
            // The port that the client had first: later it may be nobody's, or have come back.
            const auto port = 1024 + random.between(0, 3);
            if (random.one_in(2))
                gateway.send(ipv6(kClient, kServer6).tcp(4000, 443, flags));
            else
                gateway.send(
                    ipv4(kServer4, kPool4).tcp(443, static_cast<unsigned>(port), flags));
            for (const auto& sent : gateway.take())
                if (get8(sent.bytes, 0) >> 4 == 4 && sent.bytes.size() == 40)
                    gateway.send(ipv4(kServer4, kPool4)
                                     .tcp(443, get16(sent.bytes, 20), random.word() & 0x17U));
            gateway.pass(random.one_in(20) ? std::chrono::minutes{random.between(1, 150)}
                                           : std::chrono::minutes{0});
        }
        gateway.finish();
    }
}

TEST_CASE("bug class 12: a RST that anybody may have forged ends no mapping") {
    Gateway gateway;
    gateway.send(ipv6(kClient, kServer6).tcp(4000, 443, TcpFlags::kSyn));
    const auto mapped4 = gateway.mapped(L4Proto::Tcp, 4000);
    const auto from_server = [&](unsigned flags) {
        gateway.send(ipv4(kServer4, mapped4.address).tcp(443, mapped4.port.value(), flags));
    };
    from_server(TcpFlags::kSyn | TcpFlags::kAck);
    from_server(TcpFlags::kRst);
    gateway.pass(3min);
    gateway.send(ipv6(kClient, kServer6).tcp(4000, 443, TcpFlags::kAck));
    CHECK(gateway.mapped(L4Proto::Tcp, 4000) == mapped4);
    gateway.pass(2h);
    (void)gateway.take();
    from_server(TcpFlags::kAck);
    CHECK(has(gateway.left(), "TCP 443 > 4000"));
}

TEST_CASE("bug class 13: a packet to oneself, to nobody or to the gateway goes round once") {
    Gateway gateway;
    gateway.send(ipv6(kClient, kServer6).udp(4000, 53));
    const auto own = gateway.mapped(L4Proto::Udp, 4000);
    (void)gateway.take();
    gateway.send(ipv6(kClient, kPool6).udp(4000, own.port.value()));
    CHECK(has(gateway.left(), "IPv6 64:ff9b::c000:201 > 2001:db8:1::10"));
    CHECK(gateway.counters().hairpinned.value() == 1);
    gateway.send(ipv6(kClient, kPool6).udp(4000, own.port.value() ^ 1U));
    CHECK(gateway.take().size() <= 1);
    gateway.send(ipv6(kPool6, kServer6).udp(4000, 53));
    gateway.send(ipv6(kServer6, kServer6).udp(4000, 53));
    CHECK(gateway.take().empty());
    CHECK(gateway.drops(DropReason::SourceInPrefix) == 2);
    // What the hairpin has answered to its own pool comes back by the kernel: once.
    const auto echo = quoted4(own);
    gateway.send(ipv4(kPool4, kPool4).icmp(3, 3).payload(View{echo}));
    CHECK(gateway.take().size() <= 1);
    gateway.finish();
}

TEST_CASE("bug class 14: any protocol when nothing new can be made") {
    auto napt = small_napt();
    napt.limits.sessions = 1;
    Gateway gateway{napt};
    gateway.send(ipv6(kClient, kServer6).udp(4000, 53));
    (void)gateway.take();
    for (unsigned protocol = 0; protocol < 256; ++protocol) {
        const auto bytes = pattern(40, protocol);
        gateway.send(ipv6(kClient, kServer6).protocol(protocol).payload(View{bytes}));
        gateway.send(ipv4(kServer4, kPool4).protocol(protocol).payload(View{bytes}));
    }
    gateway.send(ipv6(kClient, kServer6).udp(4001, 53));
    gateway.send(ipv6(kClient, kServer6).tcp(4001, 53, TcpFlags::kSyn));
    gateway.send(ipv6(kClient, kServer6).echo_request(1));
    CHECK(gateway.drops(DropReason::SessionLimit) >= 3);
    CHECK(gateway.counters().received.value() == 1 + 512 + 3);
    gateway.finish();
}

TEST_CASE("bug class 18: no payload is rewritten, whatever it says") {
    Gateway gateway;
    for (const std::string text : {"PORT 192,0,2,9,4,1\r\n",
                                   "EPRT |2|2001:db8:1::10|5282|\r\n",
                                   "INVITE sip:a@[2001:db8:1::10]:5060 SIP/2.0\r\n"}) {
        const auto payload = std::as_bytes(std::span{text});
        for (const unsigned port : {21U, 5060U, 6667U}) {
            gateway.send(ipv6(kClient, kServer6).udp(4000, port).payload(payload));
            const auto sent = gateway.take();
            REQUIRE(sent.size() == 1);
            CHECK(std::ranges::equal(View{sent[0].bytes}.subspan(28), payload));
        }
    }
}

} // namespace nat64::test
