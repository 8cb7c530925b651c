// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_daemon.hpp"

#include "cli/show_units.hpp"
#include "cli/top_sample.hpp"
#include "daemon/machine_check.hpp"
#include "platform/netlink_messages.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace nat64::cli {

namespace {

/// Drops that are not the network's noise but somebody's mistake, or a limit that is reached.
struct Telltale {
    std::string_view reason;
    Health health;
    std::string_view meaning;
    std::string_view remedy;
};

constexpr std::array kTelltales = {
    Telltale{"device_refused",
             Health::Fail,
             "the kernel does not take translated packets",
             "look at forwarding, routes and the firewall"},
    Telltale{"device_busy",
             Health::Warn,
             "the TUN could not take all packets",
             "look at the machine's load"},
    Telltale{"not_in_prefix",
             Health::Warn,
             "something else is routed to the TUN",
             "ip -6 route show dev nat64"},
    Telltale{"source_in_prefix",
             Health::Warn,
             "packets from inside the prefix come in: a loop, or spoofed",
             "look where the prefix is routed, and at ingress filters"},
    Telltale{"non_global_ipv4",
             Health::Warn,
             "clients want private IPv4 addresses, which the well-known prefix may not carry",
             "use a prefix of your own if they shall reach them"},
    Telltale{"private_destination",
             Health::Warn,
             "clients want private IPv4 addresses",
             "destinations.private: true, if they shall reach them"},
    Telltale{"own_address",
             Health::Warn,
             "clients want this machine itself by its IPv4 address",
             "give them its IPv6 address"},
    Telltale{"inner_source",
             Health::Warn,
             "packets with inner addresses come from elsewhere: spoofed, or somebody uses them",
             "look where they come from; another inner_pool, if they are in use there"},
    Telltale{"not_ours",
             Health::Warn,
             "others want this machine to forward for them; it does so for nat64 only",
             "switch forwarding on before nat64 starts, if it shall"},
    Telltale{"client_denied",
             Health::Warn,
             "clients that the configuration does not allow try",
             "look at clients.allow and clients.deny, if they should be"},
    Telltale{"pool_exhausted",
             Health::Warn,
             "no address or port was left for new flows",
             "a larger pool, or lower limits.ports_per_client"},
    Telltale{"session_limit",
             Health::Warn,
             "the session table was full",
             "a larger limits.sessions"},
    Telltale{"half_open_limit",
             Health::Warn,
             "limits.half_open was reached: a scan, or servers that do not answer",
             "nat64 show clients"},
    Telltale{"rate_limit",
             Health::Warn,
             "limits.new_sessions_per_second_in_all was reached",
             "nat64 show clients"},
    Telltale{"client_session_limit",
             Health::Warn,
             "a client was at limits.sessions_per_client",
             "nat64 show clients"},
    Telltale{"client_port_limit",
             Health::Warn,
             "a client was at limits.ports_per_client",
             "nat64 show clients --sort ports"},
    Telltale{"client_address_limit",
             Health::Warn,
             "a client prefix was at limits.addresses_per_client",
             "nat64 show clients"},
    Telltale{
        "client_half_open_limit",
        Health::Warn,
        "a client was at limits.half_open_per_client: a scan, or servers that do not answer",
        "nat64 show sessions --protocol tcp"},
    Telltale{"fragment_limit",
             Health::Warn,
             "too many fragments at a time: a wrong MTU somewhere, or a flood",
             "look at the MTUs of the paths"},
};

/// A few of anything come from the outside world.
constexpr double kFew = 10;

struct Carried {
    double outbound = 0;
    double inbound = 0;
};

Carried carried(const Sample& sample) {
    Carried all;
    for (const ProtocolTotals& protocol : sample.protocols) {
        all.outbound += protocol.outbound.packets;
        all.inbound += protocol.inbound.packets;
    }
    return all;
}

class DaemonExaminer {
public:
    DaemonExaminer(const config::Config& config,
                   const DaemonFacts& daemon,
                   platform::HostOps& host,
                   std::vector<Finding>& findings)
        : config_{config}, daemon_{daemon}, host_{host}, findings_{findings} {}

    void examine() {
        const Sample& sample = daemon_.sample;
        say(Health::Ok,
            "daemon",
            fmt::format("nat64 {}, process {:.0f}, up {}",
                        sample.version,
                        sample.pid,
                        human_duration(sample.uptime)));
        const bool same = same_configuration();
        offloads();
        if (same) routes();
        traffic();
        drops();
    }

private:
    void say(Health health, std::string_view about, std::string text, std::string remedy = {}) {
        findings_.push_back({health, about, std::move(text), std::move(remedy)});
    }

    bool same_configuration() {
        const auto prefix = config_.translator.prefix.to_string();
        const bool same = daemon_.sample.prefix == prefix;
        if (!same)
            say(Health::Warn,
                "daemon",
                fmt::format("it runs with prefix {}, and the configuration says {}",
                            daemon_.sample.prefix,
                            prefix),
                "restart it, or name its configuration with -c, or its --profile");
        return same;
    }

    void offloads() {
        if (config_.tun.offload == config::OffloadMode::Auto && !daemon_.tcp_segmentation)
            say(Health::Warn,
                "daemon",
                "its TUN has no segmentation offload: bulk transfers are slow",
                "a newer kernel");
    }

    void routes() {
        const auto link = host_.find_link(daemon_.tun);
        if (!link) {
            say(Health::Unseen,
                "routes",
                fmt::format(
                    "there is no {} here: the daemon lives in another network namespace",
                    daemon_.tun));
            return;
        }
        const auto rows = host_.routes();
        std::string missing;
        for (const auto& wanted : daemon::routes_to_tun(config_))
            if (std::ranges::none_of(rows, [&](const platform::RouteRow& row) {
                    return row.link == link && row.destination == wanted;
                }))
                missing += " " + platform::to_string(wanted);
        if (missing.empty())
            say(Health::Ok, "routes", fmt::format("prefix and pool lead to {}", daemon_.tun));
        else
            say(Health::Fail,
                "routes",
                fmt::format("no route to {} for{}", daemon_.tun, missing),
                "look in the daemon's log for who takes them away, or restart it");
    }

    void traffic() {
        constexpr double kLong = 60;
        const Sample& sample = daemon_.sample;
        const auto [outbound, inbound] = carried(sample);
        if (sample.received == 0 && sample.uptime > kLong)
            say(Health::Warn,
                "traffic",
                "no packet has come to the TUN yet",
                fmt::format("on a client: ip -6 route get an address in {}", sample.prefix));
        else if (outbound > 5 * kFew && inbound == 0)
            say(Health::Warn,
                "traffic",
                fmt::format("{} packets have left and none has come back", grouped(outbound)),
                sample.shares_own_address()
                    ? "look at the IPv4 uplink and the firewall"
                    : "does the upstream route the pool to this machine? tcpdump -ni UPLINK");
        else
            say(Health::Ok,
                "traffic",
                fmt::format(
                    "{} packets to IPv4, {} to IPv6", grouped(outbound), grouped(inbound)));
    }

    void drops() {
        bool any = false;
        for (const Telltale& tale : kTelltales) {
            const auto found =
                std::ranges::find(daemon_.sample.drops, tale.reason, &DropTotal::reason);
            if (found == daemon_.sample.drops.end() || found->packets < kFew) continue;
            any = true;
            say(tale.health,
                "drops",
                fmt::format(
                    "{}: {} packets: {}", tale.reason, grouped(found->packets), tale.meaning),
                std::string{tale.remedy});
        }
        if (!any) say(Health::Ok, "drops", "none that tell of a mistake");
    }

    const config::Config& config_;
    const DaemonFacts& daemon_;
    platform::HostOps& host_;
    std::vector<Finding>& findings_;
};

} // namespace

void examine_daemon(const config::Config& config,
                    const DaemonFacts& daemon,
                    platform::HostOps& host,
                    std::vector<Finding>& findings) {
    DaemonExaminer{config, daemon, host, findings}.examine();
}

} // namespace nat64::cli
