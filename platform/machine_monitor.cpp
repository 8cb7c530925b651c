// SPDX-License-Identifier: Apache-2.0
// rtnetlink's multicast groups (rtnetlink(7)).
#include "platform/machine_monitor.hpp"

#include "platform/netlink_datagram.hpp"
#include "platform/os_error.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <libmnl/libmnl.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace nat64::platform {

namespace asio = boost::asio;

namespace {

constexpr unsigned kGroups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                             RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
/// The kernel's announcements are not larger.
constexpr std::size_t kBufferSize = 32768;
/// Room for some thousand announcements: a routing daemon's day begins with a burst.
constexpr int kQueueSize = 1 << 20;
/// After so many datagrams others get their turn.
constexpr int kReadsPerTurn = 64;
/// Before listeners that were interrupted even behind a burst read again.
constexpr std::chrono::milliseconds kPause{100};

using Socket = std::unique_ptr<mnl_socket, int (*)(mnl_socket*)>;

Socket open_socket() {
    Socket socket{mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK),
                  mnl_socket_close};
    if (!socket) throw_errno("open a netlink socket to watch the machine");
    const int fd = mnl_socket_get_fd(socket.get());
    // Without CAP_NET_ADMIN as much as the kernel lets anybody have.
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kQueueSize, sizeof kQueueSize) != 0)
        ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kQueueSize, sizeof kQueueSize);
    if (mnl_socket_bind(socket.get(), kGroups, MNL_SOCKET_AUTOPID) < 0)
        throw_errno("watch the machine's links, addresses and routes");
    return socket;
}

} // namespace

std::optional<MachineChange> parse_change(const nlmsghdr& message) {
    const auto happened = is_removal(message) ? Happened::Went : Happened::Came;
    if (const auto row = parse_link(message)) return LinkChange{*row, happened};
    if (const auto row = parse_address(message)) return AddressChange{*row, happened};
    if (const auto row = parse_route(message)) return RouteChange{*row, happened};
    return {};
}

MachineMonitor::MachineMonitor(asio::io_context& control)
    : socket_{open_socket()},
      readable_{control, mnl_socket_get_fd(socket_.get())},
      buffer_(kBufferSize) {}

MachineMonitor::~MachineMonitor() {
    readable_.release(); // libmnl closes it
}

asio::awaitable<void> MachineMonitor::watch() {
    asio::steady_timer pause{readable_.get_executor()};
    for (;;) {
        if (stale_) {
            pause.expires_after(kPause);
            co_await pause.async_wait(asio::use_awaitable);
        } else {
            co_await readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                                          asio::use_awaitable);
        }
        for (int reads = 1; read_once() == More::Yes; ++reads)
            if (reads % kReadsPerTurn == 0)
                co_await asio::post(readable_.get_executor(), asio::use_awaitable);
        const bool lost = std::exchange(lost_, false);
        if (std::exchange(stale_, false) || lost) tell(ChangesLost{});
    }
}

MachineMonitor::More MachineMonitor::read_once() {
    const auto got = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (got < 0) {
        if (errno == EAGAIN) return More::No;
        // ENOBUFS: the queue was full. ENOSPC: a message that is longer than any should be.
        // The kernel goes on losing changes, and does not say so again, until all that waits
        // has been read: who looks sooner may see a state that ends unannounced.
        if (errno == ENOBUFS || errno == ENOSPC)
            lost_ = true;
        else if (errno != EINTR)
            throw_errno("read the machine's changes");
        return More::Yes;
    }
    const auto datagram = std::span{buffer_}.first(static_cast<std::size_t>(got));
    each_message(datagram, [this](const nlmsghdr& message) {
        if (const auto change = parse_change(message)) tell(*change);
    });
    return More::Yes;
}

/// A listener that lists what has changed may find that it changes still. No reason to end:
/// whatever interrupted it is about to be announced, or the end of the burst is.
void MachineMonitor::tell(const MachineChange& change) {
    for (const auto& listener : listeners_) {
        try {
            listener(change);
        } catch (const std::system_error& error) {
            if (error.code() != std::errc::interrupted) throw;
            stale_ = true;
        }
    }
}

} // namespace nat64::platform
