// SPDX-License-Identifier: Apache-2.0
// What the doctor thinks of what it sees: one finding for each thing that was looked at, more
// where several are wrong with it. Pure; the machine's network configuration is read through
// HostOps.
#pragma once

#include "cli/doctor_facts.hpp"
#include "cli/doctor_finding.hpp"
#include "config/config.hpp"
#include "platform/host_ops.hpp"

#include <vector>

namespace nat64::cli {

/// `config` is complete: with napt: kernel the inner pool is chosen.
[[nodiscard]] std::vector<Finding>
examine(const config::Config& config, const MachineFacts& facts, platform::HostOps& host);

/// The machine as it would be without our own TUN and the routes to it, for questions that are
/// asked before a start.
class WithoutTun final : public platform::HostOps {
public:
    WithoutTun(platform::HostOps& host, std::string tun);

    [[nodiscard]] std::optional<platform::LinkIndex>
    find_link(const std::string& name) override;
    [[nodiscard]] std::string link_name(platform::LinkIndex link) override;

    [[nodiscard]] std::vector<std::string> link_names() override;

    void set_up_link(platform::LinkIndex, const platform::LinkSettings&) override {}

    void add_route(const platform::Route&) override {}

    void delete_route(const platform::Route&) override {}

    [[nodiscard]] std::vector<platform::LocalAddress> addresses() override;
    [[nodiscard]] std::vector<platform::RouteRow> routes() override;
    [[nodiscard]] std::optional<std::string> sysctl(const std::string& name) override;

    void set_sysctl(const std::string&, const std::string&) override {}

private:
    platform::HostOps& host_;
    std::string tun_;
    std::optional<platform::LinkIndex> link_;
};

} // namespace nat64::cli
