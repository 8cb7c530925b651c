// SPDX-License-Identifier: Apache-2.0
// Attributes are looked up by type, at most once each; what is missing makes the message one
// we do not know.
#include "backends/kernel/conntrack_message.hpp"

#include "core/net/bytes.hpp"

#include <array>
#include <cstring>

#include <libmnl/libmnl.h>

#include <linux/in.h> // IWYU pragma: keep (IPPROTO_TCP)
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

namespace nat64::kernel {

namespace {

constexpr std::uint8_t kEchoRequest = 8;

/// The attributes of one level by their type.
class Attributes {
public:
    Attributes() = default;

    explicit Attributes(const nlmsghdr& message) {
        mnl_attr_parse(&message, sizeof(nfgenmsg), note, this);
    }

    explicit Attributes(const nlattr* nest) {
        if (nest != nullptr) mnl_attr_parse_nested(nest, note, this);
    }

    [[nodiscard]] Attributes nested(std::uint16_t type) const {
        return Attributes{found_[type]};
    }

    [[nodiscard]] bool has(std::uint16_t type) const { return found_[type] != nullptr; }

    /// An integer in network order.
    template <typename Integer>
    [[nodiscard]] std::optional<Integer> value(std::uint16_t type) const {
        const auto* attribute = found_[type];
        if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != sizeof(Integer))
            return std::nullopt;
        BigEndian<Integer> wire;
        std::memcpy(&wire, mnl_attr_get_payload(attribute), sizeof wire);
        return wire.value();
    }

private:
    static int note(const nlattr* attribute, void* data) noexcept {
        auto& found = static_cast<Attributes*>(data)->found_;
        if (const auto type = mnl_attr_get_type(attribute); type < found.size())
            found[type] = attribute;
        return MNL_CB_OK;
    }

    static_assert(CTA_MAX < 64 && CTA_PROTO_MAX < 64 && CTA_PROTOINFO_TCP_MAX < 64);
    std::array<const nlattr*, 64> found_{};
};

struct Tuple {
    std::uint8_t protocol = 0;
    Endpoint4 source; ///< of ICMP the identifier, at both ends
    Endpoint4 destination;
    std::uint8_t icmp_type = 0;
};

std::optional<Tuple> parse_tuple(const Attributes& attributes) {
    const auto ip = attributes.nested(CTA_TUPLE_IP);
    const auto proto = attributes.nested(CTA_TUPLE_PROTO);
    const auto source = ip.value<std::uint32_t>(CTA_IP_V4_SRC);
    const auto destination = ip.value<std::uint32_t>(CTA_IP_V4_DST);
    const auto protocol = proto.value<std::uint8_t>(CTA_PROTO_NUM);
    if (!source || !destination || !protocol) return std::nullopt;
    const bool icmp = *protocol == IPPROTO_ICMP;
    const auto from = proto.value<std::uint16_t>(icmp ? CTA_PROTO_ICMP_ID : CTA_PROTO_SRC_PORT);
    const auto to = proto.value<std::uint16_t>(icmp ? CTA_PROTO_ICMP_ID : CTA_PROTO_DST_PORT);
    if (!from || !to) return std::nullopt;
    return Tuple{*protocol,
                 {Ipv4Addr{*source}, Port{*from}},
                 {Ipv4Addr{*destination}, Port{*to}},
                 proto.value<std::uint8_t>(CTA_PROTO_ICMP_TYPE).value_or(0)};
}

std::optional<L4Proto> protocol_of(const Tuple& original) {
    switch (original.protocol) {
    case IPPROTO_TCP:
        return L4Proto::Tcp;
    case IPPROTO_UDP:
        return L4Proto::Udp;
    case IPPROTO_ICMP:
        if (original.icmp_type == kEchoRequest) return L4Proto::Icmp;
        return std::nullopt;
    default:
        return std::nullopt;
    }
}

std::uint8_t number_of(L4Proto protocol) {
    switch (protocol) {
    case L4Proto::Tcp:
        return IPPROTO_TCP;
    case L4Proto::Udp:
        return IPPROTO_UDP;
    case L4Proto::Icmp:
        return IPPROTO_ICMP;
    }
    return 0;
}

rfc6146::SessionState tcp_state(std::uint8_t state) {
    using enum rfc6146::SessionState;
    switch (state) {
    case TCP_CONNTRACK_ESTABLISHED:
        return Established;
    case TCP_CONNTRACK_FIN_WAIT:
    case TCP_CONNTRACK_CLOSE_WAIT:
        return V6FinRcv;
    case TCP_CONNTRACK_LAST_ACK:
    case TCP_CONNTRACK_TIME_WAIT:
        return V4FinV6FinRcv;
    case TCP_CONNTRACK_CLOSE:
        return Trans;
    default:
        return V6Init;
    }
}

void add_counters(ConntrackFlow& flow, const Attributes& counters) {
    flow.packets += counters.value<std::uint64_t>(CTA_COUNTERS_PACKETS).value_or(0);
    flow.bytes += counters.value<std::uint64_t>(CTA_COUNTERS_BYTES).value_or(0);
}

constexpr std::size_t kMessageSpace = 256;

nlmsghdr*
begin(std::vector<std::byte>& bytes, unsigned type, unsigned flags, std::uint32_t sequence) {
    bytes.resize(kMessageSpace);
    auto* header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type);
    header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header->nlmsg_seq = sequence;
    auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
    family->nfgen_family = NFPROTO_IPV4;
    family->version = NFNETLINK_V0;
    return header;
}

template <typename Integer>
void put(nlmsghdr* header, std::uint16_t type, Integer value) {
    const BigEndian<Integer> wire{value};
    mnl_attr_put(header, type, sizeof wire, &wire);
}

} // namespace

std::optional<ConntrackFlow> parse_flow(const nlmsghdr& message) {
    if (message.nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
        mnl_nlmsg_get_payload_len(&message) < sizeof(nfgenmsg))
        return std::nullopt;
    const Attributes all{message};
    const auto original = parse_tuple(all.nested(CTA_TUPLE_ORIG));
    const auto reply = parse_tuple(all.nested(CTA_TUPLE_REPLY));
    if (!original || !reply) return std::nullopt;
    const auto protocol = protocol_of(*original);
    if (!protocol) return std::nullopt;

    ConntrackFlow flow;
    flow.protocol = *protocol;
    flow.inner4 = original->source;
    flow.mapped4 = reply->destination;
    flow.server4 = original->destination;
    if (*protocol == L4Proto::Icmp) flow.server4.port = flow.mapped4.port;
    if (*protocol == L4Proto::Tcp)
        flow.state = tcp_state(all.nested(CTA_PROTOINFO)
                                   .nested(CTA_PROTOINFO_TCP)
                                   .value<std::uint8_t>(CTA_PROTOINFO_TCP_STATE)
                                   .value_or(TCP_CONNTRACK_NONE));
    flow.expires_in = std::chrono::seconds{all.value<std::uint32_t>(CTA_TIMEOUT).value_or(0)};
    add_counters(flow, all.nested(CTA_COUNTERS_ORIG));
    add_counters(flow, all.nested(CTA_COUNTERS_REPLY));
    return flow;
}

std::vector<std::byte> encode_list_flows(std::uint32_t sequence) {
    std::vector<std::byte> bytes;
    const auto* header = begin(bytes, IPCTNL_MSG_CT_GET, NLM_F_DUMP, sequence);
    bytes.resize(header->nlmsg_len);
    return bytes;
}

std::vector<std::byte> encode_forget_flow(const ConntrackFlow& flow, std::uint32_t sequence) {
    std::vector<std::byte> bytes;
    auto* header = begin(bytes, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, sequence);
    auto* tuple = mnl_attr_nest_start(header, CTA_TUPLE_ORIG);
    auto* ip = mnl_attr_nest_start(header, CTA_TUPLE_IP);
    put(header, CTA_IP_V4_SRC, flow.inner4.address.bits());
    put(header, CTA_IP_V4_DST, flow.server4.address.bits());
    mnl_attr_nest_end(header, ip);
    auto* proto = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
    put(header, CTA_PROTO_NUM, number_of(flow.protocol));
    if (flow.protocol == L4Proto::Icmp) {
        put(header, CTA_PROTO_ICMP_ID, flow.inner4.port.value());
        put(header, CTA_PROTO_ICMP_TYPE, kEchoRequest);
        put(header, CTA_PROTO_ICMP_CODE, std::uint8_t{0});
    } else {
        put(header, CTA_PROTO_SRC_PORT, flow.inner4.port.value());
        put(header, CTA_PROTO_DST_PORT, flow.server4.port.value());
    }
    mnl_attr_nest_end(header, proto);
    mnl_attr_nest_end(header, tuple);
    bytes.resize(header->nlmsg_len);
    return bytes;
}

} // namespace nat64::kernel
