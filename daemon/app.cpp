// SPDX-License-Identifier: Apache-2.0
#include "daemon/app.hpp"

#include "backends/registry.hpp"
#include "core/clock.hpp"
#include "daemon/announce.hpp"
#include "daemon/machine.hpp"
#include "daemon/machine_check.hpp"
#include "daemon/mycelium_node.hpp"
#include "platform/confinement.hpp"
#include "platform/host_ops.hpp"
#include "platform/netlink_messages.hpp"
#include "platform/os_error.hpp"
#include "platform/privileges.hpp"
#include "platform/system_clock.hpp"
#include "service/logging.hpp"
#include "service/packet_thread.hpp"

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <pthread.h>

namespace nat64::daemon {

namespace asio = boost::asio;

App::App(config::Config& config, MachineProcess& machine, platform::UniqueFd tun_driver)
    : config_{config},
      process_{machine},
      signals_{control_, SIGINT, SIGTERM, SIGHUP},
      event_log_{config.log},
      rng_{platform::random_secret()},
      socket_{make_socket()},
      metrics_listener_{make_metrics_listener()},
      backend_{backends::make_backend(
          config::name_of(config.napt_mode), config.napt, counters_, rng_)},
      policy_{config.policy, machine.host(), machine_, *backend_},
      others_{machine.look_at_forwarding()},
      kernel_napt_{make_kernel_napt()},
      translator_{config.translator, *backend_, counters_, rng_},
      tun_{set_up_tun(config, machine.host(), std::move(tun_driver))},
      routes_{control_,
              machine_,
              // NOLINTNEXTLINE(bugprone-unchecked-optional-access): throws, as it should
              {tun_.name, machine.host().find_link(tun_.name).value()},
              routes_to_tun(config),
              [this](platform::RouteAction action, const platform::Route& route) {
                  change_route(action, route);
              }},
      queue_{std::move(tun_.fd),
             tun_.features.udp_segmentation ? platform::UdpRows::Yes : platform::UdpRows::No,
             counters_,
             [this](int error) { log_trouble(error); },
             [] {
                 spdlog::warn(
                     "this kernel refuses UDP datagrams in rows, as Linux 6.6.44 does: "
                     "each is written by itself from now on");
             }},
      loop_{queue_, queue_.fd(), translator_},
      events_{std::make_shared<service::EventHub>(
          control_.get_executor(), loop_.executor(), *backend_)},
      reloader_{parts(),
                [this] { return process_.read_configuration(); },
                control_.get_executor(),
                loop_.executor()},
      pool_watch_{config_, machine.host(), machine_},
      gateway6_{config_.translator.gateway6, machine.host(), machine_},
      server_{std::move(socket_), view()} {
    switch_forwarding_on();
    if (event_log_.wanted()) logged_events_.emplace(events_, event_log_);
    if (metrics_listener_) metrics_.emplace(std::move(metrics_listener_), view());
    for (const auto& fact : describe_start(config_, tun_))
        spdlog::info("{}", fact);
    platform::drop_privileges();
    if (!platform::confine()) spdlog::warn("not confined: this build has sanitizers");
}

std::unique_ptr<service::ControlSocket> App::make_socket() {
    return std::make_unique<service::ControlSocket>(
        control_, std::filesystem::absolute(config_.control.socket), [this] {
            return process_.open_control_socket();
        });
}

std::unique_ptr<service::MetricsListener> App::make_metrics_listener() {
    const auto& listen = config_.metrics.listen;
    if (!listen) return nullptr;
    if (const auto* path = std::get_if<std::filesystem::path>(&*listen))
        return std::make_unique<service::MetricsListener>(
            control_, *path, process_.take_metrics_socket());
    return std::make_unique<service::MetricsListener>(control_, *listen);
}

std::unique_ptr<KernelNapt> App::make_kernel_napt() {
    if (config_.napt_mode != config::NaptMode::Kernel) return nullptr;
    return std::make_unique<KernelNapt>(
        config_,
        others_,
        process_.host(),
        process_.netfilter(),
        [this](Clock::duration wanted) { process_.set_icmp_timeout(wanted); },
        machine_,
        *backend_,
        control_);
}

/// With napt: kernel the table that keeps others from being forwarded is there already.
void App::switch_forwarding_on() {
    const auto others = process_.switch_forwarding_on(
        tun_.name, others_, kernel_napt_ ? Guard::No : Guard::Yes);
    if (kernel_napt_ && others != others_) kernel_napt_->set_others(others);
    others_ = others;
}

/// Where others are forwarded, too, napt: daemon has no rules.
DropSum App::refused() {
    if (!kernel_napt_ && others_ == kernel::ForwardOthers{}) return {};
    return process_.drops();
}

void App::change_route(platform::RouteAction action, const platform::Route& route) {
    if (action == platform::RouteAction::Add)
        process_.host().add_route(route);
    else
        process_.host().delete_route(route);
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
            .count = kernel_napt_ ? kernel_napt_->count() : service::SessionCount{},
            .flush = kernel_napt_ ? kernel_napt_->flush() : service::SessionFlush{},
            .refused = [this] { return refused(); },
            .events = events_,
            .changes = &reloader_,
            .set_log_level = [this](config::LogLevel level) { set_log_level(level); },
            .warnings = [this] { return pool_watch_.warnings(); },
            .read_sysctl =
                [this](const std::string& name) { return process_.host().sysctl(name); }};
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

void App::set_log_level(config::LogLevel level) {
    service::set_log_level(level);
    process_.set_log_level(level);
}

void App::apply_log(const config::Log& log) {
    set_log_level(log.level);
    event_log_.apply(log);
    if (!event_log_.wanted())
        logged_events_.reset();
    else if (!logged_events_)
        logged_events_.emplace(events_, event_log_);
}

int App::run() {
    start_tasks();
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

/// Of the control thread: none of them ends before the daemon does.
void App::start_tasks() {
    const auto on_end = [this](const std::exception_ptr& failure) { end(failure); };
    const auto start = [&](asio::awaitable<void> task) {
        asio::co_spawn(control_, std::move(task), on_end);
    };
    start(obey_signals());
    start(process_.watch(control_));
    policy_.start(control_.get_executor(), loop_.executor(), [this] { loop_.wake(); });
    start_watching_addresses();
    start(machine_.watch());
    start(routes_.keep());
    if (const auto interval = notify_.watchdog_interval()) start(feed_watchdog(*interval));
    if (config_.profile == config::Profile::Mycelium)
        start(watch_node(config_, [this] { return process_.connect_to_node(); }));
    if (!kernel_napt_) return;
    start(kernel_napt_->watch_table());
    start(kernel_napt_->watch_machine(
        std::make_shared<service::PacketThread>(control_.get_executor(), loop_.executor())));
}

void App::start_watching_addresses() {
    pool_watch_.start(
        [this](const std::vector<Ipv4Addr>& own) { carry_out(reloader_.withhold(own)); });
    gateway6_.start(
        [this](std::optional<Ipv6Addr> another) { carry_out(reloader_.answer_from(another)); });
}

/// On the control thread, beside the others. A failure ends the daemon.
void App::carry_out(asio::awaitable<void> task) {
    asio::co_spawn(control_, std::move(task), [this](const std::exception_ptr& failure) {
        if (failure) end(failure);
    });
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
// NOLINTNEXTLINE(bugprone-exception-escape): for want of memory to say why it ends
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
        carry_out(reload());
    }
    spdlog::info("stopping");
}

/// On SIGHUP. How it went is in the log.
asio::awaitable<void> App::reload() {
    try {
        (void)co_await reloader_.reload();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the reloader has said why
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

} // namespace nat64::daemon
