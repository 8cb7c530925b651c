// SPDX-License-Identifier: Apache-2.0
// The daemon from its set-up to its end: everything is a member of App, in the order in which
// it has to live. The constructor sets the machine up, the destructor takes it all back. What
// the kernel removes when the TUN's descriptor is closed (the interface, its routes) needs no
// more than that; what outlives descriptors is the second process's (machine_process.hpp).
#pragma once

#include "backends/kernel/nft_ruleset.hpp"
#include "config/config.hpp"
#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/random.hpp"
#include "core/translator.hpp"
#include "core/verdict.hpp"
#include "daemon/event_log.hpp"
#include "daemon/gateway6_keeper.hpp"
#include "daemon/kernel_napt.hpp"
#include "daemon/machine_process.hpp"
#include "daemon/policy_keeper.hpp"
#include "daemon/pool_watch.hpp"
#include "daemon/reloader.hpp"
#include "daemon/route_keeper.hpp"
#include "daemon/tun_setup.hpp"
#include "platform/machine_monitor.hpp"
#include "platform/packet_loop.hpp"
#include "platform/service_notify.hpp"
#include "platform/tun_queue.hpp"
#include "platform/unique_fd.hpp"
#include "service/control_server.hpp"
#include "service/control_socket.hpp"
#include "service/daemon_view.hpp"
#include "service/event_hub.hpp"
#include "service/metrics_listener.hpp"
#include "service/metrics_server.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace nat64::daemon {

class App {
public:
    /// Sets up, and lets go of every privilege and most system calls. What is given outlives
    /// it; `config` is what is in force, so a reload changes it.
    App(config::Config& config, MachineProcess& machine, platform::UniqueFd tun_driver);
    App(const App&) = delete;
    App& operator=(const App&) = delete;
    ~App() = default;

    /// Returns the exit code.
    int run();

private:
    [[nodiscard]] std::unique_ptr<service::ControlSocket> make_socket();
    [[nodiscard]] std::unique_ptr<service::MetricsListener> make_metrics_listener();
    [[nodiscard]] std::unique_ptr<KernelNapt> make_kernel_napt();
    void switch_forwarding_on();
    [[nodiscard]] DropSum refused();
    void change_route(platform::RouteAction action, const platform::Route& route);
    [[nodiscard]] service::DaemonView view();
    [[nodiscard]] Reloader::Parts parts();
    void start_tasks();
    void start_watching_addresses();
    void carry_out(boost::asio::awaitable<void> task);
    [[nodiscard]] std::jthread start_packet_thread();
    void carry_packets(const std::stop_token& stop) noexcept;
    void log_trouble(int error) const noexcept;
    void set_log_level(config::LogLevel level);
    void apply_log(const config::Log& log);
    boost::asio::awaitable<void> reload();
    boost::asio::awaitable<void> obey_signals();
    boost::asio::awaitable<void> feed_watchdog(std::chrono::microseconds interval);
    void end(const std::exception_ptr& failure) noexcept;

    config::Config& config_;
    MachineProcess& process_;
    boost::asio::io_context control_{1};
    boost::asio::signal_set signals_;
    platform::ServiceNotify notify_ = platform::ServiceNotify::from_environment();
    platform::MachineMonitor machine_{control_};
    EventLog event_log_;
    Counters counters_;
    Rng rng_;
    std::unique_ptr<service::ControlSocket> socket_;
    std::unique_ptr<service::MetricsListener> metrics_listener_; ///< if wanted
    std::unique_ptr<NaptBackend> backend_;
    PolicyKeeper policy_;
    kernel::ForwardOthers others_;            ///< as it is now
    std::unique_ptr<KernelNapt> kernel_napt_; ///< with napt: kernel
    Translator translator_;
    platform::TunDevice tun_;
    RouteKeeper routes_;
    platform::TunQueue queue_;
    platform::PacketLoop loop_;
    std::shared_ptr<service::EventHub> events_;
    std::optional<service::EventHub::Subscription> logged_events_;
    Reloader reloader_;
    PoolWatch pool_watch_;
    Gateway6Keeper gateway6_;
    service::ControlServer server_;
    std::optional<service::MetricsServer> metrics_;
    int exit_code_ = 0;
};

} // namespace nat64::daemon
