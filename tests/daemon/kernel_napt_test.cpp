// SPDX-License-Identifier: Apache-2.0
// KernelNapt in the real kernel, in a network namespace of the test's own: a TUN into which
// the test writes what the translator would, an uplink that leads nowhere, and what conntrack
// makes of it.
#include "backends/kernel/conntrack_view.hpp"
#include "config/inner_pool.hpp"
#include "daemon/icmp_timeout.hpp"
#include "daemon/kernel_napt.hpp"
#include "platform/system_clock.hpp"
#include "platform/tun_device.hpp"
#include "platform/virtio_header.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/private_network.hpp"

#include <array>
#include <filesystem>
#include <map>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <unistd.h>

namespace nat64::daemon {

namespace {

using test::in_private_network;
using test::output_of;

const Prefix4 kInnerPool{Ipv4Addr{100, 64, 0, 0}, 16};

/// A gateway with one address, 203.0.113.1, and napt: kernel.
struct Gateway {
    platform::LinuxHost host;
    config::Config config;
    Counters counters;
    Rng rng{Secret{1, 2}};
    boost::asio::io_context control;
    std::optional<platform::MachineMonitor> machine;
    std::filesystem::path path = std::filesystem::temp_directory_path() /
                                 ("nat64-kernel-napt-test-" + std::to_string(::getpid()));
    SysctlRecord record{path, "test"};
    std::optional<platform::TunDevice> tun;
    std::optional<kernel::KernelBackend> backend;
    kernel::LocalNetfilter netfilter;
    IcmpTimeout icmp_timeout{host, record};
    std::optional<KernelNapt> napt;

    Gateway() {
        config.napt_mode = config::NaptMode::Kernel;
        config::use_inner_pool(config, kInnerPool);
        const auto said =
            output_of("ip link add uplink type veth peer name nowhere && ip link set nowhere "
                      "up && ip link set uplink arp off up && ip addr add 203.0.113.1/24 dev "
                      "uplink");
        if (!said.empty()) throw std::runtime_error{said};
        host.set_sysctl("net.ipv4.ip_forward", "1");
        machine.emplace(control);
        start();
        tun.emplace(platform::create_tun(
            platform::open_tun_driver(), config.tun.name, platform::TunOffload::None));
        const auto link = host.find_link(tun->name).value();
        host.set_up_link(link, {.mtu = config.tun.mtu, .queue_length = 500});
        host.add_route({kInnerPool, link});
    }

    /// Once more: as after a restart of the daemon.
    void start() {
        napt.reset();
        backend.emplace(config.napt, counters, rng);
        napt.emplace(
            config,
            kernel::ForwardOthers{},
            host,
            netfilter,
            [this](Clock::duration wanted) { icmp_timeout.set(wanted); },
            *machine,
            *backend,
            control);
    }

    /// A datagram of the client behind `inner4`.
    void send_udp(unsigned source_port, const char* inner4 = "100.64.0.2") const {
        const auto packet =
            test::ipv4(inner4, "203.0.113.10").udp(source_port, 53).payload(8).bytes();
        test::Bytes bytes(platform::kVirtioHeaderSize);
        bytes.insert(bytes.end(), packet.begin(), packet.end());
        if (::write(tun->fd.get(), bytes.data(), bytes.size()) < 0)
            throw std::runtime_error{"the TUN takes no packet"};
    }

    /// Seconds that each flow has left, by the client's port.
    std::string timeouts() {
        std::map<std::uint16_t, std::int64_t> left;
        for (const auto& flow : kernel::list_flows(netfilter))
            left[flow.inner4.port.value()] = flow.expires_in.count();
        std::string text;
        for (const auto& [port, seconds] : left)
            text += fmt::format("{}:{} ", port, (seconds + 9) / 10 * 10);
        return text;
    }
};

StaticItem whole_host(const char* client6, const char* inner4) {
    return {std::nullopt,
            {Ipv6Addr::parse(client6).value(), Port{}},
            {Ipv4Addr::parse(inner4).value(), Port{}}};
}

boost::asio::awaitable<void>
take(Gateway& gateway, service::PacketThread& packets, NaptSettings wanted) {
    const auto addresses = co_await gateway.napt->changing_hands(packets, wanted.statics);
    auto for_backend = wanted;
    if (!gateway.backend->apply(for_backend, platform::now()).empty())
        throw std::runtime_error{"the backend refuses"};
    gateway.napt->apply(wanted);
    co_await gateway.napt->end_flows_of_former(addresses);
}

} // namespace

TEST_CASE("napt: kernel: flows of an address end when it becomes another, static client's") {
    const auto said = in_private_network([] {
        Gateway gateway;
        service::PacketThread packets{gateway.control.get_executor(),
                                      gateway.control.get_executor()};
        SessionRow row;
        row.expires_in = std::chrono::minutes{5};
        for (const auto& item : {whole_host("2001:db8::2", "100.64.0.2"),
                                 whole_host("2001:db8::3", "100.64.0.3"),
                                 whole_host("2001:db8::4", "100.64.0.4")}) {
            row.client6 = item.client6;
            row.mapped4 = item.mapped4;
            if (!gateway.backend->restore(row, platform::now()))
                return std::string{"no client"};
        }
        gateway.send_udp(2001, "100.64.0.2");
        gateway.send_udp(3001, "100.64.0.3");
        gateway.send_udp(4001, "100.64.0.4");
        auto wanted = gateway.config.napt;
        wanted.statics = {whole_host("2001:db8::3", "100.64.0.3"), // has it already
                          whole_host("2001:db8::7", "100.64.0.4")};
        boost::asio::co_spawn(
            gateway.control, take(gateway, packets, wanted), boost::asio::detached);
        gateway.control.run();
        auto text = gateway.timeouts();
        gateway.control.restart();
        gateway.send_udp(4002, "100.64.0.4");
        boost::asio::co_spawn(
            gateway.control, take(gateway, packets, wanted), boost::asio::detached);
        gateway.control.run(); // nothing is new
        return text + "| " + gateway.timeouts();
    });
    if (!said) return;
    CHECK(*said == "2001:300 3001:300 | 2001:300 3001:300 4002:300 ");
}

TEST_CASE("napt: kernel: at the start flows of static addresses are ended, others are held") {
    const auto said = in_private_network([] {
        Gateway gateway;
        gateway.send_udp(2001, "100.64.0.2");
        gateway.send_udp(3001, "100.64.0.3");
        gateway.config.napt.statics = {whole_host("2001:db8::3", "100.64.0.3")};
        gateway.start();
        return gateway.timeouts() +
               (gateway.backend->is_held(Ipv4Addr{100, 64, 0, 2}) ? "held" : "not held");
    });
    if (!said) return;
    CHECK(*said == "2001:300 held");
}

TEST_CASE("napt: kernel: changed settings leave live flows their timeouts") {
    const auto said = in_private_network([] {
        Gateway gateway;
        gateway.send_udp(1001);
        auto settings = gateway.config.napt;
        settings.timeouts.udp = std::chrono::minutes{10};
        gateway.napt->apply(settings);
        gateway.send_udp(1001); // refreshes the flow, as its own timeout says
        gateway.send_udp(1002);
        settings.timeouts.udp = std::chrono::minutes{2};
        gateway.napt->apply(settings);
        gateway.send_udp(1001);
        gateway.send_udp(1002);
        gateway.send_udp(1003);
        return gateway.timeouts();
    });
    if (!said) return;
    CHECK(*said == "1001:300 1002:600 1003:120 ");
}

TEST_CASE("napt: kernel: flows of nobody's addresses are ended, others are not") {
    const auto said = in_private_network([] {
        Gateway gateway;
        service::PacketThread packets{gateway.control.get_executor(),
                                      gateway.control.get_executor()};
        for (unsigned port = 1001; port <= 1400; ++port) // more than one datagram tells of
            gateway.send_udp(port);
        gateway.send_udp(2001, "100.64.0.3");
        gateway.backend->hold(Ipv4Addr{100, 64, 0, 3},
                              platform::now() + std::chrono::minutes{5});
        boost::asio::co_spawn(
            gateway.control, gateway.napt->end_flows_of_nobody(packets), boost::asio::detached);
        gateway.control.run();
        return gateway.timeouts();
    });
    if (!said) return;
    CHECK(*said == "2001:300 ");
}

TEST_CASE("napt: kernel: an address that begins to overlap the inner pool is heard of") {
    const auto said = in_private_network([] {
        Gateway gateway;
        boost::asio::co_spawn(gateway.control, gateway.machine->watch(), boost::asio::detached);
        std::string text;
        for (const auto* change : {"ip route add 10.0.0.0/24 dev uplink",
                                   "ip addr add 100.64.7.1/24 dev uplink",
                                   "ip addr del 100.64.7.1/24 dev uplink",
                                   "ip route add blackhole 100.64.0.0/12",
                                   "ip route add blackhole 100.64.9.0/24",
                                   "ip route del blackhole 100.64.9.0/24"}) {
            text += output_of(change);
            gateway.control.run_for(std::chrono::milliseconds{200});
            text += gateway.napt->overlaps() ? "overlaps " : "not ";
        }
        return text;
    });
    if (!said) return;
    CHECK(*said == "not overlaps not not overlaps not ");
}

TEST_CASE("RFC 5508 REQ-2: conntrack's timeout for ICMP follows timeouts.icmp, and goes back") {
    const auto said = in_private_network([] {
        platform::LinuxHost host;
        const auto now = [&] {
            return host.sysctl("net.netfilter.nf_conntrack_icmp_timeout").value_or("?") + " ";
        };
        auto text = now();
        {
            Gateway gateway;
            text += now();
            auto settings = gateway.config.napt;
            settings.timeouts.icmp = std::chrono::seconds{90};
            gateway.napt->apply(settings);
            text += now();
            settings.timeouts.icmp = std::chrono::seconds{70};
            gateway.napt->apply(settings);
            text += now();
            text += daemon::to_text("", gateway.record.read());
        }
        return text + now();
    });
    if (!said) return;
    CHECK(*said == "30 60 90 70 \nnet.netfilter.nf_conntrack_icmp_timeout 30 70\n30 ");
}

} // namespace nat64::daemon
