// SPDX-License-Identifier: Apache-2.0
// The table. A family without samples is left out: what napt: kernel cannot count is not zero
// there, it is missing.
#include "service/metrics.hpp"

#include "config/config.hpp"
#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/net/transport.hpp"
#include "core/verdict.hpp"
#include "service/event_hub.hpp" // IWYU pragma: keep (events->lost())
#include "service/logging.hpp"

#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include <prometheus/text_serializer.h>

namespace nat64::service {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array kProtocols = {L4Proto::Tcp, L4Proto::Udp, L4Proto::Icmp};
constexpr std::array kDirections = {std::pair{Direction::Outbound, "outbound"},
                                    std::pair{Direction::Inbound, "inbound"}};

struct Source {
    const DaemonView& view;
    const PoolUse& pool;
    const ProcessUse& process;

    [[nodiscard]] const Counters& counters() const { return view.counters; }

    [[nodiscard]] bool is_kernel() const {
        return view.config.napt_mode == config::NaptMode::Kernel;
    }
};

/// Where a collector puts its samples.
class Samples {
public:
    using Label = ClientMetric::Label;

    explicit Samples(MetricFamily& family) : family_{family} {}

    void add(double value, std::vector<Label> labels = {}) {
        ClientMetric& sample = family_.metric.emplace_back();
        sample.label = std::move(labels);
        if (family_.type == MetricType::Counter)
            sample.counter.value = value;
        else
            sample.gauge.value = value;
    }

    void add(std::uint64_t value, std::vector<Label> labels = {}) {
        add(static_cast<double>(value), std::move(labels));
    }

private:
    MetricFamily& family_;
};

using Collector = void (*)(const Source&, Samples&);

template <Counter Counters::* Member>
void one(const Source& source, Samples& samples) {
    samples.add((source.counters().*Member).value());
}

void by_protocol(const std::array<Counter, kL4ProtoCount>& counters, Samples& samples) {
    for (const L4Proto protocol : kProtocols)
        samples.add(counters[static_cast<std::size_t>(protocol)].value(),
                    {{"protocol", name_of(protocol)}});
}

template <std::array<Counter, kL4ProtoCount> Counters::* Member>
void each_protocol(const Source& source, Samples& samples) {
    by_protocol(source.counters().*Member, samples);
}

/// Of napt: kernel the sessions are conntrack's.
template <std::array<Counter, kL4ProtoCount> Counters::* Member>
void sessions_of(const Source& source, Samples& samples) {
    if (!source.is_kernel()) by_protocol(source.counters().*Member, samples);
}

template <Counter Traffic::* Member>
void traffic(const Source& source, Samples& samples) {
    for (const auto& [direction, name] : kDirections)
        for (const L4Proto protocol : kProtocols) {
            const Traffic& cell =
                source.counters().translated[static_cast<std::size_t>(direction)]
                                            [static_cast<std::size_t>(protocol)];
            samples.add((cell.*Member).value(),
                        {{"direction", name}, {"protocol", name_of(protocol)}});
        }
}

void drops(const Source& source, Samples& samples) {
    const DropSum drops = all_drops(source.view);
    for (std::size_t i = 0; i < drops.size(); ++i)
        samples.add(drops[i], {{"reason", std::string{kDropReasons[i].label}}});
}

void sessions(const Source& source, Samples& samples) {
    if (source.is_kernel()) return;
    for (const L4Proto protocol : kProtocols)
        samples.add(sessions_now(source.counters(), protocol),
                    {{"protocol", name_of(protocol)}});
}

void sessions_limit(const Source& source, Samples& samples) {
    if (!source.is_kernel())
        samples.add(std::uint64_t{source.view.config.napt.limits.sessions});
}

void bindings(const Source& source, Samples& samples) {
    for (const L4Proto protocol : kProtocols)
        samples.add(bindings_now(source.counters(), protocol),
                    {{"protocol", name_of(protocol)}});
}

void pool_addresses(const Source& source, Samples& samples) {
    if (!source.is_kernel()) samples.add(source.pool.sum.addresses);
}

template <std::uint32_t PoolRow::* OfRow, std::uint64_t PoolSum::Ports::* OfSum>
void ports(const Source& source, Samples& samples) {
    if (source.is_kernel()) return;
    if (source.pool.is_listed()) {
        for (const PoolRow& row : source.pool.rows)
            samples.add(
                std::uint64_t{row.*OfRow},
                {{"address", row.address.to_string()}, {"protocol", name_of(row.protocol)}});
        return;
    }
    for (const L4Proto protocol : kProtocols)
        samples.add(source.pool.sum.ports[static_cast<std::size_t>(protocol)].*OfSum,
                    {{"address", "all"}, {"protocol", name_of(protocol)}});
}

template <std::uint32_t PoolRow::* Member>
void inner(const Source& source, Samples& samples) {
    if (const auto& hosts = source.pool.sum.whole_hosts)
        samples.add(std::uint64_t{(*hosts).*Member});
}

/// Of this network namespace, others' connections included.
void conntrack(const Source& source, Samples& samples, const char* sysctl) {
    if (!source.is_kernel() || !source.view.read_sysctl) return;
    const auto text = source.view.read_sysctl(sysctl);
    if (!text) return;
    std::uint64_t entries = 0;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), entries);
    if (parsed.ec == std::errc{}) samples.add(entries);
}

void conntrack_entries(const Source& source, Samples& samples) {
    conntrack(source, samples, "net.netfilter.nf_conntrack_count");
}

void conntrack_limit(const Source& source, Samples& samples) {
    conntrack(source, samples, "net.netfilter.nf_conntrack_max");
}

void events_lost(const Source& source, Samples& samples) {
    if (source.view.events) samples.add(source.view.events->lost());
}

void log_lines(const Source& /*source*/, Samples& samples) {
    samples.add(log_lines_lost());
}

void build_info(const Source& /*source*/, Samples& samples) {
    samples.add(std::uint64_t{1}, {{"version", NAT64_VERSION}});
}

void config_info(const Source& source, Samples& samples) {
    samples.add(std::uint64_t{1},
                {{"napt", std::string{config::name_of(source.view.config.napt_mode)}},
                 {"prefix", source.view.config.translator.prefix.to_string()}});
}

template <std::optional<double> ProcessUse::* Member>
void process(const Source& source, Samples& samples) {
    if (const auto value = source.process.*Member) samples.add(*value);
}

struct Row {
    std::string_view name;
    MetricType type;
    std::string_view labels;
    std::string_view help;
    Collector collect;
};

constexpr auto kCounter = MetricType::Counter;
constexpr auto kGauge = MetricType::Gauge;

// Kept in the order of docs/counters.md; a test compares them.
constexpr std::array kRows = std::to_array<Row>({
    {"nat64_build_info", kGauge, "version", "Always 1; which nat64 this is", build_info},
    {"nat64_config_info",
     kGauge,
     "napt, prefix",
     "Always 1; the mode and the NAT64 prefix",
     config_info},
    {"nat64_received_packets_total",
     kCounter,
     "",
     "Packets read from the TUN; a super-packet counts once",
     one<&Counters::received>},
    {"nat64_emitted_packets_total",
     kCounter,
     "",
     "Packets written to the TUN, own ICMP errors and fragments included",
     one<&Counters::emitted>},
    {"nat64_packets_total",
     kCounter,
     "direction, protocol",
     "Packets translated; outbound is from IPv6 to IPv4",
     traffic<&Traffic::packets>},
    {"nat64_bytes_total",
     kCounter,
     "direction, protocol",
     "IP bytes of translated packets, as received",
     traffic<&Traffic::bytes>},
    {"nat64_dropped_packets_total",
     kCounter,
     "reason",
     "Packets that were dropped, by the reason; by rules of our nftables table, too",
     drops},
    {"nat64_held_packets_total",
     kCounter,
     "",
     "Fragments and inbound SYNs that were kept for a while",
     one<&Counters::held>},
    {"nat64_released_packets_total",
     kCounter,
     "",
     "Held packets that went on",
     one<&Counters::released>},
    {"nat64_hairpinned_packets_total",
     kCounter,
     "",
     "Packets that went from client to client through the gateway",
     one<&Counters::hairpinned>},
    {"nat64_fragmented_packets_total",
     kCounter,
     "",
     "Packets that were cut into fragments here",
     one<&Counters::fragmented>},
    {"nat64_icmp_errors_sent_total",
     kCounter,
     "",
     "ICMP errors that the gateway originated",
     one<&Counters::icmp_errors_sent>},
    {"nat64_icmp_errors_limited_total",
     kCounter,
     "",
     "ICMP errors that were not sent because of icmp.rate",
     one<&Counters::icmp_errors_limited>},
    {"nat64_tcp_probes_total",
     kCounter,
     "",
     "Probes sent at the end of the established timeout",
     one<&Counters::tcp_probes>},
    {"nat64_sessions",
     kGauge,
     "protocol",
     "Sessions now; not with napt: kernel, where they are conntrack's",
     sessions},
    {"nat64_sessions_limit", kGauge, "", "Room for sessions, limits.sessions", sessions_limit},
    {"nat64_sessions_created_total",
     kCounter,
     "protocol",
     "Sessions that began",
     sessions_of<&Counters::sessions_created>},
    {"nat64_sessions_deleted_total",
     kCounter,
     "protocol",
     "Sessions that ended",
     sessions_of<&Counters::sessions_deleted>},
    {"nat64_bindings",
     kGauge,
     "protocol",
     "Bindings now; with napt: kernel clients, by the protocol of their first packet",
     bindings},
    {"nat64_bindings_created_total",
     kCounter,
     "protocol",
     "Bindings that began",
     each_protocol<&Counters::bindings_created>},
    {"nat64_bindings_deleted_total",
     kCounter,
     "protocol",
     "Bindings that ended",
     each_protocol<&Counters::bindings_deleted>},
    {"nat64_pool_addresses", kGauge, "", "Addresses in the pool", pool_addresses},
    {"nat64_pool_ports",
     kGauge,
     "address, protocol",
     "Ports or ICMP identifiers that there are; address is all in a pool of more than 32",
     ports<&PoolRow::total, &PoolSum::Ports::total>},
    {"nat64_pool_ports_used",
     kGauge,
     "address, protocol",
     "Of these, taken by bindings",
     ports<&PoolRow::used, &PoolSum::Ports::used>},
    {"nat64_pool_ports_held_back",
     kGauge,
     "address, protocol",
     "Of these, freed lately and not given out again yet",
     ports<&PoolRow::held_back, &PoolSum::Ports::held_back>},
    {"nat64_inner_addresses",
     kGauge,
     "",
     "Inner addresses that there are; only with napt: kernel",
     inner<&PoolRow::total>},
    {"nat64_inner_addresses_used",
     kGauge,
     "",
     "Of these, taken by clients",
     inner<&PoolRow::used>},
    {"nat64_inner_addresses_held_back",
     kGauge,
     "",
     "Of these, held for a likely owner",
     inner<&PoolRow::held_back>},
    {"nat64_conntrack_entries",
     kGauge,
     "",
     "Connections that the kernel tracks, others' too; only with napt: kernel",
     conntrack_entries},
    {"nat64_conntrack_entries_limit",
     kGauge,
     "",
     "Room for these, net.netfilter.nf_conntrack_max",
     conntrack_limit},
    {"nat64_events_lost_total",
     kCounter,
     "",
     "Binding and session events that came too fast to be logged or followed",
     events_lost},
    {"nat64_log_lines_lost_total",
     kCounter,
     "",
     "Lines of the log that standard error was too full to take",
     log_lines},
    {"process_cpu_seconds_total",
     kCounter,
     "",
     "User and system CPU time spent",
     process<&ProcessUse::cpu_seconds>},
    {"process_start_time_seconds",
     kGauge,
     "",
     "Start of the process, in seconds since 1970",
     process<&ProcessUse::start_time>},
    {"process_resident_memory_bytes",
     kGauge,
     "",
     "Memory in RAM",
     process<&ProcessUse::resident_bytes>},
    {"process_virtual_memory_bytes",
     kGauge,
     "",
     "Address space, most of it never touched",
     process<&ProcessUse::virtual_bytes>},
    {"process_open_fds", kGauge, "", "Open file descriptors", process<&ProcessUse::open_fds>},
    {"process_max_fds",
     kGauge,
     "",
     "File descriptors that it may open",
     process<&ProcessUse::max_fds>},
});

} // namespace

void PoolUse::add(const PoolRow& row) {
    sum.add(row);
    if (!row.whole_hosts && is_listed()) rows.push_back(row);
}

std::vector<MetricFamily> Metrics::Collect() const {
    const Source source{view_, pool_, process_};
    std::vector<MetricFamily> families;
    for (const Row& row : kRows) {
        MetricFamily family{std::string{row.name}, std::string{row.help}, row.type, {}};
        Samples samples{family};
        row.collect(source, samples);
        if (!family.metric.empty()) families.push_back(std::move(family));
    }
    return families;
}

std::string
metrics_text(const DaemonView& view, const PoolUse& pool, const ProcessUse& process) {
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, Metrics{view, pool, process}.Collect());
    return std::move(out).str();
}

std::vector<MetricInfo> documented_metrics() {
    std::vector<MetricInfo> infos;
    infos.reserve(std::size(kRows));
    for (const Row& row : kRows)
        infos.push_back(
            {row.name, row.type == kCounter ? "counter" : "gauge", row.labels, row.help});
    return infos;
}

} // namespace nat64::service
