// SPDX-License-Identifier: Apache-2.0
// What lives in the daemon's second process (machine_process.hpp) and outlives the first: the
// control socket's file, the note of sysctls, forwarding with the table that protects others,
// conntrack's timeout for ICMP. When it goes, all of it is undone, however the first process
// ended. It knows the configuration that both started with and takes no other from there.
//
// Single-threaded.
#pragma once

#include "backends/kernel/netfilter.hpp"
#include "backends/kernel/nft_ruleset.hpp"
#include "backends/kernel/nft_table.hpp"
#include "config/config.hpp"
#include "core/clock.hpp"
#include "core/verdict.hpp"
#include "daemon/forwarding.hpp"
#include "daemon/icmp_timeout.hpp"
#include "daemon/steady_file.hpp"
#include "daemon/sysctl_record.hpp"
#include "platform/host_ops.hpp"
#include "platform/unique_fd.hpp"
#include "service/control_socket.hpp"
#include "service/socket_file.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace nat64::daemon {

/// Whether a table is needed that keeps packets of others from being forwarded.
enum class Guard : std::uint8_t { No, Yes };

/// Whether a control socket is wanted even if the last one's file is there.
enum class Again : std::uint8_t { No, Yes };

class Machine {
public:
    /// Makes the sockets, with all the privileges there are. Throws as
    /// service::SocketFile::appear().
    Machine(const config::Config& config, Origin origin);
    ~Machine() = default;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    [[nodiscard]] platform::HostOps& host() noexcept { return host_; }

    [[nodiscard]] kernel::Netfilter& netfilter() noexcept { return netfilter_; }

    /// As service::ControlSocketFile does it.
    [[nodiscard]] std::optional<service::OpenedSocket>
    open_control_socket(Again again = Again::No);

    /// That of metrics.listen. Once.
    [[nodiscard]] platform::UniqueFd take_metrics_socket() noexcept;

    /// As read_again() does it. Throws config::ConfigError.
    [[nodiscard]] std::string read_configuration() const;

    /// To mycelium.api. Throws OsError.
    [[nodiscard]] platform::UniqueFd connect_to_node() const;

    /// As IcmpTimeout does it, within what a configuration may say. Throws OsError.
    void set_icmp_timeout(Clock::duration wanted);

    /// What the rules of our tables have refused so far. Throws OsError.
    [[nodiscard]] DropSum drops();

    /// As the function in forwarding.hpp, when what a predecessor left has been put back. Once:
    /// throws OsError.
    [[nodiscard]] kernel::ForwardOthers look_at_forwarding();

    /// As Forwarding does it. `others` is what look_at_forwarding() said; returns what it is
    /// now. Once: throws OsError.
    kernel::ForwardOthers
    switch_forwarding_on(const std::string& tun, kernel::ForwardOthers others, Guard guard);

    /// What look_at_forwarding() or, later, switch_forwarding_on() said.
    [[nodiscard]] kernel::ForwardOthers others() const noexcept { return others_; }

private:
    kernel::ForwardOthers
    switch_on(const std::string& tun, kernel::ForwardOthers others, Guard guard);
    void wait_for_predecessor() const;

    // The last one goes first.
    Origin origin_;
    std::string node_;
    std::string table_name_;
    service::ControlSocketFile control_file_;
    std::optional<service::OpenedSocket> control_socket_; ///< until it is taken
    std::optional<service::SocketFile> metrics_file_;
    platform::UniqueFd metrics_socket_; ///< until it is taken
    platform::LinuxHost host_;
    kernel::LocalNetfilter netfilter_;
    SysctlRecord record_;
    bool looked_ = false;
    bool switched_ = false;
    kernel::ForwardOthers others_;
    std::optional<IcmpTimeout> icmp_timeout_;
    std::optional<kernel::NftTable> guard_; ///< while forwarding is ours and no other table is
    std::optional<Forwarding> forwarding_;  ///< goes before the table that protects others
};

} // namespace nat64::daemon
