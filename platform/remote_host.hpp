// SPDX-License-Identifier: Apache-2.0
// HostOps from the other side of the process boundary (privileged_process.hpp): RemoteHost
// asks, serve_host() answers. It does for a stranger no more than nat64 ever asks for: settings
// of one interface, the one it was told first, and routes to it of the destinations, and the
// few sysctls, that are named by whoever serves.
#pragma once

#include "platform/host_ops.hpp"
#include "platform/privileged_process.hpp"

#include <functional>
#include <string>
#include <vector>

namespace nat64::platform {

/// What serve_host() agrees to.
struct HostRules {
    std::function<bool(const std::string& name)> may_set_sysctl;
    std::vector<IpPrefix> routes; ///< parts of these, and of several together
};

/// `host` outlives `requests`.
void serve_host(Requests& requests, HostOps& host, HostRules rules);

class RemoteHost final : public HostOps {
public:
    explicit RemoteHost(PrivilegedProcess& process) : process_{process} {}

    [[nodiscard]] std::optional<LinkIndex> find_link(const std::string& name) override;
    [[nodiscard]] std::string link_name(LinkIndex link) override;
    [[nodiscard]] std::vector<std::string> link_names() override;
    void set_up_link(LinkIndex link, const LinkSettings& settings) override;
    void add_route(const Route& route) override;
    void delete_route(const Route& route) override;
    [[nodiscard]] std::vector<LocalAddress> addresses() override;
    [[nodiscard]] std::vector<RouteRow> routes() override;
    [[nodiscard]] std::optional<std::string> sysctl(const std::string& name) override;
    void set_sysctl(const std::string& name, const std::string& value) override;

private:
    PrivilegedProcess& process_;
};

} // namespace nat64::platform
