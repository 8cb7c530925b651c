// SPDX-License-Identifier: Apache-2.0
// The daemon's second process and all that it agrees to do (ADR 0028): it keeps CAP_NET_ADMIN
// and the files, while this one, which reads strangers' packets and requests, keeps none and is
// confined to its descriptors. It does what HostOps, Netfilter and Machine do, within the
// bounds of the configuration both started with.
//
// To be made before there are threads and before anything is open that must close with this
// process (the TUN). Control thread.
#pragma once

#include "backends/kernel/nft_ruleset.hpp"
#include "backends/kernel/remote_netfilter.hpp"
#include "config/config.hpp"
#include "core/clock.hpp"
#include "daemon/machine.hpp"
#include "daemon/steady_file.hpp"
#include "platform/privileged_process.hpp"
#include "platform/remote_host.hpp"
#include "platform/unique_fd.hpp"
#include "service/control_socket.hpp"

#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace nat64::daemon {

class MachineProcess {
public:
    /// With napt: kernel the inner pool has been chosen. Throws OsError, and as Machine's
    /// constructor does.
    MachineProcess(const config::Config& config, const Origin& origin);

    [[nodiscard]] platform::HostOps& host() noexcept { return host_; }

    [[nodiscard]] kernel::Netfilter& netfilter() noexcept { return netfilter_; }

    // As the functions of Machine.
    [[nodiscard]] std::optional<service::OpenedSocket> open_control_socket();
    [[nodiscard]] platform::UniqueFd take_metrics_socket();
    [[nodiscard]] config::Config read_configuration(); ///< and parses it, in this process
    [[nodiscard]] platform::UniqueFd connect_to_node();
    void set_icmp_timeout(Clock::duration wanted);
    [[nodiscard]] DropSum drops();
    void set_log_level(config::LogLevel level); ///< of the other process
    [[nodiscard]] kernel::ForwardOthers look_at_forwarding();
    kernel::ForwardOthers
    switch_forwarding_on(const std::string& tun, kernel::ForwardOthers others, Guard guard);

    /// Does not end but by throwing: the other process has ended, or does not answer.
    boost::asio::awaitable<void> watch(boost::asio::io_context& control);

    /// As platform::PrivilegedProcess::end(). When what has used it is gone.
    void end() { process_.end(); }

private:
    Origin origin_;
    bool socket_under_way_ = false; ///< the control socket, from there to here
    platform::PrivilegedProcess process_;
    platform::RemoteHost host_;
    kernel::RemoteNetfilter netfilter_;
};

} // namespace nat64::daemon
