// SPDX-License-Identifier: Apache-2.0
// Conntrack's timeout for ICMP, which nft cannot set for our flows alone: a sysctl, raised to
// timeouts.icmp where it is below, and put back at the end unless somebody else has set it
// since. Of several nat64 the one that raised it puts it back under the others, which do not
// know of each other: whoever needs it asks again from time to time. Control thread.
#pragma once

#include "core/clock.hpp"
#include "daemon/sysctl_record.hpp"
#include "platform/host_ops.hpp"

#include <optional>
#include <string>

namespace nat64::daemon {

class IcmpTimeout {
public:
    /// Both outlive it.
    IcmpTimeout(platform::HostOps& host, SysctlRecord& record) : host_{host}, record_{record} {}

    ~IcmpTimeout();
    IcmpTimeout(const IcmpTimeout&) = delete;
    IcmpTimeout& operator=(const IcmpTimeout&) = delete;

    /// RFC 5508 REQ-2: 60 s at least; conntrack's default is 30 s. What others have set is
    /// raised, never lowered. What the machine refuses is a warning.
    void set(Clock::duration wanted);

private:
    platform::HostOps& host_;
    SysctlRecord& record_;
    std::optional<std::string> former_; ///< to be put back
    std::string ours_;
};

} // namespace nat64::daemon
