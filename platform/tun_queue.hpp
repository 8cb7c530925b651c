// SPDX-License-Identifier: Apache-2.0
// One queue of a TUN device: reads packets with their virtio_net_hdr in batches, writes them
// one by one, datagrams of one flow in rows (platform/udp_row). Everything here works on any
// descriptor that gives one packet a read() and takes one a write(), so tests use a socketpair;
// making the device is tun_device's job.
//
// Memory: one arena, filled from its start at every batch, packet behind packet:
//
//   | headroom ........ [vnet_hdr] | packet ....... | tailroom | pad to 64 | headroom ...
//
// so a batch of small packets lies dense in the cache and a super-packet is contiguous. The
// vnet_hdr is read into the end of the headroom, decoded, and overwritten by the translation.
// One thread: the packet thread.
#pragma once

#include "core/counters.hpp"
#include "core/translator.hpp"
#include "core/verdict.hpp"
#include "platform/packet_queue.hpp"
#include "platform/unique_fd.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace nat64::platform {

/// Whether the kernel cuts UDP super-packets (TunFeatures::udp_segmentation), so that
/// datagrams may be written in rows (platform/udp_row).
enum class UdpRows : bool { No, Yes };

class TunQueue final : public PacketQueue {
public:
    /// Called on the packet thread when the device starts to refuse packets for a reason that
    /// is not in the packet (interface down, deleted: the errno), and with 0 when it takes them
    /// again.
    using DeviceTrouble = std::function<void(int error)>;
    /// Called on the packet thread, once, when the kernel has refused a row it should take: no
    /// more are made.
    using RowsRefused = std::function<void()>;

    /// Takes over a non-blocking descriptor with vnet headers of kVirtioHeaderSize.
    TunQueue(UniqueFd fd,
             UdpRows rows,
             Counters& counters,
             DeviceTrouble trouble = {},
             RowsRefused rows_refused = {});

    [[nodiscard]] std::span<PacketBuffer> read_batch() override;
    void packet(PacketBuffer& packet) noexcept override;
    void packets(std::span<PacketBuffer> packets) noexcept override;

    /// For waiting until there is something to read.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    struct alignas(64) Line {
        std::array<std::byte, 64> bytes;
    };

    /// A batch of packets of 1500 bytes fits, and three super-packets: what is read is still in
    /// a core's own cache when it is written.
    static constexpr std::size_t kArenaSize = std::size_t{256} << 10;

    enum class Unread : bool { Nothing, OnePacket };

    static Unread unread(int error);
    void drop(DropReason reason) noexcept;
    [[nodiscard]] bool write_row(std::span<const PacketBuffer> packets) noexcept;
    void taken() noexcept;
    void refused(int error, std::size_t packets) noexcept;

    UniqueFd fd_;
    UdpRows rows_;
    Counters& counters_;
    DeviceTrouble trouble_;
    RowsRefused rows_refused_;
    bool in_trouble_ = false;
    std::vector<Line> lines_;
    std::span<std::byte> arena_;
    std::array<PacketBuffer, kMaxBatch> batch_;
};

} // namespace nat64::platform
