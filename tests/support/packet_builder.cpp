// SPDX-License-Identifier: Apache-2.0
// The vocabulary of the packet builder: each call notes one property. packet_assembly.cpp turns
// them into bytes.
#include "tests/support/packet_builder.hpp"

#include "core/net/address.hpp"
#include "core/net/packet_buffer.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/naive_checksum.hpp"
#include "tests/support/protocols.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>

namespace nat64::test {

AnyAddress::AnyAddress(const char* text) : bytes(16) {
    if (inet_pton(AF_INET, text, bytes.data()) == 1) {
        bytes.resize(4);
        return;
    }
    if (inet_pton(AF_INET6, text, bytes.data()) != 1)
        throw std::invalid_argument{std::string{"not an address: "} + text};
}

AnyAddress::AnyAddress(Ipv4Addr address) {
    append32(bytes, address.bits());
}

AnyAddress::AnyAddress(const Ipv6Addr& address) {
    for (const auto byte : address.bytes())
        append8(bytes, byte);
}

PacketBuilder::PacketBuilder(int version,
                             const AnyAddress& source,
                             const AnyAddress& destination)
    : source_{source.bytes}, destination_{destination.bytes} {
    const std::size_t size = version == 4 ? 4 : 16;
    if (source_.size() != size || destination_.size() != size)
        throw std::invalid_argument{"packet builder: address of the other family"};
}

PacketBuilder ipv4(const AnyAddress& source, const AnyAddress& destination) {
    return {4, source, destination};
}

PacketBuilder ipv6(const AnyAddress& source, const AnyAddress& destination) {
    return {6, source, destination};
}

PacketBuilder& PacketBuilder::hop_limit(unsigned value) {
    hop_limit_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::traffic_class(unsigned value) {
    traffic_class_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::identification(unsigned value) {
    identification_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::dont_fragment() {
    dont_fragment_ = true;
    return *this;
}

PacketBuilder& PacketBuilder::options(View bytes) {
    options_ = padded(bytes, 4);
    return *this;
}

PacketBuilder& PacketBuilder::flow_label(unsigned value) {
    flow_label_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::extension(unsigned protocol, std::size_t size) {
    assert(size >= 8 && size % 8 == 0);
    Bytes bytes(size);
    put8(bytes, 1, static_cast<unsigned>(size / 8 - 1));
    for (std::size_t at = 2; at < size; at += 2U + get8(bytes, at + 1)) {
        put8(bytes, at, 1); // PadN
        put8(bytes, at + 1, static_cast<unsigned>(std::min<std::size_t>(size - at - 2, 254)));
    }
    extensions_.push_back({protocol, bytes});
    return *this;
}

PacketBuilder& PacketBuilder::routing(unsigned segments_left, std::size_t size) {
    Bytes bytes(size);
    put8(bytes, 1, static_cast<unsigned>(size / 8 - 1));
    put8(bytes, 2, 253); // an experimental type (RFC 4727)
    put8(bytes, 3, segments_left);
    extensions_.push_back({43, bytes});
    return *this;
}

PacketBuilder& PacketBuilder::fragment(std::size_t offset, bool more, std::uint32_t id) {
    fragment_ = Fragment{extensions_.size(), offset, more, id, {}};
    return *this;
}

PacketBuilder& PacketBuilder::piece(std::size_t offset, std::size_t size, std::uint32_t id) {
    fragment_ = Fragment{extensions_.size(), offset, false, id, size};
    return *this;
}

PacketBuilder& PacketBuilder::udp(unsigned source_port, unsigned destination_port) {
    protocol_ = kUdp;
    header_.assign(8, std::byte{0});
    put16(header_, 0, source_port);
    put16(header_, 2, destination_port);
    return *this;
}

PacketBuilder&
PacketBuilder::tcp(unsigned source_port, unsigned destination_port, unsigned flags) {
    protocol_ = kTcp;
    header_.assign(20, std::byte{0});
    put16(header_, 0, source_port);
    put16(header_, 2, destination_port);
    put32(header_, 4, 0x1000'0001);
    put32(header_, 8, (flags & 0x10) != 0 ? 0x2000'0002 : 0);
    put8(header_, 12, 5 << 4);
    put8(header_, 13, flags);
    put16(header_, 14, 64240);
    return *this;
}

PacketBuilder& PacketBuilder::tcp_options(View bytes) {
    append(header_, padded(bytes, 4));
    put8(header_, 12, static_cast<unsigned>(header_.size() / 4 << 4));
    return *this;
}

PacketBuilder& PacketBuilder::sequence(std::uint32_t value) {
    put32(header_, 4, value);
    return *this;
}

PacketBuilder& PacketBuilder::acknowledgment(std::uint32_t value) {
    put32(header_, 8, value);
    return *this;
}

PacketBuilder& PacketBuilder::icmp(unsigned type, unsigned code, std::uint32_t rest) {
    protocol_ = v4() ? kIcmp : kIcmpv6;
    header_.assign(8, std::byte{0});
    put8(header_, 0, type);
    put8(header_, 1, code);
    put32(header_, 4, rest);
    return *this;
}

PacketBuilder& PacketBuilder::echo_request(unsigned identifier, unsigned sequence_number) {
    return icmp(v4() ? 8 : 128, 0, identifier << 16 | sequence_number);
}

PacketBuilder& PacketBuilder::echo_reply(unsigned identifier, unsigned sequence_number) {
    return icmp(v4() ? 0 : 129, 0, identifier << 16 | sequence_number);
}

PacketBuilder& PacketBuilder::protocol(unsigned number) {
    protocol_ = number;
    header_.clear();
    return *this;
}

PacketBuilder& PacketBuilder::payload(std::size_t size) {
    payload_ = pattern(size);
    return *this;
}

PacketBuilder& PacketBuilder::payload(View bytes) {
    payload_.assign(bytes.begin(), bytes.end());
    return *this;
}

PacketBuilder& PacketBuilder::extensions(View objects) {
    objects_ = Bytes{objects.begin(), objects.end()};
    return *this;
}

PacketBuilder& PacketBuilder::checksum(unsigned value) {
    checksum_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::partial_checksum() {
    partial_ = true;
    return *this;
}

PacketBuilder& PacketBuilder::segmented(std::size_t size) {
    segment_size_ = size;
    return partial_checksum();
}

} // namespace nat64::test
