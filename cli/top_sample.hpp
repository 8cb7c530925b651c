// SPDX-License-Identifier: Apache-2.0
// What `nat64 top` knows of a daemon at one moment, taken out of the control protocol's items
// (docs/control-protocol.md). A member that an item does not have is zero or empty: the daemon
// may be another version. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace nat64::cli {

/// When an answer came, on the viewer's own clock.
using Moment = std::chrono::steady_clock::time_point;

struct DirectionTotals {
    double packets = 0;
    double bytes = 0;
};

struct ProtocolTotals {
    std::string name;
    double sessions = 0;
    double bindings = 0;
    double sessions_created = 0;
    double bindings_created = 0;
    double ports = 0;
    double ports_used = 0;
    DirectionTotals outbound;
    DirectionTotals inbound;
};

struct PoolUse {
    std::string address;
    std::string protocol; ///< "any": addresses are given out whole
    double total = 0;
    double used = 0;
    double clients = 0;
};

struct DropTotal {
    std::string reason;
    std::string help;
    double packets = 0;
};

struct ClientUse {
    std::string client;
    double sessions = 0;
    std::optional<double> ports; ///< none where the kernel keeps them
    std::optional<double> bindings;
};

/// Use of the kernel's connection tracking, as /proc of the viewer's machine has it.
struct ConntrackUse {
    double used = 0;
    double size = 0;
};

struct Sample {
    Moment when;
    std::string version;
    std::string napt;
    std::string prefix;
    std::string pool; ///< its prefixes
    double pid = 0;
    double uptime = 0; ///< seconds
    double sessions = 0;
    double bindings = 0;
    double received = 0;
    double emitted = 0;
    double dropped = 0;
    double pool_addresses = 0;
    std::vector<ProtocolTotals> protocols;
    std::vector<PoolUse> pools; ///< the first of them, if there are many
    std::vector<DropTotal> drops;
    std::vector<ClientUse> clients; ///< those with most
    std::optional<ConntrackUse> conntrack;

    [[nodiscard]] bool shares_own_address() const { return napt == "kernel"; }
};

// Each takes one item of the listing into the sample.
void take_status(const boost::json::object& item, Sample& sample);
void take_pool(const boost::json::object& item, Sample& sample);
void take_drop(const boost::json::object& item, Sample& sample);
void take_client(const boost::json::object& item, Sample& sample);

} // namespace nat64::cli
