// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/nfnetlink.hpp"

#include "platform/netlink_datagram.hpp"
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

int on_attribute(const nlattr* attribute, void* data) noexcept {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
        mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
        *static_cast<const char**>(data) = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

/// Behind the error stand our request (without its payload if NLM_F_CAPPED says so), then
/// attributes.
std::string explanation_of(const nlmsghdr& message, const nlmsgerr& error) {
    if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
    std::size_t offset = sizeof error;
    if ((message.nlmsg_flags & NLM_F_CAPPED) == 0)
        offset += mnl_nlmsg_get_payload_len(&error.msg);
    const char* text = nullptr;
    mnl_attr_parse(
        &message, static_cast<unsigned>(offset), on_attribute, static_cast<void*>(&text));
    return text == nullptr ? std::string{} : std::string{text};
}

std::optional<Answer> answer_in(const nlmsghdr& message) {
    if (message.nlmsg_type != NLMSG_ERROR ||
        mnl_nlmsg_get_payload_len(&message) < sizeof(nlmsgerr))
        return std::nullopt;
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message));
    return Answer{message.nlmsg_seq, -error->error, explanation_of(message, *error)};
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
