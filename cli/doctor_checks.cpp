// SPDX-License-Identifier: Apache-2.0
// One function a question, in the order in which a packet meets what is asked about. Whether
// configuration and machine contradict each other is daemon/machine_check's question; the
// daemon itself is doctor_daemon's.
#include "cli/doctor_checks.hpp"

#include "backends/kernel/foreign_chains.hpp"
#include "cli/doctor_daemon.hpp"
#include "cli/doctor_dns64.hpp"
#include "cli/show_units.hpp"
#include "core/net/address.hpp"
#include "daemon/machine_check.hpp"
#include "platform/forwarding_sysctls.hpp"
#include "platform/netlink_messages.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include <fmt/format.h>

namespace nat64::cli {

namespace {

using platform::LinkIndex;
using platform::RouteRow;

constexpr std::uint32_t kMainTable = 254;
/// Kernel and daemon are at their ease with this many.
constexpr std::uint64_t kFilesNeeded = 256;
/// ADR 0011: a session with its indexes and timer.
constexpr std::uint64_t kSessionBytes = 96;

std::optional<double> number_of(const std::optional<std::string>& text) {
    double value = 0;
    if (!text) return std::nullopt;
    const auto* const end = text->data() + text->size();
    return std::from_chars(text->data(), end, value).ec == std::errc{} ? std::optional{value}
                                                                       : std::nullopt;
}

/// "6.1.0-13-amd64" as 6.1
double version_of(const std::string& kernel) {
    return number_of(kernel).value_or(0);
}

bool is_default(const RouteRow& route) {
    return route.table == kMainTable &&
           std::visit([](const auto& prefix) { return prefix.length() == 0; },
                      route.destination);
}

class Examiner {
public:
    Examiner(const config::Config& config, const MachineFacts& facts, platform::HostOps& host)
        : config_{config}, facts_{facts}, host_{host}, routes_{host.routes()} {}

    std::vector<Finding> examine() {
        device();
        privileges();
        collisions();
        forwarding();
        uplinks();
        reverse_path();
        mtus();
        firewall();
        conntrack();
        dns64();
        limits();
        if (facts_.daemon)
            examine_daemon(config_, *facts_.daemon, host_, findings_);
        else
            say(Health::Unseen, "daemon", facts_.daemon_trouble);
        return std::move(findings_);
    }

private:
    void say(Health health, std::string_view about, std::string text, std::string remedy = {}) {
        findings_.push_back({health, about, std::move(text), std::move(remedy)});
    }

    [[nodiscard]] bool is_kernel_napt() const {
        return config_.napt_mode == config::NaptMode::Kernel;
    }

    // ---- what nat64 needs to start ----

    void device() {
        constexpr auto kAbout = "TUN device";
        if (facts_.tun_trouble.empty())
            say(Health::Ok, kAbout, "/dev/net/tun opens");
        else
            say(Health::Fail, kAbout, facts_.tun_trouble);
        constexpr double kUdpSegmentation = 6.02; // 6.2, as 6.10 is not 6.1
        const auto dot = facts_.kernel.find('.');
        const double major = version_of(facts_.kernel);
        const auto minor =
            dot == std::string::npos ? 0 : number_of(facts_.kernel.substr(dot + 1)).value_or(0);
        const bool udp = std::floor(major) + std::floor(minor) / 100 >= kUdpSegmentation;
        say(Health::Ok,
            "kernel",
            fmt::format("Linux {}: segmentation offload for TCP{}",
                        facts_.kernel,
                        udp ? " and UDP" : "; for UDP it needs 6.2"));
    }

    void privileges() {
        if (facts_.net_admin)
            say(Health::Ok, "privileges", "CAP_NET_ADMIN");
        else
            say(Health::Unseen,
                "privileges",
                "not root, so not everything is looked at; `nat64 run` needs CAP_NET_ADMIN",
                "sudo nat64 doctor");
    }

    void collisions() {
        constexpr auto kAbout = "addresses";
        WithoutTun alone{host_, facts_.daemon ? facts_.daemon->tun : std::string{}};
        auto report = daemon::check_machine(config_, alone);
        if (report.taken) report.problems.push_back(*report.taken);
        for (const auto& problem : report.problems)
            say(Health::Fail,
                kAbout,
                fmt::format("{}: {}", problem.key, problem.what),
                problem.remedy);
        for (const auto& warning : report.warnings)
            say(Health::Warn, kAbout, warning);
        if (report.problems.empty() && report.warnings.empty())
            say(Health::Ok,
                kAbout,
                "prefix and pool collide with no address and no route of this machine");
    }

    // ---- a packet's way through the kernel ----

    void forwarding() {
        forwards(platform::kForwardIpv4, "IPv4", "translated packets do not leave");
        forwards(platform::kForwardIpv6, "IPv6", "clients do not get to the TUN");
    }

    /// A daemon switches it on where it is off, so without one off is in order.
    void forwards(const std::string& name, const char* family, const char* effect) {
        constexpr auto kAbout = "forwarding";
        const auto value = host_.sysctl(name);
        if (value && *value != "0")
            say(Health::Ok, kAbout, fmt::format("{} forwarding is on", family));
        else if (value && !facts_.daemon)
            say(Health::Ok,
                kAbout,
                fmt::format("{} forwarding is off; nat64 switches it on while it runs",
                            family));
        else
            say(Health::Fail,
                kAbout,
                fmt::format("{} forwarding is {}: {}",
                            family,
                            value ? "off" : "not in this kernel",
                            effect),
                value ? fmt::format("sysctl -w {}=1, and the same in /etc/sysctl.d/", name)
                      : "");
    }

    void uplinks() {
        const auto uplink = default_routes<Prefix4>();
        if (uplink.empty())
            say(Health::Warn,
                "routes",
                "no IPv4 default route: only what has a route of its own can be reached");
        else
            say(Health::Ok, "routes", "IPv4 leaves by " + host_.link_name(uplink.front()));
        const auto addresses = host_.addresses();
        if (std::ranges::none_of(addresses, [](const platform::LocalAddress& row) {
                return row.global && std::holds_alternative<Ipv6Addr>(row.address);
            }))
            say(Health::Warn,
                "routes",
                "no global IPv6 address on any interface: clients cannot get here",
                "give this machine an address and a route towards its clients");
    }

    template <typename Prefix>
    [[nodiscard]] std::vector<LinkIndex> default_routes() const {
        std::vector<LinkIndex> links;
        for (const RouteRow& route : routes_)
            if (is_default(route) && route.link &&
                std::holds_alternative<Prefix>(route.destination) &&
                std::ranges::find(links, *route.link) == links.end())
                links.push_back(*route.link);
        return links;
    }

    /// Strict filtering takes packets only from where answers would go. Prefix and pool are
    /// routed to the TUN, which satisfies it; what comes in by a second uplink does not.
    void reverse_path() {
        constexpr auto kAbout = "rp_filter";
        const auto uplink = default_routes<Prefix4>();
        const auto all = number_of(host_.sysctl("net.ipv4.conf.all.rp_filter")).value_or(0);
        std::string strict;
        for (const LinkIndex link : uplink) {
            const auto name = host_.link_name(link);
            const auto own =
                number_of(host_.sysctl(platform::interface_sysctl("ipv4", name, "rp_filter")))
                    .value_or(0);
            if (std::max(all, own) == 1) strict += (strict.empty() ? "" : ", ") + name;
        }
        if (uplink.size() < 2 || strict.empty())
            say(Health::Ok, kAbout, "no reverse path filter is in the way");
        else
            say(Health::Warn,
                kAbout,
                fmt::format("several IPv4 default routes and a strict filter on {}: replies "
                            "that come in by another one than packets leave are dropped",
                            strict),
                "sysctl -w net.ipv4.conf.all.rp_filter=2");
    }

    void mtus() {
        const std::size_t before = findings_.size();
        const auto ipv4 = config_.translator.rfc7915.ipv4_mtu.bytes();
        for (const LinkIndex link : default_routes<Prefix4>())
            narrower(host_.link_name(link), "IPv4", "mtu.ipv4", ipv4);
        const auto ipv6 = config_.translator.rfc7915.ipv6_mtu.bytes();
        for (const LinkIndex link : default_routes<Prefix6>())
            narrower(host_.link_name(link), "IPv6", "mtu.ipv6", ipv6);
        if (facts_.daemon) {
            const auto tun = facts_.mtus.find(facts_.daemon->tun);
            if (tun != facts_.mtus.end() && tun->second != config_.tun.mtu.bytes())
                say(Health::Warn,
                    "MTU",
                    fmt::format("{} has MTU {} instead of {}: somebody has changed it",
                                tun->first,
                                tun->second,
                                config_.tun.mtu.bytes()),
                    fmt::format("ip link set {} mtu {}", tun->first, config_.tun.mtu.bytes()));
        }
        if (findings_.size() == before)
            say(Health::Ok,
                "MTU",
                fmt::format("{} on the IPv6 side, {} on the IPv4 side, as the uplinks have it",
                            ipv6,
                            ipv4));
    }

    void
    narrower(const std::string& link, const char* family, const char* key, std::size_t mtu) {
        const auto found = facts_.mtus.find(link);
        if (found == facts_.mtus.end() || found->second >= mtu) return;
        say(Health::Warn,
            "MTU",
            fmt::format(
                "{} leaves by {}, whose MTU is {}, and {} is {}: each large flow begins "
                "with packets that are too big",
                family,
                link,
                found->second,
                key,
                mtu),
            fmt::format("write {}: {}", key, found->second));
    }

    void firewall() {
        constexpr auto kAbout = "firewall";
        if (!facts_.dropping_chains) {
            say(Health::Unseen, kAbout, facts_.chains_trouble);
            return;
        }
        for (const auto& chain : *facts_.dropping_chains)
            say(Health::Warn,
                kAbout,
                fmt::format("the {} drops what no rule accepts, and no rule there is about {}",
                            to_string(chain),
                            config_.tun.name),
                remedy_for(chain));
        if (facts_.dropping_chains->empty())
            say(Health::Ok, kAbout, "no forward chain of nftables or iptables is in the way");
    }

    /// Chains of iptables-nft are in nftables under these names.
    [[nodiscard]] std::string remedy_for(const kernel::ForeignChain& chain) const {
        if (kernel::is_only_ours(chain))
            return "stop both nat64, run 'sysctl -w net.ipv4.ip_forward=1 "
                   "net.ipv6.conf.all.forwarding=1', and start them again";
        if (chain.table == "firewalld")
            return fmt::format("give firewalld a zone for {} and a policy into it: see "
                               "'firewalld' in the operator's guide",
                               config_.tun.name);
        if (chain.name != "FORWARD") return "`nat64 generate nftables` prints such rules";
        const auto* const suffix = chain.keeper == kernel::Keeper::Nftables ? "" : "-legacy";
        const auto tool =
            (chain.family == "ip6" ? "ip6tables" : "iptables") + std::string{suffix};
        return fmt::format("{0} -I FORWARD -i {1} -j ACCEPT; {0} -I FORWARD -o {1} -j ACCEPT",
                           tool,
                           config_.tun.name);
    }

    void conntrack() {
        constexpr auto kAbout = "conntrack";
        constexpr double kMuch = 0.8;
        const auto used = number_of(host_.sysctl("net.netfilter.nf_conntrack_count"));
        const auto size = number_of(host_.sysctl("net.netfilter.nf_conntrack_max"));
        if (!used || !size) {
            if (is_kernel_napt() && facts_.daemon)
                say(Health::Fail,
                    kAbout,
                    "this machine has no connection tracking, which napt: kernel needs",
                    "modprobe nf_conntrack");
            else
                say(Health::Ok, kAbout, "not in use");
            return;
        }
        const auto text = fmt::format("{} of {} flows", grouped(*used), grouped(*size));
        if (*size > 0 && *used > kMuch * *size)
            say(*used >= *size ? Health::Fail : Health::Warn,
                kAbout,
                text + ": new ones are dropped when it is full",
                fmt::format("sysctl -w net.netfilter.nf_conntrack_max={:.0f}, and the same in "
                            "/etc/sysctl.d/",
                            4 * *size));
        else
            say(Health::Ok, kAbout, text);
    }

    // ---- what is around ----

    void dns64() {
        constexpr auto kAbout = "DNS64";
        constexpr auto kRemedy =
            "`nat64 generate unbound` prints a configuration; clients whose "
            "DNS64 is another machine do not need this one's";
        const auto& prefix = config_.translator.prefix;
        const auto& seen = facts_.dns64;
        if (!seen.trouble.empty()) {
            say(Health::Unseen, kAbout, seen.trouble);
        } else if (seen.addresses.empty()) {
            say(Health::Warn,
                kAbout,
                "the resolver of this machine makes no IPv6 addresses from IPv4 ones",
                kRemedy);
        } else if (std::ranges::any_of(seen.addresses, [&](const Ipv6Addr& address) {
                       return prefix.contains(address);
                   })) {
            say(Health::Ok,
                kAbout,
                fmt::format("the resolver of this machine makes addresses in {}",
                            prefix.to_string()));
        } else {
            const auto others = prefixes_in(seen.addresses.front());
            say(Health::Warn,
                kAbout,
                fmt::format("the resolver of this machine makes addresses in {}, not in {}",
                            others.empty() ? seen.addresses.front().to_string()
                                           : others.front().to_string(),
                            prefix.to_string()),
                kRemedy);
        }
    }

    void limits() {
        if (facts_.files < kFilesNeeded)
            say(Health::Warn,
                "limits",
                fmt::format("only {} open files are allowed here", facts_.files),
                fmt::format("ulimit -n {}, or LimitNOFILE= in the unit", 1024));
        const std::uint64_t tables = config_.napt.limits.sessions * kSessionBytes;
        if (is_kernel_napt() || facts_.memory == 0 || facts_.memory >= tables)
            say(Health::Ok, "limits", "memory and files suffice");
        else
            say(Health::Warn,
                "limits",
                fmt::format("limits.sessions {} may need {}, and {} are available",
                            config_.napt.limits.sessions,
                            human_bytes(tables),
                            human_bytes(facts_.memory)),
                "lower limits.sessions, or add memory");
        if ((config_.log.bindings || config_.log.sessions) && !facts_.clock_synchronized)
            say(Health::Warn,
                "clock",
                "it is not synchronized: times in the log of bindings mean little",
                "run an NTP client");
    }

    const config::Config& config_;
    const MachineFacts& facts_;
    platform::HostOps& host_;
    std::vector<RouteRow> routes_;
    std::vector<Finding> findings_;
};

} // namespace

std::vector<Finding>
examine(const config::Config& config, const MachineFacts& facts, platform::HostOps& host) {
    return Examiner{config, facts, host}.examine();
}

WithoutTun::WithoutTun(platform::HostOps& host, std::string tun)
    : host_{host}, tun_{std::move(tun)} {
    if (!tun_.empty()) link_ = host_.find_link(tun_);
}

std::optional<LinkIndex> WithoutTun::find_link(const std::string& name) {
    return name == tun_ ? std::nullopt : host_.find_link(name);
}

std::string WithoutTun::link_name(LinkIndex link) {
    return host_.link_name(link);
}

std::vector<std::string> WithoutTun::link_names() {
    auto names = host_.link_names();
    std::erase(names, tun_);
    return names;
}

std::vector<platform::LocalAddress> WithoutTun::addresses() {
    auto rows = host_.addresses();
    std::erase_if(rows, [this](const auto& row) { return row.link == link_; });
    return rows;
}

std::vector<RouteRow> WithoutTun::routes() {
    auto rows = host_.routes();
    std::erase_if(rows, [this](const auto& row) { return link_ && row.link == link_; });
    return rows;
}

std::optional<std::string> WithoutTun::sysctl(const std::string& name) {
    return host_.sysctl(name);
}

} // namespace nat64::cli
