// SPDX-License-Identifier: Apache-2.0
// A packet that is right in pieces of any size, in any order, some twice, some lost, some
// moved so that they overlap, through the whole Translator. If each came once and nothing
// overlaps, what leaves makes one packet when it is put together again, and it is right.
#include "fuzz/input.hpp"
#include "fuzz/targets.hpp"
#include "fuzz/world.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/reassemble.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace nat64::fuzz {

namespace {

using test::Bytes;

test::PacketBuilder builder_of(Input& input) {
    // To a server from a client, or to the static host from a server.
    auto packet = input.one_in(2) ? test::ipv6("3fff::1", "64:ff9b::192.0.2.1")
                                  : test::ipv4("192.0.2.1", "198.51.100.6");
    const auto size = input.between(0, 5000);
    switch (input.between(0, 3)) {
    case 0:
        packet.udp(4000, 53);
        break;
    case 1:
        packet.udp(4000, 53).checksum(0);
        break;
    case 2:
        packet.echo_request(4000);
        break;
    default:
        packet.tcp(4000, 53, 2);
    }
    return packet.payload(size);
}

/// Each piece as likely to be left alone as all that may happen to it together.
class Pieces {
public:
    Pieces(Input& input, const test::PacketBuilder& packet, std::uint32_t id) {
        const auto size = 8 * input.between(3, 150);
        whole_ = packet.in_pieces(size, id);
        whole_.resize(std::min<std::size_t>(whole_.size(), 48));
        intact_ = test::reassemble(whole_).has_value();
        for (const auto& piece : whole_)
            add(input, piece);
        for (std::size_t i = pieces_.size(); i > 1; --i)
            if (input.one_in(2)) std::swap(pieces_[i - 1], pieces_[input.between(0, i - 1)]);
    }

    [[nodiscard]] const std::vector<Bytes>& all() const { return pieces_; }

    /// Every piece came just once.
    [[nodiscard]] bool intact() const { return intact_; }

private:
    void add(Input& input, Bytes piece) {
        switch (input.between(0, 15)) {
        case 13: // lost
            intact_ = false;
            return;
        case 14: // twice
            intact_ = false;
            pieces_.push_back(piece);
            break;
        case 15: // elsewhere
            intact_ = false;
            move(input, piece);
            break;
        default:
            break;
        }
        pieces_.push_back(std::move(piece));
    }

    static void move(Input& input, Bytes& piece) {
        const bool v4 = test::get8(piece, 0) >> 4 == 4;
        const auto by = 8 * input.between(0, 8);
        if (v4) {
            test::put16(piece, 6, (test::get16(piece, 6) + by / 8) & 0x3fff);
            test::fix_ipv4_checksum(piece);
        } else {
            test::put16(piece, 42, test::get16(piece, 42) + static_cast<unsigned>(by));
        }
    }

    std::vector<Bytes> whole_;
    std::vector<Bytes> pieces_;
    bool intact_ = false;
};

/// Packets that leave: parts of the datagram, and ICMP errors about it.
bool is_piece(View packet, bool to_v4) {
    return (test::get8(packet, 0) >> 4 == 4) == to_v4;
}

void check_whole(const std::vector<test::Sent>& sent, bool to_v4, std::size_t pieces) {
    std::vector<Bytes> parts;
    for (const auto& packet : sent)
        if (is_piece(packet.bytes, to_v4)) parts.push_back(packet.bytes);
    if (parts.size() < pieces) return; // refused, or no room: counted, as the path has checked
    const auto whole = test::reassemble(parts);
    oracle::expect(whole.has_value(), "what leaves makes one packet again");
    oracle::expect_none(test::check_packet(*whole));
}

} // namespace

void fragments(View bytes) {
    Input input{bytes};
    World world{input.byte()};
    for (std::uint32_t id = 1; !input.empty() && id < 16; ++id) {
        const auto packet = builder_of(input);
        const Pieces pieces{input, packet, id};
        std::vector<test::Sent> sent;
        for (const auto& piece : pieces.all()) {
            if (input.one_in(64)) world.pause(std::chrono::milliseconds{900});
            world.path().hand_over(piece, {}, world.now());
            auto now_sent = world.path().take();
            std::ranges::move(now_sent, std::back_inserter(sent));
        }
        if (pieces.intact() && pieces.all().size() > 1)
            check_whole(sent, test::get8(pieces.all()[0], 0) >> 4 == 6, pieces.all().size());
    }
    world.finish();
}

} // namespace nat64::fuzz
