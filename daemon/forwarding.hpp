// SPDX-License-Identifier: Apache-2.0
// Forwarding, switched on while nat64 runs on a machine that is no router (ADR 0025), family by
// family, in an order that does the machine no harm:
//
//   1. put_back_recorded()    what a predecessor left that was killed
//   2. look_at_forwarding()   what is off?
//   3. (the caller)           an nftables table drops what has nothing to do with nat64
//   4. Forwarding             interfaces that heed router advertisements go on doing so
//                             (accept_ra: 2), then forwarding; all is written down first
//   5. ~Forwarding            all of it back, and only then the table goes
//
// What the operator has switched on is left alone. Control thread.
#pragma once

#include "backends/kernel/nft_ruleset.hpp"
#include "daemon/sysctl_record.hpp"
#include "platform/host_ops.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace nat64::daemon {

/// Sets one: HostOps at the start; at the end perhaps another process that still may.
using SetSysctl = std::function<void(const std::string& name, const std::string& value)>;

/// All that `record` says, and nobody has changed since; the record is gone then.
void put_back_recorded(platform::HostOps& host, SysctlRecord& record);

/// An interface that forwards IPv4 packets although the machine does not: somebody has thought
/// about them one by one.
[[nodiscard]] std::optional<std::string> forwards_alone(platform::HostOps& host);

/// No: forwarding of this family is off, so packets of others are not forwarded, and shall not
/// be because of us. What forwards in part is left alone, and counts as on.
[[nodiscard]] kernel::ForwardOthers look_at_forwarding(platform::HostOps& host);

class Forwarding {
public:
    /// Switches on what `others` says is off, and says so in the log. What the machine does not
    /// allow is a warning with a remedy. `tun` needs no router advertisements.
    Forwarding(platform::HostOps& host,
               kernel::ForwardOthers others,
               const std::string& tun,
               SysctlRecord& record,
               SetSysctl set_at_end);
    ~Forwarding();
    Forwarding(const Forwarding&) = delete;
    Forwarding& operator=(const Forwarding&) = delete;

    /// No: switched on by us, the table must go on protecting others.
    [[nodiscard]] const kernel::ForwardOthers& others() const noexcept { return others_; }

private:
    kernel::Forward switch_on(const char* family, const std::vector<SysctlChange>& changes);

    platform::HostOps& host_;
    kernel::ForwardOthers others_;
    SysctlRecord& record_;
    SetSysctl set_at_end_;
    std::vector<SysctlChange> changed_;
};

} // namespace nat64::daemon
