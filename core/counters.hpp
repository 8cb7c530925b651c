// SPDX-License-Identifier: Apache-2.0
// Everything the packet path counts. One writer (the packet thread), any number of readers:
// each cell is a relaxed atomic that the writer bumps with a plain load and store, so counting
// costs one add and readers in other threads see whole values. Dropping a packet means calling
// drop() here: nothing else may return Verdict::Drop.
#pragma once

#include "core/net/transport.hpp"
#include "core/verdict.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace nat64 {

/// A 64-bit count with one writer and many readers.
class Counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// Outbound is IPv6 to IPv4, inbound is IPv4 to IPv6.
enum class Direction : std::uint8_t { Outbound, Inbound };

struct Traffic {
    Counter packets; ///< packets; a super-packet counts once
    Counter bytes;   ///< IP bytes as received
};

struct Counters {
    Counter received; ///< packets from the device, whatever becomes of them
    std::array<std::array<Traffic, kL4ProtoCount>, 2> translated; ///< [Direction][L4Proto]
    std::array<Counter, kDropReasonCount> drops;
    Counter hairpinned; ///< packets that went round from client to client
    Counter emitted;    ///< packets made for the device, ICMP errors and pieces included; what
                        ///< it refuses is a drop besides
    Counter held;       ///< packets that were held (fragments, SYNs)
    Counter released;   ///< held packets that went on; the others are counted as drops
    Counter fragmented; ///< packets cut into fragments here
    Counter icmp_errors_sent;    ///< ICMP errors originated
    Counter icmp_errors_limited; ///< ICMP errors not sent because of icmp.rate
    Counter tcp_probes;          ///< probes sent at the end of an established session
    std::array<Counter, kL4ProtoCount> bindings_created;
    std::array<Counter, kL4ProtoCount> bindings_deleted;
    std::array<Counter, kL4ProtoCount> sessions_created;
    std::array<Counter, kL4ProtoCount> sessions_deleted;

    /// Counts a drop. The only place from which Verdict::Drop may come.
    Verdict drop(DropReason reason) noexcept {
        drops[static_cast<std::size_t>(reason)].add();
        return Verdict::Drop;
    }

    void count(Direction direction, L4Proto protocol, std::uint64_t bytes) noexcept {
        auto& t =
            translated[static_cast<std::size_t>(direction)][static_cast<std::size_t>(protocol)];
        t.packets.add();
        t.bytes.add(bytes);
    }
};

} // namespace nat64
