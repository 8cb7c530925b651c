// SPDX-License-Identifier: Apache-2.0
// rtnetlink messages: requests against bytes written out by hand, rows against messages built
// here. host_ops_test has the kernel itself as the oracle.
#include "platform/netlink_messages.hpp"

#include <bit>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <vector>

#include <doctest/doctest.h>
#include <libmnl/libmnl.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace nat64::platform {

namespace {

std::vector<unsigned> bytes_of(const NetlinkRequest& request) {
    const auto* start = reinterpret_cast<const unsigned char*>(request.header());
    return {start, start + request.header()->nlmsg_len};
}

/// A message as the kernel would send it.
struct Message {
    alignas(8) std::array<char, 256> bytes{};
    nlmsghdr* header = mnl_nlmsg_put_header(bytes.data());

    explicit Message(std::uint16_t type) { header->nlmsg_type = type; }

    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    template <typename Payload>
    Payload& payload() {
        return *static_cast<Payload*>(mnl_nlmsg_put_extra_header(header, sizeof(Payload)));
    }

    void put(std::uint16_t type, std::initializer_list<unsigned char> value) {
        mnl_attr_put(header, type, value.size(), value.begin());
    }
};

const Ipv6Addr kDocumentation6 = *Ipv6Addr::parse("2001:db8::1");

} // namespace

TEST_CASE("rtnetlink: a request to add an IPv4 route, byte by byte") {
    if constexpr (std::endian::native == std::endian::big) return;
    const Route route{Prefix4{Ipv4Addr{192, 0, 2, 0}, 28}, LinkIndex{7}};
    // clang-format off
    const std::vector<unsigned> expected{
        44,   0,    0,   0, // length
        24,   0,            // RTM_NEWROUTE
        0x05, 0x06,         // REQUEST | ACK, CREATE | EXCL
        0,    0,    0,   0, // sequence
        0,    0,    0,   0, // port
        2,    28,   0,   0, // AF_INET, destination /28, source /0, tos
        254,  64,   253, 1, // main table, our protocol, scope link, unicast
        0,    0,    0,   0, // flags
        8,    0,    1,   0, // RTA_DST
        192,  0,    2,   0, //
        8,    0,    4,   0, // RTA_OIF
        7,    0,    0,   0, //
    };
    // clang-format on
    CHECK(bytes_of(change_route(RouteAction::Add, route)) == expected);
}

TEST_CASE("rtnetlink: deleting differs from adding in type and flags only") {
    const Route route{Prefix6{*Ipv6Addr::parse("64:ff9b::"), 96}, LinkIndex{7}};
    const auto add = change_route(RouteAction::Add, route);
    const auto remove = change_route(RouteAction::Delete, route);
    CHECK(add.header()->nlmsg_type == RTM_NEWROUTE);
    CHECK(add.header()->nlmsg_flags == (NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL));
    CHECK(remove.header()->nlmsg_type == RTM_DELROUTE);
    CHECK(remove.header()->nlmsg_flags == (NLM_F_REQUEST | NLM_F_ACK));
    auto a = bytes_of(add);
    auto b = bytes_of(remove);
    REQUIRE(a.size() == b.size());
    CHECK(std::equal(a.begin() + 8, a.end(), b.begin() + 8));
}

TEST_CASE("rtnetlink: what a request to add a route says can be parsed as a route") {
    const auto prefix = Prefix6{*Ipv6Addr::parse("64:ff9b::"), 96};
    const auto request = change_route(RouteAction::Add, {prefix, LinkIndex{7}});
    const auto row = parse_route(*request.header());
    REQUIRE(row);
    CHECK(*row == RouteRow{prefix, LinkIndex{7}, 0, RT_TABLE_MAIN});
}

TEST_CASE("rtnetlink: a link is prepared without IPv6 address generation") {
    if constexpr (std::endian::native == std::endian::big) return;
    // clang-format off
    const std::vector<unsigned> expected{
        64,   0,    0,    0,            // length
        16,   0,                        // RTM_NEWLINK
        0x05, 0,                        // REQUEST | ACK
        0,    0,    0,    0,            // sequence
        0,    0,    0,    0,            // port
        0,    0,    0,    0,            // AF_UNSPEC, type
        9,    0,    0,    0,            // index
        0,    0,    0,    0,            // no flags
        0,    0,    0,    0,            // to be changed
        8,    0,    4,    0,            // IFLA_MTU
        0x78, 0x05, 0,    0,            // 1400
        8,    0,    13,   0,            // IFLA_TXQLEN
        0x00, 0x10, 0,    0,            // 4096
        16,   0,    26,   0x80,         // IFLA_AF_SPEC, nested
        12,   0,    10,   0x80,         // AF_INET6, nested
        5,    0,    8,    0,            // IFLA_INET6_ADDR_GEN_MODE
        1,    0,    0,    0,            // none
    };
    // clang-format on
    CHECK(bytes_of(prepare_link(LinkIndex{9}, {Mtu{1400}, 4096})) == expected);
}

TEST_CASE("rtnetlink: a link comes up without multicast") {
    if constexpr (std::endian::native == std::endian::big) return;
    const auto bytes = bytes_of(raise_link(LinkIndex{9}));
    REQUIRE(bytes.size() == 32);
    CHECK(bytes[24] == 0x01); // flags: UP, not MULTICAST
    CHECK(bytes[25] == 0);
    CHECK(bytes[28] == 0x01); // of UP
    CHECK(bytes[29] == 0x10); // and MULTICAST
}

TEST_CASE("rtnetlink: an IPv6 address with its flags") {
    struct Case {
        const char* name;
        std::uint32_t flags;
        unsigned char scope;
        bool global;
        bool deprecated;
        bool temporary;
    };

    const Case cases[] = {
        {"global", IFA_F_PERMANENT, RT_SCOPE_UNIVERSE, true, false, false},
        {"link-local", IFA_F_PERMANENT, RT_SCOPE_LINK, false, false, false},
        {"deprecated", IFA_F_DEPRECATED, RT_SCOPE_UNIVERSE, true, true, false},
        {"tentative", IFA_F_TENTATIVE, RT_SCOPE_UNIVERSE, true, true, false},
        {"privacy", IFA_F_TEMPORARY, RT_SCOPE_UNIVERSE, true, false, true},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        Message message{RTM_NEWADDR};
        auto& info = message.payload<ifaddrmsg>();
        info.ifa_family = AF_INET6;
        info.ifa_prefixlen = 64;
        info.ifa_scope = c.scope;
        info.ifa_index = 3;
        mnl_attr_put(message.header, IFA_ADDRESS, 16, kDocumentation6.bytes().data());
        mnl_attr_put_u32(message.header, IFA_FLAGS, c.flags);
        const auto row = parse_address(*message.header);
        REQUIRE(row);
        CHECK(*row ==
              LocalAddress{
                  kDocumentation6, 64, LinkIndex{3}, c.global, c.deprecated, c.temporary});
    }
}

TEST_CASE("rtnetlink: on a point-to-point link our end is the address, not the other") {
    Message message{RTM_NEWADDR};
    auto& info = message.payload<ifaddrmsg>();
    info.ifa_family = AF_INET;
    info.ifa_prefixlen = 32;
    message.put(IFA_ADDRESS, {198, 51, 100, 2});
    message.put(IFA_LOCAL, {198, 51, 100, 1});
    const auto row = parse_address(*message.header);
    REQUIRE(row);
    CHECK(row->address == IpAddress{Ipv4Addr{198, 51, 100, 1}});
}

TEST_CASE("rtnetlink: a local route is the machine's own, unless an address has made it") {
    struct Case {
        unsigned char protocol;
        unsigned char table;
        bool there;
    };

    const Case cases[] = {{RTPROT_KERNEL, RT_TABLE_LOCAL, false},
                          {RTPROT_BOOT, RT_TABLE_LOCAL, true},
                          {RTPROT_STATIC, RT_TABLE_MAIN, true},
                          {RTPROT_BOOT, 100, false}}; // as transparent proxies have it
    for (const auto& c : cases) {
        CAPTURE(int{c.protocol});
        CAPTURE(int{c.table});
        Message route{RTM_NEWROUTE};
        auto& info = route.payload<rtmsg>();
        info.rtm_family = AF_INET;
        info.rtm_dst_len = 28;
        info.rtm_table = c.table;
        info.rtm_type = RTN_LOCAL;
        info.rtm_protocol = c.protocol;
        mnl_attr_put_u32(route.header, RTA_OIF, 1);
        const auto row = parse_route(*route.header);
        CHECK(row.has_value() == c.there);
        if (!row) continue;
        CHECK(row->kind == RouteKind::Own);
        CHECK_FALSE(row->link);
    }
}

TEST_CASE("rtnetlink: messages that are no rows of ours") {
    Message route{RTM_NEWROUTE};
    auto& info = route.payload<rtmsg>();
    info.rtm_family = AF_INET;
    info.rtm_table = RT_TABLE_LOCAL;
    info.rtm_type = RTN_BROADCAST;
    CHECK_FALSE(parse_route(*route.header));
    CHECK_FALSE(parse_address(*route.header));
    CHECK_FALSE(parse_address(*Message{RTM_NEWADDR}.header)); // no payload at all
    CHECK_FALSE(parse_route(*Message{RTM_NEWROUTE}.header));
}

TEST_CASE("rtnetlink: a prefix longer than its family's addresses is none") {
    struct Case {
        unsigned char family;
        unsigned char length;
        bool there;
    };

    const Case cases[] = {{AF_INET, 32, true},
                          {AF_INET, 33, false},
                          {AF_INET6, 128, true},
                          {AF_INET6, 129, false},
                          {AF_BRIDGE, 0, false}};
    for (const auto& c : cases) {
        CAPTURE(int{c.family});
        CAPTURE(int{c.length});
        Message route{RTM_NEWROUTE};
        auto& to = route.payload<rtmsg>();
        to.rtm_family = c.family;
        to.rtm_dst_len = c.length;
        to.rtm_type = RTN_UNICAST;
        CHECK(parse_route(*route.header).has_value() == c.there);

        Message address{RTM_NEWADDR};
        auto& own = address.payload<ifaddrmsg>();
        own.ifa_family = c.family;
        own.ifa_prefixlen = c.length;
        mnl_attr_put(address.header, IFA_LOCAL, 16, kDocumentation6.bytes().data());
        CHECK(parse_address(*address.header).has_value() == c.there);
    }
}

TEST_CASE("rtnetlink: a blackhole has no link, whatever the kernel says") {
    Message message{RTM_NEWROUTE};
    auto& info = message.payload<rtmsg>();
    info.rtm_family = AF_INET6;
    info.rtm_dst_len = 96;
    info.rtm_table = RT_TABLE_MAIN;
    info.rtm_type = RTN_UNREACHABLE;
    mnl_attr_put_u32(message.header, RTA_OIF, 1);
    mnl_attr_put_u32(message.header, RTA_PRIORITY, 4096);
    const auto row = parse_route(*message.header);
    REQUIRE(row);
    CHECK_FALSE(row->link);
    CHECK(row->kind == RouteKind::Nowhere);
    CHECK(row->metric == 4096);
}

TEST_CASE("rtnetlink: an attribute that is too short reads as nothing") {
    Message message{RTM_NEWROUTE};
    auto& info = message.payload<rtmsg>();
    info.rtm_family = AF_INET;
    info.rtm_dst_len = 0;
    info.rtm_table = RT_TABLE_MAIN;
    info.rtm_type = RTN_UNICAST;
    message.put(RTA_DST, {192});
    message.put(RTA_OIF, {7, 0});
    const auto row = parse_route(*message.header);
    REQUIRE(row);
    CHECK(row->destination == IpPrefix{Prefix4{}});
    CHECK_FALSE(row->link);
}

TEST_CASE("netlink: the kernel's words behind an error, and none where there are none") {
    const auto explained = [](unsigned flags, std::uint32_t quoted) {
        Message message{NLMSG_ERROR};
        auto& error = message.payload<nlmsgerr>();
        error.error = -EINVAL;
        error.msg.nlmsg_len = NLMSG_HDRLEN + quoted;
        if ((flags & NLM_F_CAPPED) == 0 && quoted <= 8)
            mnl_nlmsg_put_extra_header(message.header, quoted);
        message.put(NLMSGERR_ATTR_OFFS, {1, 0, 0, 0});
        message.put(NLMSGERR_ATTR_MSG, {'N', 'o', '\0'});
        message.header->nlmsg_flags = static_cast<std::uint16_t>(flags);
        return explanation_in(*message.header);
    };
    CHECK(explained(NLM_F_ACK_TLVS | NLM_F_CAPPED, 8) == "No");
    CHECK(explained(NLM_F_ACK_TLVS, 8) == "No");
    CHECK(explained(NLM_F_ACK_TLVS, 0xffff0000) == ""); // longer than what is there
    CHECK(explained(0, 8) == "");
    CHECK(explanation_in(*Message{NLMSG_ERROR}.header) == "");
}

} // namespace nat64::platform
