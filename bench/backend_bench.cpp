// SPDX-License-Identifier: Apache-2.0
// What the userspace backend costs by itself: nanoseconds to resolve a packet of an established
// session in random order, to open a new session, to end one, and bytes of memory a session.
// Work is by batches of 32 with prepare(), as the packet loop does it; only calls to the
// backend are timed, in CPU time of the thread, so that other programs disturb less.
//
//   build/release/bench/backend_bench [--benchmark_filter=resolve] [--benchmark_repetitions=5]
#include "backends/userspace/userspace_backend.hpp"
#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/random.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include <time.h>
#include <unistd.h>

namespace nat64 {

namespace {

constexpr std::size_t kBatch = 32;
constexpr std::size_t kGroup = 16 * kBatch; // what is timed at once: reading the clock costs
constexpr std::uint32_t kPortsPerClient = 512;
constexpr unsigned kPoolBits = 9; // 512 addresses: 64512 ports each are enough for 10 million
constexpr Clock::time_point kStart{std::chrono::hours{1}};

double resident_bytes() {
    std::ifstream statm{"/proc/self/statm"};
    double size = 0;
    double resident = 0;
    statm >> size >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// Flow number `i`: each client has 512 of them.
OutboundFlow outbound(std::uint32_t i) {
    OutboundFlow flow;
    flow.client6.address =
        Ipv6Addr::from_halves(0x2001'0db8'0000'0000, 0x100 + i / kPortsPerClient);
    flow.client6.port = Port{static_cast<std::uint16_t>(10000 + i % kPortsPerClient)};
    flow.server4 = {Ipv4Addr{0xcb00'7100 + i % 200}, Port{443}};
    flow.protocol = L4Proto::Udp;
    flow.bytes = 100;
    return flow;
}

NaptSettings settings(std::uint32_t sessions) {
    NaptSettings s;
    s.pool = {{Prefix4{Ipv4Addr{198, 18, 0, 0}, 32 - kPoolBits}, {}}};
    s.limits.sessions = sessions + kGroup;
    return s;
}

class NullOriginator final : public Originator {
public:
    void tcp_probe(const Endpoint6&, const Endpoint4&) noexcept override {}

    void syn_expired(PacketBuffer&) noexcept override {}

    void syn_superseded() noexcept override {}
};

using Nanoseconds = std::chrono::duration<double, std::nano>;

Nanoseconds cpu_time() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

template <typename Work>
Nanoseconds timed(Work&& work) {
    const auto start = cpu_time();
    work();
    return cpu_time() - start;
}

class Gateway {
public:
    explicit Gateway(std::uint32_t sessions)
        : sessions_{sessions}, backend_{settings(sessions), counters_, rng_} {}

    Nanoseconds open_all() {
        Nanoseconds total{};
        for (std::uint32_t i = 0; i < sessions_; i += kGroup) {
            for (std::uint32_t k = 0; k < kGroup; ++k)
                outbound_[k] = outbound(i + k);
            const auto took = send();
            total += took;
            longest_ = std::max(longest_, took);
        }
        return total;
    }

    void learn_mapped() {
        mapped_.resize(sessions_);
        for (std::uint32_t i = 0; i < sessions_; ++i)
            mapped_[i] = backend_.find_by_client(L4Proto::Udp, outbound(i).client6)->mapped4;
    }

    Nanoseconds outbound_group() {
        for (auto& flow : outbound_)
            flow = outbound(pick());
        return send();
    }

    Nanoseconds inbound_group() {
        for (auto& flow : inbound_) {
            const auto i = pick();
            flow.server4 = outbound(i).server4;
            flow.mapped4 = mapped_[i];
            flow.protocol = L4Proto::Udp;
            flow.bytes = 100;
        }
        return timed([&] {
            for (std::size_t first = 0; first < kGroup; first += kBatch) {
                const auto batch = std::span{inbound_}.subspan(first, kBatch);
                backend_.prepare({}, batch);
                for (const auto& flow : batch)
                    count(backend_.resolve_inbound(flow, packet_, now_));
            }
        });
    }

    struct Expiry {
        Nanoseconds total{};
        Nanoseconds longest{};
        std::uint64_t calls = 0;
    };

    /// All sessions end, `tick` by `tick` of the clock.
    Expiry expire_all(Clock::duration step) {
        Expiry result;
        NullOriginator originator;
        for (auto wanted = now_; alive() > 0;) {
            if (wanted > now_) now_ += step;
            const auto took =
                timed([&] { wanted = backend_.expire(now_, Budget{}, originator); });
            result.total += took;
            result.longest = std::max(result.longest, took);
            ++result.calls;
        }
        return result;
    }

    void advance(Clock::duration by) { now_ += by; }

    [[nodiscard]] std::uint64_t alive() const {
        return counters_.sessions_created[1].value() - counters_.sessions_deleted[1].value();
    }

    /// The longest time that opening 512 sessions took.
    [[nodiscard]] Nanoseconds longest() const { return longest_; }

    [[nodiscard]] std::uint64_t refused() const { return refused_; }

private:
    Nanoseconds send() {
        return timed([&] {
            for (std::size_t first = 0; first < kGroup; first += kBatch) {
                const auto batch = std::span{outbound_}.subspan(first, kBatch);
                backend_.prepare(batch, {});
                for (const auto& flow : batch)
                    count(backend_.resolve_outbound(flow, now_));
            }
        });
    }

    void count(const Resolved& resolved) { refused_ += resolved.has_value() ? 0U : 1U; }

    std::uint32_t pick() {
        random_ = random_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<std::uint32_t>(((random_ >> 32) * sessions_) >> 32);
    }

    std::uint32_t sessions_;
    Counters counters_;
    Rng rng_{Secret{1, 2}};
    userspace::UserspaceBackend backend_;
    Clock::time_point now_ = kStart;
    std::array<OutboundFlow, kGroup> outbound_;
    std::array<InboundFlow, kGroup> inbound_;
    std::vector<Endpoint4> mapped_;
    PacketBuffer packet_;
    std::uint64_t refused_ = 0;
    Nanoseconds longest_{};
    std::uint64_t random_ = 42;
};

double seconds(Nanoseconds t) {
    return std::chrono::duration<double>(t).count();
}

void report_refused(benchmark::State& state, const Gateway& gateway) {
    if (gateway.refused() > 0) state.SkipWithError("flows were refused");
}

void resolve(benchmark::State& state, Nanoseconds (Gateway::*group)()) {
    Gateway gateway{static_cast<std::uint32_t>(state.range(0))};
    gateway.open_all();
    gateway.learn_mapped();
    for (auto _ : state)
        state.SetIterationTime(seconds((gateway.*group)()));
    state.counters["per_packet"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * kGroup,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
    report_refused(state, gateway);
}

void resolve_outbound(benchmark::State& state) {
    resolve(state, &Gateway::outbound_group);
}

void resolve_inbound(benchmark::State& state) {
    resolve(state, &Gateway::inbound_group);
}

// Into a new backend, so that the kernel's page faults are part of it; memory on the way.
void new_sessions(benchmark::State& state) {
    const auto n = static_cast<std::uint32_t>(state.range(0));
    const double per_address = (65536.0 * 4 + 5 * 8192) * (1U << kPoolBits);
    for (auto _ : state) {
        const auto before = resident_bytes();
        const auto gateway = std::make_unique<Gateway>(n);
        state.SetIterationTime(seconds(gateway->open_all()));
        const auto bytes = resident_bytes() - before;
        state.counters["bytes_each"] = bytes / n;
        state.counters["longest_us"] = gateway->longest().count() / 1000;
        state.counters["without_pool"] = (bytes - per_address) / n;
        report_refused(state, *gateway);
    }
    state.SetItemsProcessed(state.iterations() * n);
}

// Into slots that were used before: what a running gateway does.
void renewed_sessions(benchmark::State& state) {
    const auto n = static_cast<std::uint32_t>(state.range(0));
    Gateway gateway{n};
    gateway.open_all();
    for (auto _ : state) {
        gateway.expire_all(std::chrono::seconds{1});
        gateway.advance(std::chrono::minutes{5});
        state.SetIterationTime(seconds(gateway.open_all()));
        report_refused(state, gateway);
    }
    state.SetItemsProcessed(state.iterations() * n);
}

// All sessions end in the same tick; the longest call of all is what packets have to wait for.
void expire(benchmark::State& state) {
    const auto n = static_cast<std::uint32_t>(state.range(0));
    for (auto _ : state) {
        Gateway gateway{n};
        gateway.open_all();
        gateway.advance(std::chrono::minutes{5});
        const auto expiry = gateway.expire_all(std::chrono::milliseconds{100});
        state.SetIterationTime(seconds(expiry.total));
        state.counters["longest_us"] = expiry.longest.count() / 1000;
        state.counters["calls"] = static_cast<double>(expiry.calls);
    }
    state.SetItemsProcessed(state.iterations() * n);
}

BENCHMARK(resolve_outbound)->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000)->UseManualTime();
BENCHMARK(resolve_inbound)->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000)->UseManualTime();
BENCHMARK(new_sessions)
    ->Arg(1'000'000)
    ->Arg(10'000'000)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(renewed_sessions)
    ->Arg(1'000'000)
    ->Arg(10'000'000)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(expire)
    ->Arg(1'000'000)
    ->Arg(10'000'000)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

} // namespace

} // namespace nat64

BENCHMARK_MAIN();
