// SPDX-License-Identifier: Apache-2.0
// What NaptBackend answers for backends that do not answer themselves.
#include "core/napt_backend.hpp"
#include "tests/support/fake_backend.hpp"

#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

class FiveAddresses final : public FakeBackend {
public:
    void pool_usage(std::vector<PoolRow>& rows) const override {
        for (std::uint32_t i = 0; i < 5; ++i)
            rows.push_back({.address = Ipv4Addr{i}, .total = 1});
    }
};

} // namespace

TEST_CASE("show pool: a page is as long as the reader has room, and the next one goes on") {
    const FiveAddresses backend;
    std::vector<std::uint32_t> seen;
    std::vector<PoolRow> page;
    page.reserve(2);
    unsigned pages = 0;
    for (std::optional<Cursor> cursor = 0; cursor; ++pages) {
        page.clear();
        cursor = backend.pool_snapshot(*cursor, Budget{}, page);
        for (const auto& row : page)
            seen.push_back(row.address.bits());
    }
    CHECK(seen == std::vector<std::uint32_t>{0, 1, 2, 3, 4});
    CHECK(pages == 3);
}

TEST_CASE("a backend without sessions has none to end, no clients, and no short answers") {
    FakeBackend backend;
    Flushed flushed;
    std::vector<ClientRow> clients;
    std::vector<OutboundFlow> outbound(2);
    std::vector<InboundFlow> inbound(2);
    CHECK(!backend.flush(0, Filter{}, Budget{}, {}, flushed));
    CHECK(flushed.sessions + flushed.bindings == 0);
    CHECK(!backend.client_snapshot(0, Filter{}, Budget{}, clients));
    CHECK(backend.refresh_outbound(outbound, {}) == 0);
    CHECK(backend.refresh_inbound(inbound, {}) == 0);
}

TEST_CASE("explain: a backend without limits foresees what it has and what the policy says") {
    FakeBackend backend;
    const Endpoint6 client6{*Ipv6Addr::parse("2001:db8::1"), Port{4000}};
    const Endpoint4 mapped4{Ipv4Addr{192, 0, 2, 1}, Port{5000}};
    OutboundFlow outbound;
    outbound.client6 = client6;
    InboundFlow inbound;
    inbound.protocol = outbound.protocol;
    inbound.mapped4 = mapped4;
    CHECK(!backend.foresee(outbound, {}).binding);
    CHECK(!backend.foresee(inbound, {}).binding);
    backend.bind(outbound.protocol, client6, mapped4);
    CHECK(backend.foresee(outbound, {}).binding->mapped4 == mapped4);
    CHECK(backend.foresee(inbound, {}).binding->client6 == client6);
    CHECK(!backend.foresee(outbound, {}).ruling.refusal());
}

} // namespace nat64::test
