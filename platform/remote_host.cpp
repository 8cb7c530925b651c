// SPDX-License-Identifier: Apache-2.0
// A request for each function of HostOps.
#include "platform/remote_host.hpp"

#include "core/net/address.hpp"
#include "platform/netlink_messages.hpp"
#include "platform/os_error.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace nat64::platform {

namespace {

struct FindLink {
    static constexpr std::string_view kName = "find_link";
    using Reply = std::optional<LinkIndex>;
    std::string name;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(name);
    }
};

struct LinkName {
    static constexpr std::string_view kName = "link_name";
    using Reply = std::string;
    LinkIndex link{};

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(link);
    }
};

struct LinkNames : Done {
    static constexpr std::string_view kName = "link_names";
    using Reply = std::vector<std::string>;
};

struct SetUpLink {
    static constexpr std::string_view kName = "set_up_link";
    using Reply = Done;
    LinkIndex link{};
    LinkSettings settings{};

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(link, settings);
    }
};

struct AddRoute {
    static constexpr std::string_view kName = "add_route";
    using Reply = Done;
    Route route;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(route);
    }
};

struct DeleteRoute {
    static constexpr std::string_view kName = "delete_route";
    using Reply = Done;
    Route route;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(route);
    }
};

struct Addresses : Done {
    static constexpr std::string_view kName = "addresses";
    using Reply = std::vector<LocalAddress>;
};

struct Routes : Done {
    static constexpr std::string_view kName = "routes";
    using Reply = std::vector<RouteRow>;
};

struct Sysctl {
    static constexpr std::string_view kName = "sysctl";
    using Reply = std::optional<std::string>;
    std::string name;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(name);
    }
};

struct SetSysctl {
    static constexpr std::string_view kName = "set_sysctl";
    using Reply = Done;
    std::string name;
    std::string value;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(name, value);
    }
};

/// A sysctl's name is the name of a file below /proc/sys and of nothing else.
bool is_sysctl(const std::string& name) {
    return name.starts_with("net.") && name.find('/') == std::string::npos &&
           name.find("..") == std::string::npos;
}

/// What root alone may read: the key of TCP Fast Open's cookies, and that of stable addresses.
bool is_secret(const std::string& name) {
    return name.ends_with("_key") || name.ends_with("stable_secret");
}

/// Whether all of `prefix` lies in `allowed`, in one or in several together.
bool covered(const Prefix4& prefix, const std::vector<IpPrefix>& allowed) {
    bool some = false;
    for (const auto& one : allowed) {
        const auto* four = std::get_if<Prefix4>(&one);
        if (four == nullptr || !four->overlaps(prefix)) continue;
        if (four->length() <= prefix.length()) return true;
        some = true;
    }
    if (!some) return false; // and an address has no halves: it overlaps what contains it
    const auto half = prefix.length() + 1;
    const Ipv4Addr middle{prefix.address().bits() | 1U << (32 - half)};
    return covered({prefix.address(), half}, allowed) && covered({middle, half}, allowed);
}

bool covered(const Prefix6& prefix, const std::vector<IpPrefix>& allowed) {
    return std::ranges::any_of(allowed, [&](const IpPrefix& one) {
        const auto* six = std::get_if<Prefix6>(&one);
        return six != nullptr && six->length() <= prefix.length() && six->overlaps(prefix);
    });
}

/// Refuses what is not ours.
class ConfinedHost {
public:
    explicit ConfinedHost(HostRules rules) : rules_{std::move(rules)} {}

    void check_link(LinkIndex link) {
        if (!only_) only_ = link;
        if (link != *only_) throw OsError{EPERM, "change another interface than our own"};
    }

    void check_route(const Route& route) {
        check_link(route.link);
        const bool ours =
            std::visit([this](const auto& prefix) { return covered(prefix, rules_.routes); },
                       route.destination);
        if (!ours) throw OsError{EPERM, "change the route of " + to_string(route.destination)};
    }

    void check_sysctl(const std::string& name) const {
        if (!is_sysctl(name) || is_secret(name))
            throw OsError{EPERM, "read the sysctl " + name};
    }

    void check_set_sysctl(const std::string& name) const {
        if (!is_sysctl(name) || !rules_.may_set_sysctl(name))
            throw OsError{EPERM, "set the sysctl " + name};
    }

private:
    HostRules rules_;
    std::optional<LinkIndex> only_;
};

} // namespace

void serve_host(Requests& requests, HostOps& host, HostRules rules) {
    const auto confined = std::make_shared<ConfinedHost>(std::move(rules));
    requests.serve<FindLink>([&host](const FindLink& r) { return host.find_link(r.name); });
    requests.serve<LinkName>([&host](const LinkName& r) { return host.link_name(r.link); });
    requests.serve<LinkNames>([&host](const LinkNames&) { return host.link_names(); });
    requests.serve<Addresses>([&host](const Addresses&) { return host.addresses(); });
    requests.serve<Routes>([&host](const Routes&) { return host.routes(); });
    requests.serve<SetUpLink>([&host, confined](const SetUpLink& r) {
        confined->check_link(r.link);
        host.set_up_link(r.link, r.settings);
        return Done{};
    });
    requests.serve<AddRoute>([&host, confined](const AddRoute& r) {
        confined->check_route(r.route);
        host.add_route(r.route);
        return Done{};
    });
    requests.serve<DeleteRoute>([&host, confined](const DeleteRoute& r) {
        confined->check_route(r.route);
        host.delete_route(r.route);
        return Done{};
    });
    requests.serve<Sysctl>([&host, confined](const Sysctl& r) {
        confined->check_sysctl(r.name);
        return host.sysctl(r.name);
    });
    requests.serve<SetSysctl>([&host, confined](const SetSysctl& r) {
        confined->check_set_sysctl(r.name);
        host.set_sysctl(r.name, r.value);
        return Done{};
    });
}

std::optional<LinkIndex> RemoteHost::find_link(const std::string& name) {
    return process_.call(FindLink{name});
}

std::string RemoteHost::link_name(LinkIndex link) {
    return process_.call(LinkName{link});
}

std::vector<std::string> RemoteHost::link_names() {
    return process_.call(LinkNames{});
}

void RemoteHost::set_up_link(LinkIndex link, const LinkSettings& settings) {
    process_.call(SetUpLink{link, settings});
}

void RemoteHost::add_route(const Route& route) {
    process_.call(AddRoute{route});
}

void RemoteHost::delete_route(const Route& route) {
    process_.call(DeleteRoute{route});
}

std::vector<LocalAddress> RemoteHost::addresses() {
    return process_.call(Addresses{});
}

std::vector<RouteRow> RemoteHost::routes() {
    return process_.call(Routes{});
}

std::optional<std::string> RemoteHost::sysctl(const std::string& name) {
    return process_.call(Sysctl{name});
}

void RemoteHost::set_sysctl(const std::string& name, const std::string& value) {
    process_.call(SetSysctl{name, value});
}

} // namespace nat64::platform
