// SPDX-License-Identifier: Apache-2.0
// sock_diag(7): four dumps, of two families and two protocols.
#include "platform/bound_ports.hpp"

#include "core/net/address.hpp"
#include "platform/netlink_datagram.hpp"
#include "platform/os_error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include <libmnl/libmnl.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace nat64::platform {

namespace {

constexpr const char* kTried = "list the sockets of this machine";
constexpr const char* kRemedy = "the kernel needs CONFIG_INET_DIAG and CONFIG_INET_UDP_DIAG";
/// What the kernel packs into one datagram at most.
constexpr std::size_t kBufferSize = 32768;

/// A UDP socket without a peer is closed, to the kernel.
std::uint32_t waiting(std::uint8_t protocol) noexcept {
    return 1U << (protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE);
}

void ask(int fd, std::uint8_t family, std::uint8_t protocol) {
    alignas(nlmsghdr) std::array<std::byte, 256> bytes{};
    auto* header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = protocol;
    request.idiag_states = waiting(protocol);
    std::memcpy(mnl_nlmsg_put_extra_header(header, sizeof request), &request, sizeof request);
    while (::send(fd, bytes.data(), header->nlmsg_len, 0) < 0)
        if (errno != EINTR) throw_errno(kTried, kRemedy);
}

bool is_loopback(const inet_diag_msg& row) noexcept {
    if (row.idiag_family == AF_INET) {
        return Prefix4{Ipv4Addr{127, 0, 0, 0}, 8}.contains(
            Ipv4Addr{ntohl(row.id.idiag_src[0])});
    }
    Ipv6Addr::Bytes bytes{};
    std::memcpy(bytes.data(), row.id.idiag_src, bytes.size());
    Ipv6Addr::Bytes loopback{};
    loopback.back() = 1;
    return bytes == loopback;
}

std::optional<Port> port_of(const nlmsghdr& message) noexcept {
    inet_diag_msg row{};
    if (mnl_nlmsg_get_payload_len(&message) < sizeof row) return std::nullopt;
    std::memcpy(&row, mnl_nlmsg_get_payload(&message), sizeof row);
    if (is_loopback(row)) return std::nullopt;
    return Port{ntohs(row.id.idiag_sport)};
}

void throw_error(const nlmsghdr& message) {
    nlmsgerr error{};
    if (mnl_nlmsg_get_payload_len(&message) < sizeof error) return;
    std::memcpy(&error, mnl_nlmsg_get_payload(&message), sizeof error);
    if (error.error != 0) throw OsError{-error.error, kTried, kRemedy};
}

/// One datagram of the answer. False at its end.
bool read_some(int fd, std::vector<Port>& ports) {
    alignas(nlmsghdr) std::array<std::byte, kBufferSize> buffer{};
    const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) return true;
    if (got < 0) throw_errno(kTried);
    bool more = true;
    each_message({buffer.data(), static_cast<std::size_t>(got)}, [&](const nlmsghdr& message) {
        if (message.nlmsg_type == NLMSG_ERROR) throw_error(message);
        if (message.nlmsg_type == NLMSG_DONE) more = false;
        if (message.nlmsg_type != SOCK_DIAG_BY_FAMILY) return;
        if (const auto port = port_of(message)) ports.push_back(*port);
    });
    return more;
}

} // namespace

BoundPorts::BoundPorts()
    : socket_{adopt, ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)} {
    if (!socket_) throw_errno(kTried, kRemedy);
}

std::vector<Port> BoundPorts::list() {
    std::vector<Port> ports;
    for (const int family : {AF_INET, AF_INET6})
        for (const int protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
            ask(socket_.get(),
                static_cast<std::uint8_t>(family),
                static_cast<std::uint8_t>(protocol));
            while (read_some(socket_.get(), ports)) {
            }
        }
    std::ranges::sort(ports);
    const auto repeated = std::ranges::unique(ports);
    ports.erase(repeated.begin(), repeated.end());
    return ports;
}

} // namespace nat64::platform
