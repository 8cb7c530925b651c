// SPDX-License-Identifier: Apache-2.0
// The virtio_net_hdr: what is believed when read, what is written. Cases are data.
#include "platform/virtio_header.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::platform {

namespace {

using Header = VirtioHeader;
constexpr auto kTcp4 = Header::kGsoTcpV4;
constexpr auto kTcp6 = Header::kGsoTcpV6;
constexpr auto kUdp = Header::kGsoUdpL4;
constexpr auto kEcn = Header::kGsoEcn;

/// A packet of `size` bytes of which only the version and, behind `tcp_at`, the length of a TCP
/// header (with 12 bytes of options) matter.
std::vector<std::byte> packet(unsigned version, std::size_t size, std::size_t tcp_at = 0) {
    std::vector<std::byte> bytes(size);
    if (size > 0) bytes[0] = std::byte(version << 4);
    if (tcp_at != 0) bytes[tcp_at + 12] = std::byte{0x80};
    return bytes;
}

/// flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
Header header(unsigned flags, unsigned type, unsigned size, unsigned start, unsigned offset) {
    return {.flags = static_cast<std::uint8_t>(flags),
            .gso_type = static_cast<std::uint8_t>(type),
            .hdr_len = 0xffff, // a forwarding kernel's nonsense: must not matter
            .gso_size = static_cast<std::uint16_t>(size),
            .csum_start = static_cast<std::uint16_t>(start),
            .csum_offset = static_cast<std::uint16_t>(offset)};
}

Offload offload(Segmentation segmentation, std::uint16_t size, std::uint16_t start) {
    return {.segmentation = segmentation,
            .partial_checksum = true,
            .segment_size = size,
            .checksum_start = start,
            .checksum_offset =
                segmentation == Segmentation::Udp ? std::uint16_t{6} : std::uint16_t{16}};
}

} // namespace

TEST_CASE("virtio read: a plain packet says nothing") {
    const auto read = decode(Header{}, packet(6, 100));
    REQUIRE(read);
    CHECK(read->segmentation == Segmentation::None);
    CHECK_FALSE(read->partial_checksum);
}

TEST_CASE("virtio read: DATA_VALID and hdr_len are ignored") {
    const auto read = decode(header(Header::kDataValid, 0, 0, 0, 0), packet(4, 100));
    REQUIRE(read);
    CHECK_FALSE(read->partial_checksum);
    CHECK(read->checksum_start == 0);
}

TEST_CASE("virtio read: super-packets of every legal type") {
    struct Case {
        const char* name;
        unsigned version;
        unsigned type;
        unsigned start;
        unsigned offset;
        Segmentation segmentation;
        bool cwr;
    };

    const Case cases[] = {
        {"TCP over IPv4", 4, kTcp4, 20, 16, Segmentation::Tcp, false},
        {"TCP over IPv6", 6, kTcp6, 40, 16, Segmentation::Tcp, false},
        {"TCP over IPv4 with CWR", 4, kTcp4 | kEcn, 20, 16, Segmentation::Tcp, true},
        {"TCP over IPv6 with CWR", 6, kTcp6 | kEcn, 40, 16, Segmentation::Tcp, true},
        {"UDP over IPv4", 4, kUdp, 20, 6, Segmentation::Udp, false},
        {"UDP over IPv6", 6, kUdp, 40, 6, Segmentation::Udp, false},
        {"TCP behind an extension header", 6, kTcp6, 48, 16, Segmentation::Tcp, false},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        const auto bytes = packet(c.version, 9000, c.start);
        const auto read =
            decode(header(Header::kNeedsCsum, c.type, 1400, c.start, c.offset), bytes);
        REQUIRE(read);
        CHECK(read->segmentation == c.segmentation);
        CHECK(read->segment_size == 1400);
        CHECK(read->tcp_cwr == c.cwr);
        CHECK(read->partial_checksum);
        CHECK(read->checksum_start == c.start);
        CHECK(read->checksum_offset == c.offset);
    }
}

TEST_CASE("virtio read: what no kernel should send is BadOffload") {
    constexpr auto kSum = Header::kNeedsCsum;

    struct Case {
        const char* name;
        unsigned version;
        std::size_t size;
        Header header;
    };

    const Case cases[] = {
        {"UFO", 4, 9000, header(kSum, Header::kGsoUfo, 1400, 20, 6)},
        {"unknown type", 4, 9000, header(kSum, 6, 1400, 20, 16)},
        {"UDP tunnel bit", 4, 9000, header(kSum, kTcp4 | 0x20, 1400, 20, 16)},
        {"ECN alone", 4, 9000, header(kSum, kEcn, 0, 20, 16)},
        {"UDP with ECN", 4, 9000, header(kSum, kUdp | kEcn, 1400, 20, 6)},
        {"TCPV4 on IPv6", 6, 9000, header(kSum, kTcp4, 1400, 40, 16)},
        {"TCPV6 on IPv4", 4, 9000, header(kSum, kTcp6, 1400, 20, 16)},
        {"segment size 0", 4, 9000, header(kSum, kTcp4, 0, 20, 16)},
        {"segment size of a fragment list", 4, 9000, header(kSum, kTcp4, 0xffff, 20, 16)},
        {"TCP super-packet without partial checksum", 4, 9000, header(0, kTcp4, 1400, 20, 16)},
        {"UDP super-packet without partial checksum", 4, 9000, header(0, kUdp, 1400, 20, 6)},
        {"TCP, checksum elsewhere", 4, 9000, header(kSum, kTcp4, 1400, 20, 6)},
        {"UDP, checksum elsewhere", 4, 9000, header(kSum, kUdp, 1400, 20, 16)},
        {"TCP header outside", 4, 39, header(kSum, kTcp4, 1400, 20, 16)},
        {"UDP header outside", 4, 27, header(kSum, kUdp, 1400, 20, 6)},
        {"checksum outside", 4, 37, header(kSum, 0, 0, 20, 16)},
        {"checksum far outside", 4, 100, header(kSum, 0, 0, 0xffff, 0xffff)},
        {"checksum start inside the IPv4 header", 4, 100, header(kSum, 0, 0, 19, 16)},
        {"checksum start inside the IPv6 header", 6, 100, header(kSum, 0, 0, 39, 16)},
        {"empty packet", 0, 0, header(kSum, 0, 0, 20, 16)},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        const auto tcp_at = c.size >= 60 ? c.header.csum_start % 64U : 0U;
        const auto read = decode(c.header, packet(c.version, c.size, tcp_at));
        REQUIRE_FALSE(read);
        CHECK(read.error() == DropReason::BadOffload);
    }
}

TEST_CASE("virtio read: a TCP header length that is none is BadOffload") {
    for (const unsigned doff : {0U, 4U, 15U}) {
        CAPTURE(doff);
        auto bytes = packet(4, 60); // 40 bytes behind the IP header: 15 * 4 is too much
        bytes[32] = std::byte(doff << 4);
        CHECK_FALSE(decode(header(Header::kNeedsCsum, kTcp4, 8, 20, 16), bytes));
    }
}

TEST_CASE("virtio write: a plain packet gets an empty header") {
    CHECK(encode(Offload{}, packet(4, 1500)) == Header{});
}

TEST_CASE("virtio write: a partial checksum alone asks for the checksum alone") {
    const auto written = encode(offload(Segmentation::None, 0, 40), packet(6, 1500, 40));
    CHECK(written == Header{.flags = Header::kNeedsCsum, .csum_start = 40, .csum_offset = 16});
}

TEST_CASE("virtio write: super-packets carry the family's type and a computed hdr_len") {
    auto tcp = offload(Segmentation::Tcp, 1400, 20);
    auto written = encode(tcp, packet(4, 9000, 20));
    CHECK(written.gso_type == kTcp4);
    CHECK(written.gso_size == 1400);
    CHECK(written.hdr_len == 20 + 32); // TCP with 12 bytes of options

    tcp.tcp_cwr = true;
    tcp.checksum_start = 40;
    written = encode(tcp, packet(6, 9000, 40));
    CHECK(written.gso_type == (kTcp6 | kEcn));
    CHECK(written.hdr_len == 40 + 32);

    written = encode(offload(Segmentation::Udp, 1200, 40), packet(6, 9000));
    CHECK(written.gso_type == kUdp);
    CHECK(written.hdr_len == 48);
}

TEST_CASE("virtio write: one segment's payload is no super-packet") {
    // 20 + 32 bytes of headers; the kernel counts 20 + 20 and would make a super-packet of one.
    const auto tcp = offload(Segmentation::Tcp, 1400, 20);
    const auto one = encode(tcp, packet(4, 52 + 1400, 20));
    CHECK(one.gso_type == Header::kGsoNone);
    CHECK(one.gso_size == 0);
    CHECK(one.flags == Header::kNeedsCsum);
    CHECK(encode(tcp, packet(4, 52 + 1401, 20)).gso_type == kTcp4);

    const auto udp = offload(Segmentation::Udp, 1200, 20);
    CHECK(encode(udp, packet(4, 28 + 1200)).gso_type == Header::kGsoNone);
    CHECK(encode(udp, packet(4, 28 + 1201)).gso_type == kUdp);
}

TEST_CASE("virtio: what was read can be written again unchanged, but for hdr_len") {
    const auto bytes = packet(6, 30000, 40);
    const auto before = header(Header::kNeedsCsum, kTcp6 | kEcn, 1388, 40, 16);
    const auto read = decode(before, bytes);
    REQUIRE(read);
    auto after = encode(*read, bytes);
    CHECK(after.hdr_len == 72);
    after.hdr_len = before.hdr_len;
    CHECK(after == before);
}

} // namespace nat64::platform
