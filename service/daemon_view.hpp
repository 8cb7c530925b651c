// SPDX-License-Identifier: Apache-2.0
// What the control commands may see of a running daemon. Counters and configuration may be
// read from any thread; the backend belongs to the packet thread, so commands post to
// `packet_thread`, take a bounded number of rows there and post the result back: a million
// sessions never stall a packet.
#pragma once

#include "config/config.hpp"
#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/verdict.hpp"
#include "service/daemon_changes.hpp"
#include "service/session_reader.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

namespace nat64::service {

class EventHub;

/// What the device negotiated, for `show status`.
struct DeviceFacts {
    std::string tun_name;
    bool tcp_segmentation = false;
    bool udp_segmentation = false;
};

struct DaemonView {
    const config::Config& config;
    const Counters& counters;
    NaptBackend& backend; ///< only on packet_thread
    boost::asio::any_io_executor packet_thread;
    std::function<Clock::time_point()> now;
    Clock::time_point started;
    DeviceFacts device;
    SessionSource sessions = {}; ///< empty: the backend's own
    SessionCount count = {};     ///< empty: the counters tell
    SessionFlush flush = {};     ///< empty: the backend's own
    /// What rules of the kernel have refused for us, not counted in `counters`; may be empty.
    std::function<DropSum()> refused = {};
    std::shared_ptr<EventHub> events;
    DaemonChanges* changes = nullptr;
    /// Of all processes of the daemon; empty: of this one.
    std::function<void(config::LogLevel)> set_log_level = {};
    /// What somebody should look at, a line each.
    std::function<std::vector<std::string>()> warnings = {};
    /// As HostOps::sysctl().
    std::function<std::optional<std::string>(const std::string& name)> read_sysctl = {};
};

/// By rules of the kernel. Throws OsError.
[[nodiscard]] inline DropSum refused_drops(const DaemonView& view) {
    return view.refused ? view.refused() : DropSum{};
}

/// Of the translator and of these rules.
[[nodiscard]] inline DropSum all_drops(const DaemonView& view) {
    DropSum sum = refused_drops(view);
    for (std::size_t i = 0; i < sum.size(); ++i)
        sum[i] += view.counters.drops[i].value();
    return sum;
}

} // namespace nat64::service
