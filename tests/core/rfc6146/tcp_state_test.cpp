// SPDX-License-Identifier: Apache-2.0
// The TCP state machine against a table that was written from the text of RFC 6146 §3.5.2.2,
// for every state, side and combination of flags.
#include "core/rfc6146/tcp_state.hpp"

#include <array>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace nat64::rfc6146 {

namespace {

using enum SessionState;

// Columns: flags as FIN = 1, SYN = 2, RST = 4. Entries: the next state, 4 V4 FIN RCV, 6 V6 FIN
// RCV, B both, E ESTABLISHED, T TRANS, . the same; a + sets the lifetime anew.
struct Row {
    SessionState from;
    Side side;
    std::array<std::string_view, 8> next;
};

constexpr std::array kTable{
    //                    -     F     S     SF    R     RF    RS    RSF
    Row{V4Init, Side::V6, {".", ".", "E+", ".", ".", ".", ".", "."}},
    Row{V4Init, Side::V4, {".", ".", ".", ".", ".", ".", ".", "."}},
    Row{V6Init, Side::V6, {".", ".", ".+", ".", ".", ".", ".", "."}},
    Row{V6Init, Side::V4, {".", ".", "E+", ".", ".", ".", ".", "."}},
    Row{Established, Side::V6, {".+", "6", ".+", "6", "T+", "T+", "T+", "T+"}},
    Row{Established, Side::V4, {".+", "4", ".+", "4", "T+", "T+", "T+", "T+"}},
    Row{V4FinRcv, Side::V6, {".+", "B+", ".+", "B+", "T+", "T+", "T+", "T+"}},
    Row{V4FinRcv, Side::V4, {".+", ".+", ".+", ".+", "T+", "T+", "T+", "T+"}},
    Row{V6FinRcv, Side::V6, {".+", ".+", ".+", ".+", "T+", "T+", "T+", "T+"}},
    Row{V6FinRcv, Side::V4, {".+", "B+", ".+", "B+", "T+", "T+", "T+", "T+"}},
    Row{V4FinV6FinRcv, Side::V6, {".", ".", ".", ".", ".", ".", ".", "."}},
    Row{V4FinV6FinRcv, Side::V4, {".", ".", ".", ".", ".", ".", ".", "."}},
    Row{Trans, Side::V6, {"E+", "E+", "E+", "E+", ".", ".", ".", "."}},
    Row{Trans, Side::V4, {"E+", "E+", "E+", "E+", ".", ".", ".", "."}},
};

SessionState meant(char code, SessionState from) {
    switch (code) {
    case '4':
        return V4FinRcv;
    case '6':
        return V6FinRcv;
    case 'B':
        return V4FinV6FinRcv;
    case 'E':
        return Established;
    case 'T':
        return Trans;
    default:
        return from;
    }
}

} // namespace

TEST_CASE("RFC 6146 §3.5.2.2: every state, side and combination of flags") {
    for (const auto& row : kTable)
        for (unsigned flags = 0; flags < 8; ++flags)
            // ACK makes no difference: a SYN+ACK is a SYN ("with or without the ACK flag set"),
            // but for what opens a closed connection again.
            for (const unsigned ack : {0U, unsigned{TcpFlags::kAck}}) {
                if (row.from == V4FinV6FinRcv && flags == TcpFlags::kSyn && ack == 0) continue;
                const auto entry = row.next[flags];
                CAPTURE(name_of(row.from));
                CAPTURE(row.side == Side::V6 ? "v6" : "v4");
                CAPTURE(flags);
                const TcpFlags tcp{static_cast<std::uint8_t>(flags | ack)};
                const auto to = tcp_transition(row.from, row.side, tcp);
                CHECK(name_of(to.next) == name_of(meant(entry[0], row.from)));
                CHECK(to.refresh == entry.ends_with('+'));
            }
}

TEST_CASE("RFC 6146 §3.5.2.2: flags that the machine does not know change nothing") {
    for (const auto& row : kTable)
        for (unsigned flags = 0; flags < 256; ++flags) {
            const auto with =
                tcp_transition(row.from, row.side, {static_cast<std::uint8_t>(flags)});
            const auto without =
                tcp_transition(row.from, row.side, {static_cast<std::uint8_t>(flags & 0x17)});
            CHECK(with.next == without.next);
            CHECK(with.refresh == without.refresh);
        }
}

TEST_CASE("RFC 9293 §3.6.1: a SYN opens the connection that both ends have closed again") {
    const auto from = [](Side side, std::uint8_t flags) {
        return tcp_transition(V4FinV6FinRcv, side, {flags});
    };
    CHECK(from(Side::V6, TcpFlags::kSyn).next == V6Init);
    CHECK(from(Side::V6, TcpFlags::kSyn).refresh);
    CHECK(from(Side::V4, TcpFlags::kSyn).next == V4Init);
    CHECK(from(Side::V4, TcpFlags::kSyn).refresh);
}

TEST_CASE("RFC 6146 §3.5.2.2: single-FIN states keep the established lifetime") {
    CHECK(tcp_lifetime(Established) == Lifetime::TcpEstablished);
    CHECK(tcp_lifetime(V4FinRcv) == Lifetime::TcpEstablished);
    CHECK(tcp_lifetime(V6FinRcv) == Lifetime::TcpEstablished);
    CHECK(tcp_lifetime(V4FinV6FinRcv) == Lifetime::TcpTransitory);
    CHECK(tcp_lifetime(Trans) == Lifetime::TcpTransitory);
    CHECK(tcp_lifetime(V4Init) == Lifetime::TcpTransitory);
    CHECK(tcp_lifetime(V6Init) == Lifetime::TcpTransitory);
}

} // namespace nat64::rfc6146
