// SPDX-License-Identifier: Apache-2.0
// What it costs to find and make a row of 32 datagrams of one flow (platform/udp_row), and what
// to find that there is none. Arguments: payload bytes, and whether checksums are full (1), so
// that they have to be verified, or partial (0). Nanoseconds a row; writing it is the lab
// benchmark's.
#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "platform/udp_row.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

namespace nat64::platform {

namespace {

constexpr std::size_t kRow = 32;
constexpr std::size_t kSlot = 1536;

/// Datagrams as the translator leaves them on the IPv6 side.
struct Datagrams {
    explicit Datagrams(std::size_t payload, bool full) : storage(kRow * kSlot) {
        const std::size_t udp_length = sizeof(UdpHeader) + payload;
        const std::size_t size = sizeof(Ipv6Header) + udp_length;
        for (std::size_t i = 0; i < kRow; ++i) {
            const auto slot = std::span{storage}.subspan(i * kSlot, kSlot);
            auto& packet = packets[i] = PacketBuffer{slot, kHeadroom, size};
            auto& ip = overlay<Ipv6Header>(packet.bytes());
            ip.version_class_flow = std::uint32_t{6} << 28;
            ip.payload_length = static_cast<std::uint16_t>(udp_length);
            ip.next_header = kProtoUdp;
            auto& udp = overlay<UdpHeader>(packet.bytes(), sizeof(Ipv6Header));
            udp.length = static_cast<std::uint16_t>(udp_length);
            packet.offload.partial_checksum = !full;
            udp.checksum = pseudo_header(Ipv6Addr{}, Ipv6Addr{}, kProtoUdp, udp.length.value())
                               .add(packet.bytes().subspan(sizeof(Ipv6Header)))
                               .checksum();
        }
    }

    std::vector<std::byte> storage;
    std::array<PacketBuffer, kRow> packets;
};

void row(benchmark::State& state) {
    Datagrams datagrams{static_cast<std::size_t>(state.range(0)), state.range(1) != 0};
    for (auto _ : state) {
        const auto count = udp_row_length(datagrams.packets);
        if (count != kRow) return state.SkipWithError("not one row");
        const UdpRow made{std::span{datagrams.packets}.first(count)};
        benchmark::DoNotOptimize(made.parts().data());
        benchmark::ClobberMemory();
    }
}

void none(benchmark::State& state) {
    Datagrams datagrams{static_cast<std::size_t>(state.range(0)), state.range(1) != 0};
    overlay<UdpHeader>(datagrams.packets[1].bytes(), sizeof(Ipv6Header)).source_port =
        std::uint16_t{1};
    for (auto _ : state)
        benchmark::DoNotOptimize(udp_row_length(datagrams.packets));
}

BENCHMARK(row)->ArgsProduct({{18, 64, 1200}, {0, 1}});
BENCHMARK(none)->ArgsProduct({{64}, {0, 1}});

} // namespace

} // namespace nat64::platform

BENCHMARK_MAIN();
