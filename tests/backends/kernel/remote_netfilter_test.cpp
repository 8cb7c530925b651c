// SPDX-License-Identifier: Apache-2.0
// Netfilter through the process boundary, against a pretended kernel, and against the real one
// in a network namespace.
#include "backends/kernel/free_ports.hpp"
#include "backends/kernel/remote_netfilter.hpp"
#include "platform/os_error.hpp"
#include "tests/backends/kernel/rulesets.hpp"
#include "tests/support/private_network.hpp"

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::kernel {

using platform::PrivilegedProcess;
using platform::Requests;
using test::in_private_network;
using test::output_of;

namespace {

ConntrackFlow flow_of(std::uint8_t host, std::uint16_t port) {
    ConntrackFlow flow;
    flow.protocol = L4Proto::Udp;
    flow.inner4 = {Ipv4Addr{100, 64, 0, host}, Port{port}};
    flow.mapped4 = {Ipv4Addr{203, 0, 113, 1}, Port{40000}};
    flow.server4 = {Ipv4Addr{203, 0, 113, 5}, Port{53}};
    flow.expires_in = std::chrono::seconds{30};
    flow.packets = 3;
    flow.bytes = 300;
    return flow;
}

/// Has five datagrams of flows for each reader, and tells by what it throws what it was asked.
class PretendedNetfilter final : public Netfilter {
public:
    void set_table(const RulesetSettings& settings) override { settings_ = settings; }

    bool restore_table_if_gone() override { return settings_ == test::full_ruleset(); }

    [[nodiscard]] std::unique_ptr<FlowReader> flows() override {
        class Five final : public FlowReader {
        public:
            bool next(std::vector<ConntrackFlow>& flows) override {
                flows.push_back(flow_of(2, ++read_));
                return read_ < 5;
            }

        private:
            std::uint16_t read_ = 0;
        };

        return std::make_unique<Five>();
    }

    std::size_t forget(const std::vector<ConntrackFlow>& flows) override {
        return flows.size();
    }

private:
    RulesetSettings settings_;
};

NetfilterRules rules_of(const RulesetSettings& settings) {
    return {settings.tun_name, settings.prefix, settings.inner_pool, [settings] {
                return settings.forward_others;
            }};
}

PrivilegedProcess pretended() {
    return PrivilegedProcess{[](Requests& requests) {
        static PretendedNetfilter netfilter;
        serve_netfilter(requests, netfilter, rules_of(test::full_ruleset()));
    }};
}

int error_of(const std::function<void()>& action) {
    try {
        action();
        return 0;
    } catch (const std::system_error& error) {
        return error.code().value();
    }
}

} // namespace

TEST_CASE("remote netfilter: settings arrive as they were sent") {
    auto process = pretended();
    RemoteNetfilter netfilter{process};
    CHECK(!netfilter.restore_table_if_gone());
    netfilter.set_table(test::full_ruleset());
    CHECK(netfilter.restore_table_if_gone());
}

TEST_CASE("remote netfilter: no rules for another interface or other addresses") {
    auto process = pretended();
    RemoteNetfilter netfilter{process};
    const auto refused = [&](const std::function<void(RulesetSettings&)>& change) {
        auto settings = test::full_ruleset();
        change(settings);
        return error_of([&] { netfilter.set_table(settings); }) == EPERM;
    };
    CHECK(refused([](auto& settings) { settings.tun_name = "eth0"; }));
    CHECK(refused([](auto& settings) { settings.inner_pool = Prefix4{}; }));
    CHECK(refused([](auto& settings) {
        settings.prefix = rfc6052::Nat64Prefix::from(*Prefix6::parse("2001:db8::/32")).value();
    }));
    CHECK(refused([](auto& settings) { settings.forward_others.ipv6 = Forward::Yes; }));
    using Ports = std::vector<PortRange>;
    for (const auto& ports : {Ports{},
                              Ports(kMostRanges + 1, PortRange{Port{40000}, Port{40063}}),
                              Ports{{Port{40001}, Port{40000}}}}) {
        auto other_ports = test::full_ruleset();
        other_ports.ports = ports;
        CHECK_THROWS(netfilter.set_table(other_ports));
    }
    CHECK(!refused([](auto& settings) { settings.timeouts.udp = std::chrono::hours{1}; }));
}

TEST_CASE("remote netfilter: a reader that has failed is not asked again") {
    class Failing final : public FlowReader {
    public:
        bool next(std::vector<ConntrackFlow>& /*flows*/) override {
            throw platform::OsError{EIO, "read"};
        }
    };

    class OfFailing final : public Netfilter {
    public:
        void set_table(const RulesetSettings& /*settings*/) override {}

        bool restore_table_if_gone() override { return false; }

        [[nodiscard]] std::unique_ptr<FlowReader> flows() override {
            return std::make_unique<Failing>();
        }

        std::size_t forget(const std::vector<ConntrackFlow>& /*flows*/) override { return 0; }
    };

    PrivilegedProcess process{[](Requests& requests) {
        static OfFailing netfilter;
        serve_netfilter(requests, netfilter, rules_of(test::full_ruleset()));
    }};
    RemoteNetfilter netfilter{process};
    const auto reader = netfilter.flows();
    std::vector<ConntrackFlow> flows;
    CHECK(error_of([&] { (void)reader->next(flows); }) == EIO);
    CHECK(error_of([&] { (void)reader->next(flows); }) == EBUSY);
}

TEST_CASE("remote netfilter: several readers, each to its end, those left behind included") {
    auto process = pretended();
    RemoteNetfilter netfilter{process};
    const auto left_behind = netfilter.flows();
    for (int i = 0; i < 200; ++i) {
        const auto reader = netfilter.flows();
        std::vector<ConntrackFlow> flows;
        CHECK(reader->next(flows));
        REQUIRE(flows.size() == 1);
        CHECK(flows[0] == flow_of(2, 1));
    }
    CHECK(list_flows(netfilter).size() == 5);
    FlowSum sum{};
    const auto counter = netfilter.flows();
    while (counter->count(sum)) {
    }
    CHECK(sum == FlowSum{0, 5, 0});
    std::vector<ConntrackFlow> flows;
    CHECK(left_behind->next(flows));
    std::vector<std::unique_ptr<FlowReader>> many(100);
    for (auto& reader : many)
        reader = netfilter.flows();
    CHECK(error_of([&] { (void)left_behind->next(flows); }) == EBUSY);
    CHECK(many.back()->next(flows));
}

TEST_CASE("remote netfilter: flows of the inner pool are ended, however many, and no others") {
    auto process = pretended();
    RemoteNetfilter netfilter{process};
    CHECK(netfilter.forget(std::vector(10'000, flow_of(7, 1))) == 10'000);
    auto other = flow_of(7, 1);
    other.inner4.address = Ipv4Addr{192, 0, 2, 1};
    CHECK(error_of([&] { netfilter.forget({flow_of(7, 1), other}); }) == EPERM);
}

TEST_CASE("remote netfilter: the table belongs to the other process and goes with it") {
    const auto said = in_private_network([] {
        const std::string count_tables = "nft list tables | wc -l";
        std::string facts;
        {
            PrivilegedProcess process{[](Requests& requests) {
                static LocalNetfilter netfilter;
                auto rules = rules_of(test::full_ruleset());
                auto asked = std::make_shared<int>(0); // plain at first, then full
                rules.others = [asked, full = rules.others] {
                    return ++*asked == 1 ? ForwardOthers{} : full();
                };
                serve_netfilter(requests, netfilter, std::move(rules));
            }};
            RemoteNetfilter netfilter{process};
            netfilter.set_table(test::plain_ruleset());
            facts += output_of(count_tables);
            facts += netfilter.restore_table_if_gone() ? "restored " : "as it was ";
            netfilter.set_table(test::full_ruleset());
            facts += std::to_string(list_flows(netfilter).size()) + " flows ";
        }
        return facts + output_of(count_tables);
    });
    if (!said) return;
    CHECK(*said == "1\nas it was 0 flows 0\n");
}

} // namespace nat64::kernel
