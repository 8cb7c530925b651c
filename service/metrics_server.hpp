// SPDX-License-Identifier: Apache-2.0
// /metrics by HTTP, on the control thread: GET and HEAD, one request a connection. A client
// may send a request of a few kilobytes within a few seconds and has to read its answer within
// a few more; there are so many of them at most, and who is connected for no reason makes room
// for who comes later. Reading the pool is the packet thread's work, a bounded piece at a
// time, so no number of scrapes stalls a packet. Boost.Beast knows HTTP; what is said is
// metrics.hpp. Single-threaded: constructed, started and destroyed on the control thread or
// while it does not run.
#pragma once

#include "service/daemon_view.hpp"
#include "service/metrics_listener.hpp"

#include <chrono>
#include <cstddef>
#include <memory>

namespace nat64::service {

struct MetricsLimits {
    std::size_t connections = 32;
    std::size_t request_bytes = 8 * 1024;
    /// For the request to arrive, and again for the answer to leave.
    std::chrono::milliseconds patience = std::chrono::seconds{10};
};

class MetricsServer {
public:
    /// What `view` refers to must be there until neither thread runs.
    MetricsServer(std::unique_ptr<MetricsListener> listener,
                  DaemonView view,
                  MetricsLimits limits = {});
    /// Stops.
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    /// Begins to accept.
    void start();

    /// Closes the socket and ends all connections. Idempotent.
    void stop() noexcept;

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

} // namespace nat64::service
