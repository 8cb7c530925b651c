// SPDX-License-Identifier: Apache-2.0
#include "daemon/run.hpp"

#include "backends/kernel/foreign_chains.hpp"
#include "config/config_error.hpp"
#include "daemon/app.hpp"
#include "daemon/inner_places.hpp"
#include "daemon/kernel_napt.hpp"
#include "daemon/machine_check.hpp"
#include "daemon/machine_process.hpp"
#include "daemon/mycelium_node.hpp"
#include "platform/host_ops.hpp"
#include "platform/os_error.hpp"
#include "platform/privileges.hpp"
#include "platform/tun_device.hpp"
#include "platform/unique_fd.hpp"
#include "service/logging.hpp"

#include <cerrno>
#include <csignal>
#include <exception>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

namespace nat64::daemon {

namespace {

/// A program may be started with these closed: the next thing to be opened would get the log.
void open_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
            platform::throw_errno("open /dev/null");
}

void warn_of(const kernel::ForeignChain& chain, const std::string& tun) {
    if (kernel::is_only_ours(chain))
        spdlog::warn("the {} drops the packets of {}: another nat64 has switched forwarding on "
                     "for itself alone. Stop both, run 'sysctl -w net.ipv4.ip_forward=1 "
                     "net.ipv6.conf.all.forwarding=1', and start them again",
                     to_string(chain),
                     tun);
    else
        spdlog::warn("the {} drops what its rules do not accept, and none of them names {}: "
                     "translated packets will hardly pass; 'nat64 doctor' says what helps",
                     to_string(chain),
                     tun);
}

/// What another table drops, nothing of ours can allow.
void check_firewalls(const std::string& tun) {
    try {
        for (const auto& chain : kernel::chains_that_drop(tun))
            warn_of(chain, tun);
    } catch (const std::exception& error) {
        spdlog::debug("{}", error.what()); // no netfilter, no chains of it
    }
}

void check(const config::Config& config, platform::HostOps& host) {
    auto report = check_machine(config, host);
    for (const auto& warning : report.warnings)
        spdlog::warn("{}", warning);
    if (report.taken)
        throw platform::OsError{EBUSY,
                                "set up the interface " + config.tun.name,
                                report.taken->what + ": " + report.taken->remedy};
    if (!report.problems.empty()) throw config::ConfigError{std::move(report.problems)};
    if (!platform::have_net_admin())
        throw platform::OsError{EPERM,
                                "set up the interface " + config.tun.name,
                                "CAP_NET_ADMIN is missing: run nat64 as root"};
    check_firewalls(config.tun.name);
}

int carry(config::Config& config, MachineProcess& machine, platform::UniqueFd driver) {
    App app{config, machine, std::move(driver)};
    return app.run();
}

} // namespace

int run(const config::Config& given, const Origin& origin) {
    open_standard_descriptors();
    service::set_up_logging(given.log);
    std::signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c): cannot fail for this signal
    spdlog::info("nat64 {}", NAT64_VERSION);
    platform::LinuxHost host;
    config::Config config = given;
    complete_prefix(config, kNodeMayTake);
    if (config.napt_mode == config::NaptMode::Kernel) {
        if (!config.napt.inner_pool) choose_inner_pool(config, host);
        config.napt.places = inner_places();
    }
    check(config, host);
    MachineProcess machine{config, origin};
    auto driver = platform::open_tun_driver();
    if (!config.translator.gateway6)
        config.translator.gateway6 = choose_gateway6(host.addresses());
    const int code = carry(config, machine, std::move(driver));
    machine.end();
    return code;
}

} // namespace nat64::daemon
