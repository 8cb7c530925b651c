// SPDX-License-Identifier: Apache-2.0
// The checks by themselves: they must see what they are there for.
#include "backends/registry.hpp"
#include "tests/invariants/audit.hpp"
#include "tests/invariants/checked_path.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/support/fake_backend.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <memory>
#include <string>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

using namespace std::chrono_literals;

const Endpoint6 kClient{*Ipv6Addr::parse("2001:db8::1"), Port{4000}};
const Endpoint4 kMapped{Ipv4Addr{192, 0, 2, 1}, Port{40000}};

NaptSettings settings() {
    NaptSettings settings;
    settings.pool = {{*Prefix4::parse("192.0.2.1"), {Port{1024}, Port{65535}}}};
    settings.limits.sessions = 100;
    return settings;
}

/// A backend whose lists a test makes up.
class LyingBackend final : public FakeBackend {
public:
    std::vector<BindingRow> bindings;

    using FakeBackend::snapshot;

    std::optional<Cursor>
    snapshot(Cursor, const Filter&, Budget, std::vector<BindingRow>& rows) const override {
        rows = bindings;
        return std::nullopt;
    }
};

std::string audited(const LyingBackend& backend) {
    Counters counters;
    counters.bindings_created[static_cast<std::size_t>(L4Proto::Udp)].add(
        backend.bindings.size());
    return audit(backend, settings(), counters, Clock::time_point{1h});
}

BindingRow row() {
    BindingRow row;
    row.protocol = L4Proto::Udp;
    row.client6 = kClient;
    row.mapped4 = kMapped;
    return row;
}

} // namespace

TEST_CASE("audit: two bindings of one transport address are seen") {
    LyingBackend backend;
    backend.bind(L4Proto::Udp, kClient, kMapped);
    backend.bindings = {row()};
    CHECK(audited(backend) == "");
    backend.bindings.push_back(row());
    CHECK(audited(backend).starts_with("two bindings share a transport address"));
}

TEST_CASE("audit: a binding that one side does not find is seen") {
    LyingBackend backend;
    backend.bindings = {row()};
    CHECK(audited(backend).starts_with("not found from the IPv6 side"));
    backend.bind(L4Proto::Udp, {kClient.address, Port{1}}, kMapped);
    backend.bind(L4Proto::Udp, kClient, {kMapped.address, Port{1}});
    CHECK(audited(backend).starts_with("not found from the IPv6 side"));
}

TEST_CASE("books: a packet without a trace, and one that is counted twice, are seen") {
    Counters counters;
    CHECK(check_books(counters, 0) == "");
    counters.received.add();
    CHECK(check_books(counters, 0).find("lost without a trace") != std::string::npos);
    counters.held.add();
    CHECK(check_books(counters, 0) == "");
    counters.drop(DropReason::SynExpired);
    CHECK(check_books(counters, 0) == "");
    counters.drop(DropReason::SynExpired);
    CHECK(check_books(counters, 0).find("twice") != std::string::npos);
    CHECK(check_books(Counters{}, 1).find("emitted") != std::string::npos);
}

TEST_CASE("checked path: flows of both backends come and go and leave nothing behind") {
    for (const auto* name : {"daemon", "kernel"}) {
        CAPTURE(name);
        auto napt = settings();
        napt.inner_pool = Prefix4::parse("100.64.0.0/24");
        TranslatorSettings translator;
        translator.wkp_strict = false;
        Counters counters;
        auto rng = seeded_rng(1);
        const auto backend = backends::make_backend(name, napt, counters, rng);
        CheckedPath path{translator, *backend, counters, rng};
        for (unsigned port = 1; port < 200; ++port)
            path.hand_over(ipv6("2001:db8::1", "64:ff9b::198.51.100.1")
                               .udp(port, 53)
                               .payload(port)
                               .bytes(),
                           {},
                           Clock::time_point{1h + port * 1s});
        CHECK(path.take().size() >= 100);
        path.finish(napt);
        CHECK(unaccounted(counters) == 0);
    }
}

TEST_CASE("checked path: a packet whose checksum is not finished may be quoted so") {
    auto napt = settings();
    napt.limits.ports_per_client = 1;
    TranslatorSettings translator;
    translator.wkp_strict = false;
    Counters counters;
    auto rng = seeded_rng(1);
    const auto backend = backends::make_backend("daemon", napt, counters, rng);
    CheckedPath path{translator, *backend, counters, rng};
    for (unsigned port = 1; port <= 2; ++port) {
        const auto packet =
            ipv6("2001:db8::1", "64:ff9b::198.51.100.1").udp(port, 53).partial_checksum();
        path.hand_over(packet.bytes(), packet.offload(), Clock::time_point{1h});
    }
    CHECK(path.take().size() == 2);
    CHECK(counters.icmp_errors_sent.value() == 1);
}

} // namespace nat64::test
