// SPDX-License-Identifier: Apache-2.0
// Nanoseconds per translated packet of an established flow, through the whole of Translator and
// a backend, in random order over N sessions (`kernel_*`: hosts) and in batches of 32. Only
// handle() is timed; packets are written into their buffers between batches, which leaves them
// in the cache as a read() from the device would. The median and the tenth percentiles over all
// batches leave out what other programs do meanwhile; the mean that the library prints does
// not.
//
//   build/release/bench/translate_bench [--benchmark_repetitions=5]
#include "backends/registry.hpp"
#include "core/counters.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/policy.hpp"
#include "core/translator.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace nat64 {

namespace {

constexpr std::size_t kBatch = 32;
constexpr std::size_t kPayload = 64;
constexpr std::size_t kSlot = 512;
constexpr Clock::time_point kStart{std::chrono::hours{1}};

/// Keeps the last packet's endpoint; a sink that costs next to nothing.
class Sink final : public Emit {
public:
    void packet(PacketBuffer& packet) noexcept override {
        ++count;
        last = &packet;
    }

    std::uint64_t count = 0;
    PacketBuffer* last = nullptr;
};

enum class Way : std::uint8_t { Outbound, Inbound };

class Gateway {
public:
    Gateway(std::string_view napt, std::uint32_t sessions)
        : rng_{Secret{1, 2}},
          backend_{backends::make_backend(napt, settings(sessions), counters_, rng_)},
          translator_{translator(), *backend_, counters_, rng_},
          storage_(kBatch * kSlot),
          mapped_(sessions) {
        const std::array own{Ipv4Addr{198, 51, 100, 1}};
        backend_->exchange_policy(std::make_shared<const Policy>(PolicySettings{}, own));
        for (std::uint32_t i = 0; i < sessions; ++i)
            open(i);
    }

    /// Time for one batch of established flows.
    std::chrono::nanoseconds batch(Way way, std::uint64_t& random) {
        for (std::size_t k = 0; k < kBatch; ++k) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            const auto flow =
                static_cast<std::uint32_t>(((random >> 32) * mapped_.size()) >> 32);
            packets_[k] = way == Way::Outbound ? outbound(k, flow) : inbound(k, flow);
        }
        const auto start = std::chrono::steady_clock::now();
        translator_.handle(packets_, kStart, sink_);
        return std::chrono::steady_clock::now() - start;
    }

    [[nodiscard]] std::uint64_t emitted() const { return sink_.count; }

private:
    static unsigned length_for(std::uint32_t addresses) {
        unsigned length = 32;
        while ((1U << (32 - length)) < addresses)
            --length;
        return length;
    }

    static NaptSettings settings(std::uint32_t sessions) {
        NaptSettings s;
        // One port a session, with room to spare: 60 % of the ports of the pool.
        s.pool = {{Prefix4{Ipv4Addr{198, 18, 0, 0}, length_for(sessions / 40000 + 1)}, {}}};
        s.inner_pool = Prefix4{Ipv4Addr{100, 64, 0, 0}, length_for(sessions + 2)};
        s.limits.sessions = sessions + sessions / 8 + 64;
        s.limits.sessions_per_client = 0;
        s.limits.ports_per_client = 0;
        return s;
    }

    static TranslatorSettings translator() {
        TranslatorSettings s;
        s.wkp_strict = false;
        return s;
    }

    PacketBuffer slot(std::size_t k, std::size_t size) {
        return PacketBuffer{{storage_.data() + k * kSlot, kSlot}, kHeadroom, size};
    }

    PacketBuffer outbound(std::size_t k, std::uint32_t flow) {
        auto packet = slot(k, 40 + 8 + kPayload);
        Ipv6Header ip{};
        ip.version_class_flow = 0x60000000;
        ip.payload_length = 8 + kPayload;
        ip.next_header = kProtoUdp;
        ip.hop_limit = 64;
        Ipv6Addr::Bytes client{0x20, 0x01, 0x0d, 0xb8};
        client[12] = static_cast<std::uint8_t>(flow >> 16);
        client[13] = static_cast<std::uint8_t>(flow >> 8);
        client[14] = static_cast<std::uint8_t>(flow);
        ip.source = Ipv6Addr{client};
        ip.destination = rfc6052::Nat64Prefix{}.embed(server(flow));
        UdpHeader udp{};
        udp.source_port = 5000;
        udp.destination_port = 53;
        udp.length = 8 + kPayload;
        udp.checksum = 0x1234;
        std::memcpy(packet.data(), &ip, sizeof ip);
        std::memcpy(packet.data() + sizeof ip, &udp, sizeof udp);
        return packet;
    }

    PacketBuffer inbound(std::size_t k, std::uint32_t flow) {
        auto packet = slot(k, 20 + 8 + kPayload);
        Ipv4Header ip{};
        ip.version_ihl = 0x45;
        ip.total_length = 20 + 8 + kPayload;
        ip.flags_fragment = Ipv4Header::kDontFragment;
        ip.ttl = 64;
        ip.protocol = kProtoUdp;
        ip.source = server(flow);
        ip.destination = mapped_[flow].address;
        ip.checksum = ChecksumSum{}.add(std::as_bytes(std::span{&ip, 1})).checksum();
        UdpHeader udp{};
        udp.source_port = 53;
        udp.destination_port = mapped_[flow].port.value();
        udp.length = 8 + kPayload;
        udp.checksum = 0x1234;
        std::memcpy(packet.data(), &ip, sizeof ip);
        std::memcpy(packet.data() + sizeof ip, &udp, sizeof udp);
        return packet;
    }

    static Ipv4Addr server(std::uint32_t flow) { return Ipv4Addr{0xcb007100U + (flow & 0xff)}; }

    void open(std::uint32_t flow) {
        PacketBuffer packet = outbound(0, flow);
        sink_.last = nullptr;
        translator_.handle({&packet, 1}, kStart, sink_);
        if (sink_.last == nullptr) throw std::runtime_error{"a session was refused"};
        Ipv4Header ip;
        UdpHeader udp;
        std::memcpy(&ip, sink_.last->data(), sizeof ip);
        std::memcpy(&udp, sink_.last->data() + sizeof ip, sizeof udp);
        mapped_[flow] = {ip.source.value(), Port{udp.source_port.value()}};
    }

    Counters counters_;
    Rng rng_;
    std::unique_ptr<NaptBackend> backend_;
    Translator translator_;
    std::vector<std::byte> storage_;
    std::array<PacketBuffer, kBatch> packets_;
    std::vector<Endpoint4> mapped_;
    Sink sink_;
};

void established(benchmark::State& state, std::string_view napt, Way way) {
    static std::unique_ptr<Gateway> gateway;
    static std::pair<std::string_view, std::int64_t> made;
    if (const std::pair wanted{napt, state.range(0)}; made != wanted) {
        gateway.reset();
        gateway = std::make_unique<Gateway>(napt, static_cast<std::uint32_t>(state.range(0)));
        made = wanted;
    }
    std::uint64_t random = 42;
    const auto before = gateway->emitted();
    std::vector<double> times;
    for (auto _ : state) {
        const std::chrono::duration<double> time = gateway->batch(way, random);
        state.SetIterationTime(time.count());
        times.push_back(time.count() * 1e9 / kBatch);
    }
    std::ranges::sort(times);
    state.counters["p10_ns"] = times[times.size() / 10];
    state.counters["median_ns"] = times[times.size() / 2];
    state.counters["p90_ns"] = times[times.size() * 9 / 10];
    const auto packets = state.iterations() * static_cast<std::int64_t>(kBatch);
    if (gateway->emitted() - before != static_cast<std::uint64_t>(packets))
        state.SkipWithError("packets were lost");
    state.SetItemsProcessed(packets);
}

BENCHMARK_CAPTURE(established, outbound, "daemon", Way::Outbound)
    ->UseManualTime()
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Arg(10'000'000);
BENCHMARK_CAPTURE(established, inbound, "daemon", Way::Inbound)
    ->UseManualTime()
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Arg(10'000'000);
BENCHMARK_CAPTURE(established, kernel_outbound, "kernel", Way::Outbound)
    ->UseManualTime()
    ->Arg(10'000)
    ->Arg(1'000'000);
BENCHMARK_CAPTURE(established, kernel_inbound, "kernel", Way::Inbound)
    ->UseManualTime()
    ->Arg(10'000)
    ->Arg(1'000'000);

} // namespace

} // namespace nat64

BENCHMARK_MAIN();
