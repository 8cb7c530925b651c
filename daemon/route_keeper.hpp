// SPDX-License-Identifier: Apache-2.0
// The routes to the TUN while the daemon runs. The kernel forgets them when somebody sets the
// interface down, and anybody with the right to may delete them: they are put back, and the
// log says so. What cannot be mended ends the daemon with the reason, so that a service manager
// starts it anew: a black hole that nobody is told of does not happen. A reload replaces the
// routes. Control thread.
#pragma once

#include "platform/machine_monitor.hpp"
#include "platform/netlink_messages.hpp"

#include <functional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace nat64::daemon {

/// The TUN by both its names.
struct TunLink {
    std::string name;
    platform::LinkIndex index{};
};

class RouteKeeper {
public:
    /// Adds or deletes one route; throws std::system_error.
    using ChangeRoute =
        std::function<void(platform::RouteAction action, const platform::Route& route)>;

    /// `routes` are there already.
    RouteKeeper(boost::asio::io_context& control,
                platform::MachineMonitor& machine,
                TunLink tun,
                std::vector<platform::IpPrefix> routes,
                ChangeRoute change);

    /// Does not end but by throwing: the TUN is gone or has another name, by which no firewall
    /// knows it, or a route cannot be put back.
    boost::asio::awaitable<void> keep();

    /// Adds what is new and deletes what is not in `routes`. Throws std::system_error if a new
    /// one cannot be added; then the routes are as they were.
    void replace(std::vector<platform::IpPrefix> routes);

private:
    void on_change(const platform::MachineChange& change);
    void on_link(const platform::LinkChange& change);
    void on_route(const platform::RouteChange& change);
    void wake();
    void report_link();
    void put_back();
    void put_back(const platform::IpPrefix& destination);
    [[nodiscard]] bool settle(int error) noexcept;
    void add(const std::vector<platform::IpPrefix>& routes);

    TunLink tun_;
    std::vector<platform::IpPrefix> routes_;
    ChangeRoute change_;
    boost::asio::steady_timer alarm_; ///< cancelled to wake keep()
    bool up_ = true;
    bool reported_up_ = true;
    bool gone_ = false;
    std::string new_name_;  ///< if somebody renamed it
    bool doubtful_ = false; ///< routes may be missing
    bool lost_ = false;     ///< so may be word of the link
};

} // namespace nat64::daemon
