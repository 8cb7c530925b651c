// SPDX-License-Identifier: Apache-2.0
// RFC 5382 §5: from its first SYN until both ends have acknowledged, a connection is partially
// open and lasts TCP_TRANS. A published server answers any SYN, forged ones too: what its
// answer makes ESTABLISHED must not stay for TCP_EST (ADR 0036).
#include "tests/backends/userspace/userspace.hpp"

#include <doctest/doctest.h>

namespace nat64::test {

using enum L4Proto;

namespace {

constexpr auto kEstablished = 124min;
constexpr auto kTransitory = 4min;

const Endpoint4 kPublished{Ipv4Addr{192, 0, 2, 1}, Port{80}};

NaptSettings published() {
    auto settings = small_settings();
    settings.statics = {{Tcp, ep6(8, 8080), kPublished}};
    return settings;
}

/// A published server that has answered the SYN of `kServer`, which may be forged.
struct Answered : UserspaceNetwork {
    Answered() : UserspaceNetwork{published()} {
        REQUIRE(opener(kSyn) == "ok");
        REQUIRE(answers(kSynAck) == "ok");
        REQUIRE(state() == "established");
    }

    std::string opener(TcpFlags tcp) { return in(Tcp, kServer, kPublished, tcp).verdict; }

    std::string answers(TcpFlags tcp) { return out(Tcp, ep6(8, 8080), kServer, tcp).verdict; }

    /// Whether the only session lasts this long and no longer, and ends without a probe.
    void ends_after(Clock::duration lifetime) {
        pass(lifetime - 1ms);
        CHECK(sessions().size() == 1);
        pass(101ms);
        CHECK(sessions().empty());
        CHECK(notes.probes.empty());
    }

    /// Whether the only session lasts this long, and is probed at its end.
    void is_probed_after(Clock::duration lifetime) {
        pass(lifetime - 1ms);
        CHECK(state() == "established");
        CHECK(notes.probes.empty());
        pass(101ms);
        CHECK(state() == "trans");
        CHECK(notes.probes.size() == 1);
    }
};

} // namespace

TEST_CASE("RFC 5382 §5: a connection is partially open until its opener has acknowledged") {
    Answered net;
    SUBCASE("which a forged SYN's sender never does") {
        net.ends_after(kTransitory);
    }
    SUBCASE("the server repeats its answer, and the time begins anew") {
        net.pass(1min);
        CHECK(net.answers(kSynAck) == "ok");
        net.ends_after(kTransitory);
    }
    SUBCASE("nothing else that the server sends opens it") {
        CHECK(net.answers(kAck) == "ok");
        net.ends_after(kTransitory);
    }
    SUBCASE("a repeated SYN does not") {
        CHECK(net.opener(kSyn) == "ok");
        net.ends_after(kTransitory);
    }
    SUBCASE("with its ACK it is established, and both directions keep it so") {
        CHECK(net.opener(kAck) == "ok");
        net.pass(kEstablished - 1s);
        CHECK(net.answers(kAck) == "ok");
        net.is_probed_after(kEstablished);
    }
}

TEST_CASE("RFC 5382 §5: a client's own connection is partially open until its ACK, too") {
    UserspaceNetwork net;
    const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    REQUIRE(net.in(Tcp, kServer, mapped4, kSynAck).verdict == "ok");
    CHECK(net.state() == "established");
    SUBCASE("without") {
        net.pass(kTransitory + 100ms);
        CHECK(net.sessions().empty());
    }
    SUBCASE("with it") {
        CHECK(net.out(Tcp, ep6(1), kServer, kAck).verdict == "ok");
        net.pass(kEstablished - 1ms);
        CHECK(net.state() == "established");
    }
}

TEST_CASE("RFC 5382 §5: a RST of the server leaves a connection as open as it was") {
    Answered net;
    SUBCASE("partially: its repeated answer does not open it") {
        CHECK(net.answers(kRst) == "ok");
        CHECK(net.state() == "trans");
        CHECK(net.answers(kSynAck) == "ok");
        CHECK(net.state() == "established");
        net.ends_after(kTransitory);
    }
    SUBCASE("a forged ACK that it has refused: neither does it then") {
        CHECK(net.opener(kAck) == "ok");
        CHECK(net.answers(kRst) == "ok");
        CHECK(net.answers(kSynAck) == "ok");
        CHECK(net.state() == "established");
        net.ends_after(kTransitory);
    }
    SUBCASE("open: the RST was forged, and any segment of either side undoes it") {
        CHECK(net.opener(kAck) == "ok");
        CHECK(net.answers(kRst) == "ok");
        CHECK(net.answers(kAck) == "ok");
        net.is_probed_after(kEstablished);
    }
    SUBCASE("the opener's RST acknowledges nothing") {
        CHECK(net.opener({TcpFlags::kRst | TcpFlags::kAck}) == "ok");
        CHECK(net.answers(kAck) == "ok");
        net.ends_after(kTransitory);
    }
}

TEST_CASE("RFC 5382 §5: the FIN of an end that closes at once may be what acknowledges") {
    Answered net;
    net.pass(1min);
    SUBCASE("the opener's: the lifetime of an open connection begins") {
        CHECK(net.opener(kFin) == "ok");
        CHECK(net.state() == "v4_fin_rcv");
        net.ends_after(kEstablished);
    }
    SUBCASE("the server's does not, and is refreshed as what it is") {
        CHECK(net.answers(kFin) == "ok");
        CHECK(net.state() == "v6_fin_rcv");
        CHECK(net.answers(kAck) == "ok");
        net.ends_after(kTransitory);
    }
    SUBCASE("the opener's behind the server's closes it") {
        CHECK(net.answers(kFin) == "ok");
        CHECK(net.opener(kFin) == "ok");
        CHECK(net.state() == "v4_fin_v6_fin_rcv");
        net.pass(1min);
        CHECK(net.opener(kAck) == "ok");
        net.ends_after(kTransitory - 1min);
    }
}

TEST_CASE("RFC 5382 §5: what was open and begins anew is partially open again") {
    Answered net;
    CHECK(net.opener(kAck) == "ok");
    CHECK(net.answers(kFin) == "ok");
    CHECK(net.opener(kFin) == "ok");
    CHECK(net.opener(kSyn) == "ok");
    CHECK(net.answers(kSynAck) == "ok");
    CHECK(net.state() == "established");
    SUBCASE("without ACK") {
        net.ends_after(kTransitory);
    }
    SUBCASE("with it") {
        CHECK(net.opener(kAck) == "ok");
        net.is_probed_after(kEstablished);
    }
}

TEST_CASE("RFC 5382 §5: a simultaneous open is partially open until the client's SYN and ACK") {
    UserspaceNetwork net;
    REQUIRE(net.in(Tcp, kServer, ep4("192.0.2.1", 5000), kSyn).verdict == "held");
    REQUIRE(net.out(Tcp, ep6(1), kServer, kSyn).verdict == "ok");
    CHECK(net.state() == "established");
    SUBCASE("without") {
        net.pass(kTransitory + 100ms);
        CHECK(net.sessions().empty());
    }
    SUBCASE("with") {
        CHECK(net.in(Tcp, kServer, ep4("192.0.2.1", 5000), kSyn).verdict == "ok");
        CHECK(net.out(Tcp, ep6(1), kServer, kSynAck).verdict == "ok");
        net.pass(kEstablished - 1ms);
        CHECK(net.state() == "established");
    }
}

TEST_CASE(
    "RFC 6146 §5.3: a published port that forged SYNs have filled is free in four minutes") {
    auto settings = published();
    settings.limits.sessions_per_client = 200;
    UserspaceNetwork net{settings};
    for (unsigned i = 1; i <= 120; ++i)
        if (net.in(Tcp, ep4("198.51.100.1", i), kPublished).verdict == "ok")
            net.out(Tcp, ep6(8, 8080), ep4("198.51.100.1", i), kSynAck);
    REQUIRE(net.sessions().size() == 100);
    CHECK(net.in(Tcp, kServer, kPublished).verdict == "client_session_limit");
    CHECK(net.out(Tcp, ep6(8), kServer).verdict == "ok"); // the client's own is not used up
    net.pass(kTransitory + 100ms);
    CHECK(net.in(Tcp, kServer, kPublished).verdict == "ok");
    CHECK(net.notes.probes.empty());
}

TEST_CASE("restore: a connection that may be partially open goes on as such") {
    Answered before;
    const auto restored = [&](NaptBackend& backend, Clock::time_point now) {
        return backend.restore(before.sessions()[0], now).has_value();
    };
    Answered net; // for its words: with a session that goes first
    net.pass(kTransitory + 100ms);
    REQUIRE(net.sessions().empty());
    SUBCASE("partially") {
        REQUIRE(restored(*net.backend, net.clock.now()));
        CHECK(net.answers(kSynAck) == "ok");
        net.ends_after(kTransitory);
    }
    SUBCASE("which its opener changes") {
        REQUIRE(restored(*net.backend, net.clock.now()));
        CHECK(net.opener(kAck) == "ok");
        net.is_probed_after(kEstablished);
    }
    SUBCASE("open") {
        before.opener(kAck);
        REQUIRE(restored(*net.backend, net.clock.now()));
        CHECK(net.answers(kAck) == "ok");
        net.is_probed_after(kEstablished);
    }
}

TEST_CASE("touch: who carries segments of a connection has seen both ends acknowledge") {
    Answered net;
    net.pass(1s);
    net.backend->touch(net.sessions()[0].handle, net.clock.now(), 10, 1000);
    net.is_probed_after(kEstablished);
}

TEST_CASE("timeouts: an established connection's may be the shorter one") {
    auto settings = published();
    settings.timeouts.tcp_established = 1min;
    UserspaceNetwork net{settings};
    net.in(Tcp, kServer, kPublished, kSyn);
    net.out(Tcp, ep6(8, 8080), kServer, kSynAck);
    net.in(Tcp, kServer, kPublished, kAck);
    net.pass(1min - 1ms);
    CHECK(net.state() == "established");
    net.pass(101ms);
    CHECK(net.state() == "trans");
}

} // namespace nat64::test
