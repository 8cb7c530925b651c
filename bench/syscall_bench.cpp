// SPDX-License-Identifier: Apache-2.0
// What the filter of system calls (platform/confinement) adds to the calls of the packet path.
// Two loops of one process, in this order, since a filter stays for good:
//
//   open      read() and write() of a datagram over a socket pair
//   confined  the same, behind the filter
#include "platform/confinement.hpp"
#include "platform/privileges.hpp"

#include <array>
#include <cstdlib>

#include <benchmark/benchmark.h>

#include <sys/socket.h>
#include <unistd.h>

namespace {

void read_and_write(benchmark::State& state) {
    static const auto ends = [] {
        std::array<int, 2> made{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, made.data()) != 0) std::abort();
        return made;
    }();
    std::array<char, 64> packet{};
    for (auto _ : state) {
        benchmark::DoNotOptimize(::write(ends[0], packet.data(), packet.size()));
        benchmark::DoNotOptimize(::read(ends[1], packet.data(), packet.size()));
    }
}

void confined(benchmark::State& state) {
    static const bool done = [] {
        nat64::platform::drop_privileges();
        return nat64::platform::confine();
    }();
    if (!done) return state.SkipWithError("this build cannot be confined");
    read_and_write(state);
}

BENCHMARK(read_and_write)->Name("open")->Repetitions(5);
BENCHMARK(confined)->Repetitions(5);

} // namespace

BENCHMARK_MAIN();
