// SPDX-License-Identifier: Apache-2.0
#include "tests/support/mend.hpp"

#include "tests/support/describe.hpp"
#include "tests/support/naive_checksum.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/protocols.hpp"

#include <optional>

namespace nat64::test {

namespace {

bool has_header(View packet, std::size_t size) {
    const auto version = packet.empty() ? 0 : get8(packet, 0) >> 4;
    return (version == 4 && packet.size() >= 20 && size >= 20) ||
           (version == 6 && packet.size() >= 40);
}

/// Of a packet whose transport header is here and whole.
std::optional<Layout> whole(View packet) {
    auto layout = read_layout(packet);
    if (!layout.problem.empty() || layout.is_fragment() || layout.length != packet.size() ||
        layout.transport + 8 > packet.size())
        return std::nullopt;
    return layout;
}

std::optional<std::size_t> checksum_field(const Layout& layout, View transport) {
    switch (layout.protocol) {
    case kTcp:
        return transport.size() < 20 ? std::optional<std::size_t>{} : 16;
    case kUdp:
        return layout.version == 4 && get16(transport, 6) == 0 ? std::optional<std::size_t>{}
                                                               : 6;
    case kIcmp:
    case kIcmpv6:
        return (layout.version == 4) == (layout.protocol == kIcmp)
                   ? std::optional<std::size_t>{2}
                   : std::nullopt;
    default:
        return std::nullopt;
    }
}

} // namespace

void mend_lengths(Bytes& packet) {
    if (!has_header(packet, packet.size())) return;
    const auto size = static_cast<unsigned>(packet.size());
    if (get8(packet, 0) >> 4 == 4)
        put16(packet, 2, size);
    else
        put16(packet, 4, size - 40);
    const auto layout = whole(packet);
    if (layout && layout->protocol == kUdp)
        put16(packet,
              layout->transport + 4,
              static_cast<unsigned>(packet.size() - layout->transport));
}

void mend_checksums(Bytes& packet) {
    if (!has_header(packet, packet.size())) return;
    if (get8(packet, 0) >> 4 == 4 && (get8(packet, 0) & 15U) >= 5 &&
        (get8(packet, 0) & 15U) * 4U <= packet.size())
        fix_ipv4_checksum(packet);
    const auto layout = whole(packet);
    if (!layout) return;
    const auto transport = View{packet}.subspan(layout->transport);
    const auto field = checksum_field(*layout, transport);
    if (!field) return;
    put16(packet, layout->transport + *field, 0);
    const auto pseudo = layout->protocol == kIcmp
                            ? std::uint16_t{0}
                            : naive_pseudo_sum(packet,
                                               static_cast<std::uint8_t>(layout->protocol),
                                               transport.size());
    auto sum = naive_checksum(transport, pseudo);
    if (sum == 0 && layout->protocol == kUdp) sum = 0xffff;
    put16(packet, layout->transport + *field, sum);
}

} // namespace nat64::test
