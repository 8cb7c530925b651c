// SPDX-License-Identifier: Apache-2.0
#include "service/control_access.hpp"
#include "tests/service/fake_daemon.hpp"

#include <array>

#include <doctest/doctest.h>

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nat64::service {

TEST_CASE("control access: root, the daemon's own user and the group may read, nobody else") {
    struct Case {
        const char* who;
        Peer peer;
        std::array<gid_t, 2> groups;
        std::optional<gid_t> group;
        bool allowed;
    };

    constexpr uid_t kDaemon = 900;
    const Case cases[] = {
        {"root", {1, 0, 0}, {}, std::nullopt, true},
        {"the daemon's user", {1, kDaemon, 5}, {}, std::nullopt, true},
        {"a stranger, no group", {1, 1000, 1000}, {1000, 100}, std::nullopt, false},
        {"a stranger", {1, 1000, 1000}, {1000, 100}, 70, false},
        {"a member by primary group", {1, 1000, 70}, {1000, 100}, 70, true},
        {"a member by supplementary group", {1, 1000, 1000}, {100, 70}, 70, true},
        {"the root group is no exception", {1, 1000, 0}, {1000, 100}, 70, false},
    };
    for (const Case& c : cases) {
        CAPTURE(c.who);
        CHECK(may_read(c.peer, c.groups, kDaemon, c.group) == c.allowed);
    }
}

TEST_CASE("control access: members of the group may read and change nothing") {
    constexpr uid_t kDaemon = 900;
    CHECK(may_change({1, 0, 0}, kDaemon));
    CHECK(may_change({1, kDaemon, 5}, kDaemon));
    CHECK_FALSE(may_change({1, 1000, 70}, kDaemon));
    CHECK_FALSE(may_change({1, 1000, 0}, kDaemon));
}

TEST_CASE("control access: the kernel says who is at the other end") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const Peer peer = peer_of(ends[0]);
    CHECK(peer.pid == ::getpid());
    CHECK(peer.uid == ::geteuid());
    CHECK(may_read(ends[0], std::nullopt));
    ::close(ends[0]);
    ::close(ends[1]);
    CHECK_THROWS_AS(std::ignore = peer_of(ends[0]), std::system_error);
}

namespace {

constexpr uid_t kNobody = 65534;
constexpr std::string_view kShow = "{\"v\":1,\"verb\":\"show\",\"what\":\"drops\"}\n";

/// What a child of the given group gets to read from the socket: the first bytes of a line.
/// Between fork and _exit only system calls: this process has threads.
std::string
heard_as(gid_t group, const std::filesystem::path& socket, std::string_view request = kShow) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        char bytes[256];
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const bool ready =
            ::setgroups(1, &group) == 0 && ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0 &&
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API
            ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        if (ready) std::ignore = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
        const ssize_t got = ready ? ::recv(fd, bytes, sizeof bytes, 0) : 0;
        if (got > 0) std::ignore = ::write(ends[1], bytes, static_cast<std::size_t>(got));
        ::_exit(0);
    }
    ::close(ends[1]);
    char bytes[256];
    const ssize_t got = ::read(ends[0], bytes, sizeof bytes);
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return {bytes, static_cast<std::size_t>(got > 0 ? got : 0)};
}

} // namespace

TEST_CASE("control access: a stranger is told no even where the file mode lets him in") {
    if (::geteuid() != 0) return; // only root can be somebody else
    const test::FakeDaemon daemon;
    CHECK(heard_as(kNobody, daemon.socket()).empty()); // mode 0600 and a directory for root
    ::chmod(daemon.dir.path().c_str(), 0755);
    ::chmod(daemon.socket().c_str(), 0666);
    CHECK(heard_as(kNobody, daemon.socket()).find("permission_denied") != std::string::npos);
    CHECK(heard_as(0, daemon.socket()).find("permission_denied") != std::string::npos);
}

TEST_CASE("control access: a member of the group reads, and is told no when he would change") {
    if (::geteuid() != 0) return; // only root can be somebody else
    const auto* const group = ::getgrgid(kNobody);
    if (group == nullptr) return;
    const test::FakeDaemon daemon{{.group = group->gr_name}};
    ::chmod(daemon.dir.path().c_str(), 0755);
    const auto heard = [&](std::string_view request) {
        return heard_as(kNobody, daemon.socket(), request);
    };
    CHECK(heard(kShow).find("\"done\":true}") != std::string::npos);
    for (const auto* const request : {"{\"v\":1,\"verb\":\"flush\",\"all\":true}\n",
                                      "{\"v\":1,\"verb\":\"reload\"}\n",
                                      "{\"v\":1,\"verb\":\"log-level\",\"level\":\"debug\"}\n"})
        CHECK(heard(request).find("permission_denied") != std::string::npos);
    CHECK(daemon.backend.flushes == 0);
}

} // namespace nat64::service
