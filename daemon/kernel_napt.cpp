// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel_napt.hpp"

#include "backends/kernel/inner_pool.hpp"
#include "backends/kernel/nft_print.hpp"
#include "backends/kernel/nft_ruleset.hpp"
#include "backends/kernel/nft_table.hpp"
#include "config/config_error.hpp"
#include "config/inner_pool.hpp"
#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "daemon/conntrack_flush.hpp"
#include "daemon/conntrack_sessions.hpp"
#include "daemon/forwarding.hpp"
#include "daemon/machine_check.hpp"
#include "platform/netlink_messages.hpp"
#include "platform/system_clock.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::minutes kWatchInterval{1};
/// Of which a visit to the packet thread asks whose they are: some microseconds.
constexpr std::size_t kAddressesAtOnce = 256;
/// Of conntrack's timeouts, which somebody may have set to years.
constexpr Clock::duration kLongestHold = std::chrono::hours{24 * 30};

/// In order.
std::vector<Ipv4Addr> addresses_of(const std::vector<StaticItem>& statics) {
    std::vector<Ipv4Addr> addresses;
    addresses.reserve(statics.size());
    for (const auto& item : statics)
        addresses.push_back(item.mapped4.address);
    std::ranges::sort(addresses);
    return addresses;
}

} // namespace

std::vector<Prefix4> ipv4_in_use(platform::HostOps& host,
                                 unsigned pool_length,
                                 std::optional<platform::LinkIndex> except) {
    std::vector<Prefix4> in_use;
    for (const auto& row : host.addresses()) {
        const auto* address = std::get_if<Ipv4Addr>(&row.address);
        if (address == nullptr || row.link == except) continue;
        // At least itself: a point-to-point link may have /0.
        in_use.emplace_back(*address, 32);
        in_use.emplace_back(*address, row.prefix_length);
    }
    for (const auto& row : host.routes()) {
        const auto* destination = std::get_if<Prefix4>(&row.destination);
        if (destination == nullptr || gives_way(row, pool_length)) continue;
        if (!row.link || row.link != except) in_use.push_back(*destination);
    }
    return in_use;
}

void choose_inner_pool(config::Config& config, platform::HostOps& host) {
    if (const auto pool = kernel::choose_inner_pool(ipv4_in_use(host, kernel::kChosenLength)))
        return config::use_inner_pool(config, *pool);
    throw config::ConfigError{
        {{config.file,
          {},
          "inner_pool",
          "no pool is free: this machine has addresses or routes in all private ranges",
          "give it a prefix of addresses that none of its clients will want to reach"}}};
}

std::string print_ruleset(config::Config config, platform::HostOps& host) {
    if (config.napt_mode != config::NaptMode::Kernel)
        throw config::ConfigError{{{config.file,
                                    {},
                                    "napt",
                                    "napt: daemon translates without nftables",
                                    "leave --nft out, or use napt: kernel"}}};
    if (!config.napt.inner_pool) choose_inner_pool(config, host);
    auto settings =
        kernel::ruleset_settings(config.napt, config.tun.name, look_at_forwarding(host));
    settings.ports = SharedPorts{}.of(config.napt.shared_ports);
    return to_text(kernel::make_ruleset(settings));
}

KernelNapt::KernelNapt(const config::Config& config,
                       kernel::ForwardOthers others,
                       platform::HostOps& host,
                       kernel::Netfilter& netfilter,
                       SetIcmpTimeout set_icmp_timeout,
                       platform::MachineMonitor& machine,
                       NaptBackend& backend,
                       asio::io_context& control)
    : host_{host},
      netfilter_{netfilter},
      set_icmp_timeout_{std::move(set_icmp_timeout)},
      backend_{dynamic_cast<kernel::KernelBackend&>(backend)},
      tun_name_{config.tun.name},
      // NOLINTNEXTLINE(bugprone-unchecked-optional-access): chosen by now, if not given
      inner_pool_{config.napt.inner_pool.value()},
      settings_{config.napt},
      others_{others},
      monitor_{control, kernel::open_nft_monitor().release()},
      count_{netfilter_, control.get_executor(), platform::now} {
    set_table(settings_, others_);
    set_icmp_timeout_(config.napt.timeouts.icmp);
    hold_known_addresses();
    machine.subscribe([this](const platform::MachineChange& change) { on_change(change); });
}

void KernelNapt::find_services() {
    ports_.begin_anew();
    set_table(settings_, others_);
}

void KernelNapt::apply(const NaptSettings& settings) {
    ports_.begin_anew();
    set_table(settings, others_);
    settings_ = settings;
    set_icmp_timeout_(settings.timeouts.icmp);
}

void KernelNapt::set_others(kernel::ForwardOthers others) {
    set_table(settings_, others);
    others_ = others;
}

void KernelNapt::set_table(const NaptSettings& napt, kernel::ForwardOthers others) {
    auto settings = kernel::ruleset_settings(napt, tun_name_, others);
    settings.ports = ports_.of(napt.shared_ports);
    netfilter_.set_table(settings);
}

void KernelNapt::hold_known_addresses() {
    auto flows = kernel::list_flows(netfilter_);
    end_flows_of_statics(flows);
    std::map<Ipv4Addr, Clock::duration> known;
    for (const auto& flow : flows) {
        auto& until = known[flow.inner4.address];
        until = std::max<Clock::duration>(until, flow.expires_in);
    }
    const auto now = platform::now();
    for (const auto& [inner4, until] : known)
        backend_.hold(inner4, now + std::min(until, kLongestHold));
    if (!known.empty())
        spdlog::info("{} inner addresses have connections from before; they are kept for "
                     "their clients",
                     known.size());
}

/// Nobody knows whether the address was the same client's in the earlier run. Takes them out
/// of `flows`.
void KernelNapt::end_flows_of_statics(std::vector<kernel::ConntrackFlow>& flows) {
    const auto addresses = addresses_of(settings_.statics);
    const auto others = std::ranges::partition(flows, [&](const kernel::ConntrackFlow& flow) {
        return !std::ranges::binary_search(addresses, flow.inner4.address);
    });
    if (others.empty()) return;
    const std::vector<kernel::ConntrackFlow> ended{others.begin(), others.end()};
    flows.erase(others.begin(), others.end());
    try {
        spdlog::info("{} connections from before ended: their inner addresses are static now",
                     netfilter_.forget(ended));
    } catch (const std::exception& error) {
        spdlog::warn("{}", error.what());
    }
}

service::SessionSource KernelNapt::sessions() const {
    return [this](service::PacketThread& packets, const Filter& filter) {
        return std::make_unique<ConntrackSessions>(
            backend_, netfilter_.flows(), packets, filter);
    };
}

service::SessionCount KernelNapt::count() {
    return [this] { return count_.get(); };
}

service::SessionFlush KernelNapt::flush() const {
    return [this](service::PacketThread& packets, Filter filter) {
        return flush_conntrack(backend_, netfilter_, packets, filter);
    };
}

asio::awaitable<void> KernelNapt::watch_table() {
    for (;;) {
        co_await monitor_.async_wait(asio::posix::stream_descriptor::wait_read,
                                     asio::use_awaitable);
        kernel::drain_nft_monitor(monitor_.native_handle());
        try {
            if (netfilter_.restore_table_if_gone())
                spdlog::warn("the nftables table {} had been removed; it is back",
                             kernel::table_name(tun_name_));
        } catch (const std::exception& error) {
            spdlog::error("{}", error.what());
        }
    }
}

asio::awaitable<void>
KernelNapt::watch_machine(std::shared_ptr<service::PacketThread> packets) {
    asio::steady_timer timer{monitor_.get_executor()};
    for (;;) {
        timer.expires_after(kWatchInterval);
        co_await timer.async_wait(asio::use_awaitable);
        try {
            if (changes_lost_) check_overlap();
            changes_lost_ = false;
            ports_.look();
            set_table(settings_, others_);
            set_icmp_timeout_(settings_.timeouts.icmp); // another nat64 may have put it back
            co_await end_flows_of_nobody(*packets);
        } catch (const std::exception& error) {
            spdlog::warn("{}", error.what());
        }
    }
}

void KernelNapt::on_change(const platform::MachineChange& change) noexcept {
    try {
        if (std::holds_alternative<platform::ChangesLost>(change))
            changes_lost_ = true;
        else if (concerns_pool(change))
            check_overlap();
    } catch (const std::exception& error) {
        changes_lost_ = true; // watch_machine() looks again
        spdlog::debug("{}", error.what());
    }
}

/// A full table of routes may come and go: what lies elsewhere costs next to nothing.
bool KernelNapt::concerns_pool(const platform::MachineChange& change) {
    std::optional<Prefix4> where;
    std::optional<platform::LinkIndex> link;
    if (const auto* address = std::get_if<platform::AddressChange>(&change)) {
        if (const auto* four = std::get_if<Ipv4Addr>(&address->row.address))
            where.emplace(*four, address->row.prefix_length);
        link = address->row.link;
    } else if (const auto* route = std::get_if<platform::RouteChange>(&change)) {
        if (const auto* four = std::get_if<Prefix4>(&route->row.destination)) where = *four;
        link = route->row.link;
    }
    return where && where->overlaps(inner_pool_) &&
           (!link || link != host_.find_link(tun_name_));
}

void KernelNapt::check_overlap() {
    const auto in_use = ipv4_in_use(host_, inner_pool_.length(), host_.find_link(tun_name_));
    const bool overlaps = kernel::collides(inner_pool_, in_use);
    if (overlaps && !overlaps_)
        spdlog::error("inner_pool {} now overlaps an address or a route of this machine: some "
                      "clients will not get answers. Restart nat64 with another inner_pool, or "
                      "without one",
                      inner_pool_.to_string());
    if (!overlaps && overlaps_)
        spdlog::info("inner_pool {} overlaps nothing any more", inner_pool_.to_string());
    overlaps_ = overlaps;
}

asio::awaitable<std::vector<Ipv4Addr>>
KernelNapt::changing_hands(service::PacketThread& packets, std::vector<StaticItem> statics) {
    const std::set former(settings_.statics.begin(), settings_.statics.end());
    std::erase_if(statics, [&](const StaticItem& item) { return former.contains(item); });
    if (statics.empty()) co_return std::vector<Ipv4Addr>{};
    std::function<std::vector<StaticItem>()> job = [&backend = backend_,
                                                    statics = std::move(statics)]() mutable {
        std::erase_if(statics, [&](const StaticItem& item) {
            const auto has = backend.find_by_mapped(L4Proto::Udp, item.mapped4);
            return has && has->client6.address == item.client6.address;
        });
        return std::move(statics);
    };
    const auto others = co_await packets.run<std::vector<StaticItem>>(std::move(job));
    co_return addresses_of(others);
}

asio::awaitable<void> KernelNapt::end_flows_of_former(std::vector<Ipv4Addr> addresses) {
    if (addresses.empty()) co_return;
    try {
        const auto ended = co_await end_flows_of(std::move(addresses));
        if (ended != 0)
            spdlog::info("{} connections ended: their inner addresses are static now, another "
                         "client's",
                         ended);
    } catch (const std::exception& error) {
        spdlog::warn("{}", error.what());
    }
}

/// Conntrack's table is read a datagram at a time, and addresses are asked about in small
/// numbers: neither other work of this thread nor packets wait for all of it.
asio::awaitable<void> KernelNapt::end_flows_of_nobody(service::PacketThread& packets) {
    auto in_use = co_await addresses_in_use();
    const auto nobodys = co_await of_nobody(packets, std::move(in_use));
    if (nobodys.empty()) co_return;
    const auto clients = nobodys.size();
    const auto ended = co_await end_flows_of(nobodys);
    spdlog::info("{} old connections of {} former clients ended", ended, clients);
}

/// `addresses` are in order.
asio::awaitable<std::size_t> KernelNapt::end_flows_of(std::vector<Ipv4Addr> addresses) {
    std::size_t ended = 0;
    const auto reader = netfilter_.flows();
    std::vector<kernel::ConntrackFlow> flows;
    for (bool more = true; more;) {
        flows.clear();
        more = reader->next(flows);
        std::erase_if(flows, [&](const kernel::ConntrackFlow& flow) {
            return !std::ranges::binary_search(addresses, flow.inner4.address);
        });
        ended += netfilter_.forget(flows);
        co_await asio::post(monitor_.get_executor(), asio::use_awaitable);
    }
    co_return ended;
}

/// In order.
asio::awaitable<std::vector<Ipv4Addr>> KernelNapt::addresses_in_use() {
    std::set<Ipv4Addr> known;
    const auto reader = netfilter_.flows();
    std::vector<kernel::ConntrackFlow> flows;
    for (bool more = true; more;) {
        flows.clear();
        more = reader->next(flows);
        for (const auto& flow : flows)
            known.insert(flow.inner4.address);
        co_await asio::post(monitor_.get_executor(), asio::use_awaitable);
    }
    co_return std::vector<Ipv4Addr>(known.begin(), known.end());
}

asio::awaitable<std::vector<Ipv4Addr>> KernelNapt::of_nobody(service::PacketThread& packets,
                                                             std::vector<Ipv4Addr> addresses) {
    std::vector<Ipv4Addr> nobodys;
    for (std::size_t first = 0; first < addresses.size(); first += kAddressesAtOnce) {
        const auto some = std::span{addresses}.subspan(
            first, std::min(kAddressesAtOnce, addresses.size() - first));
        std::function<std::vector<Ipv4Addr>()> job =
            [&backend = backend_, some = std::vector(some.begin(), some.end())]() mutable {
                std::erase_if(some, [&](Ipv4Addr inner4) {
                    return backend.find_by_mapped(L4Proto::Udp, {inner4, Port{}}) ||
                           backend.is_held(inner4);
                });
                return std::move(some);
            };
        const auto found = co_await packets.run<std::vector<Ipv4Addr>>(std::move(job));
        nobodys.insert(nobodys.end(), found.begin(), found.end());
    }
    co_return nobodys;
}

} // namespace nat64::daemon
