// SPDX-License-Identifier: Apache-2.0
// LinuxHost: rtnetlink and /proc/sys.
#include "platform/host_ops.hpp"

#include "platform/netlink.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include <net/if.h>

namespace nat64::platform {

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

void LinuxHost::set_up_link(LinkIndex link, const LinkSettings& settings) {
    const auto name = link_name(link);
    execute(prepare_link(link, settings), "set MTU and queue length of " + name);
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
    return list<LocalAddress>(list_addresses(), "list the machine's addresses", parse_address);
}

std::vector<RouteRow> LinuxHost::routes() {
    return list<RouteRow>(list_routes(), "list the machine's routes", parse_route);
}

std::optional<std::string> LinuxHost::sysctl(const std::string& name) {
    std::string path = name;
    std::ranges::replace(path, '.', '/');
    std::ifstream file{"/proc/sys/" + path};
    std::string value;
    if (!std::getline(file, value)) return {};
    return value;
}

std::string to_string(const IpPrefix& prefix) {
    return std::visit([](const auto& p) { return p.to_string(); }, prefix);
}

} // namespace nat64::platform
