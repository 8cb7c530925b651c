// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/nfnetlink.hpp"

#include "platform/netlink_datagram.hpp"
#include "platform/netlink_messages.hpp"
#include "platform/os_error.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <libmnl/libmnl.h>

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

namespace nat64::kernel {

namespace {

using platform::OsError;
using platform::throw_errno;

/// What the kernel packs into one datagram at most.
constexpr std::size_t kBufferSize = 32768;

std::optional<Answer> answer_in(const nlmsghdr& message) {
    if (message.nlmsg_type != NLMSG_ERROR ||
        mnl_nlmsg_get_payload_len(&message) < sizeof(nlmsgerr))
        return std::nullopt;
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message));
    return Answer{message.nlmsg_seq, -error->error, platform::explanation_in(message)};
}

/// The messages of one datagram.
struct Datagram {
    alignas(nlmsghdr) std::array<std::byte, kBufferSize> bytes{};
    int size = 0;

    /// False when there is nothing to read.
    bool receive(int fd, std::string_view tried) {
        for (;;) {
            const auto got = ::recv(fd, bytes.data(), bytes.size(), 0);
            size = static_cast<int>(got);
            if (got >= 0) return true;
            if (errno == EAGAIN) return false;
            if (errno != EINTR) throw_errno(tried);
        }
    }

    template <typename Visit>
    void each(Visit visit) const {
        platform::each_message({bytes.data(), static_cast<std::size_t>(size)}, visit);
    }
};

} // namespace

platform::UniqueFd open_nfnetlink(std::uint32_t groups) {
    constexpr const char* kTried = "open a netlink socket of netfilter";
    platform::UniqueFd fd{
        platform::adopt,
        ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER)};
    if (!fd) throw_errno(kTried, "the kernel needs CONFIG_NETFILTER_NETLINK");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = groups;
    const void* raw = &address;
    if (::bind(fd.get(), static_cast<const sockaddr*>(raw), sizeof address) < 0)
        throw_errno(kTried);
    const int on = 1; // a kernel that does not know this gives no explanations, that is all
    ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    return fd;
}

void send_nfnetlink(int fd, std::span<const std::byte> request, std::string_view tried) {
    while (::send(fd, request.data(), request.size(), 0) < 0)
        if (errno != EINTR) throw_errno(tried);
}

std::optional<Answer> read_answers(int fd, std::string_view tried) {
    Datagram datagram;
    std::optional<Answer> first;
    while (datagram.receive(fd, tried))
        datagram.each([&](const nlmsghdr& message) {
            auto answer = answer_in(message);
            if (answer && (!first || (first->error == 0 && answer->error != 0)))
                first = std::move(answer);
        });
    return first;
}

bool read_dump(int fd,
               std::string_view tried,
               const std::function<void(const nlmsghdr&)>& row) {
    Datagram datagram;
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    while (!datagram.receive(fd, tried))
        if (::poll(&ready, 1, -1) < 0 && errno != EINTR) throw_errno(tried);
    bool more = true;
    datagram.each([&](const nlmsghdr& message) {
        if (message.nlmsg_type == NLMSG_DONE) {
            more = false;
        } else if (const auto answer = answer_in(message)) {
            if (answer->error != 0) throw OsError{answer->error, tried, answer->explanation};
        } else {
            row(message);
        }
    });
    return more;
}

} // namespace nat64::kernel
