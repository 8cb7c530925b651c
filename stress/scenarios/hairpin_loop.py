# SPDX-License-Identifier: Apache-2.0
"""Loops: whatever is made to lead back to the translator ends soon.

    client ── gateway (nat64, and a second one whose prefix holds a "host" of the first) ── server

Pass: a packet from inside the prefix is dropped and counted; a static entry for a host inside the
prefix is refused by name; a host that sends to its own mapping gets the packet once. Of two
translators made into a circle (a static host of the first lies inside the second one's prefix, at
the address that stands for the first one's pool) a packet makes as many rounds as it has hops and
no more, the way back of the ICMP error included; then both are silent, and still work.
"""

from lab import Nat64, wait_until
from lab.topology import CLIENT, SERVER
from packets import IP, UDP, IPv6, gateway_wire, server_wire
from probes import UdpEcho, echo_once, udp_client

FIRST, SECOND = "2001:db8:64::/96", "2001:db8:65::/96"
MAPPED = "192.0.2.3"  # of the client
CIRCLE = "192.0.2.2"  # of the "host" inside the second prefix
HOPS = 64


def run(case):
    lab = case.lab()
    second = case.nat64(lab, second_config(), name="nat64b", start=False)
    entry = {"ipv6": second.address6(CIRCLE), "ipv4": CIRCLE}
    mine = {"ipv6": CLIENT, "ipv4": MAPPED}
    first = case.nat64(lab, {"prefix": FIRST, "static": [mine, entry]})
    second.start()
    refused(case, lab)
    from_inside(case, lab, first)
    to_itself(case, lab, first)
    circle(case, lab, first, second)
    with UdpEcho(lab.server, SERVER, 7):
        for nat64 in (first, second):
            with udp_client(lab.client, nat64.address6(SERVER), 7) as flow:
                case.check(f"{nat64.name} works afterwards", echo_once(flow, b"x", attempts=3))


def second_config():
    return {
        "prefix": SECOND,
        "pool": ["192.0.2.16/28"],
        "gateway": {"ipv4": "192.0.2.17"},
        "tun": {"name": "nat64b"},
    }


def refused(case, lab):
    daemon = Nat64(lab, {"prefix": FIRST}, "inside", case.executable, start=False)
    daemon.config["static"] = [{"ipv6": daemon.address6(SERVER), "ipv4": CIRCLE}]
    daemon.write_config(daemon.config)
    done = lab.gateway.run(daemon.executable, "check", "-c", daemon.config_path)
    case.equal("a static host inside the prefix: exit code", done.returncode, 2)
    case.check("and it is named", "static[0].ipv6" in done.stdout + done.stderr, done)


def from_inside(case, lab, nat64):
    with gateway_wire(lab) as wire:
        packet = IPv6(src=nat64.address6(SERVER), dst=nat64.address6(MAPPED))
        wire.send(packet / UDP(sport=1, dport=2) / b"x")
        wait_until(lambda: nat64.drops().get("source_in_prefix") == 1, "source_in_prefix")
    case.check("a packet from inside the prefix is dropped", True)


def to_itself(case, lab, nat64):
    hairpinned = packets(nat64)["hairpinned"]
    with udp_client(lab.client, nat64.address6(MAPPED), 4000, source_port=4000) as itself:
        # Its source is its own mapping, which is what it is connected to.
        case.check("a packet to the own mapping arrives", echo_once(itself, b"me", attempts=3))
    times = packets(nat64)["hairpinned"] - hairpinned
    case.check("and goes round once each time", 1 <= times <= 3, times)


def circle(case, lab, first, second):
    before = received(first), received(second)
    with server_wire(lab) as wire:
        wire.send(IP(src=SERVER, dst=CIRCLE, ttl=HOPS) / UDP(sport=5, dport=6) / b"round")
        wait_until(lambda: received(first) - before[0] > HOPS // 2 - 4, "the rounds")
    last = [None]

    def silent():
        now = received(first), received(second)
        same, last[0] = now == last[0], now
        return same

    wait_until(silent, "silence", interval=0.5)
    rounds = [now - then for now, then in zip(last[0], before)]
    case.note(f"packets of the circle: {rounds[0]} and {rounds[1]}")
    # One hop a pass, and once more for the error on its way back.
    case.check("no more passes than hops", sum(rounds) <= 2 * HOPS + 8, rounds)
    spent = sum(nat64.process.cpu_seconds() for nat64 in (first, second))
    case.check("nobody is busy", spent < 5, spent)


def packets(nat64):
    return nat64.show("status")["packets"]


def received(nat64):
    return packets(nat64)["received"]
