// SPDX-License-Identifier: Apache-2.0
// A daemon as far as its control socket: a control thread with a real ControlServer on a real
// Unix socket in a directory of its own, and a packet thread that owns a TableBackend. No TUN,
// no root.
#pragma once

#include "config/config.hpp"
#include "core/counters.hpp"
#include "service/control_server.hpp"
#include "service/event_hub.hpp"
#include "tests/service/table_backend.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace nat64::test {

/// A directory that goes with its owner.
class TempDir {
public:
    TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

struct FakeDaemonOptions {
    std::uint64_t rows = 0;
    std::uint32_t addresses = 1;
    service::ControlLimits limits = {};
    bool packet_thread_runs = true;
    service::SessionSource sessions = {};
    service::SessionCount count = {};
    std::function<DropSum()> refused = {};
    std::string group = {}; ///< control.group
    service::DaemonChanges* changes = nullptr;
};

class FakeDaemon {
public:
    explicit FakeDaemon(FakeDaemonOptions options = {});
    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;
    /// Stops as the real one does: server, packet thread, control thread.
    ~FakeDaemon();

    /// The backend tells of it, on the packet thread.
    void happen(const Event& event);

    [[nodiscard]] const std::filesystem::path& socket() const { return config.control.socket; }

    TempDir dir;
    config::Config config;
    Counters counters;
    TableBackend backend;

private:
    using Guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

    void start_packet_thread();

    boost::asio::io_context control_{1};
    boost::asio::io_context packets_{1};
    Guard packets_guard_{packets_.get_executor()};
    std::shared_ptr<service::EventHub> hub_ = std::make_shared<service::EventHub>(
        control_.get_executor(), packets_.get_executor(), backend);
    std::unique_ptr<service::ControlServer> server_;
    std::thread packet_thread_;
    std::thread control_thread_;
};

} // namespace nat64::test
