// SPDX-License-Identifier: Apache-2.0
// A socketpair of SOCK_SEQPACKET: one message a request, one message an answer.
#include "platform/route_helper.hpp"

#include "core/net/address.hpp"
#include "platform/forwarding_sysctls.hpp"
#include "platform/host_ops.hpp"
#include "platform/netlink.hpp"
#include "platform/os_error.hpp"
#include "platform/privileges.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <variant>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nat64::platform {

namespace {

/// Both ends are the same program: the layout is nobody else's business.
struct Request {
    RouteAction action{};
    bool is_ipv6 = false;
    std::uint8_t length = 0;
    std::uint32_t address4 = 0;
    Ipv6Addr::Bytes address6{};
    LinkIndex link{};
    std::array<char, 64> sysctl{}; ///< where there is one, no route is changed
    std::array<char, 8> value{};
};

static_assert(std::is_trivially_copyable_v<Request>);

/// An errno, 0 for done.
using Answer = int;

Request to_request(RouteAction action, const Route& route) {
    Request request{.action = action, .link = route.link};
    if (const auto* six = std::get_if<Prefix6>(&route.destination)) {
        request.is_ipv6 = true;
        request.length = static_cast<std::uint8_t>(six->length());
        request.address6 = six->address().bytes();
    } else {
        const auto& four = std::get<Prefix4>(route.destination);
        request.length = static_cast<std::uint8_t>(four.length());
        request.address4 = four.address().bits();
    }
    return request;
}

/// nullopt for what cannot be.
std::optional<Route> to_route(const Request& request) {
    if (request.length > (request.is_ipv6 ? 128 : 32)) return {};
    if (request.is_ipv6)
        return Route{Prefix6{Ipv6Addr{request.address6}, request.length}, request.link};
    return Route{Prefix4{Ipv4Addr{request.address4}, request.length}, request.link};
}

template <std::size_t N>
std::string text_in(const std::array<char, N>& field) {
    return {field.begin(), std::ranges::find(field, '\0')};
}

Answer obey_sysctl(const Request& request) {
    const auto name = text_in(request.sysctl);
    if (!is_forwarding_sysctl(name)) return EPERM;
    LinuxHost{}.set_sysctl(name, text_in(request.value));
    return 0;
}

Answer obey(const Request& request, std::optional<LinkIndex>& only) noexcept {
    try {
        if (request.sysctl[0] != '\0') return obey_sysctl(request);
        const auto route = to_route(request);
        if (!route) return EINVAL;
        if (!only) only = route->link;
        if (route->link != *only) return EPERM;
        const auto action =
            request.action == RouteAction::Add ? RouteAction::Add : RouteAction::Delete;
        execute(change_route(action, *route), "change a route");
        return 0;
    } catch (const std::system_error& error) {
        return error.code().value();
    } catch (...) {
        return ENOMEM;
    }
}

/// The child: until the parent's end of the socket closes.
[[noreturn]] void serve(int socket, pid_t parent) noexcept {
    // Terminals and service managers signal whole groups; the parent decides when to end.
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE})
        (void)std::signal(number, SIG_IGN);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, "nat64-routes");
    if (::getppid() != parent) ::_exit(0);
    try {
        drop_privileges(Keep::NetAdmin);
    } catch (...) {
        ::_exit(1);
    }
    std::optional<LinkIndex> only;
    for (;;) {
        Request request;
        const auto got = ::recv(socket, &request, sizeof request, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got != sizeof request) ::_exit(0);
        const Answer answer = obey(request, only);
        if (::send(socket, &answer, sizeof answer, 0) != sizeof answer) ::_exit(0);
    }
}

/// Everything but `kept` and the standard streams.
void close_others(int kept) noexcept {
    const auto fd = static_cast<unsigned>(kept);
    if (fd > 3) ::close_range(3, fd - 1, 0);
    ::close_range(fd + 1, ~0U, 0);
}

std::string what_of(RouteAction action, const Route& route) {
    return (action == RouteAction::Add ? "add route " : "delete route ") +
           to_string(route.destination);
}

void ask(int socket, const Request& request, const std::string& what) {
    Answer answer = 0;
    if (::send(socket, &request, sizeof request, MSG_NOSIGNAL) != sizeof request ||
        ::recv(socket, &answer, sizeof answer, 0) != sizeof answer)
        throw OsError{ECHILD, what, "The process nat64-routes has ended: start nat64 again"};
    if (answer != 0) throw OsError{answer, what};
}

} // namespace

RouteHelper::RouteHelper() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw_errno("make a socket for the process that changes routes");
    socket_ = UniqueFd{adopt, ends[0]};
    const UniqueFd theirs{adopt, ends[1]};
    const auto parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw_errno("start the process that changes routes");
    if (pid_ == 0) {
        close_others(theirs.get());
        serve(theirs.get(), parent);
    }
}

RouteHelper::~RouteHelper() {
    socket_.reset();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void RouteHelper::change(RouteAction action, const Route& route) const {
    ask(socket_.get(), to_request(action, route), what_of(action, route));
}

void RouteHelper::set_sysctl(const std::string& name, const std::string& value) const {
    const auto what = "set the sysctl " + name + " to " + value;
    Request request;
    if (name.size() > request.sysctl.size() || value.size() > request.value.size())
        throw OsError{EINVAL, what};
    std::ranges::copy(name, request.sysctl.begin());
    std::ranges::copy(value, request.value.begin());
    ask(socket_.get(), request, what);
}

} // namespace nat64::platform
