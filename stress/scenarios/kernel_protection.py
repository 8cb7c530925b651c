# SPDX-License-Identifier: Apache-2.0
"""napt: kernel: strangers outside reach neither clients nor inner addresses.

    client, client2 ── gateway (nat64, kernel NAPT; sshd, DNS) ── server (a stranger, too: it
                       203.0.113.1                                routes 100.64.0.0/16 here)

Pass: what the stranger sends to inner addresses, idle or in use, reaches no client, and neither
does what it sends from inner addresses to the gateway's own services; a mapping answers its own
server and nobody else; clients do not reach each other's inner addresses; the gateway's services go
on for the stranger as before; no packet leaves the uplink with an inner address, whatever clients
send. All that is kept away is counted in `show drops` and in the metrics, by what it was, and goes
on being counted after somebody has flushed nftables and reset its counters.
"""

import errno
import re
import time

from lab import wait_until
from lab.topology import CLIENT, SERVER, SERVERS
from packets import ICMP, IP, TCP, UDP, ICMPv6EchoReply, IPv6, Wire, gateway_wire, server_wire
from probes import UdpEcho, echo_once, error_of, ping, tcp_pair, udp_client

INNER = "100.64.0.0/16"
PUBLIC = "203.0.113.1"
SSH = 22
METRICS = "127.0.0.1:9464"


def run(case):
    lab = case.lab(clients=2)
    nat64 = case.nat64(lab, {"napt": "kernel", "metrics": {"listen": METRICS}})
    lab.server.ip(f"route add {INNER} via {PUBLIC}")
    with (
        UdpEcho(lab.server, SERVER, 7) as echo,
        UdpEcho(lab.server, SERVERS[1], 7),
        udp_client(lab.client, nat64.address6(SERVER), 7, source_port=4000) as known,
        Wire(lab.client, "gateway") as heard,
        server_wire(lab) as outside,
    ):
        case.require("a flow", echo_once(known, b"x", attempts=3))
        port = echo.seen[-1][1]
        inner = nat64.bindings()[0]["mapped"].split(":")[0]
        to_inner(case, lab, heard, outside, inner)
        to_mapping(case, lab, heard, port)
        own_services(case, lab, outside, inner)
        between_clients(case, lab, nat64, inner)
        case.check("the flow goes on", echo_once(known, b"y", attempts=3))
        leaks(case, lab, nat64, inner)
        counted(case, lab, nat64, outside, inner)


def to_inner(case, lab, heard, outside, inner):
    """From the far side, to one that is in use and to others."""
    heard.drain()
    for target in (inner, "100.64.0.1", "100.64.77.7"):
        done = ping(lab.server, target, count=2, wait=1)
        case.check(f"ping to {target}", done.returncode != 0, done.stdout)
        for payload in (
            UDP(sport=7, dport=4000) / b"stranger",
            TCP(sport=7, dport=4000, flags="S"),
            TCP(sport=7, dport=4000, flags="A"),
            ICMP(type=3, code=3) / IP(src=target, dst=SERVERS[2]) / UDP(sport=4000, dport=7),
        ):
            outside.send(IP(src=SERVERS[2], dst=target) / payload)
    seen = heard.receive(lambda packet: from_outside(packet, SERVERS[2]), timeout=1)
    case.check("nothing of it reaches the client", seen is None, seen)


def to_mapping(case, lab, heard, port):
    """The public port of the client's flow, from another address of the server's machine."""
    with udp_client(lab.server, PUBLIC, port) as stranger:
        stranger_error = error_of(stranger)
    case.equal("a stranger at the mapped port", errno.errorcode[stranger_error], "ECONNREFUSED")
    seen = heard.receive(lambda packet: b"?" in bytes(packet)[-1:], timeout=0.5)
    case.check("the client does not see it", seen is None, seen)


def from_outside(packet, address):
    return bytes(map(int, address.split("."))) in bytes(packet)


def own_services(case, lab, outside, inner):
    with (
        UdpEcho(lab.gateway, PUBLIC, 53) as dns,
        tcp_pair(lab.server, lab.gateway, PUBLIC, PUBLIC, SSH) as (_, _, peer),
        udp_client(lab.server, PUBLIC, 53) as asker,
    ):
        case.equal("the gateway's sshd serves the stranger", peer[0], "203.0.113.10")
        case.check("and its DNS", echo_once(asker, b"q", attempts=3))
        before = list(dns.seen)
        outside.send(IP(src=inner, dst=PUBLIC) / UDP(sport=4000, dport=53) / b"forged")
        case.check("and again", echo_once(asker, b"q", attempts=3))
        case.equal("but nobody with an inner address", {ip for ip, _ in dns.seen}, {before[0][0]})


def between_clients(case, lab, nat64, inner):
    other = lab.clients[1]
    with udp_client(other, nat64.address6(inner), 4000, all_errors=True) as one:
        got = errno.errorcode.get(error_of(one))
    case.equal("another client at the inner address", got, "EACCES")
    done = ping(other, nat64.address6("100.64.0.1"), count=1, wait=1)
    case.check("nor at the gateway's", done.returncode != 0, done.stdout)


def leaks(case, lab, nat64, inner):
    """Packets that begin nothing conntrack would translate."""
    server6 = nat64.address6(SERVER)
    with gateway_wire(lab) as wire, Wire(lab.server, "gateway") as heard:
        for payload in (
            TCP(sport=5000, dport=80, flags="A"),
            TCP(sport=5001, dport=80, flags="R"),
            TCP(sport=5002, dport=80, flags="FA"),
            TCP(sport=5003, dport=80, flags=""),
            ICMPv6EchoReply(id=7, seq=1),
            UDP(sport=5004, dport=9) / b"an ordinary one",
        ):
            wire.send(IPv6(src=CLIENT, dst=server6) / payload)
        with udp_client(lab.client, server6, 7, source_port=4001) as last:
            wait_until(lambda: echo_once(last, b"the last"), "what was sent last")
        seen, ends = [], time.monotonic() + 5
        while time.monotonic() < ends:
            packet = heard.receive(lambda packet: True, timeout=0.3)
            if packet is None:
                break
            seen.append(packet)
        inside = [packet for packet in seen if IP in packet and packet[IP].src.startswith("100.")]
        case.check("the server has heard of it", len(seen) >= 2, seen)
        case.equal("with inner addresses", inside, [])


def counted(case, lab, nat64, outside, inner):
    """What the four before this one have tried."""
    drops = nat64.drops()
    for reason in ("inner_source", "inner_no_flow", "inner_uninvited", "tcp_not_syn"):
        case.check(f"counted as {reason}", drops.get(reason, 0) > 0, drops)
    case.equal("in the metrics, too", metrics(lab), drops)
    case.note(" ".join(f"{reason} {packets}" for reason, packets in drops.items()))
    before = drops["inner_source"]
    lab.gateway.nft("flush ruleset")
    lab.gateway.run("nft", "reset", "counters", check=True)
    case.equal("reset: nothing is forgotten", nat64.drops()["inner_source"], before)
    outside.send(IP(src=inner, dst=PUBLIC) / UDP(sport=4000, dport=53) / b"forged")
    wait_until(lambda: nat64.drops()["inner_source"] > before, "one more forged packet")
    case.equal("reset: counted on", nat64.drops()["inner_source"], before + 1)


def metrics(lab):
    """{reason: packets}, as Prometheus sees them, without those that have not occurred."""
    shown = lab.gateway.run("curl", "-s", f"http://{METRICS}/metrics", check=True).stdout
    pattern = r'^nat64_dropped_packets_total{reason="(\w+)"} (\d+)$'
    found = re.findall(pattern, shown, re.MULTILINE)
    return {reason: int(packets) for reason, packets in found if packets != "0"}
