// SPDX-License-Identifier: Apache-2.0
// The two system calls of a packet's way: read() on the way in, write() on the way out.
#include "platform/tun_queue.hpp"

#include "core/counters.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/translator.hpp"
#include "core/verdict.hpp"
#include "platform/os_error.hpp"
#include "platform/udp_row.hpp"
#include "platform/unique_fd.hpp"
#include "platform/virtio_header.hpp"

#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

namespace nat64::platform {

namespace {

constexpr std::size_t kAlignment = 64;
/// What any packet may need.
constexpr std::size_t kLargestSlot = kHeadroom + kMaxPacket + kTailroom;

static_assert(kHeadroom % kAlignment == 0 && kHeadroomLeft >= kVirtioHeaderSize);

constexpr std::size_t align_up(std::size_t n) noexcept {
    return (n + kAlignment - 1) / kAlignment * kAlignment;
}

} // namespace

TunQueue::TunQueue(UniqueFd fd,
                   UdpRows rows,
                   Counters& counters,
                   DeviceTrouble trouble,
                   RowsRefused rows_refused)
    : fd_{std::move(fd)},
      rows_{rows},
      counters_{counters},
      trouble_{std::move(trouble)},
      rows_refused_{std::move(rows_refused)},
      lines_(kArenaSize / sizeof(Line)),
      arena_{std::as_writable_bytes(std::span{lines_})} {}

std::span<PacketBuffer> TunQueue::read_batch() {
    std::size_t count = 0;
    std::size_t slot = 0;
    for (std::size_t reads = 0; reads < kMaxBatch && slot + kLargestSlot <= kArenaSize;
         ++reads) {
        const auto storage = arena_.subspan(slot);
        std::byte* const packet = storage.data() + kHeadroom;
        std::byte* const start = packet - kVirtioHeaderSize;
        const ssize_t got = ::read(fd_.get(), start, kVirtioHeaderSize + kMaxPacket);
        if (got < 0) {
            if (unread(errno) == Unread::Nothing) break;
            drop(DropReason::Unreadable);
            continue;
        }
        if (got == 0) throw OsError{ENODEV, "read from the TUN device"};
        const auto length = static_cast<std::size_t>(got);
        if (length < kVirtioHeaderSize) {
            drop(DropReason::Truncated);
            continue;
        }
        VirtioHeader header;
        std::memcpy(&header, start, sizeof header);
        const std::size_t size = length - kVirtioHeaderSize;
        const auto offload = decode(header, {packet, size});
        if (!offload) {
            drop(offload.error());
            continue;
        }
        const std::size_t used = kHeadroom + size + kTailroom;
        batch_[count] = PacketBuffer{storage.first(used), kHeadroom, size};
        batch_[count].offload = *offload;
        ++count;
        slot += align_up(used);
    }
    return {batch_.data(), count};
}

/// What a failed read() means; throws if there is no sense in another one.
TunQueue::Unread TunQueue::unread(int error) {
    switch (error) {
    case EAGAIN:
    case EINTR:
        return Unread::Nothing;
    case EINVAL:
    case EFAULT:
    case ENOMEM:
        return Unread::OnePacket; // the kernel has thrown it away
    case EBADFD:
        throw OsError{EBADFD,
                      "read from the TUN device",
                      "Somebody deleted the interface: start nat64 again"};
    default:
        throw OsError{error, "read from the TUN device"};
    }
}

/// The translator never sees this packet; the books are to balance all the same.
void TunQueue::drop(DropReason reason) noexcept {
    counters_.received.add();
    counters_.drop(reason);
}

void TunQueue::packet(PacketBuffer& packet) noexcept {
    assert(packet.headroom() >= kVirtioHeaderSize);
    const VirtioHeader header = encode(packet.offload, packet.bytes());
    std::byte* const start = packet.data() - sizeof header;
    std::memcpy(start, &header, sizeof header);
    if (::write(fd_.get(), start, sizeof header + packet.size()) < 0)
        refused(errno, 1);
    else
        taken();
}

void TunQueue::packets(std::span<PacketBuffer> packets) noexcept {
    while (!packets.empty()) {
        const std::size_t count = rows_ == UdpRows::Yes ? udp_row_length(packets) : 1;
        if (count == 1 || !write_row(packets.first(count))) {
            for (auto& one : packets.first(count))
                packet(one);
        }
        packets = packets.subspan(count);
    }
}

/// False if the kernel does not like such a row, and then no more are tried: some (Linux
/// 6.6.44) refuse a last segment that is shorter.
bool TunQueue::write_row(std::span<const PacketBuffer> packets) noexcept {
    const UdpRow row{packets};
    const auto parts = row.parts();
    if (::writev(fd_.get(), parts.data(), static_cast<int>(parts.size())) >= 0) {
        taken();
        return true;
    }
    if (errno == EINVAL) {
        rows_ = UdpRows::No;
        if (rows_refused_) rows_refused_();
        return false;
    }
    refused(errno, packets.size());
    return true;
}

void TunQueue::taken() noexcept {
    if (!in_trouble_) [[likely]]
        return;
    in_trouble_ = false;
    if (trouble_) trouble_(0);
}

void TunQueue::refused(int error, std::size_t packets) noexcept {
    const bool busy = error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS ||
                      error == ENOMEM || error == EINTR;
    for (std::size_t i = 0; i < packets; ++i)
        counters_.drop(busy ? DropReason::DeviceBusy : DropReason::DeviceRefused);
    const bool device_down = error == EIO || error == EBADFD || error == ENODEV;
    if (!device_down || in_trouble_) return;
    in_trouble_ = true;
    if (trouble_) trouble_(error);
}

} // namespace nat64::platform
