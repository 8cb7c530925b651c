// SPDX-License-Identifier: Apache-2.0
// TunQueue on a socketpair of datagrams, which like a TUN gives one packet a read() and takes
// one a write().
#include "platform/tun_queue.hpp"
#include "platform/virtio_header.hpp"
#include "tests/support/owned_packet.hpp"
#include "tests/support/packet_builder.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nat64::platform {

namespace {

using Bytes = std::vector<std::byte>;

/// The kernel's end of the TUN.
struct Fixture {
    Counters counters;
    UniqueFd kernel;
    std::vector<int> trouble;
    std::unique_ptr<TunQueue> queue;

    explicit Fixture(UdpRows rows = UdpRows::No) {
        std::array<int, 2> pair{};
        REQUIRE(::socketpair(
                    AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
        kernel = UniqueFd{adopt, pair[0]};
        const int space = 1 << 20;
        for (const int fd : pair) {
            ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &space, sizeof space);
        }
        queue = std::make_unique<TunQueue>(UniqueFd{adopt, pair[1]},
                                           rows,
                                           counters,
                                           [this](int error) { trouble.push_back(error); });
    }

    void deliver(const VirtioHeader& header, const Bytes& packet) {
        Bytes message(sizeof header);
        std::memcpy(message.data(), &header, sizeof header);
        message.insert(message.end(), packet.begin(), packet.end());
        REQUIRE(::send(kernel.get(), message.data(), message.size(), 0) ==
                static_cast<ssize_t>(message.size()));
    }

    Bytes written() {
        Bytes message(70000);
        const ssize_t got = ::recv(kernel.get(), message.data(), message.size(), 0);
        message.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return message;
    }

    std::uint64_t dropped(DropReason reason) const {
        return counters.drops[static_cast<std::size_t>(reason)].value();
    }
};

Bytes packet(std::size_t size, unsigned fill) {
    Bytes bytes(size, std::byte(fill));
    bytes[0] = std::byte{0x60};
    return bytes;
}

bool same(std::span<const std::byte> a, const Bytes& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), b.size()) == 0;
}

} // namespace

TEST_CASE("read_batch: nothing to read is an empty batch") {
    Fixture f;
    CHECK(f.queue->read_batch().empty());
}

TEST_CASE("read_batch: packets come in order, whole, with room around each") {
    Fixture f;
    const std::vector<std::size_t> sizes{40, 1500, 1, 65535, 576};
    for (std::size_t i = 0; i < sizes.size(); ++i)
        f.deliver({}, packet(sizes[i], static_cast<unsigned>(i)));
    const auto batch = f.queue->read_batch();
    REQUIRE(batch.size() == sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        CAPTURE(i);
        CHECK(same(batch[i].bytes(), packet(sizes[i], static_cast<unsigned>(i))));
        CHECK(batch[i].headroom() >= kHeadroom);
        CHECK(batch[i].tailroom() >= kTailroom);
        CHECK(reinterpret_cast<std::uintptr_t>(batch[i].data()) % 64 == 0);
    }
}

TEST_CASE("read_batch: growing one packet to its limits leaves its neighbours alone") {
    Fixture f;
    for (unsigned i = 0; i < 3; ++i)
        f.deliver({}, packet(100, i));
    auto batch = f.queue->read_batch();
    REQUIRE(batch.size() == 3);
    batch[1].push_front(kHeadroom);
    batch[1].resize(batch[1].size() + kTailroom);
    std::memset(batch[1].data(), 0xee, batch[1].size());
    CHECK(same(batch[0].bytes(), packet(100, 0)));
    CHECK(same(batch[2].bytes(), packet(100, 2)));
}

TEST_CASE("read_batch: small packets lie close together") {
    Fixture f;
    for (unsigned i = 0; i < 4; ++i)
        f.deliver({}, packet(60, i));
    const auto batch = f.queue->read_batch();
    REQUIRE(batch.size() == 4);
    CHECK(batch[3].data() - batch[0].data() <= 3 * 256);
}

TEST_CASE("read_batch: no more than kMaxBatch at once, the rest comes next") {
    // A pipe in packet mode queues more small packets than a socketpair.
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_DIRECT | O_NONBLOCK | O_CLOEXEC) == 0);
    const UniqueFd kernel{adopt, ends[1]};
    REQUIRE(::fcntl(kernel.get(), F_SETPIPE_SZ, 1 << 20) > 0);
    Counters counters;
    TunQueue queue{UniqueFd{adopt, ends[0]}, UdpRows::No, counters};
    const Bytes message(kVirtioHeaderSize + 60);
    for (std::size_t i = 0; i < kMaxBatch + 10; ++i)
        REQUIRE(::write(kernel.get(), message.data(), message.size()) > 0);
    CHECK(queue.read_batch().size() == kMaxBatch);
    CHECK(queue.read_batch().size() == 10);
    CHECK(queue.read_batch().empty());
}

TEST_CASE("read_batch: the largest packets have their room too") {
    Fixture f;
    for (unsigned round = 0; round < 20; ++round) {
        for (unsigned i = 0; i < 3; ++i)
            f.deliver({}, packet(65535, i));
        auto batch = f.queue->read_batch();
        REQUIRE(batch.size() == 3);
        for (unsigned i = 0; i < 3; ++i) {
            CHECK(same(batch[i].bytes(), packet(65535, i)));
            std::memset(batch[i].data() - kHeadroom, 0, kHeadroom + 65535 + kTailroom);
        }
    }
}

TEST_CASE("read_batch: offload metadata arrives, impossible metadata is counted and skipped") {
    Fixture f;
    f.deliver({.flags = VirtioHeader::kNeedsCsum, .csum_start = 40, .csum_offset = 6},
              packet(100, 1));
    f.deliver({.gso_type = VirtioHeader::kGsoUfo, .gso_size = 100}, packet(1000, 2));
    f.deliver({}, packet(100, 3));
    const auto batch = f.queue->read_batch();
    REQUIRE(batch.size() == 2);
    CHECK(batch[0].offload.partial_checksum);
    CHECK(batch[0].offload.checksum_start == 40);
    CHECK_FALSE(batch[1].offload.partial_checksum);
    CHECK(f.dropped(DropReason::BadOffload) == 1);
    CHECK(f.counters.received.value() == 1); // the others count where they are translated
}

TEST_CASE("read_batch: what is shorter than a virtio header is counted as truncated") {
    Fixture f;
    const Bytes runt(5);
    REQUIRE(::send(f.kernel.get(), runt.data(), runt.size(), 0) == 5);
    CHECK(f.queue->read_batch().empty());
    CHECK(f.dropped(DropReason::Truncated) == 1);
    CHECK(f.counters.received.value() == 1);
}

TEST_CASE("read_batch: a read error that concerns one packet is counted, a batch at most") {
    // An epoll descriptor answers each read() with EINVAL.
    Counters counters;
    TunQueue queue{UniqueFd{adopt, ::epoll_create1(EPOLL_CLOEXEC)}, UdpRows::No, counters};
    CHECK(queue.read_batch().empty());
    const auto& drops = counters.drops[static_cast<std::size_t>(DropReason::Unreadable)];
    CHECK(drops.value() == kMaxBatch);
    CHECK(counters.received.value() == kMaxBatch);
}

TEST_CASE("write: what some kernels do to a super-packet with a short end is counted") {
    // An epoll descriptor answers each write() with EINVAL, as Linux 6.6.44 does this one.
    Counters counters;
    std::vector<int> trouble;
    TunQueue queue{UniqueFd{adopt, ::epoll_create1(EPOLL_CLOEXEC)},
                   UdpRows::No,
                   counters,
                   [&](int error) { trouble.push_back(error); }};
    auto bytes = packet(kHeadroom + 200 + kTailroom, 7);
    PacketBuffer buffer{bytes, kHeadroom, 200};
    queue.packet(buffer);
    const auto& drops = counters.drops[static_cast<std::size_t>(DropReason::DeviceRefused)];
    CHECK(drops.value() == 1);
    CHECK(trouble.empty());
}

TEST_CASE("read_batch: a descriptor that fails for good throws") {
    Counters counters;
    TunQueue queue{UniqueFd{}, UdpRows::No, counters};
    CHECK_THROWS_AS(static_cast<void>(queue.read_batch()), std::system_error);
}

TEST_CASE("write: the header stands right in front of the packet, in one message") {
    Fixture f;
    auto bytes = packet(kHeadroom + 200 + kTailroom, 7);
    PacketBuffer buffer{bytes, kHeadroom, 200};
    buffer.data()[0] = std::byte{0x45};
    buffer.offload = {.partial_checksum = true, .checksum_start = 20, .checksum_offset = 6};
    const Bytes expected{buffer.data(), buffer.data() + buffer.size()};
    f.queue->packet(buffer);

    const auto message = f.written();
    REQUIRE(message.size() == kVirtioHeaderSize + 200);
    VirtioHeader header;
    std::memcpy(&header, message.data(), sizeof header);
    CHECK(header ==
          VirtioHeader{.flags = VirtioHeader::kNeedsCsum, .csum_start = 20, .csum_offset = 6});
    CHECK(same(std::span{message}.subspan(kVirtioHeaderSize), expected));
}

TEST_CASE("write: a full queue is counted as busy, and is no trouble") {
    Fixture f;
    auto bytes = packet(kHeadroom + 200 + kTailroom, 7);
    int attempts = 0;
    while (f.dropped(DropReason::DeviceBusy) == 0 && attempts < 100'000) {
        PacketBuffer buffer{bytes, kHeadroom, 200};
        f.queue->packet(buffer);
        ++attempts;
    }
    CHECK(f.dropped(DropReason::DeviceBusy) == 1);
    CHECK(f.trouble.empty());
}

TEST_CASE("write: a refused packet is counted") {
    Fixture f;
    f.kernel.reset();
    auto bytes = packet(kHeadroom + 200 + kTailroom, 7);
    for (int i = 0; i < 3; ++i) {
        PacketBuffer buffer{bytes, kHeadroom, 200};
        f.queue->packet(buffer);
    }
    CHECK(f.dropped(DropReason::DeviceRefused) == 3);
}

namespace {

/// Three datagrams of one flow and one of another.
struct Datagrams {
    std::vector<test::OwnedPacket> owned;
    std::vector<PacketBuffer> buffers;

    Datagrams() {
        for (const unsigned port : {53U, 53U, 53U, 54U}) {
            owned.push_back(
                test::ipv4("192.0.2.1", "198.51.100.2").udp(4000, port).payload(50).packet());
            buffers.push_back(owned.back().buffer());
        }
    }
};

} // namespace

TEST_CASE("write: datagrams of one flow that follow each other are one message") {
    Fixture f{UdpRows::Yes};
    Datagrams datagrams;
    f.queue->packets(datagrams.buffers);
    CHECK(f.written().size() == kVirtioHeaderSize + 28 + 3 * 50);
    CHECK(f.written().size() == kVirtioHeaderSize + 28 + 50);
    CHECK(f.written().empty());
}

TEST_CASE("write: where the kernel does not cut UDP, each datagram is a message") {
    Fixture f{UdpRows::No};
    Datagrams datagrams;
    f.queue->packets(datagrams.buffers);
    for (int i = 0; i < 4; ++i)
        CHECK(f.written().size() == kVirtioHeaderSize + 28 + 50);
    CHECK(f.written().empty());
}

TEST_CASE("write: a row that is refused goes one by one, which is said once") {
    // An epoll descriptor answers each writev() with EINVAL, as Linux 6.6.44 does a short end.
    Counters counters;
    int times = 0;
    const auto count = [&] { ++times; };
    UniqueFd epoll{adopt, ::epoll_create1(EPOLL_CLOEXEC)};
    TunQueue queue{std::move(epoll), UdpRows::Yes, counters, {}, count};
    Datagrams datagrams;
    queue.packets(datagrams.buffers);
    queue.packets(datagrams.buffers);
    const auto& drops = counters.drops[static_cast<std::size_t>(DropReason::DeviceRefused)];
    CHECK(drops.value() == 8);
    CHECK(times == 1);
}

TEST_CASE("write: each datagram of a row that is lost is counted") {
    Fixture f{UdpRows::Yes};
    f.kernel.reset();
    Datagrams datagrams;
    f.queue->packets(datagrams.buffers);
    CHECK(f.dropped(DropReason::DeviceRefused) == 4);
}

} // namespace nat64::platform
