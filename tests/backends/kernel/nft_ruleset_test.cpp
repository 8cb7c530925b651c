// SPDX-License-Identifier: Apache-2.0
// The table as text, and how it changes.
#include "backends/kernel/nft_difference.hpp"
#include "backends/kernel/nft_print.hpp"
#include "backends/kernel/nft_ruleset.hpp"
#include "tests/backends/kernel/rulesets.hpp"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::kernel {

namespace {

using test::full_ruleset;
using test::plain_ruleset;

std::vector<std::string> changes(const RulesetSettings& from, const RulesetSettings& to) {
    const auto present = make_ruleset(from);
    const auto wanted = nft::with_old_timeouts(present, make_ruleset(to));
    std::vector<std::string> texts;
    for (const auto& change : nft::difference(present, wanted))
        texts.push_back(nft::to_text(change));
    return texts;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("napt: kernel: the table with everything switched on") {
    CHECK(nft::to_text(make_ruleset(full_ruleset())) ==
          R"(table inet nat64-nat64 {
	flags owner

	counter inner_source {
	}

	counter inner_no_flow {
	}

	counter inner_uninvited {
	}

	counter tcp_not_syn {
	}

	counter client_rate_limit {
	}

	counter client_session_limit {
	}

	counter not_ours {
	}

	counter own_address {
	}

	counter not_masqueraded {
	}

	ct timeout tcp_7440_240 {
		protocol tcp
		l3proto ip
		policy = { syn_sent : 240, syn_recv : 240, established : 7440, fin_wait : 240, close_wait : 240, last_ack : 240, time_wait : 240, close : 10, syn_sent2 : 240, retrans : 300, unack : 300 }
	}

	ct timeout udp_300 {
		protocol udp
		l3proto ip
		policy = { unreplied : 300, replied : 300 }
	}

	set rate_50 {
		type ipv4_addr
		size 65536
		flags dynamic,timeout
		timeout 10s
	}

	set sessions_4096 {
		type ipv4_addr
		size 65536
		flags dynamic
	}

	chain untracked {
		type filter hook prerouting priority -300; policy accept;
		ip6 daddr 64:ff9b::/96 notrack
		iifname "nat64" ip6 saddr 64:ff9b::/96 notrack
	}

	chain untracked_own {
		type filter hook output priority -300; policy accept;
		ip6 daddr 64:ff9b::/96 notrack
	}

	chain arrivals {
		type filter hook prerouting priority -150; policy accept;
		iifname != "nat64" ip saddr 100.64.0.0/16 counter name "inner_source" drop
		iifname "nat64" ip saddr 100.64.0.0/16 ct state new ct status ! confirmed meta l4proto tcp ct timeout set "tcp_7440_240"
		iifname "nat64" ip saddr 100.64.0.0/16 ct state new ct status ! confirmed meta l4proto udp ct timeout set "udp_300"
	}

	chain passing {
		type filter hook forward priority 0; policy accept;
		ip daddr 100.64.0.0/16 ct state invalid,untracked counter name "inner_no_flow" drop
		ip daddr 100.64.0.0/16 ct state new ct status ! dnat counter name "inner_uninvited" drop
		iifname "nat64" ip saddr 100.64.0.0/16 ct state new ct status ! confirmed tcp flags & (fin|syn|rst|ack) != syn counter name "tcp_not_syn" reject with tcp reset
		iifname "nat64" ip saddr 100.64.0.0/16 ct state new ct status ! confirmed update @rate_50 { ip saddr limit rate over 50/second burst 50 packets } counter name "client_rate_limit" drop
		iifname "nat64" ip saddr 100.64.0.0/16 ct state new ct status ! confirmed add @sessions_4096 { ip saddr ct count over 4096 } counter name "client_session_limit" reject with icmp type admin-prohibited
	}

	chain only_ours {
		type filter hook forward priority 0; policy accept;
		meta nfproto ipv4 iifname != "nat64" oifname != "nat64" counter name "not_ours" drop
		meta nfproto ipv6 iifname != "nat64" oifname != "nat64" counter name "not_ours" drop
	}

	chain machine {
		type filter hook input priority 0; policy accept;
		iifname "nat64" ip saddr 100.64.0.0/16 ct state ! established,related counter name "own_address" reject with icmp type admin-prohibited
	}

	chain sharing {
		type nat hook postrouting priority 90; policy accept;
		ip saddr 100.64.0.0/16 oifname != "nat64" tcp sport 51821-65535 masquerade to :51821-65535
		ip saddr 100.64.0.0/16 oifname != "nat64" meta l4proto tcp masquerade to :32768-51819
		ip saddr 100.64.0.0/16 oifname != "nat64" udp sport 51821-65535 masquerade to :51821-65535
		ip saddr 100.64.0.0/16 oifname != "nat64" meta l4proto udp masquerade to :32768-51819
		ip saddr 100.64.0.0/16 oifname != "nat64" masquerade
	}

	chain leaks {
		type filter hook postrouting priority 110; policy accept;
		ip saddr 100.64.0.0/16 oifname != "nat64" counter name "not_masqueraded" drop
	}
}
)");
}

TEST_CASE("napt: kernel: what is switched off is not in the table") {
    const auto text = nft::to_text(make_ruleset(plain_ruleset()));
    for (const auto* word : {"notrack", "only_ours", "set rate_", "set sessions_"})
        CHECK(text.find(word) == std::string::npos);
}

TEST_CASE(
    "napt: kernel: strangers reach inner addresses where the operator forwards them only") {
    const auto table = make_ruleset(plain_ruleset());
    const auto passing = std::ranges::find(table.chains, "passing", &nft::Chain::name);
    REQUIRE(passing != table.chains.end());
    Texts to_clients;
    for (const auto& rule : passing->rules)
        if (const auto text = nft::to_text(rule); text.starts_with("ip daddr"))
            to_clients.push_back(text);
    CHECK(to_clients == Texts{"ip daddr 100.64.0.0/16 ct state invalid,untracked counter name "
                              "\"inner_no_flow\" drop",
                              "ip daddr 100.64.0.0/16 ct state new ct status ! dnat counter "
                              "name \"inner_uninvited\" drop"});
}

TEST_CASE(
    "nothing is dropped silently: each rule that refuses counts by a counter of its table") {
    using enum Forward;
    for (const auto& table : {make_ruleset(full_ruleset()), make_guard("nat64", {No, No})})
        for (const auto& chain : table.chains)
            for (const auto& rule : chain.rules) {
                CAPTURE(nft::to_text(rule));
                const auto* const act = std::get_if<nft::Act>(&rule.back());
                if (act == nullptr || *act == nft::Act::Masquerade || *act == nft::Act::NoTrack)
                    continue;
                const auto* const count = std::get_if<nft::CountDrop>(&rule[rule.size() - 2]);
                REQUIRE(count != nullptr);
                CHECK(std::ranges::count(table.counters, count->reason) == 1);
            }
}

TEST_CASE("napt: daemon: the table that guards others names the families") {
    using enum Forward;
    CHECK(nft::to_text(make_guard("nat64", {No, Yes})) == R"(table inet nat64-nat64 {
	flags owner

	counter not_ours {
	}

	chain only_ours {
		type filter hook forward priority 0; policy accept;
		meta nfproto ipv4 iifname != "nat64" oifname != "nat64" counter name "not_ours" drop
	}
}
)");
}

TEST_CASE("RFC 4787 REQ-5, RFC 5382 REQ-5: default timeouts are not below the minimums") {
    const auto table = make_ruleset(plain_ruleset());
    for (const auto& policy : table.timeouts)
        for (const auto& state : policy.states) {
            CAPTURE(policy.name);
            CAPTURE(state.name);
            if (policy.protocol == L4Proto::Udp)
                CHECK(state.seconds >= 120);
            else if (std::string{state.name} == "established")
                CHECK(state.seconds >= 7440);
            else if (std::string{state.name} != "close")
                CHECK(state.seconds >= 240);
        }
}

TEST_CASE("timeouts are whole seconds, never less than configured") {
    auto settings = plain_ruleset();
    settings.timeouts.udp = std::chrono::milliseconds{120'001};
    CHECK(make_ruleset(settings).timeouts[1].states[0].seconds == 121);
}

TEST_CASE("reload: nothing changed, nothing done") {
    CHECK(changes(full_ruleset(), full_ruleset()).empty());
}

TEST_CASE("reload: a new timeout is for new flows; the old one stays for those that have it") {
    auto settings = plain_ruleset();
    settings.timeouts.udp = std::chrono::minutes{10};
    const auto texts = changes(plain_ruleset(), settings);
    REQUIRE(texts.size() == 5);
    CHECK(texts[0] == "flush the chain arrivals");
    CHECK(texts[1] == "add the ct timeout udp_600");
    CHECK(texts[4].find("udp_600") != std::string::npos);
    CHECK(changes(settings, plain_ruleset())[1] == "add the ct timeout udp_300");
}

TEST_CASE("reload: timeouts of former settings are kept, but not for ever") {
    auto table = make_ruleset(plain_ruleset());
    for (int minutes = 6; minutes < 60; ++minutes) {
        auto settings = plain_ruleset();
        settings.timeouts.udp = std::chrono::minutes{minutes};
        table = nft::with_old_timeouts(table, make_ruleset(settings));
        CHECK(table.timeouts.size() <= nft::kMostTimeouts);
        CHECK(table.timeouts.back().name == "udp_" + std::to_string(minutes * 60));
    }
    CHECK(table.timeouts.size() == nft::kMostTimeouts);
    const auto present = table;
    table = nft::with_old_timeouts(present, make_ruleset(plain_ruleset()));
    const auto deleted = nft::difference(present, table);
    CHECK(std::ranges::count_if(deleted, [](const nft::Change& change) {
              return std::holds_alternative<nft::DeleteTimeout>(change);
          }) == 1);
}

TEST_CASE("reload: a limit comes and goes with its set, other chains are left alone") {
    auto settings = plain_ruleset();
    settings.sessions_per_client = 10;
    const auto on = changes(plain_ruleset(), settings);
    REQUIRE(on.size() == 6);
    CHECK(Texts{on[0], on[1]} == Texts{"flush the chain passing", "add the set sessions_10"});
    CHECK(on[5].find("ct count over 10") != std::string::npos);
    const auto off = changes(settings, plain_ruleset());
    REQUIRE(off.size() == 5);
    CHECK(Texts{off[0], off[1]} ==
          Texts{"flush the chain passing", "delete the set sessions_10"});
}

TEST_CASE("reload: a chain that is not wanted any more goes, one that is new comes") {
    auto settings = plain_ruleset();
    settings.forward_others.ipv4 = Forward::No;
    CHECK(changes(settings, plain_ruleset()) ==
          Texts{"flush the chain only_ours", "delete the chain only_ours"});
    CHECK(
        changes(plain_ruleset(), settings) ==
        Texts{
            "add the chain only_ours",
            "add the rule 'meta nfproto ipv4 iifname != \"nat64\" oifname != \"nat64\" counter "
            "name \"not_ours\" drop' to the chain only_ours"});
}

} // namespace nat64::kernel
