// SPDX-License-Identifier: Apache-2.0
// Packets for tests, written the way one would say them:
//
//     ipv6("2001:db8::1", "64:ff9b::192.0.2.1").hop_limit(7).udp(4000, 53).payload(100).bytes()
//     ipv4("192.0.2.1", "198.51.100.7").icmp(3, 4, 1280).payload(quoted).packet()
//
// Lengths, next headers and checksums are right unless a test asks for others. Nothing here
// uses the program's own code for formats or checksums; only its address and buffer types.
// Calls may come in any order but for extension headers, which stand in the order of their
// calls; a fragment() or piece() call puts the Fragment header at its place among them.
#pragma once

#include "core/net/address.hpp"
#include "core/net/packet_buffer.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/owned_packet.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace nat64::test {

/// An address of either family from text or value. Throws std::invalid_argument.
struct AnyAddress {
    AnyAddress(const char* text);        // NOLINT(google-explicit-constructor): for brevity
    AnyAddress(Ipv4Addr address);        // NOLINT(google-explicit-constructor): for brevity
    AnyAddress(const Ipv6Addr& address); // NOLINT(google-explicit-constructor): for brevity
    Bytes bytes;                         ///< 4 or 16
};

class PacketBuilder {
public:
    PacketBuilder(int version, const AnyAddress& source, const AnyAddress& destination);

    // ---- IP header, both families ----
    PacketBuilder& hop_limit(unsigned value);     ///< or TTL; 64 if not called
    PacketBuilder& traffic_class(unsigned value); ///< or TOS

    // ---- IPv4 ----
    PacketBuilder& identification(unsigned value);
    PacketBuilder& dont_fragment();
    PacketBuilder& options(View bytes); ///< padded with zeros to a multiple of four

    // ---- IPv6 ----
    PacketBuilder& flow_label(unsigned value);
    /// Any extension header of `size` bytes (a multiple of 8), filled with PadN.
    PacketBuilder& extension(unsigned protocol, std::size_t size = 8);
    PacketBuilder& routing(unsigned segments_left, std::size_t size = 24);

    // ---- fragments ----
    /// The packet as it is, with the fields of a fragment: `offset` in bytes. In IPv6 with
    /// offset 0 and more == false an atomic fragment.
    PacketBuilder& fragment(std::size_t offset, bool more, std::uint32_t id);
    /// `size` bytes from `offset` of what would stand behind the IP header (and the extension
    /// headers called before this), as one fragment; checksums are those of the whole.
    PacketBuilder& piece(std::size_t offset, std::size_t size, std::uint32_t id);

    // ---- transport ----
    PacketBuilder& udp(unsigned source_port, unsigned destination_port);
    PacketBuilder& tcp(unsigned source_port, unsigned destination_port, unsigned flags = 0x10);
    PacketBuilder& tcp_options(View bytes); ///< padded with zeros to a multiple of four
    PacketBuilder& sequence(std::uint32_t value);
    PacketBuilder& acknowledgment(std::uint32_t value);
    /// ICMP of the packet's own family; `rest` is the second word of the header.
    PacketBuilder& icmp(unsigned type, unsigned code, std::uint32_t rest = 0);
    PacketBuilder& echo_request(unsigned identifier, unsigned sequence_number = 1);
    PacketBuilder& echo_reply(unsigned identifier, unsigned sequence_number = 1);
    /// Any other protocol: what follows the IP headers is the payload alone.
    PacketBuilder& protocol(unsigned number);

    // ---- behind the transport header ----
    PacketBuilder& payload(std::size_t size); ///< of pattern()
    PacketBuilder& payload(View bytes);
    /// RFC 4884: the payload, a quoted packet, is padded and its length noted in the ICMP
    /// header; behind it come an extension header and `objects`.
    PacketBuilder& extensions(View objects);

    // ---- checksums and offload ----
    PacketBuilder& checksum(unsigned value); ///< instead of the right transport checksum
    PacketBuilder& partial_checksum();       ///< as the kernel hands it over; sets Offload
    /// A super-packet: partial checksum and `size` bytes a segment.
    PacketBuilder& segmented(std::size_t size);

    [[nodiscard]] Bytes bytes() const;
    /// The packet in fragments of at most `size` (a multiple of 8) bytes of data each.
    [[nodiscard]] std::vector<Bytes> in_pieces(std::size_t size, std::uint32_t id) const;
    [[nodiscard]] Offload offload() const;

    [[nodiscard]] OwnedPacket packet() const { return OwnedPacket{bytes(), offload()}; }

private:
    struct Extension {
        unsigned protocol = 0;
        Bytes bytes; ///< next header still zero
    };

    struct Fragment {
        std::size_t place = 0; ///< extension headers in front of it
        std::size_t offset = 0;
        bool more = false;
        std::uint32_t id = 0;
        std::optional<std::size_t> piece; ///< size, if it is cut from the whole
    };

    struct Data {
        Bytes bytes;
        bool more = false;
    };

    [[nodiscard]] bool v4() const { return source_.size() == 4; }

    [[nodiscard]] Bytes transport() const;
    [[nodiscard]] Bytes body() const;
    void sign(Bytes& transport) const;
    [[nodiscard]] std::size_t header_size() const;
    [[nodiscard]] std::size_t checksum_field() const;
    [[nodiscard]] Bytes fragmentable_part() const;
    [[nodiscard]] Data cut(const Bytes& whole) const;
    [[nodiscard]] Bytes packet_of(const Data& data) const;
    [[nodiscard]] Bytes ipv4_packet(const Data& data) const;
    [[nodiscard]] Bytes ipv6_packet(const Data& data) const;
    [[nodiscard]] unsigned protocol_behind(std::size_t extension) const;
    [[nodiscard]] Bytes chain(std::size_t from, std::size_t to, unsigned behind) const;

    Bytes source_;
    Bytes destination_;
    unsigned hop_limit_ = 64;
    unsigned traffic_class_ = 0;
    unsigned identification_ = 0;
    bool dont_fragment_ = false;
    Bytes options_;
    unsigned flow_label_ = 0;
    std::vector<Extension> extensions_;
    std::optional<Fragment> fragment_;
    unsigned protocol_ = 59;
    Bytes header_; ///< transport header, lengths and checksum still zero
    Bytes payload_;
    std::optional<Bytes> objects_;
    std::optional<unsigned> checksum_;
    bool partial_ = false;
    std::size_t segment_size_ = 0;
};

[[nodiscard]] PacketBuilder ipv4(const AnyAddress& source, const AnyAddress& destination);
[[nodiscard]] PacketBuilder ipv6(const AnyAddress& source, const AnyAddress& destination);

/// Recomputes the IPv4 header checksum, after a test has changed header bytes.
void fix_ipv4_checksum(Bytes& packet);

} // namespace nat64::test
