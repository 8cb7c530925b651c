// SPDX-License-Identifier: Apache-2.0
// What napt: kernel needs of the machine beside the TUN, for as long as this object lives: the
// nftables table, conntrack's timeout for ICMP where it is below the configured one, and that
// nobody gets packets of a former client:
//
//   at the start   inner addresses that conntrack has flows of, from an earlier run, are held
//                  for their likely owners; those of static entries' addresses are ended
//   at a reload    flows of addresses that become another client's, a static one, are ended
//   at any time    an address or a route of the machine that begins to overlap the inner pool
//                  is said in the log
//   every minute   flows of addresses that are nobody's now are ended; ports on which programs
//                  of the machine wait now are taken out of those that clients share; the
//                  timeout for ICMP is raised again, should somebody have lowered it
//
// Control thread, but for the jobs it sends to the packet thread. To be made while there is
// CAP_NET_ADMIN; what needs it later goes through Netfilter and HostOps.
#pragma once

#include "backends/kernel/kernel_backend.hpp"
#include "backends/kernel/netfilter.hpp"
#include "backends/kernel/nft_ruleset.hpp"
#include "config/config.hpp"
#include "daemon/flow_count.hpp"
#include "daemon/shared_ports.hpp"
#include "platform/host_ops.hpp"
#include "platform/machine_monitor.hpp"
#include "service/packet_thread.hpp"
#include "service/session_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace nat64::daemon {

/// This machine's IPv4 addresses with their links' prefixes and the destinations of its
/// routes, as far as they matter to an inner pool of this length, without those of the
/// interface `except`.
[[nodiscard]] std::vector<Prefix4> ipv4_in_use(platform::HostOps& host,
                                               unsigned pool_length,
                                               std::optional<platform::LinkIndex> except = {});

/// Completes a configuration of napt: kernel that leaves the inner pool to us. Throws
/// ConfigError if this machine uses all of them.
void choose_inner_pool(config::Config& config, platform::HostOps& host);

/// The nftables table that `nat64 run` would install now, on this machine, in the language of
/// nft(8). Throws ConfigError with napt: daemon, which needs none.
[[nodiscard]] std::string print_ruleset(config::Config config, platform::HostOps& host);

/// IcmpTimeout::set, in whatever process that is done.
using SetIcmpTimeout = std::function<void(Clock::duration wanted)>;

class KernelNapt {
public:
    /// Adds the table. `backend` is the kernel backend, not in use yet.
    KernelNapt(const config::Config& config,
               kernel::ForwardOthers others,
               platform::HostOps& host,
               kernel::Netfilter& netfilter,
               SetIcmpTimeout set_icmp_timeout,
               platform::MachineMonitor& machine,
               NaptBackend& backend,
               boost::asio::io_context& control);
    KernelNapt(const KernelNapt&) = delete;
    KernelNapt& operator=(const KernelNapt&) = delete;
    ~KernelNapt() = default;

    /// Whether packets that have nothing to do with nat64 may be forwarded.
    void set_others(kernel::ForwardOthers others);

    /// Whether an address or a route of the machine overlaps the inner pool, as far as we know.
    [[nodiscard]] bool overlaps() const noexcept { return overlaps_; }

    /// Conntrack's flows of our clients. This object outlives those who read them.
    [[nodiscard]] service::SessionSource sessions() const;

    /// How many there are.
    [[nodiscard]] service::SessionCount count();

    /// How they are ended.
    [[nodiscard]] service::SessionFlush flush() const;

    /// Puts the table back whenever it has gone. Does not end.
    boost::asio::awaitable<void> watch_table();

    /// Looks for the services of this machine as at the start, and leaves their ports alone
    /// from now on. Throws if the kernel refuses.
    void find_services();

    /// Changed settings, by difference: flows that live keep the timeouts they began with. To
    /// be called when the backend has taken them (NaptBackend::apply), so that it expects no
    /// flow to end before conntrack ends it. Throws if the kernel refuses; nothing has changed
    /// then.
    void apply(const NaptSettings& settings);

    /// What happens every minute. Does not end. `packets` outlives nothing: the coroutine
    /// keeps it.
    boost::asio::awaitable<void> watch_machine(std::shared_ptr<service::PacketThread> packets);

    /// The inner addresses that these entries, as far as they are new, give to who does not
    /// have them now. To be asked before the backend takes the entries.
    boost::asio::awaitable<std::vector<Ipv4Addr>>
    changing_hands(service::PacketThread& packets, std::vector<StaticItem> statics);

    /// Ends the flows that former clients have there; what fails is a warning.
    boost::asio::awaitable<void> end_flows_of_former(std::vector<Ipv4Addr> addresses);

    /// Once. Ends flows of inner addresses that the backend has given to nobody and holds for
    /// nobody.
    boost::asio::awaitable<void> end_flows_of_nobody(service::PacketThread& packets);

private:
    void set_table(const NaptSettings& napt, kernel::ForwardOthers others);
    void hold_known_addresses();
    void end_flows_of_statics(std::vector<kernel::ConntrackFlow>& flows);
    void on_change(const platform::MachineChange& change) noexcept;
    [[nodiscard]] bool concerns_pool(const platform::MachineChange& change);
    void check_overlap();
    boost::asio::awaitable<std::size_t> end_flows_of(std::vector<Ipv4Addr> addresses);
    boost::asio::awaitable<std::vector<Ipv4Addr>> addresses_in_use();
    boost::asio::awaitable<std::vector<Ipv4Addr>> of_nobody(service::PacketThread& packets,
                                                            std::vector<Ipv4Addr> addresses);

    platform::HostOps& host_;
    kernel::Netfilter& netfilter_;
    SetIcmpTimeout set_icmp_timeout_;
    kernel::KernelBackend& backend_;
    std::string tun_name_;
    Prefix4 inner_pool_;
    NaptSettings settings_; ///< those that the table was made of
    kernel::ForwardOthers others_;
    SharedPorts ports_;
    boost::asio::posix::stream_descriptor monitor_;
    FlowCount count_;
    bool overlaps_ = false;
    bool changes_lost_ = false; ///< the next minute looks at all addresses and routes
};

} // namespace nat64::daemon
