// SPDX-License-Identifier: Apache-2.0
// Everything is a member of App, in the order in which it has to live: the constructor sets
// the machine up, the destructor takes it all back. What the kernel removes when the TUN's
// descriptor is closed (the interface, its routes) needs no more than that.
#include "daemon/app.hpp"

#include "backends/kernel/foreign_chains.hpp"
#include "backends/kernel/nft_ruleset.hpp"
#include "backends/kernel/nft_table.hpp"
#include "backends/registry.hpp"
#include "config/config_error.hpp"
#include "core/counters.hpp"
#include "core/random.hpp"
#include "core/translator.hpp"
#include "daemon/announce.hpp"
#include "daemon/event_log.hpp"
#include "daemon/forwarding.hpp"
#include "daemon/kernel_napt.hpp"
#include "daemon/machine_check.hpp"
#include "daemon/mycelium_node.hpp"
#include "daemon/policy_keeper.hpp"
#include "daemon/pool_watch.hpp"
#include "daemon/reloader.hpp"
#include "daemon/route_keeper.hpp"
#include "daemon/sysctl_record.hpp"
#include "daemon/tun_setup.hpp"
#include "platform/host_ops.hpp"
#include "platform/machine_monitor.hpp"
#include "platform/os_error.hpp"
#include "platform/packet_loop.hpp"
#include "platform/privileges.hpp"
#include "platform/route_helper.hpp"
#include "platform/service_notify.hpp"
#include "platform/system_clock.hpp"
#include "platform/tun_queue.hpp"
#include "service/control_server.hpp"
#include "service/control_socket.hpp"
#include "service/event_hub.hpp"
#include "service/logging.hpp"
#include "service/metrics_listener.hpp"
#include "service/metrics_server.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <pthread.h>

namespace nat64::daemon {

namespace asio = boost::asio;

namespace {

/// The registry's names are those of the configuration.
std::string_view backend_name(config::NaptMode mode) noexcept {
    switch (mode) {
    case config::NaptMode::Daemon:
        return "daemon";
    case config::NaptMode::Kernel:
        return "kernel";
    case config::NaptMode::Siit:
        return "siit";
    }
    return "?";
}

/// Beside the control socket: whoever has that is the only one to read and write this.
std::filesystem::path record_beside(const std::filesystem::path& socket) {
    return std::filesystem::absolute(socket).concat(".sysctls");
}

/// Since its boot.
std::string name_of_machine(platform::HostOps& host) {
    return host.sysctl("kernel.random.boot_id").value_or("?") + " " +
           platform::network_namespace();
}

kernel::ForwardOthers look_after_predecessor(platform::HostOps& host, SysctlRecord& record) {
    put_back_recorded(host, record);
    return look_at_forwarding(host);
}

class App {
public:
    App(config::Config& config,
        LoadAgain load_again,
        platform::HostOps& host,
        platform::UniqueFd tun_driver,
        RouteKeeper::ChangeRoute change_route,
        SetSysctl set_at_end);

    ~App() {
        if (kernel_napt_) kernel_napt_->put_icmp_timeout_back();
    }

    App(const App&) = delete;
    App& operator=(const App&) = delete;

    /// Returns the exit code.
    int run();

private:
    [[nodiscard]] std::unique_ptr<KernelNapt> make_kernel_napt(platform::HostOps& host);
    void switch_forwarding_on(platform::HostOps& host, SetSysctl set_at_end);
    [[nodiscard]] std::unique_ptr<service::MetricsListener> make_metrics_listener();
    [[nodiscard]] service::DaemonView view();
    [[nodiscard]] std::jthread start_packet_thread();
    void carry_packets(const std::stop_token& stop) noexcept;
    [[nodiscard]] Reloader::Parts parts();
    void log_trouble(int error) const noexcept;
    void apply_log(const config::Log& log);
    asio::awaitable<void> reload();
    asio::awaitable<void> obey_signals();
    asio::awaitable<void> feed_watchdog(std::chrono::microseconds interval);
    void end(const std::exception_ptr& failure) noexcept;

    config::Config& config_; ///< in force: a reload changes it
    asio::io_context control_{1};
    asio::signal_set signals_{control_, SIGINT, SIGTERM, SIGHUP};
    platform::ServiceNotify notify_ = platform::ServiceNotify::from_environment();
    platform::MachineMonitor machine_{control_};
    EventLog event_log_;
    Counters counters_;
    Rng rng_{platform::random_secret()};
    std::unique_ptr<service::ControlSocket> socket_;
    std::unique_ptr<service::MetricsListener> metrics_listener_; ///< if wanted
    std::unique_ptr<NaptBackend> backend_;
    PolicyKeeper policy_;
    SysctlRecord record_;
    kernel::ForwardOthers others_;
    std::optional<kernel::NftTable> guard_;   ///< with napt: daemon, while forwarding is ours
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
    service::ControlServer server_;
    std::optional<Forwarding> forwarding_; ///< goes before the table that protects others
    std::optional<service::MetricsServer> metrics_;
    int exit_code_ = 0;
};

App::App(config::Config& config,
         LoadAgain load_again,
         platform::HostOps& host,
         platform::UniqueFd tun_driver,
         RouteKeeper::ChangeRoute change_route,
         SetSysctl set_at_end)
    : config_{config},
      event_log_{config.log},
      socket_{std::make_unique<service::ControlSocket>(control_, config.control)},
      metrics_listener_{make_metrics_listener()},
      backend_{
          backends::make_backend(backend_name(config.napt_mode), config.napt, counters_, rng_)},
      policy_{config.policy, host, machine_, *backend_},
      record_{record_beside(config.control.socket), name_of_machine(host)},
      others_{look_after_predecessor(host, record_)},
      kernel_napt_{make_kernel_napt(host)},
      translator_{config.translator, *backend_, counters_, rng_},
      tun_{set_up_tun(config, host, std::move(tun_driver))},
      routes_{control_,
              machine_,
              {tun_.name, host.find_link(tun_.name).value()},
              routes_to_tun(config),
              std::move(change_route)},
      queue_{std::move(tun_.fd), counters_, [this](int error) { log_trouble(error); }},
      loop_{queue_, queue_.fd(), translator_},
      events_{std::make_shared<service::EventHub>(
          control_.get_executor(), loop_.executor(), *backend_)},
      reloader_{parts(), std::move(load_again), control_.get_executor(), loop_.executor()},
      pool_watch_{config_, host, machine_},
      server_{std::move(socket_), view()} {
    switch_forwarding_on(host, std::move(set_at_end));
    platform::drop_privileges(kernel_napt_ ? platform::Keep::NetAdmin
                                           : platform::Keep::Nothing);
    if (event_log_.wanted()) logged_events_.emplace(events_, event_log_);
    if (metrics_listener_) metrics_.emplace(std::move(metrics_listener_), view());
    for (const auto& fact : describe_start(config_, tun_))
        spdlog::info("{}", fact);
}

std::unique_ptr<KernelNapt> App::make_kernel_napt(platform::HostOps& host) {
    if (config_.napt_mode != config::NaptMode::Kernel) return nullptr;
    return std::make_unique<KernelNapt>(
        config_, others_, host, machine_, record_, *backend_, control_);
}

/// The table that keeps others from being forwarded comes first.
void App::switch_forwarding_on(platform::HostOps& host, SetSysctl set_at_end) {
    if (others_ == kernel::ForwardOthers{}) return;
    if (!kernel_napt_) {
        try {
            guard_.emplace(kernel::make_guard(tun_.name, others_));
        } catch (const std::exception& error) {
            spdlog::warn(
                "forwarding is off, and stays off, because nat64 cannot keep the "
                "machine from forwarding everything ({}): switch it on with 'sysctl -w "
                "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1'",
                error.what());
            return;
        }
    }
    forwarding_.emplace(host, others_, tun_.name, record_, std::move(set_at_end));
    if (forwarding_->others() == others_) return;
    others_ = forwarding_->others();
    if (kernel_napt_)
        kernel_napt_->set_others(others_);
    else if (others_ == kernel::ForwardOthers{})
        guard_.reset();
    else
        guard_->change_to(kernel::make_guard(tun_.name, others_));
}

std::unique_ptr<service::MetricsListener> App::make_metrics_listener() {
    if (!config_.metrics.listen) return nullptr;
    return std::make_unique<service::MetricsListener>(control_, *config_.metrics.listen);
}

service::DaemonView App::view() {
    return {.config = config_,
            .counters = counters_,
            .backend = *backend_,
            .packet_thread = loop_.executor(),
            .now = platform::now,
            .started = platform::now(),
            .device = {.tun_name = tun_.name,
                       .tcp_segmentation = tun_.features.tcp_segmentation,
                       .udp_segmentation = tun_.features.udp_segmentation},
            .sessions = kernel_napt_ ? kernel_napt_->sessions() : service::SessionSource{},
            .flush = kernel_napt_ ? kernel_napt_->flush() : service::SessionFlush{},
            .events = events_,
            .changes = &reloader_,
            .warnings = [this] { return pool_watch_.warnings(); }};
}

Reloader::Parts App::parts() {
    return {.running = config_,
            .backend = *backend_,
            .translator = translator_,
            .policy = policy_,
            .routes = routes_,
            .kernel_napt = kernel_napt_.get(),
            .after = [this] { loop_.wake(); },
            .apply_log = [this](const config::Log& log) { apply_log(log); }};
}

void App::apply_log(const config::Log& log) {
    service::set_log_level(log.level);
    event_log_.apply(log);
    if (!event_log_.wanted())
        logged_events_.reset();
    else if (!logged_events_)
        logged_events_.emplace(events_, event_log_);
}

int App::run() {
    const auto on_end = [this](const std::exception_ptr& failure) { end(failure); };
    asio::co_spawn(control_, obey_signals(), on_end);
    policy_.start(control_.get_executor(), loop_.executor(), [this] { loop_.wake(); });
    pool_watch_.start([this, on_end](const std::vector<Ipv4Addr>& own) {
        asio::co_spawn(
            control_, reloader_.withhold(own), [on_end](const std::exception_ptr& failure) {
                if (failure) on_end(failure);
            });
    });
    asio::co_spawn(control_, machine_.watch(), on_end);
    asio::co_spawn(control_, routes_.keep(), on_end);
    if (const auto interval = notify_.watchdog_interval())
        asio::co_spawn(control_, feed_watchdog(*interval), on_end);
    if (config_.profile == config::Profile::Mycelium)
        asio::co_spawn(control_, watch_node(config_), on_end);
    if (kernel_napt_) {
        asio::co_spawn(control_, kernel_napt_->watch_table(), on_end);
        asio::co_spawn(control_,
                       kernel_napt_->watch_machine(std::make_shared<service::PacketThread>(
                           control_.get_executor(), loop_.executor())),
                       on_end);
    }
    server_.start();
    if (metrics_) metrics_->start();
    {
        const std::jthread packets = start_packet_thread();
        spdlog::info("ready");
        notify_.ready("prefix " + config_.translator.prefix.to_string());
        control_.run();
        notify_.stopping();
        if (metrics_) metrics_->stop();
        server_.stop();
    }
    events_->stop();
    spdlog::info("stopped: {}", describe_end(counters_));
    return exit_code_;
}

std::jthread App::start_packet_thread() {
    try {
        return std::jthread{[this](const std::stop_token& stop) { carry_packets(stop); }};
    } catch (const std::system_error& error) {
        throw platform::OsError{error.code().value(),
                                "start the packet thread",
                                "is there memory for its stack, and no limit on threads?"};
    }
}

/// The packet thread.
void App::carry_packets(const std::stop_token& stop) noexcept {
    ::pthread_setname_np(::pthread_self(), "nat64-packets");
    const std::stop_callback on_stop{stop, [this] { loop_.stop(); }};
    try {
        loop_.run();
    } catch (...) {
        asio::post(control_, [this, failure = std::current_exception()] { end(failure); });
    }
}

/// On the packet thread, and only when it begins or ends.
void App::log_trouble(int error) const noexcept {
    if (error == 0)
        spdlog::info("interface {} takes packets again", tun_.name);
    else
        spdlog::error("interface {} takes no packets: {}; is it up? ('ip link set {} up')",
                      tun_.name,
                      std::generic_category().message(error),
                      tun_.name);
}

asio::awaitable<void> App::obey_signals() {
    for (;;) {
        const int number = co_await signals_.async_wait(asio::use_awaitable);
        if (number != SIGHUP) break;
        asio::co_spawn(control_, reload(), [this](const std::exception_ptr& failure) {
            if (failure) end(failure);
        });
    }
    spdlog::info("stopping");
}

/// On SIGHUP. How it went is in the log.
asio::awaitable<void> App::reload() {
    try {
        (void)co_await reloader_.reload();
    } catch (const std::exception&) { // the reloader has said why
    }
}

/// Keeps the service manager content for as long as both threads take their turns.
asio::awaitable<void> App::feed_watchdog(std::chrono::microseconds interval) {
    asio::steady_timer timer{control_};
    for (;;) {
        co_await asio::post(loop_.executor(), asio::use_awaitable);
        notify_.watchdog();
        timer.expires_after(interval / 2);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

/// On the control thread.
void App::end(const std::exception_ptr& failure) noexcept {
    if (failure) {
        exit_code_ = 1;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            spdlog::critical("{}", error.what());
        } catch (...) {
            spdlog::critical("unknown failure");
        }
    }
    control_.stop();
}

/// What another table drops, nothing of ours can allow.
void check_firewalls(const std::string& tun) {
    try {
        for (const auto& chain : kernel::chains_that_drop(tun))
            spdlog::warn(
                "the nftables chain '{} {} {}' drops what its rules do not accept, and "
                "none of them names {}: translated packets will hardly pass; 'nat64 "
                "generate nftables' prints rules for them",
                chain.family,
                chain.table,
                chain.name,
                tun);
    } catch (const std::exception& error) {
        spdlog::debug("{}", error.what()); // no nftables, no chains of it
    }
}

void check(const config::Config& config, platform::HostOps& host) {
    auto report = check_machine(config, host);
    for (const auto& warning : report.warnings)
        spdlog::warn("{}", warning);
    if (!report.problems.empty()) throw config::ConfigError{std::move(report.problems)};
    if (!platform::have_net_admin())
        throw platform::OsError{EPERM,
                                "set up the interface " + config.tun.name,
                                "CAP_NET_ADMIN is missing: run nat64 as root"};
    check_firewalls(config.tun.name);
}

} // namespace

int run(const config::Config& given, LoadAgain load_again) {
    service::set_up_logging(given.log);
    std::signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c): cannot fail for this signal
    spdlog::info("nat64 {}", NAT64_VERSION);
    platform::LinuxHost host;
    config::Config config = given;
    complete_prefix(config, kNodeMayTake);
    if (config.napt_mode == config::NaptMode::Kernel && !config.napt.inner_pool)
        choose_inner_pool(config, host);
    check(config, host);
    // Where CAP_NET_ADMIN is kept anyway, no other process has to.
    std::optional<platform::RouteHelper> helper;
    if (config.napt_mode != config::NaptMode::Kernel) helper.emplace();
    auto driver = platform::open_tun_driver();
    if (!config.translator.gateway6)
        config.translator.gateway6 = choose_gateway6(host.addresses());
    App app{config,
            std::move(load_again),
            host,
            std::move(driver),
            [&](platform::RouteAction action, const platform::Route& route) {
                if (helper)
                    helper->change(action, route);
                else if (action == platform::RouteAction::Add)
                    host.add_route(route);
                else
                    host.delete_route(route);
            },
            [&](const std::string& name, const std::string& value) {
                if (helper)
                    helper->set_sysctl(name, value);
                else
                    host.set_sysctl(name, value);
            }};
    return app.run();
}

} // namespace nat64::daemon
