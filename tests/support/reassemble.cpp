// SPDX-License-Identifier: Apache-2.0
// RFC 791 §3.2 and RFC 8200 §4.5 for a test that has all the time in the world: sort, compare,
// join, mend the header of the first fragment.
#include "tests/support/reassemble.hpp"

#include "tests/support/bytes.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/packet_builder.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace nat64::test {

namespace {

struct Piece {
    Layout layout;
    View packet;

    [[nodiscard]] std::size_t data_offset() const {
        return layout.version == 4 ? layout.transport : layout.fragment_header + 8;
    }

    [[nodiscard]] View data() const { return packet.subspan(data_offset()); }
};

View addresses(const Piece& piece) {
    return piece.layout.version == 4 ? piece.packet.subspan(12, 8)
                                     : piece.packet.subspan(8, 32);
}

bool belong_together(const Piece& a, const Piece& b) {
    return a.layout.version == b.layout.version &&
           a.layout.identification == b.layout.identification &&
           std::ranges::equal(addresses(a), addresses(b));
}

/// The headers of the first fragment, as they would be had nobody fragmented.
Bytes headers_of(const Piece& first, std::size_t data_size) {
    const auto headers = first.packet.first(first.data_offset());
    Bytes bytes{headers.begin(), headers.end()};
    if (first.layout.version == 4) {
        put16(bytes, 2, static_cast<unsigned>(bytes.size() + data_size));
        put16(bytes, 6, get16(bytes, 6) & 0x4000U);
        fix_ipv4_checksum(bytes);
        return bytes;
    }
    const auto behind = get8(bytes, first.layout.fragment_header);
    bytes.resize(first.layout.fragment_header);
    put16(bytes, 4, static_cast<unsigned>(bytes.size() - 40 + data_size));
    std::size_t field = 6; // of the header that names the Fragment header
    for (std::size_t at = 40; at < bytes.size(); at += 8 + get8(bytes, at + 1) * 8U)
        field = at;
    put8(bytes, field, behind);
    return bytes;
}

} // namespace

std::optional<Bytes> reassemble(std::span<const Bytes> fragments) {
    std::vector<Piece> pieces;
    for (const auto& fragment : fragments)
        pieces.push_back({read_layout(fragment), fragment});
    std::ranges::sort(
        pieces, {}, [](const Piece& piece) { return piece.layout.fragment_offset; });
    Bytes data;
    for (const auto& piece : pieces) {
        const bool last = &piece == &pieces.back();
        if (!piece.layout.problem.empty() || !belong_together(piece, pieces.front())) return {};
        if (piece.layout.fragment_offset != data.size()) return {};
        if (piece.layout.more_fragments == last) return {};
        append(data, piece.data());
    }
    if (pieces.empty()) return {};
    auto packet = headers_of(pieces.front(), data.size());
    append(packet, data);
    return packet;
}

} // namespace nat64::test
