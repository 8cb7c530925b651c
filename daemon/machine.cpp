// SPDX-License-Identifier: Apache-2.0
#include "daemon/machine.hpp"

#include "config/duration.hpp"
#include "daemon/mycelium_node.hpp"
#include "platform/os_error.hpp"
#include "service/metrics_listener.hpp"

#include <cerrno>
#include <chrono>
#include <exception>
#include <filesystem>
#include <thread>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace {

using kernel::ForwardOthers;

/// Beside the control socket: whoever has that is the only one to read and write this.
std::filesystem::path record_beside(const std::filesystem::path& socket) {
    return std::filesystem::absolute(socket).concat(".sysctls");
}

/// Since its boot.
std::string name_of_machine(platform::HostOps& host) {
    return host.sysctl("kernel.random.boot_id").value_or("?") + " " +
           platform::network_namespace();
}

} // namespace

Machine::Machine(const config::Config& config, Origin origin)
    : origin_{std::move(origin)},
      node_{config.mycelium.api},
      table_name_{kernel::table_name(config.tun.name)},
      control_file_{config.control},
      control_socket_{control_file_.open_if_lost()},
      record_{record_beside(config.control.socket), name_of_machine(host_)} {
    if (!config.metrics.listen) return;
    const auto* path = std::get_if<std::filesystem::path>(&*config.metrics.listen);
    if (path == nullptr) return;
    metrics_file_.emplace(service::kMetricsSocketKey, *path);
    metrics_socket_ = service::open_to_everybody(*metrics_file_);
}

std::optional<service::OpenedSocket> Machine::open_control_socket(Again again) {
    if (again == Again::Yes) control_file_.remove();
    if (control_socket_) return std::exchange(control_socket_, {});
    return control_file_.open_if_lost();
}

platform::UniqueFd Machine::take_metrics_socket() noexcept {
    return std::move(metrics_socket_);
}

std::string Machine::read_configuration() const {
    return read_again(origin_);
}

platform::UniqueFd Machine::connect_to_node() const {
    return daemon::connect_to_node(node_);
}

void Machine::set_icmp_timeout(Clock::duration wanted) {
    if (wanted <= Clock::duration{} || wanted > config::kMaxDuration)
        throw platform::OsError{EPERM, "set conntrack's timeout for ICMP"};
    if (!icmp_timeout_) icmp_timeout_.emplace(host_, record_);
    icmp_timeout_->set(wanted);
}

/// There is one of both at the most.
DropSum Machine::drops() {
    return guard_ ? guard_->drops() : netfilter_.drops();
}

/// The second process of a daemon that was killed a moment ago is still putting things back;
/// its table goes last.
void Machine::wait_for_predecessor() const {
    for (int tries = 0; tries < 200 && kernel::table_exists(table_name_); ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
}

ForwardOthers Machine::look_at_forwarding() {
    if (std::exchange(looked_, true))
        throw platform::OsError{EPERM, "put forwarding back while nat64 runs"};
    try {
        wait_for_predecessor();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): no nftables, no table
    }
    put_back_recorded(host_, record_);
    others_ = daemon::look_at_forwarding(host_);
    return others_;
}

ForwardOthers
Machine::switch_forwarding_on(const std::string& tun, ForwardOthers others, Guard guard) {
    if (std::exchange(switched_, true))
        throw platform::OsError{EPERM, "switch forwarding on again"};
    others_ = switch_on(tun, others, guard);
    return others_;
}

/// The table that keeps others from being forwarded comes first.
ForwardOthers Machine::switch_on(const std::string& tun, ForwardOthers others, Guard guard) {
    if (others == ForwardOthers{}) return others;
    if (guard == Guard::Yes) {
        try {
            guard_.emplace(kernel::make_guard(tun, others));
        } catch (const std::exception& error) {
            spdlog::warn(
                "forwarding is off, and stays off, because nat64 cannot keep the "
                "machine from forwarding everything ({}): switch it on with 'sysctl -w "
                "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1'",
                error.what());
            return others;
        }
    }
    forwarding_.emplace(
        host_, others, tun, record_, [this](const std::string& name, const std::string& value) {
            host_.set_sysctl(name, value);
        });
    const auto now = forwarding_->others();
    if (guard_ && now == ForwardOthers{})
        guard_.reset();
    else if (guard_ && now != others)
        guard_->change_to(kernel::make_guard(tun, now));
    return now;
}

} // namespace nat64::daemon
