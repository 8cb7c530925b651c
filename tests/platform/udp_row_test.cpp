// SPDX-License-Identifier: Apache-2.0
// Rows of datagrams. The oracle cuts a row's super-packet as the kernel would, by the book and
// with sums of its own: what comes out is what went in, byte for byte but for the numbers of
// IPv4 datagrams.
#include "platform/udp_row.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/naive_checksum.hpp"
#include "tests/support/owned_packet.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::platform {

namespace {

using namespace nat64::test;

constexpr std::size_t kUdp = 8;

std::size_t ip_header(View packet) {
    return get8(packet, 0) >> 4 == 4 ? 20 : 40;
}

/// Length and checksum of both headers, as they are on the wire. Zero is sent as all ones.
Bytes finished(Bytes packet) {
    const auto ip = ip_header(packet);
    const std::size_t udp = packet.size() - ip;
    put16(packet, ip + 4, static_cast<unsigned>(udp));
    put16(packet, ip + 6, 0);
    const auto sum =
        naive_checksum(View{packet}.subspan(ip), naive_pseudo_sum(packet, 17, udp));
    put16(packet, ip + 6, sum == 0 ? 0xffffU : sum);
    if (ip == 40) {
        put16(packet, 4, static_cast<unsigned>(udp));
    } else {
        put16(packet, 2, static_cast<unsigned>(packet.size()));
        fix_ipv4_checksum(packet);
    }
    return packet;
}

/// What the kernel would make of a row's super-packet, which is checked first.
std::vector<Bytes> cut(const UdpRow& row) {
    Bytes all;
    for (const auto& part : row.parts())
        append(all, {static_cast<const std::byte*>(part.iov_base), part.iov_len});
    VirtioHeader header;
    std::memcpy(&header, all.data(), sizeof header);
    all.erase(all.begin(), all.begin() + sizeof header);

    const auto ip = ip_header(all);
    const auto headers = ip + kUdp;
    CHECK(header == VirtioHeader{.flags = VirtioHeader::kNeedsCsum,
                                 .gso_type = VirtioHeader::kGsoUdpL4,
                                 .hdr_len = static_cast<std::uint16_t>(headers),
                                 .gso_size = header.gso_size,
                                 .csum_start = static_cast<std::uint16_t>(ip),
                                 .csum_offset = 6});
    REQUIRE(header.gso_size > 0);
    CHECK(all.size() - headers > header.gso_size);
    CHECK(all.size() - headers <= std::size_t{header.gso_size} * kMaxRow);
    CHECK(get16(all, ip + 4) == all.size() - ip);
    CHECK(get16(all, ip + 6) == naive_pseudo_sum(all, 17, all.size() - ip));
    if (ip == 20) {
        CHECK(get16(all, 2) == all.size());
        CHECK(naive_sum(View{all}.first(ip)) == 0xffff);
    } else {
        CHECK(get16(all, 4) == all.size() - ip);
    }

    std::vector<Bytes> result;
    for (std::size_t at = headers; at < all.size(); at += header.gso_size) {
        Bytes one{all.begin(), all.begin() + static_cast<std::ptrdiff_t>(headers)};
        append(one,
               View{all}.subspan(at, std::min<std::size_t>(header.gso_size, all.size() - at)));
        if (ip == 20) put16(one, 4, get16(all, 4) + static_cast<unsigned>(result.size()));
        result.push_back(finished(std::move(one)));
    }
    return result;
}

/// Packets as they stand in a batch.
struct Batch {
    std::vector<OwnedPacket> owned;
    std::vector<PacketBuffer> buffers;

    void add(const PacketBuilder& builder) {
        owned.push_back(builder.packet());
        buffers.push_back(owned.back().buffer());
    }

    /// The row at the front, cut again, must be the packets that went in.
    std::size_t check_row() const {
        const std::size_t count = udp_row_length(buffers);
        if (count == 1) return count;
        const UdpRow row{std::span{buffers}.first(count)};
        const auto segments = cut(row);
        REQUIRE(segments.size() == count);
        for (std::size_t i = 0; i < count; ++i) {
            CAPTURE(i);
            Bytes wanted = finished(owned[i].copy());
            if (ip_header(wanted) == 20) {
                put16(wanted, 4, get16(owned[0].bytes(), 4) + static_cast<unsigned>(i));
                fix_ipv4_checksum(wanted);
            }
            CHECK(hex(segments[i]) == hex(wanted));
        }
        return count;
    }
};

PacketBuilder datagram4(std::size_t size, unsigned id = 7) {
    return ipv4("192.0.2.1", "198.51.100.2").identification(id).udp(4000, 53).payload(size);
}

PacketBuilder datagram6(std::size_t size) {
    return ipv6("64:ff9b::198.51.100.2", "2001:db8::1").udp(53, 4000).payload(size);
}

} // namespace

TEST_CASE("UDP row: datagrams of one flow and size, the last may be shorter") {
    for (const bool v4 : {true, false}) {
        CAPTURE(v4);
        Batch batch;
        unsigned id = 500;
        for (const std::size_t size : {100U, 100U, 100U, 33U, 100U})
            batch.add(v4 ? datagram4(size, id += 77) : datagram6(size));
        CHECK(batch.check_row() == 4);
    }
}

TEST_CASE("UDP row: partial checksums, right ones and both together") {
    Batch batch;
    batch.add(datagram6(21).partial_checksum());
    batch.add(datagram6(21));
    batch.add(datagram6(21).partial_checksum());
    CHECK(batch.check_row() == 3);
}

TEST_CASE("UDP row: a wrong checksum stays wrong, and none stays none") {
    for (const unsigned checksum : {0U, 1U, 0xffffU}) {
        CAPTURE(checksum);
        Batch behind;
        behind.add(datagram4(50));
        behind.add(datagram4(50));
        behind.add(datagram4(50).checksum(checksum));
        CHECK(behind.check_row() == 2);

        Batch ahead;
        ahead.add(datagram4(50).checksum(checksum));
        ahead.add(datagram4(50));
        CHECK(ahead.check_row() == 1);
    }
}

TEST_CASE("UDP row: what differs in anything but length and number goes alone") {
    const auto base4 = [] { return datagram4(50); };
    const auto base6 = [] { return datagram6(50); };

    struct Case {
        const char* name;
        PacketBuilder first, second;
    };

    const Case cases[] = {
        {"longer", base4(), datagram4(51)},
        {"empty", base4(), datagram4(0)},
        {"both empty", datagram4(0), datagram4(0)},
        {"TTL", base4(), base4().hop_limit(63)},
        {"TOS", base4(), base4().traffic_class(1)},
        {"DF", base4(), base4().dont_fragment()},
        {"source port", base4(), base4().udp(4001, 53)},
        {"destination port", base4(), base4().udp(4000, 54)},
        {"server", base4(), ipv4("192.0.2.1", "198.51.100.3").udp(4000, 53).payload(50)},
        {"client", base4(), ipv4("192.0.2.2", "198.51.100.2").udp(4000, 53).payload(50)},
        {"TCP", base4(), ipv4("192.0.2.1", "198.51.100.2").tcp(4000, 53).payload(38)},
        {"all TCP",
         ipv4("192.0.2.1", "198.51.100.2").tcp(4000, 53).payload(38),
         ipv4("192.0.2.1", "198.51.100.2").tcp(4000, 53).payload(38)},
        {"the other family", base4(), datagram6(30)},
        {"hop limit", base6(), base6().hop_limit(63)},
        {"traffic class", base6(), base6().traffic_class(1)},
        {"flow label", base6(), base6().flow_label(1)},
        {"port over IPv6", base6(), base6().udp(53, 4001)},
        {"client over IPv6",
         base6(),
         ipv6("64:ff9b::198.51.100.2", "2001:db8::2").udp(53, 4000).payload(50)},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        Batch batch;
        batch.add(c.first);
        batch.add(c.second);
        CHECK(batch.check_row() == 1);
    }
}

TEST_CASE("UDP row: no more segments than any kernel takes") {
    Batch batch;
    for (std::size_t i = 0; i < kMaxRow + 3; ++i)
        batch.add(datagram6(18));
    CHECK(batch.check_row() == kMaxRow);
}

TEST_CASE("UDP row: no more bytes than an IP packet has") {
    for (const bool v4 : {true, false}) {
        Batch batch;
        for (std::size_t i = 0; i < 60; ++i)
            batch.add(v4 ? datagram4(1472).dont_fragment() : datagram6(1472));
        CHECK(batch.check_row() == 44);
    }
}

TEST_CASE("UDP row: random batches leave as they came") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        Random random{seed};
        Batch batch;
        std::vector<Bytes> payloads;
        for (std::size_t i = random.between(1, 40); i-- > 0;) {
            const auto data = random.bytes(random.one_in(4) ? random.between(0, 90) : 40);
            auto one = random.one_in(9) ? datagram4(0) : datagram6(0);
            one.payload(View{data});
            if (random.one_in(3)) one.partial_checksum();
            if (random.one_in(9)) one.checksum(random.word());
            batch.add(one);
        }
        const auto all = std::span{batch.buffers};
        for (std::size_t at = 0; at < all.size();) {
            const std::size_t count = udp_row_length(all.subspan(at));
            Batch part;
            for (std::size_t i = 0; i < count; ++i) {
                part.owned.emplace_back(all[at + i].bytes(), all[at + i].offload);
                part.buffers.push_back(part.owned.back().buffer());
            }
            CHECK(part.check_row() == count);
            at += count;
        }
    }
}

} // namespace nat64::platform
