// SPDX-License-Identifier: Apache-2.0
// The requests, each with its handler's bounds, then the other side of each.
#include "daemon/machine_process.hpp"

#include "backends/kernel/netfilter_archive.hpp" // IWYU pragma: keep (ForwardOthers)
#include "config/config_error.hpp"
#include "core/verdict.hpp"
#include "daemon/machine_check.hpp"
#include "platform/confinement.hpp"
#include "platform/privileges.hpp"
#include "service/logging.hpp"

#include <memory>
#include <string_view>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cereal/types/array.hpp>

#include <sys/types.h>

namespace nat64::daemon {

namespace asio = boost::asio;

namespace {

using kernel::ForwardOthers;

/// A reply that is a descriptor, or nothing.
struct Handover {
    platform::UniqueFd descriptor;

    template <typename Archive>
    void serialize(Archive& /*archive*/) {}
};

struct OpenControlSocket {
    static constexpr std::string_view kName = "open_control_socket";
    Again again{};

    struct Reply {
        std::optional<gid_t> group;
        platform::UniqueFd descriptor; ///< none: the file is there

        template <typename Archive>
        void serialize(Archive& archive) {
            archive(group);
        }
    };

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(again);
    }
};

struct TakeMetricsSocket : platform::Done {
    static constexpr std::string_view kName = "take_metrics_socket";
    using Reply = Handover;
};

struct ReadConfiguration : platform::Done {
    static constexpr std::string_view kName = "read_configuration";

    struct Reply {
        std::string text;
        std::string problem; ///< with the file as such; then there is no text
        std::string remedy;

        template <typename Archive>
        void serialize(Archive& archive) {
            archive(text, problem, remedy);
        }
    };
};

struct ConnectToNode : platform::Done {
    static constexpr std::string_view kName = "connect_to_node";
    using Reply = Handover;
};

struct SetLogLevel {
    static constexpr std::string_view kName = "set_log_level";
    using Reply = platform::Done;
    config::LogLevel level{};

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(level);
    }
};

struct SetIcmp {
    static constexpr std::string_view kName = "set_icmp_timeout";
    using Reply = platform::Done;
    Clock::duration wanted{};

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(wanted);
    }
};

struct CountDrops : platform::Done {
    static constexpr std::string_view kName = "count_drops";
    using Reply = DropSum;
};

struct LookAtForwarding : platform::Done {
    static constexpr std::string_view kName = "look_at_forwarding";
    using Reply = ForwardOthers;
};

struct SwitchForwardingOn {
    static constexpr std::string_view kName = "switch_forwarding_on";
    using Reply = ForwardOthers;
    std::string tun;
    ForwardOthers others;
    Guard guard{};

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(tun, others, guard);
    }
};

OpenControlSocket::Reply open_control_socket_of(Machine& machine, Again again) {
    auto opened = machine.open_control_socket(again);
    if (!opened) return {};
    return {opened->group, std::move(opened->socket)};
}

ReadConfiguration::Reply read_configuration_of(const Machine& machine) {
    try {
        return {.text = machine.read_configuration(), .problem = {}, .remedy = {}};
    } catch (const config::ConfigError& error) {
        const auto& problem = error.problems().front();
        return {.text = {}, .problem = problem.what, .remedy = problem.remedy};
    }
}

/// Only the configuration says whose API and which table there is.
void serve(platform::Requests& requests, const config::Config& config, const Origin& origin) {
    const auto machine = std::make_shared<Machine>(config, origin);
    platform::drop_privileges(platform::Keep::NetAdmin);
    platform::serve_host(requests,
                         machine->host(),
                         {.may_set_sysctl = [](const std::string&) { return false; },
                          .routes = routes_to_tun(config)});
    requests.serve<OpenControlSocket>([machine](const OpenControlSocket& r) {
        return open_control_socket_of(*machine, r.again);
    });
    requests.serve<TakeMetricsSocket>([machine](const TakeMetricsSocket&) {
        return Handover{machine->take_metrics_socket()};
    });
    requests.serve<ReadConfiguration>(
        [machine](const ReadConfiguration&) { return read_configuration_of(*machine); });
    requests.serve<SetLogLevel>([](const SetLogLevel& r) {
        service::set_log_level(r.level);
        return platform::Done{};
    });
    requests.serve<CountDrops>([machine](const CountDrops&) { return machine->drops(); });
    requests.serve<LookAtForwarding>(
        [machine](const LookAtForwarding&) { return machine->look_at_forwarding(); });
    requests.serve<SwitchForwardingOn>([machine](const SwitchForwardingOn& r) {
        return machine->switch_forwarding_on(r.tun, r.others, r.guard);
    });
    if (config.profile == config::Profile::Mycelium)
        requests.serve<ConnectToNode>(
            [machine](const ConnectToNode&) { return Handover{machine->connect_to_node()}; });
    if (!config.napt.inner_pool) return;
    kernel::serve_netfilter(requests,
                            machine->netfilter(),
                            {.tun_name = config.tun.name,
                             .prefix = config.napt.prefix,
                             .inner_pool = *config.napt.inner_pool,
                             .others = [machine] { return machine->others(); }});
    requests.serve<SetIcmp>([machine](const SetIcmp& r) {
        machine->set_icmp_timeout(r.wanted);
        return platform::Done{};
    });
}

platform::Tcp connects(const config::Config& config) {
    return config.profile == config::Profile::Mycelium ? platform::Tcp::Yes : platform::Tcp::No;
}

} // namespace

MachineProcess::MachineProcess(const config::Config& config, const Origin& origin)
    : origin_{origin},
      process_{[&](platform::Requests& requests) {
          serve(requests, config, origin);
          platform::confine_machine(connects(config));
      }},
      host_{process_},
      netfilter_{process_} {}

/// One that did not arrive, for want of a descriptor here, is nobody's: it is made again.
std::optional<service::OpenedSocket> MachineProcess::open_control_socket() {
    const auto again = std::exchange(socket_under_way_, true) ? Again::Yes : Again::No;
    auto reply = process_.call(OpenControlSocket{again});
    socket_under_way_ = false;
    if (!reply.descriptor) return {};
    return service::OpenedSocket{std::move(reply.descriptor), reply.group};
}

platform::UniqueFd MachineProcess::take_metrics_socket() {
    return process_.call(TakeMetricsSocket{}).descriptor;
}

config::Config MachineProcess::read_configuration() {
    const auto reply = process_.call(ReadConfiguration{});
    if (!reply.problem.empty())
        throw config::ConfigError{{{origin_.file, {}, {}, reply.problem, reply.remedy}}};
    return parse_again(origin_, reply.text);
}

platform::UniqueFd MachineProcess::connect_to_node() {
    return process_.call(ConnectToNode{}).descriptor;
}

void MachineProcess::set_log_level(config::LogLevel level) {
    process_.call(SetLogLevel{level});
}

void MachineProcess::set_icmp_timeout(Clock::duration wanted) {
    process_.call(SetIcmp{wanted});
}

DropSum MachineProcess::drops() {
    return process_.call(CountDrops{});
}

ForwardOthers MachineProcess::look_at_forwarding() {
    return process_.call(LookAtForwarding{});
}

ForwardOthers MachineProcess::switch_forwarding_on(const std::string& tun,
                                                   ForwardOthers others,
                                                   Guard guard) {
    return process_.call(SwitchForwardingOn{tun, others, guard});
}

asio::awaitable<void> MachineProcess::watch(asio::io_context& control) {
    asio::posix::stream_descriptor loss{control, process_.take_loss_fd().release()};
    co_await loss.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    process_.report_loss();
}

} // namespace nat64::daemon
