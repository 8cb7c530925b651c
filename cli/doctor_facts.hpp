// SPDX-License-Identifier: Apache-2.0
// What the doctor sees, as plain values: gather_facts() looks, doctor_checks judges. What
// belongs to the network configuration proper comes through platform::HostOps instead, which
// tests can pretend to be.
#pragma once

#include "backends/kernel/foreign_chains.hpp"
#include "cli/top_sample.hpp"
#include "core/net/address.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nat64::cli {

/// A daemon that answers.
struct DaemonFacts {
    Sample sample;
    std::string tun;
    bool tcp_segmentation = false;
};

/// What the resolver of this machine says to ipv4only.arpa AAAA (RFC 7050).
struct Dns64Facts {
    std::string trouble; ///< why there is no answer; empty: there is one
    std::vector<Ipv6Addr> addresses;
};

struct MachineFacts {
    std::string kernel; ///< uname -r
    bool net_admin = false;
    std::string tun_trouble;              ///< empty: /dev/net/tun opens
    std::map<std::string, unsigned> mtus; ///< by interface
    std::uint64_t files = 0;              ///< RLIMIT_NOFILE, soft
    std::uint64_t memory = 0;             ///< available, bytes; 0: not known
    bool clock_synchronized = true;
    /// Forward chains that drop by default and know nothing of the TUN; none: not seen.
    std::optional<std::vector<kernel::ForeignChain>> dropping_chains;
    std::string chains_trouble;
    Dns64Facts dns64;
    std::optional<DaemonFacts> daemon;
    std::string daemon_trouble; ///< why there is none
};

/// `tun`: what its interface is called, or would be.
[[nodiscard]] MachineFacts gather_facts(const std::filesystem::path& control_socket,
                                        const std::string& tun);

} // namespace nat64::cli
