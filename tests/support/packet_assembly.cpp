// SPDX-License-Identifier: Apache-2.0
// Assembles what the packet builder was told, from the inside out: transport header and
// payload, checksum over both and the pseudo-header, extension headers, cut to a fragment if
// one was asked for, IP header.
#include "core/net/packet_buffer.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/naive_checksum.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/protocols.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace nat64::test {

std::size_t PacketBuilder::checksum_field() const {
    return protocol_ == kTcp ? 16 : protocol_ == kUdp ? 6 : 2;
}

/// The payload, with the extensions of RFC 4884 §7 behind it.
Bytes PacketBuilder::body() const {
    if (!objects_) return payload_;
    auto body = padded(payload_, v4() ? 4 : 8);
    body.resize(std::max<std::size_t>(body.size(), 128));
    Bytes extension;
    append32(extension, 0x2000'0000); // version 2, checksum still zero
    append(extension, *objects_);
    put16(extension, 2, naive_checksum(extension));
    append(body, extension);
    return body;
}

void PacketBuilder::sign(Bytes& transport) const {
    Bytes addresses{std::byte{v4() ? std::uint8_t{0x40} : std::uint8_t{0x60}}};
    addresses.resize(v4() ? 12 : 8);
    append(addresses, source_);
    append(addresses, destination_);
    const auto pseudo = protocol_ == kIcmp
                            ? std::uint16_t{0}
                            : naive_pseudo_sum(addresses,
                                               static_cast<std::uint8_t>(protocol_),
                                               transport.size());
    unsigned value = partial_ ? pseudo : naive_checksum(transport, pseudo);
    if (value == 0 && !partial_ && protocol_ == kUdp) value = 0xffff;
    put16(transport, checksum_field(), checksum_.value_or(value));
}

/// Transport header and what is behind it, whole and signed.
Bytes PacketBuilder::transport() const {
    auto bytes = header_;
    append(bytes, body());
    if (header_.empty()) return bytes;
    if (protocol_ == kUdp) put16(bytes, 4, static_cast<unsigned>(bytes.size()));
    if (objects_) {
        const auto quoted = std::max<std::size_t>(padded(payload_, v4() ? 4 : 8).size(), 128);
        put8(bytes, v4() ? 5 : 4, static_cast<unsigned>(quoted / (v4() ? 4 : 8)));
    }
    sign(bytes);
    return bytes;
}

unsigned PacketBuilder::protocol_behind(std::size_t extension) const {
    return extension < extensions_.size() ? extensions_[extension].protocol : protocol_;
}

/// The extension headers `from` to `to`, the last of which is followed by protocol `behind`.
Bytes PacketBuilder::chain(std::size_t from, std::size_t to, unsigned behind) const {
    Bytes bytes;
    for (std::size_t i = from; i < to; ++i) {
        auto header = extensions_[i].bytes;
        put8(header, 0, i + 1 < to ? extensions_[i + 1].protocol : behind);
        append(bytes, header);
    }
    return bytes;
}

/// All that would travel in fragments.
Bytes PacketBuilder::fragmentable_part() const {
    auto bytes = chain(fragment_ ? fragment_->place : 0, extensions_.size(), protocol_);
    append(bytes, transport());
    return bytes;
}

/// What stands behind the IP header and the headers in front of the Fragment header.
PacketBuilder::Data PacketBuilder::cut(const Bytes& whole) const {
    if (!fragment_) return {whole, false};
    if (!fragment_->piece) return {whole, fragment_->more};
    const auto offset = fragment_->offset;
    if (offset > whole.size()) throw std::invalid_argument{"piece beyond the packet"};
    const auto size = std::min(*fragment_->piece, whole.size() - offset);
    const auto part = View{whole}.subspan(offset, size);
    return {{part.begin(), part.end()}, offset + size < whole.size()};
}

std::size_t PacketBuilder::header_size() const {
    if (v4()) return 20 + options_.size();
    std::size_t size = fragment_ ? 48 : 40;
    for (const auto& extension : extensions_)
        size += extension.bytes.size();
    return size;
}

Bytes PacketBuilder::ipv4_packet(const Data& cut) const {
    const auto& [data, more] = cut;
    unsigned flags = (dont_fragment_ ? 0x4000U : 0U) | (more ? 0x2000U : 0U);
    if (fragment_) flags |= static_cast<unsigned>(fragment_->offset / 8);
    Bytes bytes;
    append8(bytes, 0x40 | static_cast<unsigned>(header_size() / 4));
    append8(bytes, traffic_class_);
    append16(bytes, static_cast<unsigned>(header_size() + data.size()));
    append16(bytes, fragment_ ? fragment_->id & 0xffff : identification_);
    append16(bytes, flags);
    append8(bytes, hop_limit_);
    append8(bytes, protocol_);
    append16(bytes, 0);
    append(bytes, source_);
    append(bytes, destination_);
    append(bytes, options_);
    put16(bytes, 10, naive_checksum(bytes));
    append(bytes, data);
    return bytes;
}

Bytes PacketBuilder::ipv6_packet(const Data& cut) const {
    const auto place = fragment_ ? fragment_->place : 0;
    const auto& [data, more] = cut;
    auto rest = chain(0, place, kFragment);
    if (fragment_) {
        append8(rest, protocol_behind(place));
        append8(rest, 0);
        append16(rest, static_cast<unsigned>(fragment_->offset) | (more ? 1U : 0U));
        append32(rest, fragment_->id);
    }
    append(rest, data);
    Bytes bytes;
    append32(bytes, 6U << 28 | traffic_class_ << 20 | flow_label_);
    append16(bytes, static_cast<unsigned>(rest.size()));
    append8(bytes, fragment_ && place == 0 ? kFragment : protocol_behind(0));
    append8(bytes, hop_limit_);
    append(bytes, source_);
    append(bytes, destination_);
    append(bytes, rest);
    return bytes;
}

Bytes PacketBuilder::packet_of(const Data& data) const {
    return v4() ? ipv4_packet(data) : ipv6_packet(data);
}

Bytes PacketBuilder::bytes() const {
    return packet_of(cut(fragmentable_part()));
}

Offload PacketBuilder::offload() const {
    Offload offload;
    if (segment_size_ != 0) {
        offload.segmentation = protocol_ == kTcp ? Segmentation::Tcp : Segmentation::Udp;
        offload.segment_size = static_cast<std::uint16_t>(segment_size_);
    }
    if (partial_) {
        offload.partial_checksum = true;
        offload.checksum_start = static_cast<std::uint16_t>(header_size());
        offload.checksum_offset = static_cast<std::uint16_t>(checksum_field());
    }
    return offload;
}

std::vector<Bytes> PacketBuilder::in_pieces(std::size_t size, std::uint32_t id) const {
    if (size == 0 || size % 8 != 0) throw std::invalid_argument{"in_pieces: unaligned size"};
    std::vector<Bytes> pieces;
    auto builder = *this;
    const auto whole = builder.piece(0, size, id).fragmentable_part();
    for (std::size_t offset = 0;; offset += size) {
        const auto data = builder.piece(offset, size, id).cut(whole);
        pieces.push_back(builder.packet_of(data));
        if (!data.more) return pieces;
    }
}

void fix_ipv4_checksum(Bytes& packet) {
    const std::size_t size = (get8(packet, 0) & 15U) * 4U;
    put16(packet, 10, 0);
    put16(packet, 10, naive_checksum(View{packet}.first(size)));
}

} // namespace nat64::test
