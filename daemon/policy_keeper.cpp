// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy_keeper.hpp"

#include "core/net/address.hpp"
#include "platform/netlink_messages.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace asio = boost::asio;

namespace {

/// A /31 has two hosts (RFC 3021) and a /32 one: none of their addresses means all.
constexpr unsigned kLongestSubnet = 30;

/// A line of the log, not a page: a container host may get hundreds at once.
template <typename Item>
std::string list_of(const std::vector<Item>& items) {
    constexpr std::size_t kMost = 16;
    std::string text;
    for (const auto& item : std::span{items}.first(std::min(items.size(), kMost)))
        text += (text.empty() ? "" : ", ") + item.to_string();
    if (items.size() > kMost) text += fmt::format(" and {} more", items.size() - kMost);
    return text;
}

template <typename Item>
std::vector<Item> without(const std::vector<Item>& all, const std::vector<Item>& some) {
    std::vector<Item> rest;
    std::ranges::set_difference(all, some, std::back_inserter(rest));
    return rest;
}

/// Both in order.
template <typename Item>
void report(const std::vector<Item>& before, const std::vector<Item>& now, const char* what) {
    if (const auto came = without(now, before); !came.empty())
        spdlog::info(
            "this machine has new {}, which clients do not reach: {}", what, list_of(came));
    if (const auto went = without(before, now); !went.empty())
        spdlog::info("no longer this machine's {}: {}", what, list_of(went));
}

template <typename Item>
void each_once(std::vector<Item>& items) {
    std::ranges::sort(items);
    const auto rest = std::ranges::unique(items);
    items.erase(rest.begin(), rest.end());
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
    each_once(own);
    return own;
}

std::vector<Prefix4> own_prefixes(std::span<const platform::RouteRow> routes) {
    std::vector<Prefix4> own;
    for (const auto& row : routes)
        if (const auto* const prefix = std::get_if<Prefix4>(&row.destination);
            prefix != nullptr && row.kind == platform::RouteKind::Own)
            own.push_back(*prefix);
    each_once(own);
    return own;
}

PolicyKeeper::PolicyKeeper(PolicySettings settings,
                           platform::HostOps& host,
                           platform::MachineMonitor& monitor,
                           NaptBackend& backend)
    : settings_{std::move(settings)},
      host_{host},
      backend_{backend},
      own_{own_addresses(host.addresses())},
      prefixes_{own_prefixes(host.routes())} {
    backend_.exchange_policy(std::make_shared<const Policy>(current()));
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
    return std::make_shared<const Policy>(current());
}

void PolicyKeeper::readopt(const PolicySettings& settings) {
    if (settings == settings_) return;
    settings_ = settings;
    hand_over({});
}

/// Reading a full table of routes takes a while: only for one of those, or where one of those
/// may have gone without a word, as they do with their interface.
bool PolicyKeeper::moves_routes(const platform::MachineChange& change) const {
    if (const auto* const route = std::get_if<platform::RouteChange>(&change))
        return route->row.kind == platform::RouteKind::Own &&
               std::holds_alternative<Prefix4>(route->row.destination);
    return std::holds_alternative<platform::ChangesLost>(change) || !prefixes_.empty();
}

void PolicyKeeper::on_change(const platform::MachineChange& change) {
    if (const auto* const address = std::get_if<platform::AddressChange>(&change);
        address != nullptr && !std::holds_alternative<Ipv4Addr>(address->row.address))
        return;
    const bool routes = moves_routes(change);
    if (std::holds_alternative<platform::RouteChange>(change) && !routes) return;
    // The same address may stand on several interfaces: the change alone does not tell.
    auto own = own_addresses(host_.addresses());
    auto prefixes = routes ? own_prefixes(host_.routes()) : prefixes_;
    if (own == own_ && prefixes == prefixes_) return;
    // Only what is so is logged: an operator may act on it at once.
    auto say = [was = own_, is = own, prefixes_were = prefixes_, prefixes_are = prefixes] {
        report(was, is, "addresses");
        report(prefixes_were, prefixes_are, "prefixes by local routes");
    };
    own_ = std::move(own);
    prefixes_ = std::move(prefixes);
    hand_over(std::move(say));
}

void PolicyKeeper::hand_over(std::function<void()> in_force) {
    auto policy = std::make_shared<const Policy>(current());
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
