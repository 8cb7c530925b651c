// SPDX-License-Identifier: Apache-2.0
#include "core/rfc6146/lifetimes.hpp"
#include "core/rfc6146/syn_store.hpp"

#include <memory>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::rfc6146 {

namespace {

Endpoint4 server(unsigned n) {
    return {Ipv4Addr{0xc6336401 + n / 60000},
            Port{static_cast<std::uint16_t>(1024 + n % 60000)}};
}

const Endpoint4 kMapped{Ipv4Addr{192, 0, 2, 1}, Port{443}};

struct Syn {
    explicit Syn(std::size_t size, std::byte fill = std::byte{0x45}) : storage(size, fill) {}

    PacketBuffer buffer() { return {storage, 0, storage.size()}; }

    std::vector<std::byte> storage;
};

constexpr Lifetimes kLifetimes{Timeouts{}};

Tick deadline(Tick stored) {
    return kLifetimes.deadline(stored, Lifetime::TcpIncomingSyn);
}

} // namespace

TEST_CASE("RFC 6146 §3.5.2.2: a stored SYN comes back after TCP_INCOMING_SYN, byte for byte") {
    const auto store = std::make_unique<SynStore>();
    Syn syn{60, std::byte{0x5a}};
    REQUIRE(store->store(server(0), kMapped, syn.buffer(), Tick{100}) ==
            SynStore::Outcome::Stored);
    std::vector<std::byte> seen;
    const auto expired = [&](PacketBuffer& p) {
        CHECK(p.headroom() >= kHeadroom);
        CHECK(p.tailroom() >= kTailroom);
        seen.assign(p.bytes().begin(), p.bytes().end());
    };
    CHECK_FALSE(store->expire_one(Tick{160}, deadline, expired)); // 6 s are 60 ticks
    CHECK(store->expire_one(Tick{161}, deadline, expired));
    CHECK(seen == syn.storage);
    CHECK(store->size() == 0);
    CHECK_FALSE(store->expire_one(Tick{999}, deadline, expired));
}

TEST_CASE("RFC 6146 §3.5.2.2: a repeated SYN is neither stored again nor kept longer") {
    const auto store = std::make_unique<SynStore>();
    Syn syn{40};
    REQUIRE(store->store(server(0), kMapped, syn.buffer(), Tick{0}) ==
            SynStore::Outcome::Stored);
    CHECK(store->store(server(0), kMapped, syn.buffer(), Tick{50}) ==
          SynStore::Outcome::Repeated);
    CHECK(store->size() == 1);
    CHECK(store->oldest() == Tick{0});
    const Endpoint4 elsewhere{kMapped.address, Port{444}};
    CHECK(store->store(server(0), elsewhere, syn.buffer(), Tick{50}) ==
          SynStore::Outcome::Stored);
}

TEST_CASE("RFC 6146 §5.3: the store is bounded in number and in bytes") {
    const auto store = std::make_unique<SynStore>();
    Syn syn{40};
    for (unsigned i = 0; i < SynStore::kCapacity; ++i)
        REQUIRE(store->store(server(i), kMapped, syn.buffer(), Tick{i}) ==
                SynStore::Outcome::Stored);
    CHECK(store->store(server(9999), kMapped, syn.buffer(), Tick{300}) ==
          SynStore::Outcome::Full);
    CHECK(store->store(server(0), kMapped, syn.buffer(), Tick{300}) ==
          SynStore::Outcome::Repeated);
    std::size_t expired = 0;
    while (store->expire_one(Tick{1000}, deadline, [&](PacketBuffer&) { ++expired; })) {
    }
    CHECK(expired == SynStore::kCapacity);
    Syn large{SynStore::kMaxBytes + 1};
    CHECK(store->store(server(0), kMapped, large.buffer(), Tick{1000}) ==
          SynStore::Outcome::Full);
    Syn largest{SynStore::kMaxBytes};
    CHECK(store->store(server(0), kMapped, largest.buffer(), Tick{1000}) ==
          SynStore::Outcome::Stored);
}

TEST_CASE("RFC 6146 §3.5.2.2: a SYN is found by server and wish, and forgotten once") {
    const auto store = std::make_unique<SynStore>();
    Syn syn{40};
    for (unsigned i = 0; i < 3; ++i)
        (void)store->store(server(i), kMapped, syn.buffer(), Tick{i});
    const auto anything = [](const Endpoint4&) { return true; };
    CHECK_FALSE(store->find(server(7), anything));
    CHECK_FALSE(store->find(server(1), [](const Endpoint4&) { return false; }));
    CHECK(store->find(server(1), anything) == kMapped);
    CHECK(store->find(server(1), anything) == kMapped); // only a look
    store->forget(server(1), kMapped);
    CHECK_FALSE(store->find(server(1), anything));
    CHECK(store->size() == 2);
    store->forget(server(0), kMapped); // the oldest
    CHECK(store->oldest() == Tick{2});
    CHECK(store->purge({kMapped.address, Port{1}}) == 0);
    CHECK(store->purge(kMapped) == 1);
    CHECK_FALSE(store->oldest());
}

} // namespace nat64::rfc6146
