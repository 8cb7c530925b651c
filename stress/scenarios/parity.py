# SPDX-License-Identifier: Apache-2.0
"""The same traffic through both modes of NAPT, with the same results.

    client ── v6hop1 ── gateway (nat64) ──1400── v4hop1 ── v4hop2 ── server

Pass: ping of all sizes, UDP of all sizes, TCP both ways, path MTU discovery (what the client learns
included), traceroute by UDP, ICMP and TCP, ports that are closed, networks that are unreachable or
prohibited, and packets that run out of hops give a program on the client the same answers with
napt: daemon as with napt: kernel, with and without conntrack of the IPv6 side; and these are the
right ones. With `conntrack_ipv6: notrack` the gateway has no flows of IPv6.
"""

import errno
import os
import re
import socket

from lab.topology import SERVER
from probes import UdpEcho, bulk, conversation, echo_once, error_of, ping, settled_ping
from probes import tcp_pair, udp_client

TIME_LIMIT = 120
WANTED = {
    "ping of 0, 56, 1300, 1400, 3000, 8000 bytes": [True] * 6,
    "UDP of 0, 1, 1300, 1372, 1452, 4000, 9000 bytes": [True] * 7,
    "UDP that may not be fragmented": [True] * 3,
    "TCP conversation": True,
    "2 MB out and back": [True, True],
    "MTU that the client learned": "1420",
    "traceroute -U": ["2001:db8:c1::1", "198.51.100.2", "198.51.100.6", SERVER],
    "traceroute -I": ["2001:db8:c1::1", "198.51.100.2", "198.51.100.6", SERVER],
    "traceroute -T": ["2001:db8:c1::1", "198.51.100.2", "198.51.100.6", SERVER],
    "closed UDP port": "ECONNREFUSED",
    "closed TCP port": "ECONNREFUSED",
    "unreachable network": "ENETUNREACH",
    "prohibited network": "EACCES",
    "out of hops": "EHOSTUNREACH",
}


MODES = {
    "daemon": {"napt": "daemon"},
    "kernel": {"napt": "kernel"},
    "kernel, notrack": {"napt": "kernel", "conntrack_ipv6": "notrack"},
}


def run(case):
    results = {mode: traffic(case, mode) for mode in MODES}
    for what, wanted in WANTED.items():
        for mode, result in results.items():
            case.equal(f"{mode}: {what}", result[what], wanted)


def traffic(case, mode):
    lab = case.lab(v6hops=1, v4hops=2, mtu={"gateway-v4hop1": 1400})
    router = lab.nodes["v4hop1"]
    router.ip("route add unreachable 203.0.113.128/30")
    router.ip("route add prohibit 203.0.113.132/30")
    nat64 = case.nat64(lab, MODES[mode])
    to, client = nat64.address6, lab.client
    settled_ping(client, to(SERVER))
    result = {}
    pings, datagrams, strict = [], [], []
    for size in (0, 56, 1300, 1400, 3000, 8000):
        done = ping(client, to(SERVER), count=2, size=size)  # the first may discover the MTU
        pings.append(done.returncode == 0)
    with UdpEcho(lab.server, SERVER, 7), udp_client(client, to(SERVER), 7) as one:
        for size in (0, 1, 1300, 1372, 1452, 4000, 9000):
            datagrams.append(echo_once(one, os.urandom(size), attempts=3))
    with UdpEcho(lab.server, SERVER, 8, fragmentable=False):
        with udp_client(client, to(SERVER), 8, timeout=1.0) as one:
            for size in (1372, 1452, 4000):
                strict.append(echo_once(one, os.urandom(size), attempts=5))
    result.update(zip(WANTED, (pings, datagrams, strict)))
    with tcp_pair(client, lab.server, to(SERVER), SERVER, 5001) as (c, s, _):
        result["TCP conversation"] = conversation(c, s)
        result["2 MB out and back"] = [bulk(c, s, 2 << 20), bulk(s, c, 2 << 20)]
    learned = client.run("ip", "-6", "route", "get", to(SERVER)).stdout
    result["MTU that the client learned"] = "".join(re.findall(r"mtu (\d+)", learned))
    errors(result, client, to)
    for option in ("-U", "-I", "-T"):  # the server's patience with UDP probes is limited
        result[f"traceroute {option}"] = trace(nat64, client, option)
    if mode != "daemon":
        flows = lab.gateway.run("conntrack", "-L", "-f", "ipv6").stdout
        tracked = nat64.address6(SERVER) in flows
        case.equal(f"{mode}: IPv6 in conntrack", tracked, "notrack" not in mode)
    return result


def trace(nat64, client, option):
    """Hops as the IPv4 addresses that they are, where they are; without repetitions."""
    argv = ("traceroute", "-6", "-n", "-q", "2", "-w", "2", option, nat64.address6(SERVER))
    known = {nat64.address6(ip): ip for ip in ("198.51.100.2", "198.51.100.6", SERVER)}
    hops = []
    for word in client.run(*argv, timeout=60).stdout.split("\n", 1)[1].split():
        hop = known.get(word, word)
        # Between the two IPv6 routers and the IPv4 ones stands the gateway; how it names itself
        # is each mode's own.
        if (word in known or word == "2001:db8:c1::1") and hop not in hops:
            hops.append(hop)
    return hops


def errors(result, client, to):
    for what, target in (
        ("closed UDP port", SERVER),
        ("unreachable network", "203.0.113.129"),
        ("prohibited network", "203.0.113.133"),
    ):
        with udp_client(client, to(target), 9999, all_errors=True) as one:
            result[what] = errno.errorcode.get(error_of(one))
    with client.socket(socket.AF_INET6, socket.SOCK_STREAM) as stream:
        result["closed TCP port"] = errno.errorcode.get(stream.connect_ex((to(SERVER), 9998)))
    with udp_client(client, to(SERVER), 9999, all_errors=True) as one:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 3)
        result["out of hops"] = errno.errorcode.get(error_of(one))
