// SPDX-License-Identifier: Apache-2.0
// Everything nat64 asks of, or changes on, the machine's network configuration, as one
// interface: links, routes, addresses, sysctls. It is an interface so that tests can pretend
// to be a machine, and so that the privileged half can move behind a process boundary.
// LinuxHost is the real one.
//
// What add_route() and set_up_link() do needs no undoing: it goes with the TUN it was done to.
// A sysctl stays as it is set. Control thread; errors are OsErrors.
#pragma once

#include "platform/netlink_messages.hpp"
#include "platform/patience.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace nat64::platform {

class HostOps {
public:
    virtual ~HostOps() = default;

    /// nullopt when there is no interface of that name.
    [[nodiscard]] virtual std::optional<LinkIndex> find_link(const std::string& name) = 0;

    /// The interface's name, or "#7" when it is gone.
    [[nodiscard]] virtual std::string link_name(LinkIndex link) = 0;

    [[nodiscard]] virtual std::vector<std::string> link_names() = 0;

    virtual void set_up_link(LinkIndex link, const LinkSettings& settings) = 0;

    /// A route that exists already is an error.
    virtual void add_route(const Route& route) = 0;
    virtual void delete_route(const Route& route) = 0;

    [[nodiscard]] virtual std::vector<LocalAddress> addresses() = 0;
    [[nodiscard]] virtual std::vector<RouteRow> routes() = 0;

    /// The value of a sysctl by its name, without the newline; nullopt when this machine does
    /// not have it. Names have dots, or slashes where a part of them has dots, as with
    /// sysctl(8).
    [[nodiscard]] virtual std::optional<std::string> sysctl(const std::string& name) = 0;
    virtual void set_sysctl(const std::string& name, const std::string& value) = 0;
};

class LinuxHost final : public HostOps {
public:
    /// Enough for a burst of changes while nat64 starts; who lists tables later may be told
    /// that they change (std::errc::interrupted), and asks again when they do not.
    static constexpr std::chrono::seconds kPatience{5};

    explicit LinuxHost(Patience patience = Patience{kPatience}) noexcept
        : patience_{patience} {}

    [[nodiscard]] std::optional<LinkIndex> find_link(const std::string& name) override;
    [[nodiscard]] std::string link_name(LinkIndex link) override;
    [[nodiscard]] std::vector<std::string> link_names() override;
    void set_up_link(LinkIndex link, const LinkSettings& settings) override;
    void add_route(const Route& route) override;
    void delete_route(const Route& route) override;
    [[nodiscard]] std::vector<LocalAddress> addresses() override;
    [[nodiscard]] std::vector<RouteRow> routes() override;
    [[nodiscard]] std::optional<std::string> sysctl(const std::string& name) override;
    void set_sysctl(const std::string& name, const std::string& value) override;

private:
    Patience patience_; ///< of addresses() and routes()
};

[[nodiscard]] std::string to_string(const IpPrefix& prefix);

/// What this network namespace is called until the next boot, and no other one is.
[[nodiscard]] std::string network_namespace();

} // namespace nat64::platform
