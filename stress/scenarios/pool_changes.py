# SPDX-License-Identifier: Apache-2.0
"""Addresses leave the pool while flows use them: by a reload, and because the machine has them.

    client (eight addresses, a flow each) ── gateway (nat64, pool of 14) ── server (echo)
                                             192.0.2.9 comes and goes

Pass: when an address is left out of the pool by a reload, or turns up on an interface of the
gateway, the flows behind it end, go on at once behind another address, and no other flow loses
anything or moves; the route follows; `show status` warns while the machine has the address, the
log says so once. Afterwards the address is given out again. Addresses that were not in the pool
when the daemon started are refused.
"""

import socket

from lab import wait_until
from lab.topology import POOL, SERVER
from probes import UdpEcho, echo_once

TIME_LIMIT = 60
HOSTS = [f"2001:db8:c1::{number:x}" for number in range(0x10, 0x28)]
ALL = [f"192.0.2.{number}" for number in range(2, 16)]


def run(case):
    lab = case.lab()
    for host in HOSTS:
        lab.client.ip(f"addr add {host}/64 dev gateway nodad")
    nat64 = case.nat64(lab, {"gateway": {}, "pool": ALL})
    with UdpEcho(lab.server, SERVER, 7):
        flows = [Flow(lab, nat64, host) for host in HOSTS]
        case.require("all flows are answered", all(flow.answered() for flow in flows))
        first = mapped(nat64)
        case.require("they stand behind several addresses", len(set(first.values())) > 4, first)
        gone = first[HOSTS[0]]
        left_out(case, lab, nat64, flows, gone)
        becomes_own(case, lab, nat64, flows)
        strangers(case, nat64)


class Flow:
    """Datagrams of one client address to the echo server, one at a time."""

    def __init__(self, lab, nat64, host):
        self.host = host
        self.socket = lab.client.socket(
            socket.AF_INET6, socket.SOCK_DGRAM, bind=(host, 0), timeout=5
        )
        self.socket.connect((nat64.address6(SERVER), 7))
        self.count = 0

    def answered(self):
        self.count += 1
        return echo_once(self.socket, b"%d" % self.count, attempts=1)


def mapped(nat64):
    """{client: pool address}"""
    rows = nat64.sessions("--protocol", "udp")
    return {
        row["client"].rsplit("]", 1)[0].lstrip("["): row["mapped"].rsplit(":", 1)[0]
        for row in rows
    }


def pool_of(nat64):
    return {row["address"] for row in nat64.show("pool")["pool"]}


def routes(lab):
    return lab.gateway.run("ip", "-4", "route", "show", "dev", "nat64").stdout


def others_stayed(case, what, before, after, gone):
    moved = {who for who in before if before[who] != gone and after.get(who) != before[who]}
    case.equal(f"{what}: flows of other addresses that moved", moved, set())
    case.check(f"{what}: nobody is behind {gone}", gone not in after.values(), after)


def left_out(case, lab, nat64, flows, gone):
    before = mapped(nat64)
    nat64.write_config({**nat64.config, "pool": [one for one in ALL if one != gone]})
    case.succeeds("an address is left out", nat64.call("reload"))
    wait_until(lambda: gone not in mapped(nat64).values(), f"the sessions of {gone} to end")
    case.check("all flows are answered, the next datagram", all(f.answered() for f in flows))
    others_stayed(case, "left out", before, mapped(nat64), gone)
    case.check("its route is gone", gone not in routes(lab), routes(lab))
    case.equal("show pool", pool_of(nat64), set(ALL) - {gone})
    nat64.write_config(nat64.config)
    case.succeeds("and taken in again", nat64.call("reload"))
    case.check("its route is back", gone in routes(lab), routes(lab))
    case.equal("show pool has all", pool_of(nat64), set(ALL))


def becomes_own(case, lab, nat64, flows):
    before = mapped(nat64)
    own = next(iter(set(before.values())))
    lab.gateway.ip(f"addr add {own}/32 dev server")
    wait_until(lambda: nat64.show("status")["warnings"], "a warning")
    wait_until(lambda: own not in mapped(nat64).values(), f"the sessions of {own} to end")
    case.check("the warning names it", own in nat64.show("status")["warnings"][0])
    case.check("for a person, too", "WARNING" in nat64.call("show", "status").stdout)
    case.check("all flows are answered, the next datagram", all(f.answered() for f in flows))
    others_stayed(case, "own", before, mapped(nat64), own)
    lab.gateway.ip(f"addr del {own}/32 dev server")
    wait_until(lambda: not nat64.show("status")["warnings"], "the warning to go")
    wait_until(lambda: own in pool_of(nat64), f"{own} to be in the pool again")
    said = nat64.process.log().count(f"{own} is an address of the pool and of this machine")
    case.equal("it is said once", said, 1)


def strangers(case, nat64):
    nat64.write_config({**nat64.config, "pool": [*ALL, "192.0.2.77"]})
    done = nat64.call("reload")
    case.check("a new address", done.returncode == 1 and "192.0.2.77 was not" in done.stderr, done)
    nat64.write_config({**nat64.config, "pool": [POOL]})
    done = nat64.call("reload")
    case.check("the gateway's former place", done.returncode == 1, done)
