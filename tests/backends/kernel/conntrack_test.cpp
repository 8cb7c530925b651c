// SPDX-License-Identifier: Apache-2.0
// Messages that a kernel (6.18, little-endian) sent, with nf_conntrack_acct on, and a flow in
// the kernel this runs on.
#include "backends/kernel/conntrack_view.hpp"
#include "backends/kernel/nft_table.hpp"
#include "tests/backends/kernel/rulesets.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/rng.hpp"

#include <bit>
#include <cstring>
#include <string>

#include <doctest/doctest.h>

#include <linux/netlink.h>

namespace nat64::kernel {

namespace {

using test::Bytes;
using test::in_private_network;
using test::output_of;
using test::unhex;

// 100.64.0.5:6000 -> 203.0.113.5:80 as 192.0.2.1:40008, established, 3 packets.
constexpr auto kTcp =
    "0c01000000012200010000000b4e0000020000003400018014000180080001006440000508000200cb007105"
    "1c000280050001000600000006000200177000000600030000500000340002801400018008000100cb007105"
    "08000200c00002011c00028005000100060000000600020000500000060003009c480000080003000000019e"
    "080008000000000008000c0005a807d808000b0000000001080007000006977f300004802c00018005000100"
    "03000000050002000a000000050003000a000000060004002300000006000500230000001c0009800c000100"
    "00000000000000020c00020000000000000000701c000a800c00010000000000000000010c00020000000000"
    "0000003c";
// Echo requests of 100.64.0.5 with identifier 20051 to 203.0.113.5, as 192.0.2.1.
constexpr auto kIcmp =
    "ec00000000012200010000000b4e0000020000003c00018014000180080001006440000508000200cb007105"
    "240002800500010001000000060004004e530000050005000800000005000600000000003c00028014000180"
    "08000100cb00710508000200c0000201240002800500010001000000060004004e5300000500050000000000"
    "0500060000000000080003000000019a080008000000000008000c003d976d5308000b000000000108000700"
    "0000001d1c0009800c00010000000000000000010c00020000000000000000541c000a800c00010000000000"
    "000000010c0002000000000000000054";
// 100.64.0.5:5000 -> 203.0.113.5:53 as 192.0.2.1:40010, no answer.
constexpr auto kUdp =
    "dc00000000012200010000000b4e0000020000003400018014000180080001006440000508000200cb007105"
    "1c000280050001001100000006000200138800000600030000350000340002801400018008000100cb007105"
    "08000200c00002011c00028005000100110000000600020000350000060003009c4a00000800030000000198"
    "080008000000000008000c00032ba0b508000b0000000001080007000000001d1c0009800c00010000000000"
    "000000010c000200000000000000001d1c000a800c00010000000000000000000c0002000000000000000000";

/// The message where a netlink message may stand.
struct Message {
    explicit Message(Bytes content) : bytes{std::move(content)} {
        if (bytes.size() < sizeof(nlmsghdr)) bytes.resize(sizeof(nlmsghdr));
        const auto size = static_cast<std::uint32_t>(bytes.size());
        std::memcpy(bytes.data(), &size, sizeof size);
    }

    [[nodiscard]] std::optional<ConntrackFlow> parsed() const {
        const void* start = bytes.data();
        return parse_flow(*static_cast<const nlmsghdr*>(start));
    }

    Bytes bytes;
};

std::string text(const std::optional<ConntrackFlow>& flow) {
    if (!flow) return "none";
    return std::string{name_of(flow->protocol)} + ' ' +
           std::string{rfc6146::name_of(flow->state)} + ' ' + flow->inner4.to_string() +
           " as " + flow->mapped4.to_string() + " to " + flow->server4.to_string() + ", " +
           std::to_string(flow->expires_in.count()) + " s, " + std::to_string(flow->packets) +
           " packets, " + std::to_string(flow->bytes) + " bytes";
}

} // namespace

TEST_CASE("conntrack: flows as the kernel lists them") {
    if constexpr (std::endian::native != std::endian::little) return;
    CHECK(text(Message{unhex(kTcp)}.parsed()) ==
          "tcp established 100.64.0.5:6000 as 192.0.2.1:40008 to 203.0.113.5:80, 431999 s, "
          "3 packets, 172 bytes");
    CHECK(text(Message{unhex(kUdp)}.parsed()) ==
          "udp active 100.64.0.5:5000 as 192.0.2.1:40010 to 203.0.113.5:53, 29 s, 1 packets, "
          "29 bytes");
    CHECK(text(Message{unhex(kIcmp)}.parsed()) ==
          "icmp active 100.64.0.5:20051 as 192.0.2.1:20051 to 203.0.113.5:20051, 29 s, "
          "2 packets, 168 bytes");
}

TEST_CASE("conntrack: TCP states") {
    if constexpr (std::endian::native != std::endian::little) return;
    const auto bytes = unhex(kTcp);
    const auto at = bytes.size() - 92; // CTA_PROTOINFO_TCP_STATE's payload
    REQUIRE(bytes[at] == std::byte{3});
    constexpr const char* kStates[]{"v6_init",
                                    "v6_init",
                                    "v6_init",
                                    "established",
                                    "v6_fin_rcv",
                                    "v6_fin_rcv",
                                    "v4_fin_v6_fin_rcv",
                                    "v4_fin_v6_fin_rcv",
                                    "trans",
                                    "v6_init"};
    for (unsigned state = 0; state < std::size(kStates); ++state) {
        CAPTURE(state);
        auto changed = bytes;
        changed[at] = std::byte(state);
        CHECK(rfc6146::name_of(Message{changed}.parsed()->state) == kStates[state]);
    }
}

TEST_CASE("conntrack: other messages, protocols and torn messages are not flows, nor harmful") {
    if constexpr (std::endian::native != std::endian::little) return;
    for (const auto* message : {kTcp, kIcmp, kUdp}) {
        const auto bytes = unhex(message);
        auto other_type = bytes;
        other_type[5] = std::byte{10}; // nf_tables
        CHECK(!Message{other_type}.parsed());
        for (std::size_t size = 0; size < 124; size += 4) // the tuples are not complete
            CHECK(!Message{
                Bytes{bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}}
                       .parsed());
        test::Random random{1};
        for (int i = 0; i < 20'000; ++i) {
            auto changed = bytes;
            for (auto n = random.between(1, 4); n > 0; --n)
                changed[random.between(0, bytes.size() - 1)] = random.bytes(1)[0];
            (void)Message{changed}.parsed();
        }
    }
    auto sctp = unhex(kUdp);
    sctp[52] = std::byte{132};
    REQUIRE(Message{unhex(kUdp)}.bytes[52] == std::byte{17});
    CHECK(!Message{sctp}.parsed());
    auto timestamp = unhex(kIcmp);
    REQUIRE(timestamp[68] == std::byte{8});
    timestamp[68] = std::byte{13};
    CHECK(!Message{timestamp}.parsed());
}

TEST_CASE("conntrack: a flow with its client is a session of the public address") {
    ConntrackFlow flow;
    flow.protocol = L4Proto::Udp;
    flow.inner4 = {Ipv4Addr{100, 64, 0, 5}, Port{5000}};
    flow.mapped4 = {Ipv4Addr{192, 0, 2, 1}, Port{40010}};
    flow.server4 = {Ipv4Addr{203, 0, 113, 5}, Port{53}};
    const auto client6 = *Ipv6Addr::parse("2001:db8::5");
    const auto row = to_row(flow, {{client6, {}}, {flow.inner4.address, {}}, {5, 1}});
    CHECK(row.client6.to_string() == "[2001:db8::5]:5000");
    CHECK(row.mapped4 == flow.mapped4);

    Filter filter;
    CHECK(matches(filter, row));
    filter.protocol = L4Proto::Tcp;
    CHECK(!matches(filter, row));
    filter = {.protocol = {}, .client = Prefix6{client6, 64}, .server = {}, .mapped = {}};
    CHECK(matches(filter, row));
    filter.server = *Prefix4::parse("203.0.113.0/24");
    filter.mapped = *Prefix4::parse("192.0.2.1");
    CHECK(matches(filter, row));
    filter.mapped = *Prefix4::parse("100.64.0.0/16");
    CHECK(!matches(filter, row));
}

TEST_CASE("conntrack: flows are read from the kernel and ended there") {
    if (!test::have_program("ip") || !test::have_program("bash")) return;
    const auto said = in_private_network([] {
        const NftTable table{make_ruleset(test::plain_ruleset())};
        auto trouble = output_of("ip link set lo up && ip addr add 100.64.0.5/32 dev lo && "
                                 "ip addr add 100.64.0.6/32 dev lo && "
                                 "ip addr add 203.0.113.5/32 dev lo && "
                                 "ip route replace local 203.0.113.5 dev lo src 100.64.0.5 && "
                                 "bash -c 'echo > /dev/udp/203.0.113.5/53' && "
                                 "ip route replace local 203.0.113.5 dev lo src 100.64.0.6 && "
                                 "bash -c 'echo > /dev/udp/203.0.113.5/53'");
        if (!trouble.empty()) return trouble;
        const Prefix4 pool{Ipv4Addr{100, 64, 0, 0}, 16};
        const auto flows = list_flows(pool);
        const auto outside = list_flows(Prefix4{Ipv4Addr{100, 65, 0, 0}, 16});
        auto of_five = flows;
        std::erase_if(of_five, [](const ConntrackFlow& flow) {
            return flow.inner4.address != Ipv4Addr{100, 64, 0, 5};
        });
        std::string facts = std::to_string(flows.size()) + " flows, " +
                            std::to_string(outside.size()) + " of others, ";
        facts += std::to_string(forget(of_five)) + " ended, ";
        facts += std::to_string(forget(of_five)) + " again, ";
        const auto left = list_flows(pool);
        return facts + std::to_string(left.size()) + " left, of " +
               (left.empty() ? "" : left[0].inner4.address.to_string());
    });
    if (!said) return;
    CHECK(*said == "2 flows, 0 of others, 1 ended, 0 again, 1 left, of 100.64.0.6");
}

} // namespace nat64::kernel
