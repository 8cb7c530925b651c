// SPDX-License-Identifier: Apache-2.0
#include "platform/bound_ports.hpp"
#include "platform/unique_fd.hpp"
#include "tests/support/private_network.hpp"

#include <string>

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace nat64::platform {

namespace {

enum class Then : std::uint8_t { Wait, Connect };

UniqueFd udp4(const char* address, std::uint16_t port, Then then = Then::Wait) {
    UniqueFd fd{adopt, ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &own.sin_addr);
    const void* raw = &own;
    REQUIRE(::bind(fd.get(), static_cast<const sockaddr*>(raw), sizeof own) == 0);
    if (then == Then::Connect)
        REQUIRE(::connect(fd.get(), static_cast<const sockaddr*>(raw), sizeof own) == 0);
    return fd;
}

UniqueFd tcp6(std::uint16_t port) {
    UniqueFd fd{adopt, ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 own{};
    own.sin6_family = AF_INET6;
    own.sin6_port = htons(port);
    const void* raw = &own;
    REQUIRE(::bind(fd.get(), static_cast<const sockaddr*>(raw), sizeof own) == 0);
    REQUIRE(::listen(fd.get(), 1) == 0);
    return fd;
}

std::string text(const std::vector<Port>& ports) {
    std::string text;
    for (const auto port : ports)
        text += std::to_string(port.value()) + ' ';
    return text;
}

} // namespace

TEST_CASE("bound ports: of sockets that wait for anybody, on any address but the loopback's") {
    const auto said = test::in_private_network([] {
        BoundPorts ports;
        const auto before = test::output_of("ip link set lo up") + text(ports.list());
        const auto wild = udp4("0.0.0.0", 51820);
        const auto again = udp4("0.0.0.0", 40001, Then::Connect);
        const auto inside = udp4("127.0.0.1", 40002);
        const auto service = tcp6(40003);
        const auto same = udp4("0.0.0.0", 40003);
        return before + "then " + text(ports.list());
    });
    if (!said) return;
    CHECK(*said == "then 40003 51820 ");
}

} // namespace nat64::platform
