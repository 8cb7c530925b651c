# SPDX-License-Identifier: Apache-2.0
"""`nat64 flush` and `nat64 log-level`: sessions end when somebody says so, and no others.

    client, client2 ── gateway (nat64, daemon and kernel NAPT) ── server

Pass: with either napt `flush --client` ends all of one client's sessions, says how many, and
leaves those of the other, and connections of the gateway itself; `--protocol` and `--server`
narrow it; the client goes on at once with a new session; without filter nothing is ended and the
exit code is 2. `log-level debug` shows what debug shows, and a reload ends that.
"""

import json

from lab.topology import CLIENT, SERVER, SERVERS
from probes import UdpEcho, echo_once, tcp_pair, udp_client

TIME_LIMIT = 60
CLIENT2 = "2001:db8:c2::2"
OTHER = SERVERS[1]


def run(case):
    for napt in ("daemon", "kernel"):
        flushes(case, napt)


def flushes(case, napt):
    lab = case.lab(clients=2)
    nat64 = case.nat64(lab, {"napt": napt})
    server6, other6 = nat64.address6(SERVER), nat64.address6(OTHER)
    with (
        UdpEcho(lab.server, SERVER, 7),
        UdpEcho(lab.server, OTHER, 7),
        udp_client(lab.gateway, SERVER, 7) as own,
        udp_client(lab.clients[0], server6, 7) as one,
        udp_client(lab.clients[0], other6, 7) as other,
        udp_client(lab.clients[1], server6, 7) as two,
        tcp_pair(lab.clients[0], lab.server, server6, SERVER, 5001),
    ):
        for client in (own, one, other, two):
            case.check(f"{napt}: answered", echo_once(client, b"x", attempts=3))
        done = nat64.call("flush")
        case.check(f"{napt}: no filter", done.returncode == 2 and "--all" in done.stderr, done)
        case.equal(f"{napt}: nothing has ended", counts(nat64), (3, 1))

        flush(case, nat64, napt, 1, "--client", CLIENT, "--protocol", "tcp")
        case.equal(f"{napt}: without TCP", counts(nat64), (2, 1))
        flush(case, nat64, napt, 1, "--client", f"{CLIENT}/128", "--server", OTHER)
        case.equal(f"{napt}: without the other server", counts(nat64), (1, 1))
        case.check(f"{napt}: a new session at once", echo_once(other, b"y", attempts=2))
        flush(case, nat64, napt, 2, "--client", CLIENT)
        case.equal(f"{napt}: without the client", counts(nat64), (0, 1))
        flush(case, nat64, napt, 1, "--all")
        case.equal(f"{napt}: without anything", counts(nat64), (0, 0))
        for client in (own, one, two):
            case.check(f"{napt}: goes on", echo_once(client, b"z", attempts=2))
        if napt == "kernel":
            flows = lab.gateway.run("conntrack", "-L", "-p", "udp", "-s", "203.0.113.1").stdout
            case.check("the gateway's own flow is the first one still", "dport=7" in flows, flows)
    log_level(case, nat64, napt)


def flush(case, nat64, napt, sessions, *filters):
    done = nat64.call("flush", "--json", *filters)
    case.check(f"{napt}: flush {' '.join(filters)}", done.returncode == 0, done)
    case.equal(f"{napt}: ended", json.loads(done.stdout)["sessions"], sessions)


def counts(nat64):
    """Sessions of both clients."""
    return tuple(len(nat64.sessions("--client", who)) for who in (CLIENT, CLIENT2))


def log_level(case, nat64, napt):
    def of(level):
        done = nat64.call("log-level", level)
        case.check(f"{napt}: log-level {level}", done.returncode == 0, done)

    of("error")
    nat64.call("flush", "--all")
    of("info")
    log = nat64.process.log()
    case.check(f"{napt}: silence on demand", "flush: 3 sessions" not in log, log)
    nat64.call("flush", "--all")
    case.check(f"{napt}: and words", "flush: 0 sessions" in nat64.process.log())
    wrong = nat64.call("log-level", "loud")
    case.check(f"{napt}: a level that is none", wrong.returncode == 2, wrong)
