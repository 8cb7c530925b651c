// SPDX-License-Identifier: Apache-2.0
// A translator above a fake backend, for tests of what becomes of packets: one in, what leaves
// because of it out, each checked for being right in itself.
#pragma once

#include "core/counters.hpp"
#include "core/translator.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/fake_backend.hpp"
#include "tests/support/memory_queue.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::test {

inline constexpr auto kClient = "2001:db8:1::10";
inline constexpr auto kClient2 = "2001:db8:1::20";
inline constexpr auto kServer6 = "64:ff9b::203.0.113.5";
inline constexpr auto kServer4 = "203.0.113.5";
inline constexpr auto kPool = "192.0.2.1";
inline constexpr auto kPool6 = "64:ff9b::192.0.2.1";

inline TranslatorSettings lab_settings() {
    TranslatorSettings s;
    s.wkp_strict = false;
    s.gateway4 = Ipv4Addr{192, 0, 2, 254};
    return s;
}

inline Endpoint6 client(const char* address, std::uint16_t port) {
    return {Ipv6Addr::parse(address).value(), Port{port}};
}

inline Endpoint4 pool(std::uint16_t port) {
    return {Ipv4Addr::parse(kPool).value(), Port{port}};
}

struct Bench {
    explicit Bench(const TranslatorSettings& settings = lab_settings())
        : translator{settings, backend, counters, rng} {}

    /// Hands one packet in; returns what left because of it, each checked.
    std::vector<Sent> pass(const PacketBuilder& packet) { return pass(packet.packet()); }

    std::vector<Sent> pass(OwnedPacket packet) {
        queue.push(std::move(packet));
        translator.handle(queue.batch(), now, queue);
        auto sent = queue.take();
        for (const auto& s : sent)
            CHECK(check_packet(s.bytes, s.offload) == "");
        return sent;
    }

    [[nodiscard]] std::uint64_t drops(DropReason reason) const {
        return counters.drops[static_cast<std::size_t>(reason)].value();
    }

    [[nodiscard]] std::uint64_t all_drops() const {
        std::uint64_t sum = 0;
        for (const auto& c : counters.drops)
            sum += c.value();
        return sum;
    }

    FakeBackend backend;
    Counters counters;
    Rng rng = seeded_rng(1);
    Translator translator;
    MemoryQueue queue;
    Clock::time_point now{std::chrono::hours{1}};
};

inline std::string line(const std::vector<Sent>& sent) {
    std::string text;
    for (const auto& s : sent)
        text += describe(s.bytes) + "\n";
    return text;
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace nat64::test
