// SPDX-License-Identifier: Apache-2.0
// Names of timeouts and sets contain their values: what is in use is never changed, only
// replaced by something else, so live flows keep what they have (nft_difference.hpp).
#include "backends/kernel/nft_ruleset.hpp"

#include "core/clock.hpp"
#include "core/net/transport.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

namespace nat64::kernel {

namespace {

using namespace nft;

// Where others stand: nf_conntrack at -200, NAT at -100 and 100, and NF_IP_PRI_*.
constexpr std::int32_t kRaw = -300;
constexpr std::int32_t kMangle = -150;
constexpr std::int32_t kFilter = 0;
/// Ahead of other tables' masquerading: the first rule that decides wins.
constexpr std::int32_t kBeforeSourceNat = 90;
constexpr std::int32_t kAfterSourceNat = 110;

constexpr std::uint32_t kCloseSeconds = 10; ///< after a RST that conntrack has checked
constexpr std::uint32_t kUnackedSeconds = 300;
constexpr std::uint32_t kRateMemorySeconds = 10;

constexpr std::string_view kTablePrefix = "nat64-";

/// Limits that are off have their counters all the same: these stay when rules come and go.
constexpr std::array kCounted{DropReason::InnerSource,
                              DropReason::InnerNoFlow,
                              DropReason::InnerUninvited,
                              DropReason::TcpNotSyn,
                              DropReason::ClientRateLimit,
                              DropReason::ClientSessionLimit,
                              DropReason::NotOurs,
                              DropReason::OwnAddress,
                              DropReason::NotMasqueraded};

std::uint32_t seconds(Clock::duration d) {
    return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(d).count());
}

TimeoutPolicy udp_timeouts(const Timeouts& timeouts) {
    const auto udp = seconds(timeouts.udp);
    return {"udp_" + std::to_string(udp), L4Proto::Udp, {{"unreplied", udp}, {"replied", udp}}};
}

TimeoutPolicy tcp_timeouts(const Timeouts& timeouts) {
    const auto established = seconds(timeouts.tcp_established);
    const auto transitory = seconds(timeouts.tcp_transitory);
    const auto unacked = std::max(transitory, kUnackedSeconds);
    return {"tcp_" + std::to_string(established) + "_" + std::to_string(transitory),
            L4Proto::Tcp,
            {{"syn_sent", transitory},
             {"syn_recv", transitory},
             {"established", established},
             {"fin_wait", transitory},
             {"close_wait", transitory},
             {"last_ack", transitory},
             {"time_wait", transitory},
             {"close", kCloseSeconds},
             {"syn_sent2", transitory},
             {"retrans", unacked},
             {"unack", unacked}}};
}

Chain only_ours(const std::string& tun_name, const ForwardOthers& others) {
    Chain chain{kOnlyOurs, ChainType::Filter, Hook::Forward, kFilter, {}};
    const auto only = [&](Forward forward, Family family) {
        if (forward == Forward::Yes) return;
        chain.rules.push_back({family,
                               Interface{Way::In, Is::Different, tun_name},
                               Interface{Way::Out, Is::Different, tun_name},
                               CountDrop{DropReason::NotOurs},
                               Act::Drop});
    };
    only(others.ipv4, Family::Ipv4);
    only(others.ipv6, Family::Ipv6);
    return chain;
}

class Maker {
public:
    explicit Maker(const RulesetSettings& settings) : settings_{settings} {}

    Table make() {
        table_.name = table_name(settings_.tun_name);
        table_.counters.assign(kCounted.begin(), kCounted.end());
        table_.timeouts = {tcp_timeouts(settings_.timeouts), udp_timeouts(settings_.timeouts)};
        untracked();
        arrivals();
        passing();
        if (settings_.forward_others != ForwardOthers{})
            table_.chains.push_back(only_ours(settings_.tun_name, settings_.forward_others));
        chain("machine",
              Hook::Input,
              kFilter,
              {{tun(Way::In),
                inner(End::Source),
                UnknownFlow{},
                CountDrop{DropReason::OwnAddress},
                Act::Refuse}});
        sharing();
        chain("leaks",
              Hook::Postrouting,
              kAfterSourceNat,
              {{inner(End::Source),
                tun(Way::Out, Is::Different),
                CountDrop{DropReason::NotMasqueraded},
                Act::Drop}});
        return std::move(table_);
    }

private:
    [[nodiscard]] Interface tun(Way way, Is is = Is::Equal) const {
        return {way, is, settings_.tun_name};
    }

    [[nodiscard]] Address4 inner(End end) const { return {end, settings_.inner_pool}; }

    [[nodiscard]] Address6 server(End end) const { return {end, settings_.prefix.prefix()}; }

    void chain(std::string name, Hook hook, std::int32_t priority, std::vector<Rule> rules) {
        table_.chains.push_back(
            {std::move(name), ChainType::Filter, hook, priority, std::move(rules)});
    }

    void untracked() {
        if (settings_.track_ipv6 == TrackIpv6::Yes) return;
        const Rule to_servers{server(End::Destination), Act::NoTrack};
        chain("untracked",
              Hook::Prerouting,
              kRaw,
              {to_servers, {tun(Way::In), server(End::Source), Act::NoTrack}});
        chain("untracked_own", Hook::Output, kRaw, {to_servers});
    }

    void arrivals() {
        std::vector<Rule> rules{{tun(Way::In, Is::Different),
                                 inner(End::Source),
                                 CountDrop{DropReason::InnerSource},
                                 Act::Drop}};
        for (const auto& policy : table_.timeouts)
            rules.push_back({tun(Way::In),
                             inner(End::Source),
                             NewFlow{},
                             Transport{policy.protocol},
                             UseTimeout{policy.name}});
        chain("arrivals", Hook::Prerouting, kMangle, std::move(rules));
    }

    void passing() {
        std::vector<Rule> rules{
            {inner(End::Destination), NoFlow{}, CountDrop{DropReason::InnerNoFlow}, Act::Drop},
            {inner(End::Destination),
             NotForwarded{},
             CountDrop{DropReason::InnerUninvited},
             Act::Drop},
            {tun(Way::In),
             inner(End::Source),
             NewFlow{},
             TcpNotSyn{},
             CountDrop{DropReason::TcpNotSyn},
             Act::Reset}};
        if (const auto rate = settings_.new_sessions_per_second; rate != 0)
            rules.push_back({tun(Way::In),
                             inner(End::Source),
                             NewFlow{},
                             RateOver{set("rate_", rate, kRateMemorySeconds), rate},
                             CountDrop{DropReason::ClientRateLimit},
                             Act::Drop});
        if (const auto most = settings_.sessions_per_client; most != 0)
            rules.push_back({tun(Way::In),
                             inner(End::Source),
                             NewFlow{},
                             ConnectionsOver{set("sessions_", most, 0), most},
                             CountDrop{DropReason::ClientSessionLimit},
                             Act::Refuse});
        chain("passing", Hook::Forward, kFilter, std::move(rules));
    }

    /// A flow whose own port is in none of the ranges gets one of the widest. Identifiers of
    /// pings shadow nothing: what the machine is asked is no answer to what clients ask.
    void sharing() {
        const auto widest = std::ranges::max(settings_.ports, {}, [](const PortRange& range) {
            return range.last.value() - range.first.value();
        });
        std::vector<Rule> rules;
        const auto add = [&](nft::Part which, nft::Part what) {
            rules.push_back({inner(End::Source), tun(Way::Out, Is::Different), which, what});
        };
        for (const auto protocol : {L4Proto::Tcp, L4Proto::Udp}) {
            for (const auto& range : settings_.ports)
                if (range != widest) add(SourcePorts{protocol, range}, MasqueradeTo{range});
            add(Transport{protocol}, MasqueradeTo{widest});
        }
        rules.push_back({inner(End::Source), tun(Way::Out, Is::Different), Act::Masquerade});
        chain("sharing", Hook::Postrouting, kBeforeSourceNat, std::move(rules));
        table_.chains.back().type = ChainType::Nat;
    }

    /// A set with room for all inner addresses: one that is full would not limit.
    std::string set(const char* prefix, std::uint32_t limit, std::uint32_t timeout_seconds) {
        auto name = prefix + std::to_string(limit);
        const auto size = static_cast<std::uint32_t>(settings_.inner_pool.size());
        table_.sets.push_back({name, size, timeout_seconds});
        return name;
    }

    const RulesetSettings& settings_;
    Table table_;
};

} // namespace

std::string table_name(const std::string& tun_name) {
    return std::string{kTablePrefix} + tun_name;
}

bool is_table_name(std::string_view name) noexcept {
    return name.starts_with(kTablePrefix);
}

RulesetSettings ruleset_settings(const NaptSettings& napt,
                                 const std::string& tun_name,
                                 ForwardOthers forward_others) {
    return {.tun_name = tun_name,
            .prefix = napt.prefix,
            // NOLINTNEXTLINE(bugprone-unchecked-optional-access): throws, as it should
            .inner_pool = napt.inner_pool.value(),
            .ports = {napt.shared_ports},
            .timeouts = napt.timeouts,
            .sessions_per_client = napt.limits.sessions_per_client,
            .new_sessions_per_second = napt.limits.new_sessions_per_second,
            .track_ipv6 = napt.track_ipv6,
            .forward_others = forward_others};
}

nft::Table make_ruleset(const RulesetSettings& settings) {
    return Maker{settings}.make();
}

nft::Table make_guard(const std::string& tun_name, ForwardOthers others) {
    return {table_name(tun_name), {DropReason::NotOurs}, {}, {}, {only_ours(tun_name, others)}};
}

} // namespace nat64::kernel
