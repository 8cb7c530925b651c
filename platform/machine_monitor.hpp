// SPDX-License-Identifier: Apache-2.0
// Hears what happens to the machine's network while we run: links that go up, down or away,
// addresses and routes that come and go, whoever changes them. One socket for all who want to
// know; each of them subscribes with a function. Reading needs no capability.
//
// A burst of changes can be too much for the socket, or for a listener that reads the
// kernel's tables while they change again and again: then listeners are told ChangesLost and
// read anew what they depend on (HostOps). Control thread.
#pragma once

#include "platform/netlink_messages.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

struct mnl_socket;

namespace nat64::platform {

enum class Happened : std::uint8_t { Came, Went }; ///< Came: is new, or is different now

struct LinkChange {
    LinkRow row;
    Happened happened{};
};

struct AddressChange {
    LocalAddress row;
    Happened happened{};
};

struct RouteChange {
    RouteRow row;
    Happened happened{};
};

/// Some were not heard of. Told when those that follow are heard again: whatever a listener
/// finds now, it will be told of the end of.
struct ChangesLost {};

using MachineChange = std::variant<LinkChange, AddressChange, RouteChange, ChangesLost>;

/// What an announcement of the kernel says; nullopt for what the three rows leave out.
[[nodiscard]] std::optional<MachineChange> parse_change(const nlmsghdr& message);

class MachineMonitor {
public:
    using Listener = std::function<void(const MachineChange&)>;

    /// Changes from now on are heard. Throws OsError.
    explicit MachineMonitor(boost::asio::io_context& control);
    ~MachineMonitor();
    MachineMonitor(const MachineMonitor&) = delete;
    MachineMonitor& operator=(const MachineMonitor&) = delete;

    /// Before watch() begins. What a listener throws ends watch(), but for
    /// std::errc::interrupted: then it is told ChangesLost when the burst is over.
    void subscribe(Listener listener) { listeners_.push_back(std::move(listener)); }

    /// Tells the listeners of each change, in order. Does not end.
    boost::asio::awaitable<void> watch();

private:
    enum class More : bool { No, Yes };

    More read_once();
    void tell(const MachineChange& change);

    std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket_;
    boost::asio::posix::stream_descriptor readable_;
    std::vector<std::byte> buffer_;
    std::vector<Listener> listeners_;
    bool lost_ = false;  ///< a change was, and nobody has been told yet
    bool stale_ = false; ///< one of them knows less than it was told
};

} // namespace nat64::platform
