// SPDX-License-Identifier: Apache-2.0
// libmnl's socket and callback loop, with the kernel's explanations.
#include "platform/netlink.hpp"

#include "platform/netlink_messages.hpp"
#include "platform/os_error.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <libmnl/libmnl.h>

#include <linux/netlink.h>

namespace nat64::platform {

namespace {

using Socket = std::unique_ptr<mnl_socket, int (*)(mnl_socket*)>;

/// What the kernel packs into one datagram of a dump at most.
constexpr std::size_t kBufferSize = 32768;
/// Each call has its own socket, so all numbers are equally good.
constexpr unsigned kSequence = 1;

/// What the callbacks from C work on. They must not throw, so what `row` throws waits here.
struct Answer {
    const std::function<void(const nlmsghdr&)>& row;
    int error = 0;
    std::string explanation;
    std::exception_ptr thrown;
};

int on_row(const nlmsghdr* message, void* data) noexcept {
    auto& answer = *static_cast<Answer*>(data);
    try {
        answer.row(*message);
        return MNL_CB_OK;
    } catch (...) {
        answer.thrown = std::current_exception();
        return MNL_CB_ERROR;
    }
}

int on_error(const nlmsghdr* message, void* data) noexcept {
    auto& answer = *static_cast<Answer*>(data);
    if (message->nlmsg_len < mnl_nlmsg_size(sizeof(nlmsgerr))) return MNL_CB_ERROR;
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
    if (error->error == 0) return MNL_CB_STOP;
    answer.error = -error->error;
    try {
        answer.explanation = explanation_in(*message);
    } catch (...) {
        answer.thrown = std::current_exception();
    }
    return MNL_CB_ERROR;
}

int on_done(const nlmsghdr* message, void* data) noexcept {
    if (mnl_nlmsg_get_payload_len(message) < sizeof(int)) return MNL_CB_STOP;
    const int status = *static_cast<const int*>(mnl_nlmsg_get_payload(message));
    if (status >= 0) return MNL_CB_STOP;
    static_cast<Answer*>(data)->error = -status;
    return MNL_CB_ERROR;
}

using ControlCallbacks = std::array<mnl_cb_t, NLMSG_MIN_TYPE>;

ControlCallbacks control_callbacks() noexcept {
    ControlCallbacks callbacks{};
    callbacks[NLMSG_ERROR] = on_error;
    callbacks[NLMSG_DONE] = on_done;
    return callbacks;
}

Socket open_socket() {
    Socket socket{mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close};
    if (!socket) throw_errno("open a netlink socket");
    if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        throw_errno("bind the netlink socket");
    int on = 1; // a kernel that does not know this gives no explanations, that is all
    mnl_socket_setsockopt(socket.get(), NETLINK_EXT_ACK, &on, sizeof on);
    return socket;
}

[[noreturn]] void throw_answer(const Answer& answer, int error, std::string_view tried) {
    if (answer.thrown) std::rethrow_exception(answer.thrown);
    if (answer.error == 0) throw OsError{error, tried};
    throw OsError{answer.error, tried, answer.explanation};
}

} // namespace

void dump(const NetlinkRequest& request,
          std::string_view tried,
          const std::function<void(const nlmsghdr&)>& row) {
    const Socket socket = open_socket();
    NetlinkRequest message = request;
    message.header()->nlmsg_seq = kSequence;
    if (mnl_socket_sendto(socket.get(), message.header(), message.header()->nlmsg_len) < 0)
        throw_errno(tried);

    std::vector<char> buffer(kBufferSize);
    auto control = control_callbacks();
    Answer answer{row, 0, {}, nullptr};
    for (;;) {
        const auto got = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw_errno(tried);
        const int more = mnl_cb_run2(buffer.data(),
                                     static_cast<std::size_t>(got),
                                     kSequence,
                                     mnl_socket_get_portid(socket.get()),
                                     on_row,
                                     &answer,
                                     control.data(),
                                     control.size());
        if (more == MNL_CB_ERROR) throw_answer(answer, errno, tried);
        if (more == MNL_CB_STOP) return;
    }
}

void execute(const NetlinkRequest& request, std::string_view tried) {
    dump(request, tried, [](const nlmsghdr&) {});
}

} // namespace nat64::platform
