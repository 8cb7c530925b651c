// SPDX-License-Identifier: Apache-2.0
// Every doubt is settled by adding all routes again: the kernel refuses those that are there.
#include "daemon/route_keeper.hpp"

#include "platform/host_ops.hpp"
#include "platform/os_error.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace asio = boost::asio;

namespace {

using platform::Happened;
using platform::IpPrefix;
using platform::RouteAction;

constexpr std::uint32_t kMainTable = 254;
/// Between two rounds: who deletes our routes again and again gets no busy loop for it.
constexpr std::chrono::seconds kPause{1};

bool contains(const std::vector<IpPrefix>& routes, const IpPrefix& route) {
    return std::ranges::find(routes, route) != routes.end();
}

bool overlaps(const std::vector<IpPrefix>& routes, const IpPrefix& other) {
    return std::ranges::any_of(routes, [&](const IpPrefix& route) {
        return std::visit(
            []<typename A, typename B>(const A& a, const B& b) {
                if constexpr (std::is_same_v<A, B>)
                    return a.overlaps(b);
                else
                    return false;
            },
            route,
            other);
    });
}

} // namespace

RouteKeeper::RouteKeeper(asio::io_context& control,
                         platform::MachineMonitor& machine,
                         TunLink tun,
                         std::vector<IpPrefix> routes,
                         ChangeRoute change)
    : tun_{std::move(tun)},
      routes_{std::move(routes)},
      change_{std::move(change)},
      alarm_{control} {
    machine.subscribe([this](const platform::MachineChange& changed) { on_change(changed); });
}

asio::awaitable<void> RouteKeeper::keep() {
    for (;;) {
        if (gone_)
            throw platform::OsError{ENODEV,
                                    "keep the interface " + tun_.name,
                                    "Somebody deleted it: start nat64 again"};
        if (!new_name_.empty())
            throw platform::OsError{ENODEV,
                                    "keep the interface " + tun_.name,
                                    "Somebody renamed it to " + new_name_ +
                                        ", by which no firewall rule knows it: start nat64 "
                                        "again"};
        report_link();
        const bool lost = std::exchange(lost_, false);
        const bool round = std::exchange(doubtful_, false) && (up_ || lost);
        if (round) {
            put_back();
            report_link();
        }
        if (round)
            alarm_.expires_after(kPause);
        else
            alarm_.expires_at(asio::steady_timer::time_point::max());
        boost::system::error_code woken;
        co_await alarm_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
}

void RouteKeeper::report_link() {
    if (std::exchange(reported_up_, up_) == up_) return;
    if (up_)
        spdlog::info("interface {} is up again", tun_.name);
    else
        spdlog::error("interface {} was set down: nothing is translated until it is up again "
                      "('ip link set {} up')",
                      tun_.name,
                      tun_.name);
}

void RouteKeeper::on_change(const platform::MachineChange& change) {
    if (const auto* link = std::get_if<platform::LinkChange>(&change)) on_link(*link);
    if (const auto* route = std::get_if<platform::RouteChange>(&change)) on_route(*route);
    if (std::holds_alternative<platform::ChangesLost>(change)) {
        lost_ = true;
        wake();
    }
}

void RouteKeeper::on_link(const platform::LinkChange& change) {
    if (change.row.link != tun_.index) return;
    gone_ = change.happened == Happened::Went;
    if (!change.row.name.empty() && change.row.name != tun_.name) new_name_ = change.row.name;
    if (!gone_ && new_name_.empty() && up_ == change.row.up) return;
    up_ = change.row.up;
    wake();
}

void RouteKeeper::on_route(const platform::RouteChange& change) {
    const auto& row = change.row;
    if (row.kind == platform::RouteKind::Own && change.happened == Happened::Came &&
        overlaps(routes_, row.destination))
        spdlog::error("somebody made {} this machine's own: packets for it no longer come here "
                      "until 'ip route del local {}'",
                      platform::to_string(row.destination),
                      platform::to_string(row.destination));
    if (row.table != kMainTable || !contains(routes_, row.destination)) return;
    if (change.happened == Happened::Went) return wake();
    if (row.link == tun_.index) return;
    spdlog::warn("somebody added another route for {}: if packets for it no longer come here, "
                 "see 'ip route show {}'",
                 platform::to_string(row.destination),
                 platform::to_string(row.destination));
    wake();
}

void RouteKeeper::wake() {
    doubtful_ = true;
    // A pause after a round ends by itself.
    if (gone_ || !new_name_.empty() || alarm_.expiry() == asio::steady_timer::time_point::max())
        alarm_.cancel();
}

/// The link is up unless a route says otherwise.
void RouteKeeper::put_back() {
    up_ = true;
    for (const auto& destination : routes_)
        put_back(destination);
}

void RouteKeeper::put_back(const IpPrefix& destination) {
    try {
        change_(RouteAction::Add, {destination, tun_.index});
    } catch (const std::system_error& error) {
        if (settle(error.code().value())) return;
        throw;
    }
    spdlog::warn("the route for {} had been removed; it is back",
                 platform::to_string(destination));
}

/// Whether the kernel's refusal of a route leaves nothing to do. The monitor says that the link
/// is down or gone as well, but not if that was lost; that it is up again comes later.
bool RouteKeeper::settle(int error) noexcept {
    if (error == ENETDOWN) up_ = false;
    if (error == ENODEV) gone_ = true;
    return error == EEXIST || error == ENETDOWN || error == ENODEV;
}

void RouteKeeper::replace(std::vector<IpPrefix> routes) {
    std::vector<IpPrefix> added;
    std::ranges::copy_if(routes, std::back_inserter(added), [&](const IpPrefix& route) {
        return !contains(routes_, route);
    });
    add(added);
    const auto before = std::exchange(routes_, std::move(routes));
    for (const auto& route : before) {
        if (contains(routes_, route)) continue;
        try {
            change_(RouteAction::Delete, {route, tun_.index});
        } catch (const std::system_error& error) { // gone already, most likely
            if (error.code().value() != ESRCH) spdlog::warn("{}", error.what());
        }
    }
}

/// All or none.
void RouteKeeper::add(const std::vector<IpPrefix>& routes) {
    for (auto next = routes.begin(); next != routes.end(); ++next) {
        try {
            change_(RouteAction::Add, {*next, tun_.index});
        } catch (const std::system_error& error) {
            if (!up_ && error.code().value() == ENETDOWN) continue; // put back when it is up
            for (auto done = routes.begin(); done != next; ++done)
                change_(RouteAction::Delete, {*done, tun_.index});
            throw;
        }
    }
}

} // namespace nat64::daemon
