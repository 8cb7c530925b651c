// SPDX-License-Identifier: Apache-2.0
// LinuxHost: rtnetlink and /proc/sys.
#include "platform/host_ops.hpp"

#include "platform/forwarding_sysctls.hpp"
#include "platform/netlink.hpp"
#include "platform/netlink_messages.hpp"
#include "platform/os_error.hpp"
#include "platform/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nat64::platform {

namespace {

/// "net.ipv4.ip_forward" as a file.
std::string sysctl_path(std::string name) {
    if (!name.contains('/')) std::ranges::replace(name, '.', '/');
    return "/proc/sys/" + name;
}

} // namespace

std::optional<LinkIndex> LinuxHost::find_link(const std::string& name) {
    const unsigned index = ::if_nametoindex(name.c_str());
    if (index == 0) return {};
    return LinkIndex{index};
}

std::string LinuxHost::link_name(LinkIndex link) {
    std::array<char, IF_NAMESIZE> name{};
    const auto index = static_cast<unsigned>(link);
    if (::if_indextoname(index, name.data()) == nullptr) return "#" + std::to_string(index);
    return name.data();
}

std::vector<std::string> LinuxHost::link_names() {
    const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> all{
        ::if_nameindex(), &::if_freenameindex};
    if (!all) throw_errno("list the machine's interfaces");
    std::vector<std::string> names;
    for (const auto* one = all.get(); one->if_index != 0; ++one)
        names.emplace_back(one->if_name);
    return names;
}

void LinuxHost::set_up_link(LinkIndex link, const LinkSettings& settings) {
    const auto name = link_name(link);
    execute(prepare_link(link, settings), "set MTU and queue length of " + name);
    // Where net.ipv6.conf.default.disable_ipv6 is 1 it begins without.
    const auto without_ipv6 = interface_sysctl("ipv6", name, "disable_ipv6");
    if (sysctl(without_ipv6) == "1") set_sysctl(without_ipv6, "0");
    execute(raise_link(link), "bring " + name + " up");
}

void LinuxHost::add_route(const Route& route) {
    execute(change_route(RouteAction::Add, route),
            "add route " + to_string(route.destination) + " dev " + link_name(route.link));
}

void LinuxHost::delete_route(const Route& route) {
    execute(change_route(RouteAction::Delete, route),
            "delete route " + to_string(route.destination) + " dev " + link_name(route.link));
}

std::vector<LocalAddress> LinuxHost::addresses() {
    return list<LocalAddress>(
        list_addresses(), "list the machine's addresses", parse_address, patience_);
}

std::vector<RouteRow> LinuxHost::routes() {
    return list<RouteRow>(list_routes(), "list the machine's routes", parse_route, patience_);
}

std::optional<std::string> LinuxHost::sysctl(const std::string& name) {
    std::ifstream file{sysctl_path(name)};
    std::string value;
    if (!std::getline(file, value)) return {};
    return value;
}

void LinuxHost::set_sysctl(const std::string& name, const std::string& value) {
    const UniqueFd file{adopt, ::open(sysctl_path(name).c_str(), O_WRONLY | O_CLOEXEC)};
    if (!file || ::write(file.get(), value.data(), value.size()) < 0)
        throw_errno("set the sysctl " + name + " to " + value);
}

std::string network_namespace() {
    std::uint64_t cookie = 0; // in the order of their making
    socklen_t size = sizeof cookie;
    const UniqueFd socket{adopt, ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0)
        return std::to_string(cookie);
    struct ::stat entry{};
    if (::stat("/proc/self/ns/net", &entry) != 0) throw_errno("look at /proc/self/ns/net");
    return "#" + std::to_string(entry.st_ino);
}

std::string to_string(const IpPrefix& prefix) {
    return std::visit([](const auto& p) { return p.to_string(); }, prefix);
}

} // namespace nat64::platform
