// SPDX-License-Identifier: Apache-2.0
// A packet queue in memory: a test puts packets in, hands batch() to the code under test, and
// finds copies of what came out in sent().
#pragma once

#include "core/net/packet_buffer.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/owned_packet.hpp"

#include <cassert>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace nat64::test {

/// A packet that was emitted.
struct Sent {
    Bytes bytes;
    Offload offload;
};

class MemoryQueue final : public Emit {
public:
    /// Queues a packet for the next batch().
    void push(OwnedPacket packet) { waiting_.push_back(std::move(packet)); }

    /// Everything that was pushed since the last call, valid until the next one.
    [[nodiscard]] std::span<PacketBuffer> batch() {
        reading_ = std::exchange(waiting_, {});
        batch_.clear();
        for (auto& packet : reading_)
            batch_.push_back(packet.buffer());
        return batch_;
    }

    void packet(PacketBuffer& packet) noexcept override {
        assert(packet.headroom() >= kHeadroomLeft);
        const auto bytes = std::as_const(packet).bytes();
        sent_.push_back({Bytes{bytes.begin(), bytes.end()}, packet.offload});
    }

    void packets(std::span<PacketBuffer> row) noexcept override {
        together_ += row.size();
        Emit::packets(row);
    }

    [[nodiscard]] const std::vector<Sent>& sent() const noexcept { return sent_; }

    /// How many packets came with others, as plain ones do.
    [[nodiscard]] std::size_t together() const noexcept { return together_; }

    /// What was sent since the last take().
    [[nodiscard]] std::vector<Sent> take() { return std::exchange(sent_, {}); }

private:
    std::vector<OwnedPacket> waiting_;
    std::vector<OwnedPacket> reading_;
    std::vector<PacketBuffer> batch_;
    std::vector<Sent> sent_;
    std::size_t together_ = 0;
};

} // namespace nat64::test
