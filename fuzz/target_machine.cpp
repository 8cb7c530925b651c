// SPDX-License-Identifier: Apache-2.0
// What the packet process sends to the one that keeps CAP_NET_ADMIN, once somebody has taken it
// over: a stream of bytes, read as requests. Nothing comes of it that was not agreed to.
#include "backends/kernel/conntrack_message.hpp"
#include "backends/kernel/netfilter.hpp"
#include "backends/kernel/nft_difference.hpp"
#include "backends/kernel/nft_encode.hpp"
#include "backends/kernel/nft_print.hpp"
#include "backends/kernel/nft_ruleset.hpp"
#include "backends/kernel/remote_netfilter.hpp"
#include "core/net/address.hpp"
#include "core/rfc6052.hpp"
#include "fuzz/targets.hpp"
#include "platform/host_ops.hpp"
#include "platform/netlink_messages.hpp"
#include "platform/privileged_process.hpp"
#include "platform/remote_host.hpp"
#include "platform/unique_fd.hpp"
#include "tests/oracle/expect.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <sys/socket.h>

namespace nat64::fuzz {

namespace {

using oracle::expect;

constexpr auto kTun = "nat64";
constexpr Prefix4 kPool{Ipv4Addr{100, 64, 0, 0}, 16};
constexpr Prefix6 kPrefix{Ipv6Addr::from_halves(0x0064'ff9b'0000'0000, 0), 96};
/// What a socket's buffers take at once, with the answers.
constexpr std::size_t kLongest = 4096;

bool is_allowed(const platform::IpPrefix& destination) {
    if (const auto* four = std::get_if<Prefix4>(&destination))
        return kPool.contains(four->address()) && four->length() >= kPool.length();
    const auto& six = std::get<Prefix6>(destination);
    return kPrefix.contains(six.address()) && six.length() >= kPrefix.length();
}

class GuardedHost final : public platform::HostOps {
public:
    std::optional<platform::LinkIndex> find_link(const std::string& name) override {
        if (name == kTun) return platform::LinkIndex{4};
        return {};
    }

    std::string link_name(platform::LinkIndex link) override {
        return link == platform::LinkIndex{4} ? kTun : "eth0";
    }

    std::vector<std::string> link_names() override { return {kTun, "eth0"}; }

    void set_up_link(platform::LinkIndex link, const platform::LinkSettings&) override {
        check(link);
    }

    void add_route(const platform::Route& route) override { check(route); }

    void delete_route(const platform::Route& route) override { check(route); }

    std::vector<platform::LocalAddress> addresses() override {
        platform::LocalAddress own;
        own.address = Ipv4Addr{203, 0, 113, 1};
        return {own};
    }

    std::vector<platform::RouteRow> routes() override {
        platform::RouteRow row;
        row.destination = kPool;
        return {row};
    }

    std::optional<std::string> sysctl(const std::string& name) override {
        expect(name.starts_with("net."), "a sysctl of the network");
        expect(name.find('/') == std::string::npos, "a sysctl's name, not a path");
        expect(!name.ends_with("stable_secret"), "no secret");
        return "1";
    }

    void set_sysctl(const std::string& /*name*/, const std::string& /*value*/) override {
        expect(false, "no sysctl is set by name");
    }

private:
    void check(platform::LinkIndex link) {
        if (!only_) only_ = link;
        expect(link == *only_, "one interface, the first");
    }

    void check(const platform::Route& route) {
        check(route.link);
        expect(is_allowed(route.destination), "a route of the configuration's prefixes");
    }

    std::optional<platform::LinkIndex> only_;
};

class GuardedNetfilter final : public kernel::Netfilter {
public:
    void set_table(const kernel::RulesetSettings& settings) override {
        expect(settings.tun_name == kTun, "rules for our interface");
        expect(settings.prefix.prefix() == kPrefix, "rules for our prefix");
        expect(settings.inner_pool == kPool, "rules for our inner pool");
        const auto table = kernel::make_ruleset(settings);
        expect(!to_text(table).empty(), "rules that can be printed");
        const auto changes = kernel::nft::difference({}, table);
        expect(!kernel::nft::encode_batch(table.name, changes, 1).empty(), "and made");
    }

    bool restore_table_if_gone() override { return false; }

    std::unique_ptr<kernel::FlowReader> flows() override {
        class One final : public kernel::FlowReader {
        public:
            bool next(std::vector<kernel::ConntrackFlow>& flows) override {
                flows.emplace_back();
                return true;
            }
        };

        return std::make_unique<One>();
    }

    std::size_t forget(const std::vector<kernel::ConntrackFlow>& flows) override {
        for (const auto& flow : flows) {
            expect(kPool.contains(flow.inner4.address), "flows of our inner pool");
            expect(!kernel::encode_forget_flow(flow, 1).empty(), "a request to forget");
        }
        return flows.size();
    }
};

} // namespace

void machine(View input) {
    std::array<int, 2> ends{};
    const auto type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    expect(::socketpair(AF_UNIX, type, 0, ends.data()) == 0, "a socket pair");
    const platform::UniqueFd ours{platform::adopt, ends[0]};
    const platform::UniqueFd theirs{platform::adopt, ends[1]};
    const auto bytes = input.first(std::min(input.size(), kLongest));
    const auto sent = ::send(ours.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    expect(sent == std::ssize(bytes), "a stream that is sent");
    ::shutdown(ours.get(), SHUT_WR);

    GuardedHost host;
    GuardedNetfilter netfilter;
    platform::Requests requests;
    platform::serve_host(requests,
                         host,
                         {.may_set_sysctl = [](const std::string&) { return false; },
                          .routes = {kPool, kPrefix}});
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): it is a prefix of RFC 6052
    const auto prefix = rfc6052::Nat64Prefix::from(kPrefix).value();
    kernel::serve_netfilter(
        requests,
        netfilter,
        {.tun_name = kTun, .prefix = prefix, .inner_pool = kPool, .others = [] {
             return kernel::ForwardOthers{};
         }});
    requests.run(theirs.get());
}

} // namespace nat64::fuzz
