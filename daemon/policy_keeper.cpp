// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy_keeper.hpp"

#include "core/net/address.hpp"
#include "platform/netlink_messages.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace asio = boost::asio;

namespace {

/// A /31 has two hosts (RFC 3021) and a /32 one: none of their addresses means all.
constexpr unsigned kLongestSubnet = 30;

std::string list_of(std::span<const Ipv4Addr> addresses) {
    std::string text;
    for (const auto address : addresses)
        text += (text.empty() ? "" : ", ") + address.to_string();
    return text;
}

std::vector<Ipv4Addr> without(const std::vector<Ipv4Addr>& all,
                              const std::vector<Ipv4Addr>& some) {
    std::vector<Ipv4Addr> rest;
    std::ranges::set_difference(all, some, std::back_inserter(rest));
    return rest;
}

} // namespace

std::vector<Ipv4Addr> own_addresses(std::span<const platform::LocalAddress> addresses) {
    std::vector<Ipv4Addr> own;
    for (const auto& row : addresses) {
        const auto* const address = std::get_if<Ipv4Addr>(&row.address);
        if (address == nullptr) continue;
        own.push_back(*address);
        if (row.prefix_length > kLongestSubnet || row.prefix_length == 0) continue;
        const Prefix4 subnet{*address, row.prefix_length};
        const auto first = subnet.address().bits();
        own.emplace_back(first);
        own.emplace_back(first + static_cast<std::uint32_t>(subnet.size() - 1));
    }
    std::ranges::sort(own);
    const auto rest = std::ranges::unique(own);
    own.erase(rest.begin(), rest.end());
    return own;
}

PolicyKeeper::PolicyKeeper(PolicySettings settings,
                           platform::HostOps& host,
                           platform::MachineMonitor& monitor,
                           NaptBackend& backend)
    : settings_{std::move(settings)},
      host_{host},
      backend_{backend},
      own_{own_addresses(host.addresses())} {
    backend_.exchange_policy(std::make_shared<const Policy>(settings_, own_));
    monitor.subscribe([this](const platform::MachineChange& change) { on_change(change); });
}

void PolicyKeeper::start(asio::any_io_executor control,
                         asio::any_io_executor packets,
                         std::function<void()> after) {
    control_ = std::move(control);
    packets_ = std::move(packets);
    after_ = std::move(after);
}

std::shared_ptr<const Policy> PolicyKeeper::adopt(const PolicySettings& settings) {
    if (settings == settings_) return nullptr;
    settings_ = settings;
    return std::make_shared<const Policy>(settings_, own_);
}

void PolicyKeeper::readopt(const PolicySettings& settings) {
    if (settings == settings_) return;
    settings_ = settings;
    hand_over({});
}

void PolicyKeeper::on_change(const platform::MachineChange& change) {
    if (const auto* const address = std::get_if<platform::AddressChange>(&change);
        address != nullptr && !std::holds_alternative<Ipv4Addr>(address->row.address))
        return;
    if (std::holds_alternative<platform::RouteChange>(change)) return;
    // The same address may stand on several interfaces: the change alone does not tell.
    auto own = own_addresses(host_.addresses());
    if (own == own_) return;
    // Only what is so is logged: an operator may act on it at once.
    auto say = [came = without(own, own_), went = without(own_, own)] {
        if (!came.empty())
            spdlog::info("this machine has new addresses, which clients do not reach: {}",
                         list_of(came));
        if (!went.empty())
            spdlog::info("no longer this machine's addresses: {}", list_of(went));
    };
    own_ = std::move(own);
    hand_over(std::move(say));
}

void PolicyKeeper::hand_over(std::function<void()> in_force) {
    auto policy = std::make_shared<const Policy>(settings_, own_);
    asio::post(packets_,
               [&backend = backend_,
                policy = std::move(policy),
                in_force = std::move(in_force),
                control = control_,
                after = after_]() mutable {
                   auto former = backend.exchange_policy(policy);
                   if (after) after();
                   asio::post(control,
                              [former = std::move(former), in_force = std::move(in_force)] {
                                  if (in_force) in_force();
                              });
               });
}

} // namespace nat64::daemon
