// SPDX-License-Identifier: Apache-2.0
// The table in the real kernel, in a network namespace of the test's own, judged by nft(8).
#include "backends/kernel/nft_print.hpp"
#include "backends/kernel/nft_table.hpp"
#include "platform/unique_fd.hpp"
#include "tests/backends/kernel/rulesets.hpp"
#include "tests/support/private_network.hpp"

#include <fstream>

#include <doctest/doctest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nat64::kernel {

namespace {

using test::full_ruleset;
using test::have_program;
using test::in_private_network;
using test::output_of;
using test::plain_ruleset;

/// Without handles and counters; without what differs because it was nft that added it.
constexpr auto kList = "nft -s list table inet nat64-nat64 | grep -v -e 'flags owner' -e '^$' "
                       "| sed 's, # progname.*,,'";

std::string load_text(const RulesetSettings& settings) {
    auto text = nft::to_text(make_ruleset(settings));
    const std::string owner = "\tflags owner\n"; // nft would take the table along when it ends
    text.erase(text.find(owner), owner.size());
    const auto path = "/tmp/nat64-ruleset-" + std::to_string(::getpid()) + ".nft";
    std::ofstream{path} << text;
    auto said = output_of(std::string{"nft -f "} + path);
    ::unlink(path.c_str());
    return said;
}

/// To a port of this machine; a rule may refuse them.
void send_datagrams(int count) {
    const platform::UniqueFd fd{platform::adopt, ::socket(AF_INET, SOCK_DGRAM, 0)};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = 0x0900;
    to.sin_addr.s_addr = 0x0100007f;
    const void* raw = &to;
    for (int i = 0; i < count; ++i)
        (void)::sendto(fd.get(), "?", 1, 0, static_cast<const sockaddr*>(raw), sizeof to);
}

} // namespace

TEST_CASE("nftables table: what netlink adds is what the printed text says") {
    if (!have_program("nft")) return;
    for (const auto& settings : {plain_ruleset(), full_ruleset()}) {
        const auto by_text = in_private_network([&] {
            const auto said = load_text(settings);
            return said.empty() ? output_of(kList) : said;
        });
        const auto by_netlink = in_private_network([&] {
            const NftTable table{make_ruleset(settings)};
            return output_of(kList);
        });
        if (!by_text || !by_netlink) return;
        CHECK(by_text->starts_with("table inet nat64-nat64 {"));
        CHECK(*by_netlink == *by_text);
    }
}

TEST_CASE("nftables table: others can neither flush nor delete it; it goes with its owner") {
    if (!have_program("nft")) return;
    const auto said = in_private_network([] {
        std::string text;
        {
            NftTable table{make_ruleset(plain_ruleset())};
            text += output_of("nft flush ruleset");
            text += output_of("nft list tables");
            text += table.restore_if_gone() ? "was gone;" : "still there;";
            const auto refused = output_of("nft delete table inet nat64-nat64");
            text +=
                refused.find("not permitted") != std::string::npos ? "not permitted;" : refused;
        }
        return text + output_of("nft list tables");
    });
    if (!said) return;
    CHECK(*said == "table inet nat64-nat64\nstill there;not permitted;");
}

TEST_CASE("nftables table: what its rules refuse is told, and only grows") {
    if (!have_program("nft")) return;
    const auto said = in_private_network([] {
        (void)output_of("ip link set lo up");
        const auto to_refuse = [](L4Proto which) {
            nft::Table table{"nat64-nat64", {DropReason::NotOurs}, {}, {}, {}};
            const nft::Rule rule{
                nft::Transport{which}, nft::CountDrop{DropReason::NotOurs}, nft::Act::Drop};
            table.chains.push_back(
                {"out", nft::ChainType::Filter, nft::Hook::Output, 0, {rule}});
            return table;
        };
        NftTable table{to_refuse(L4Proto::Udp)};
        std::string told;
        const auto tell = [&] {
            const auto drops = table.drops();
            told += std::to_string(drops[static_cast<std::size_t>(DropReason::NotOurs)]) + " ";
        };
        tell();
        send_datagrams(3);
        tell();
        table.change_to(to_refuse(L4Proto::Tcp)); // which are not refused any more
        send_datagrams(1);
        tell();
        table.change_to(to_refuse(L4Proto::Udp));
        send_datagrams(2);
        tell();
        told += output_of("nft reset counters").empty() ? "not reset " : "reset ";
        send_datagrams(1);
        tell();
        return told;
    });
    if (!said) return;
    CHECK(*said == "0 3 3 5 reset 6 ");
}

TEST_CASE("nftables table: one of this name that is there already is refused with a remedy") {
    const auto owned = in_private_network([] {
        const NftTable table{make_ruleset(plain_ruleset())};
        const NftTable second{make_ruleset(plain_ruleset())};
        return std::string{"added"};
    });
    if (!owned) return;
    CHECK(*owned ==
          "threw: nftables table nat64-nat64: add the table: Operation not permitted. "
          "it belongs to a running program: another nat64 with this interface name?");
    if (!have_program("nft")) return;
    const auto loaded = in_private_network([] {
        const auto said = load_text(plain_ruleset());
        const NftTable table{make_ruleset(plain_ruleset())};
        return said + "added";
    });
    CHECK(loaded == "threw: nftables table nat64-nat64: add the table: File exists. a saved "
                    "ruleset was loaded? 'nft delete table inet nat64-nat64' removes it");
}

TEST_CASE("nftables table: a change that the kernel refuses is named and changes nothing") {
    if (!have_program("nft")) return;
    const auto said = in_private_network([] {
        NftTable table{make_ruleset(plain_ruleset())};
        const auto before = output_of(kList);
        auto bad = make_ruleset(full_ruleset());
        bad.chains.back().rules.back() = {nft::Act::Masquerade}; // in a filter chain
        std::string what;
        try {
            table.change_to(bad);
        } catch (const std::exception& error) {
            what = error.what();
        }
        what += output_of(kList) == before ? " unchanged" : " changed";
        table.change_to(make_ruleset(full_ruleset())); // and it goes on working
        return what;
    });
    if (!said) return;
    CHECK(said->starts_with(
        "nftables table nat64-nat64: add the rule 'masquerade' to the chain leaks: "));
    CHECK(said->ends_with(" unchanged"));
}

TEST_CASE("nftables table: changed by difference it is what it would be from nothing") {
    if (!have_program("nft")) return;
    auto slow = full_ruleset();
    slow.timeouts.udp = std::chrono::minutes{10};
    const auto lists = [&](bool by_difference) {
        return in_private_network([&] {
            if (!by_difference) {
                const NftTable table{make_ruleset(slow)};
                return output_of(kList);
            }
            NftTable table{make_ruleset(plain_ruleset())};
            table.change_to(make_ruleset(full_ruleset()));
            table.change_to(make_ruleset(plain_ruleset()));
            table.change_to(make_ruleset(slow));
            auto old_timeout = output_of("nft list ct timeout inet nat64-nat64 udp_300");
            return old_timeout.find("unreplied : 300") == std::string::npos ? old_timeout
                                                                            : output_of(kList);
        });
    };
    const auto changed = lists(true);
    const auto made = lists(false);
    if (!changed || !made) return;
    auto without_old = *changed;
    const std::string old =
        "\tct timeout udp_300 {\n\t\tprotocol udp\n\t\tl3proto ip\n\t\tpolicy "
        "= { unreplied : 300, replied : 300 }\n\t}\n";
    const auto at = without_old.find(old);
    REQUIRE(at != std::string::npos);
    without_old.erase(at, old.size());
    // nft lists chains in the order in which they were added.
    for (const auto* text : {"chain untracked {", "chain only_ours {", "rate_50", "udp_600"})
        CHECK(without_old.find(text) != std::string::npos);
    CHECK(without_old.size() == made->size());
}

} // namespace nat64::kernel
