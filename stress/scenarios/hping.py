# SPDX-License-Identifier: Apache-2.0
"""hping3 from the IPv4 side: hand-made TCP, UDP and ICMP to a whole-host entry.

    client (nginx on 80) ── gateway (nat64, 192.0.2.3 = client) ── server (hping3)

Pass: a SYN to an open port is answered by SYN and ACK, to a closed one by RST, ten of ten; so
are SYNs cut into fragments of 24 bytes, while those whose first fragment ends within the TCP
header are dropped (RFC 1858); segments with absurd flags end like on a direct path
(RST from a closed port, silence from an open one); a closed UDP port is "port unreachable" from
the entry's address; echo is answered, timestamp and address mask requests are not translated
and counted as such; two hops are
gone (to the TUN and from it).
"""

import re

from lab import WebServer
from lab.topology import CLIENT
from probes import all_answered, settled_ping

STATIC = "192.0.2.3"
COUNT = 10


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"static": [{"ipv6": CLIENT, "ipv4": STATIC}]})
    WebServer(lab, lab.client)
    case.require("reachable", all_answered(settled_ping(lab.server, STATIC)))
    for name, words, wanted in (
        ("SYN to an open port", ("-S", "-p", 80, "-k"), "flags=SA"),
        ("SYN to a closed port", ("-S", "-p", 81, "-k"), "flags=RA"),
        ("ACK to a closed port", ("-A", "-p", 81, "-k"), "flags=R "),
        ("FIN, PUSH and URG to a closed port", ("-F", "-P", "-U", "-p", 81, "-k"), "flags=RA"),
        ("a SYN in fragments", ("-S", "-p", 80, "-k", "-m", 24, "-d", 64), "flags=SA"),
        ("echo", ("--icmp",), "icmp_seq="),
    ):
        done = hping(lab, *words)
        case.check(f"{name}: answers", done.stdout.count(wanted) == COUNT, done)
        case.check(f"{name}: from the entry", f"ip={STATIC}" in done.stdout, done)
    for name, words in (
        ("no flag at all to an open port", ("-p", 80)),
        ("FIN to an open port", ("-F", "-p", 80)),
    ):
        done = hping(lab, *words)
        case.check(f"{name}: silence", " 0 packets received" in done.stderr, done)
    done = hping(lab, "--udp", "-p", 9999)
    unreachable = done.stdout.count(f"ICMP Port Unreachable from ip={STATIC}")
    # A Linux host limits such errors, the client's own kernel included.
    case.check("closed UDP port", 1 <= unreachable <= COUNT, done)
    untranslated(case, lab, nat64)
    done = hping(lab, "-S", "-p", 80, "-f")
    case.check("a TCP header in two fragments: silence", " 0 packets received" in done.stderr, done)
    drops = nat64.drops()
    case.check("they are counted", drops.get("bad_transport_header", 0) >= COUNT, drops)
    done = hping(lab, "-S", "-p", 80)
    case.equal("hops", set(re.findall(r"ttl=(\d+)", done.stdout)), {"62"})


def untranslated(case, lab, nat64):
    """RFC 7915 §4.2: timestamp and address mask requests are silently dropped."""
    before = nat64.drops().get("unknown_icmp_type", 0)
    for kind in (13, 17):
        done = hping(lab, "--icmp", "--icmptype", kind, "--force-icmp")
        case.check(f"ICMP type {kind}: silence", " 0 packets received" in done.stderr, done)
    dropped = nat64.drops().get("unknown_icmp_type", 0) - before
    case.equal("both are counted", dropped, 2 * COUNT)


def hping(lab, *words):
    return lab.server.run("hping3", "-n", "-c", COUNT, "-i", "u20000", *words, STATIC)
