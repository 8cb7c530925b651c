// SPDX-License-Identifier: Apache-2.0
// What /metrics says of known counters and pools.
#include "service/metrics.hpp"
#include "tests/service/table_backend.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

namespace nat64::service {

namespace {

struct Told {
    config::Config config;
    Counters counters;
    test::TableBackend backend;
    boost::asio::io_context packets;
    PoolUse pool;

    [[nodiscard]] DaemonView view() {
        return {.config = config,
                .counters = counters,
                .backend = backend,
                .packet_thread = packets.get_executor(),
                .now = [] { return Clock::time_point{}; },
                .started = {},
                .device = {},
                .events = nullptr};
    }

    void add_addresses(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i)
            for (const auto protocol : {L4Proto::Tcp, L4Proto::Udp, L4Proto::Icmp})
                pool.add({Ipv4Addr{0xc0000200 + i}, protocol, 64512, 7, 3, 1});
    }

    [[nodiscard]] std::string text() {
        return metrics_text(view(), pool, ProcessFiles{}.read());
    }
};

bool has_line(const std::string& text, const std::string& line) {
    return text.find("\n" + line + "\n") != std::string::npos;
}

} // namespace

TEST_CASE("metrics: counters and gauges with their labels") {
    Told told;
    told.counters.count(Direction::Inbound, L4Proto::Udp, 1500);
    told.counters.drop(DropReason::NoBinding);
    told.counters.sessions_created[static_cast<std::size_t>(L4Proto::Tcp)].add(5);
    told.counters.sessions_deleted[static_cast<std::size_t>(L4Proto::Tcp)].add(2);
    told.add_addresses(1);
    const auto text = told.text();
    CHECK(has_line(text, R"(nat64_packets_total{direction="inbound",protocol="udp"} 1)"));
    CHECK(has_line(text, R"(nat64_bytes_total{direction="inbound",protocol="udp"} 1500)"));
    CHECK(has_line(text, R"(nat64_packets_total{direction="outbound",protocol="udp"} 0)"));
    CHECK(has_line(text, R"(nat64_dropped_packets_total{reason="no_binding"} 1)"));
    CHECK(has_line(text, R"(nat64_sessions{protocol="tcp"} 3)"));
    CHECK(has_line(text, R"(nat64_pool_ports_used{address="192.0.2.0",protocol="tcp"} 7)"));
    CHECK(has_line(text, "# TYPE nat64_dropped_packets_total counter"));
    CHECK(has_line(text, "nat64_build_info{version=\"" NAT64_VERSION "\"} 1"));
    CHECK(text.find("nat64_inner_addresses") == std::string::npos);
}

TEST_CASE("metrics: what rules of the kernel refuse is counted with the other drops") {
    Told told;
    told.counters.drop(DropReason::OwnAddress);
    auto view = told.view();
    view.refused = [] {
        DropSum sum{};
        sum[static_cast<std::size_t>(DropReason::OwnAddress)] = 4;
        sum[static_cast<std::size_t>(DropReason::InnerSource)] = 2;
        return sum;
    };
    const auto text = metrics_text(view, told.pool, ProcessFiles{}.read());
    CHECK(has_line(text, R"(nat64_dropped_packets_total{reason="own_address"} 5)"));
    CHECK(has_line(text, R"(nat64_dropped_packets_total{reason="inner_source"} 2)"));
}

TEST_CASE("metrics: a large pool has one sample for all its addresses") {
    Told told;
    told.add_addresses(PoolUse::kListedAddresses);
    CHECK(told.text().find(R"(address="192.0.2.31")") != std::string::npos);
    told.pool = {};
    told.add_addresses(1000);
    const auto text = told.text();
    CHECK(has_line(text, R"(nat64_pool_ports_used{address="all",protocol="tcp"} 7000)"));
    CHECK(has_line(text, "nat64_pool_addresses 1000"));
    CHECK(text.find("192.0.2.") == std::string::npos);
    CHECK(std::ranges::count(text, '\n') < 250);
}

TEST_CASE("metrics: with napt: kernel what it cannot count is missing, not zero") {
    Told told;
    told.config.napt_mode = config::NaptMode::Kernel;
    told.pool.add({.address = Ipv4Addr{100, 64, 0, 0},
                   .total = 65533,
                   .used = 7,
                   .held_back = 2,
                   .whole_hosts = Prefix4{Ipv4Addr{100, 64, 0, 0}, 16}});
    const auto text = told.text();
    CHECK(has_line(text, "nat64_inner_addresses 65533"));
    CHECK(has_line(text, "nat64_inner_addresses_used 7"));
    CHECK(has_line(text, "nat64_inner_addresses_held_back 2"));
    CHECK(text.find("nat64_sessions") == std::string::npos);
    CHECK(text.find("nat64_pool_") == std::string::npos);
}

TEST_CASE("metrics: our own process is there, and the start does not move") {
    Told told;
    const auto value = [&](const std::string& name) {
        const auto text = told.text();
        const auto at = text.find("\n" + name + " ");
        return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
    };
    CHECK(value("process_resident_memory_bytes") > 1e5);
    CHECK(value("process_open_fds") >= 3);
    CHECK(value("process_cpu_seconds_total") >= 0);
    CHECK(value("process_start_time_seconds") > 1e9);
    CHECK(value("process_start_time_seconds") == value("process_start_time_seconds"));
}

TEST_CASE("metrics: each name once, counters end in _total and nothing else does") {
    std::set<std::string_view> names;
    for (const auto& metric : documented_metrics()) {
        CAPTURE(metric.name);
        CHECK(names.insert(metric.name).second);
        CHECK((metric.type == "counter") == metric.name.ends_with("_total"));
    }
}

} // namespace nat64::service
