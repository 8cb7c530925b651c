# SPDX-License-Identifier: Apache-2.0
"""Traceroute and mtr from the IPv6 side show the IPv4 routers.

    client ── v6hop1 ── gateway (nat64) ── v4hop1 ── v4hop2 ── server

Pass: with UDP, ICMP and TCP probes the IPv6 router, the gateway, both IPv4 routers (as
addresses below the prefix) and the server appear in this order; traceroute from the IPv4 side
to a static entry shows the gateway and ends at the entry's address. Where nat64 has no address
under the prefix it shows one of the gateway's, and another one when that is deprecated.
"""

from lab import WebServer
from lab.topology import CLIENT, SERVER

TAYGA = True
TIME_LIMIT = 90
METHODS = {"UDP": ["-U"], "UDP to many ports": [], "ICMP": ["-I"], "TCP": ["-T", "-p", "80"]}


def run(case):
    lab = case.lab(v4hops=2, v6hops=1)
    translator = case.translator(lab, {"static": [{"ipv6": CLIENT, "ipv4": "192.0.2.3"}]})
    WebServer(lab)
    server6 = translator.address6(SERVER)
    routers = [translator.address6(ip) for ip in ("198.51.100.2", "198.51.100.6")]
    wanted = ["2001:db8:c1::1"] + routers + [server6]
    for method, words in METHODS.items():
        done = lab.client.run("traceroute", "-6", "-n", "-w", "2", *words, server6)
        case.check(
            f"{method} probes show all hops in order",
            in_order(wanted, hops(done.stdout)),
            done.stdout + done.stderr,
        )
    done = lab.client.run("mtr", "-6", "-n", "-r", "-c", "3", "-i", "0.3", server6)
    case.check("mtr shows all hops", in_order(wanted, mtr_hops(done.stdout)), done.stdout)
    if case.uses_tayga:
        return
    done = lab.server.run("traceroute", "-n", "-w", "2", "-I", "192.0.2.3")
    seen = hops(done.stdout)
    case.check(
        "the IPv4 side sees its routers and the static entry",
        in_order(["203.0.113.1", "198.51.100.5", "192.0.2.3"], seen),
        done.stdout,
    )
    case.check("no IPv6 address leaks into it", ":" not in "".join(seen), done.stdout)
    renumbered(case)


def renumbered(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"napt": "kernel", "wkp_strict": True})

    def second_hop():
        words = ["-f", "2", "-m", "2", "-q", "1", "-w", "2"]
        server6 = nat64.address6(SERVER)
        done = lab.client.run("traceroute", "-6", "-n", *words, server6)
        return hops(done.stdout)[:1]

    case.equal("a gateway's address", second_hop(), ["2001:db8:c1::1"])
    lab.gateway.ip("addr add 2001:db8:c9::1/64 dev server nodad")
    lab.gateway.ip("addr change 2001:db8:c1::1/64 dev client valid_lft 3600 preferred_lft 0")
    lab.gateway.ip("-6 route replace 2001:db8:c1::/64 dev client")  # that took it along
    nat64.process.wait_ready(
        lambda: "source is 2001:db8:c9::1 now" in nat64.process.log(), "choose another address"
    )
    case.equal("another one when that is deprecated", second_hop(), ["2001:db8:c9::1"])
    case.equal("reload", nat64.call("reload").returncode, 0)
    case.equal("and behind a reload", second_hop(), ["2001:db8:c9::1"])


def hops(text):
    """Addresses in hop order, from traceroute -n."""
    lines = [line.split() for line in text.splitlines()[1:]]
    return [word for words in lines for word in words[1:] if "." in word or ":" in word]


def mtr_hops(text):
    return [line.split("--")[1].split()[0] for line in text.splitlines() if "|--" in line]


def in_order(wanted, seen):
    """wanted is a subsequence of seen."""
    rest = iter(seen)
    return all(any(address == other for other in rest) for address in wanted)
