// SPDX-License-Identifier: Apache-2.0
// The layout of RTM_NEWLINK, RTM_NEWROUTE, RTM_GETADDR and RTM_GETROUTE.
#include "platform/netlink_messages.hpp"

#include "core/net/address.hpp"
#include "core/net/headers.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <variant>

#include <libmnl/libmnl.h>

#include <linux/if.h> // IWYU pragma: keep (IFF_UP)
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace nat64::platform {

namespace {

// linux/if_link.h calls it IN6_ADDR_GEN_MODE_NONE.
constexpr std::uint8_t kNoAddressGeneration = 1;

template <std::size_t Count>
using Attributes = std::array<const nlattr*, Count>;

template <std::size_t Count>
int collect(const nlattr* attribute, void* data) {
    auto& attributes = *static_cast<Attributes<Count>*>(data);
    const std::uint16_t type = mnl_attr_get_type(attribute);
    if (type < Count) attributes[type] = attribute;
    return MNL_CB_OK;
}

/// The attributes of a message behind a fixed part of `offset` bytes, by type.
template <std::size_t Count>
Attributes<Count> attributes_of(const nlmsghdr& message, unsigned offset) {
    Attributes<Count> attributes{};
    mnl_attr_parse(&message, offset, collect<Count>, &attributes);
    return attributes;
}

std::optional<std::uint32_t> number(const nlattr* attribute) {
    if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < sizeof(std::uint32_t))
        return {};
    return mnl_attr_get_u32(attribute);
}

template <typename Wire>
Wire wire_or_zero(const nlattr* attribute) {
    Wire wire{};
    if (attribute != nullptr && mnl_attr_get_payload_len(attribute) >= sizeof wire)
        std::memcpy(&wire, mnl_attr_get_payload(attribute), sizeof wire);
    return wire;
}

/// Up to its first zero, which may be missing.
std::string text(const nlattr* attribute) {
    if (attribute == nullptr) return {};
    const std::string_view bytes{static_cast<const char*>(mnl_attr_get_payload(attribute)),
                                 mnl_attr_get_payload_len(attribute)};
    return std::string{bytes.substr(0, bytes.find('\0'))};
}

void put_prefix(nlmsghdr* header, rtmsg& route, const Prefix4& prefix) {
    route.rtm_family = AF_INET;
    route.rtm_dst_len = static_cast<unsigned char>(prefix.length());
    WireAddr4 wire{};
    wire = prefix.address();
    mnl_attr_put(header, RTA_DST, sizeof wire, &wire);
}

void put_prefix(nlmsghdr* header, rtmsg& route, const Prefix6& prefix) {
    route.rtm_family = AF_INET6;
    route.rtm_dst_len = static_cast<unsigned char>(prefix.length());
    WireAddr6 wire{};
    wire = prefix.address();
    mnl_attr_put(header, RTA_DST, sizeof wire, &wire);
}

template <typename Payload>
Payload& put_payload(NetlinkRequest& request) {
    return *static_cast<Payload*>(
        mnl_nlmsg_put_extra_header(request.header(), sizeof(Payload)));
}

template <typename Payload>
const Payload* payload_of(const nlmsghdr& message) {
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(Payload)) return nullptr;
    return static_cast<const Payload*>(mnl_nlmsg_get_payload(&message));
}

NetlinkRequest list(std::uint16_t type) noexcept {
    NetlinkRequest request{type, NLM_F_DUMP};
    put_payload<rtgenmsg>(request).rtgen_family = AF_UNSPEC;
    return request;
}

/// The flags in `mask` become those in `flags`.
NetlinkRequest change_link(LinkIndex link, unsigned flags, unsigned mask) noexcept {
    NetlinkRequest request{RTM_NEWLINK, NLM_F_ACK};
    auto& info = put_payload<ifinfomsg>(request);
    info.ifi_family = AF_UNSPEC;
    info.ifi_index = static_cast<int>(link);
    info.ifi_flags = flags;
    info.ifi_change = mask;
    return request;
}

bool is_about(const nlmsghdr& message, std::uint16_t comes, std::uint16_t goes) noexcept {
    return message.nlmsg_type == comes || message.nlmsg_type == goes;
}

/// A prefix length that there is, of a family of ours.
bool is_prefix(unsigned family, unsigned length) noexcept {
    return (family == AF_INET && length <= 32) || (family == AF_INET6 && length <= 128);
}

std::optional<RouteKind> kind_of(const rtmsg& route) noexcept {
    if ((route.rtm_flags & RTM_F_CLONED) != 0) return {};
    const bool local = route.rtm_table == RT_TABLE_LOCAL;
    switch (route.rtm_type) {
    case RTN_UNICAST:
        return local ? std::nullopt : std::optional{RouteKind::Onward};
    case RTN_BLACKHOLE:
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
        return local ? std::nullopt : std::optional{RouteKind::Nowhere};
    case RTN_LOCAL:
        // The kernel's own are of addresses, which have a list of theirs; other tables are
        // asked by rules, a transparent proxy's for one.
        if (route.rtm_protocol == RTPROT_KERNEL) return {};
        if (!local && route.rtm_table != RT_TABLE_MAIN) return {};
        return RouteKind::Own;
    default:
        return {};
    }
}

} // namespace

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags) noexcept {
    nlmsghdr* const message = mnl_nlmsg_put_header(bytes_.data());
    message->nlmsg_type = type;
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

nlmsghdr* NetlinkRequest::header() noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): libmnl has made one there
    return reinterpret_cast<nlmsghdr*>(bytes_.data());
}

const nlmsghdr* NetlinkRequest::header() const noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): libmnl has made one there
    return reinterpret_cast<const nlmsghdr*>(bytes_.data());
}

NetlinkRequest prepare_link(LinkIndex link, const LinkSettings& settings) noexcept {
    auto request = change_link(link, 0, 0);
    nlmsghdr* const header = request.header();
    mnl_attr_put_u32(header, IFLA_MTU, settings.mtu.bytes());
    mnl_attr_put_u32(header, IFLA_TXQLEN, settings.queue_length);
    nlattr* const families = mnl_attr_nest_start(header, IFLA_AF_SPEC);
    nlattr* const ipv6 = mnl_attr_nest_start(header, AF_INET6);
    mnl_attr_put_u8(header, IFLA_INET6_ADDR_GEN_MODE, kNoAddressGeneration);
    mnl_attr_nest_end(header, ipv6);
    mnl_attr_nest_end(header, families);
    return request;
}

NetlinkRequest raise_link(LinkIndex link) noexcept {
    return change_link(link, IFF_UP, IFF_UP | IFF_MULTICAST);
}

NetlinkRequest change_route(RouteAction action, const Route& route) {
    const bool add = action == RouteAction::Add;
    NetlinkRequest request{
        add ? std::uint16_t{RTM_NEWROUTE} : std::uint16_t{RTM_DELROUTE},
        static_cast<std::uint16_t>(NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0))};
    auto& message = put_payload<rtmsg>(request);
    message.rtm_table = RT_TABLE_MAIN;
    message.rtm_protocol = kRouteProtocol;
    message.rtm_scope = RT_SCOPE_LINK;
    message.rtm_type = RTN_UNICAST;
    std::visit([&](const auto& prefix) { put_prefix(request.header(), message, prefix); },
               route.destination);
    mnl_attr_put_u32(request.header(), RTA_OIF, static_cast<std::uint32_t>(route.link));
    return request;
}

NetlinkRequest list_addresses() noexcept {
    return list(RTM_GETADDR);
}

NetlinkRequest list_routes() noexcept {
    return list(RTM_GETROUTE);
}

bool is_removal(const nlmsghdr& message) noexcept {
    return message.nlmsg_type == RTM_DELLINK || message.nlmsg_type == RTM_DELADDR ||
           message.nlmsg_type == RTM_DELROUTE;
}

std::optional<LinkRow> parse_link(const nlmsghdr& message) {
    const auto* info = payload_of<ifinfomsg>(message);
    // Bridges and others announce their ports under families of their own.
    if (!is_about(message, RTM_NEWLINK, RTM_DELLINK) || info == nullptr ||
        info->ifi_family != AF_UNSPEC)
        return {};
    const auto attributes = attributes_of<IFLA_MAX + 1>(message, sizeof *info);
    return LinkRow{LinkIndex{static_cast<std::uint32_t>(info->ifi_index)},
                   (info->ifi_flags & IFF_UP) != 0,
                   text(attributes[IFLA_IFNAME])};
}

std::optional<LocalAddress> parse_address(const nlmsghdr& message) {
    const auto* info = payload_of<ifaddrmsg>(message);
    if (!is_about(message, RTM_NEWADDR, RTM_DELADDR) || info == nullptr ||
        !is_prefix(info->ifa_family, info->ifa_prefixlen))
        return {};
    const auto attributes = attributes_of<IFA_MAX + 1>(message, sizeof *info);
    // On a point-to-point link IFA_ADDRESS is the other end; IFA_LOCAL, if there, is ours.
    const nlattr* own =
        attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
    if (own == nullptr) return {};
    const std::uint32_t flags = number(attributes[IFA_FLAGS]).value_or(info->ifa_flags);

    LocalAddress row;
    if (info->ifa_family == AF_INET) {
        row.address = wire_or_zero<WireAddr4>(own).value();
    } else {
        row.address = wire_or_zero<WireAddr6>(own).value();
        row.temporary = (flags & IFA_F_TEMPORARY) != 0;
    }
    row.prefix_length = info->ifa_prefixlen;
    row.link = LinkIndex{info->ifa_index};
    row.global = info->ifa_scope == RT_SCOPE_UNIVERSE;
    row.deprecated = (flags & (IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0;
    return row;
}

/// Behind the error stands our request (without its payload if NLM_F_CAPPED says so), then
/// attributes.
std::string explanation_in(const nlmsghdr& message) {
    const auto* error = payload_of<nlmsgerr>(message);
    if (error == nullptr || (message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
    std::size_t offset = sizeof *error;
    if ((message.nlmsg_flags & NLM_F_CAPPED) == 0)
        offset += mnl_nlmsg_get_payload_len(&error->msg);
    if (offset > mnl_nlmsg_get_payload_len(&message)) return {};
    const char* text = nullptr;
    const auto on_attribute = [](const nlattr* attribute, void* data) noexcept {
        if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
            *static_cast<const char**>(data) = mnl_attr_get_str(attribute);
        return MNL_CB_OK;
    };
    mnl_attr_parse(
        &message, static_cast<unsigned>(offset), on_attribute, static_cast<void*>(&text));
    return text == nullptr ? std::string{} : std::string{text};
}

std::optional<RouteRow> parse_route(const nlmsghdr& message) {
    const auto* info = payload_of<rtmsg>(message);
    if (!is_about(message, RTM_NEWROUTE, RTM_DELROUTE) || info == nullptr ||
        !is_prefix(info->rtm_family, info->rtm_dst_len))
        return {};
    const auto kind = kind_of(*info);
    if (!kind) return {};
    const auto attributes = attributes_of<RTA_MAX + 1>(message, sizeof *info);

    RouteRow row;
    row.kind = *kind;
    if (info->rtm_family == AF_INET) {
        row.destination =
            Prefix4{wire_or_zero<WireAddr4>(attributes[RTA_DST]).value(), info->rtm_dst_len};
    } else {
        row.destination =
            Prefix6{wire_or_zero<WireAddr6>(attributes[RTA_DST]).value(), info->rtm_dst_len};
    }
    // IPv6 gives blackholes the loopback interface.
    if (const auto link = number(attributes[RTA_OIF]); link && row.kind == RouteKind::Onward)
        row.link = LinkIndex{*link};
    row.metric = number(attributes[RTA_PRIORITY]).value_or(0);
    row.table = number(attributes[RTA_TABLE]).value_or(info->rtm_table);
    return row;
}

} // namespace nat64::platform
