// SPDX-License-Identifier: Apache-2.0
// Other people's chains in the real kernel, in a network namespace of the test's own.
#include "backends/kernel/foreign_chains.hpp"
#include "tests/support/private_network.hpp"

#include <string>

#include <doctest/doctest.h>

namespace nat64::kernel {

namespace {

using test::in_private_network;
using test::output_of;

std::string found() {
    std::string text;
    for (const auto& chain : chains_that_drop("nat64"))
        text += chain.family + ' ' + chain.table + ' ' + chain.name + ';';
    return text;
}

std::string nft(const std::string& commands) {
    return output_of("nft '" + commands + "'");
}

} // namespace

TEST_CASE("firewall: forward chains that drop by default are found, others are not") {
    if (!test::have_program("nft")) return;
    const auto said = in_private_network([] {
        auto text = found() + "|";
        for (const auto* commands :
             {"table inet accepts { chain forward { type filter hook forward priority 0; }; }",
              "table inet input { chain input { type filter hook input priority 0; policy "
              "drop; }; }",
              "table ip filter { chain FORWARD { type filter hook forward priority 0; policy "
              "drop; }; }",
              "table inet mine { chain forward { type filter hook forward priority 0; policy "
              "drop; iifname \"nat640\" accept; }; }"})
            text += nft(commands);
        return text + found();
    });
    if (said) CHECK(*said == "|ip filter FORWARD;inet mine forward;");
}

TEST_CASE(
    "firewall: another nat64 that forwards for itself alone is in the way, our own is not") {
    if (!test::have_program("nft")) return;
    const auto said = in_private_network([] {
        std::string text;
        for (const auto* tun : {"nat64", "xnat64"}) {
            const std::string name{tun};
            text += nft("table inet nat64-" + name + " { chain only_ours { type filter hook " +
                        "forward priority 0; iifname != \"" + name + "\" oifname != \"" + name +
                        "\" counter drop; }; }");
        }
        return text + found();
    });
    if (said) CHECK(*said == "inet nat64-xnat64 only_ours;");
}

TEST_CASE("firewall: chains whose last rule refuses everything drop, too") {
    if (!test::have_program("nft")) return;
    const auto said = in_private_network([] {
        std::string text;
        for (const auto* rules :
             {"ct state established accept; reject with icmpx admin-prohibited",
              "iifname \"lan\" accept; counter drop",
              "log; reject",
              "ct state invalid drop",
              "iifname \"nat64\" accept; drop",
              "accept"}) {
            text +=
                nft("table inet one { chain forward { type filter hook forward priority 0; " +
                    std::string{rules} + "; }; }");
            text += found().empty() ? "passes " : "drops ";
            text += nft("delete table inet one");
        }
        return text;
    });
    if (said) CHECK(*said == "drops drops drops passes passes passes ");
}

TEST_CASE("firewall: those of iptables-legacy are found, too, and none is made by looking") {
    if (!test::have_program("iptables-legacy")) return;
    const auto said = in_private_network([] {
        std::string text;
        const auto look = [&] {
            text += found() +
                    output_of("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names") + '|';
        };
        look();
        for (const auto* commands :
             {"iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP",
              "iptables-legacy -A FORWARD -i lan -j DROP; iptables-legacy -A INPUT -j DROP",
              "iptables-legacy -A FORWARD -j REJECT",
              "iptables-legacy -N ours; iptables-legacy -A ours -o nat64 -j ACCEPT",
              "ip6tables-legacy -P FORWARD DROP"}) {
            text += output_of(commands);
            look();
        }
        return text;
    });
    if (said)
        CHECK(*said == "|filter\n|filter\n|ip filter FORWARD;filter\n|filter\n|ip6 filter "
                       "FORWARD;filter\nfilter\n|");
}

TEST_CASE("firewall: a table whose rules name the interface has been thought of") {
    if (!test::have_program("nft")) return;
    const auto said = in_private_network([] {
        auto text = nft("table inet mine { chain ours { iifname \"nat64\" accept; }; chain "
                        "forward { type filter hook forward priority 0; policy drop; jump "
                        "ours; }; }");
        return text + found();
    });
    if (said) CHECK(said->empty());
}

} // namespace nat64::kernel
