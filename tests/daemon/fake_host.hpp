// SPDX-License-Identifier: Apache-2.0
// A machine of our invention: two tables, some sysctls. `changed` says whether anybody has
// touched links or routes, `sets` which sysctls were set, in order.
#pragma once

#include "platform/host_ops.hpp"
#include "platform/os_error.hpp"

#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace nat64::test {

inline constexpr platform::LinkIndex kUplink{2};

class FakeHost : public platform::HostOps {
public:
    std::vector<platform::LocalAddress> own_addresses;
    std::vector<platform::RouteRow> own_routes;
    std::map<std::string, platform::LinkIndex> links{{"eth0", kUplink}};
    std::map<std::string, std::string> sysctls{{"net.ipv4.ip_forward", "1"},
                                               {"net.ipv6.conf.all.forwarding", "1"}};
    std::set<std::string> read_only;
    std::vector<std::string> sets;
    bool changed = false;

    std::optional<platform::LinkIndex> find_link(const std::string& name) override {
        const auto found = links.find(name);
        return found == links.end() ? std::nullopt : std::optional{found->second};
    }

    std::string link_name(platform::LinkIndex) override { return "eth0"; }

    std::vector<std::string> link_names() override {
        std::vector<std::string> names;
        for (const auto& [name, index] : links)
            names.push_back(name);
        return names;
    }

    void set_up_link(platform::LinkIndex, const platform::LinkSettings&) override {
        changed = true;
    }

    void add_route(const platform::Route&) override { changed = true; }

    void delete_route(const platform::Route&) override { changed = true; }

    std::vector<platform::LocalAddress> addresses() override { return own_addresses; }

    std::vector<platform::RouteRow> routes() override { return own_routes; }

    std::optional<std::string> sysctl(const std::string& name) override {
        const auto found = sysctls.find(name);
        return found == sysctls.end() ? std::nullopt : std::optional{found->second};
    }

    void set_sysctl(const std::string& name, const std::string& value) override {
        if (read_only.contains(name)) throw platform::OsError{EROFS, "set " + name};
        sets.push_back(name + "=" + value);
        sysctls[name] = value;
    }
};

} // namespace nat64::test
