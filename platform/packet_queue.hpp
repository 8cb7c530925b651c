// SPDX-License-Identifier: Apache-2.0
// Where packets come from and go to: one queue of a TUN device (tun_queue), a capture
// (cli/replay), or memory (tests). Batches in, packets out through Emit. One thread a
// queue.
#pragma once

#include "core/net/packet_buffer.hpp"

#include <span>

namespace nat64::platform {

class PacketQueue : public Emit {
public:
    virtual ~PacketQueue() = default;

    /// The next packets, at most kMaxBatch, with kHeadroom and kTailroom around each; empty
    /// when there is nothing to read just now. They stay valid until the next call. Throws
    /// std::system_error when the device is gone.
    [[nodiscard]] virtual std::span<PacketBuffer> read_batch() = 0;

    /// Emit::packet: writes one packet at once; Emit::packets: in as few writes as the device
    /// allows, before it returns. A packet the device refuses is counted
    /// (DropReason::DeviceRefused or DeviceBusy), never an error.
};

} // namespace nat64::platform
