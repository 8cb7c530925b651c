# SPDX-License-Identifier: Apache-2.0
"""Links and addresses of the gateway change faster than nat64 reads: it goes on, and knows.

    client ── gateway (nat64; addresses and routes that come and go) ── server

Pass, with either napt: nat64 survives a burst of addresses on a machine that has many, and
refuses the last of them to clients as it does the machine's others. The TUN is set down while
nat64 cannot listen and far more changes than its socket holds follow: it says so as soon as it
listens again, and when the TUN is up again its routes are back and packets flow.
"""

import errno

from lab import wait_until
from lab.topology import SERVER
from probes import UdpEcho, echo_once, error_of, second_process, udp_client

OWN = "203.0.113.77"  # the gateway's, when the burst is over


def run(case):
    for mode in ("daemon", "kernel"):
        in_mode(case, mode)


def in_mode(case, mode):
    lab = case.lab()
    many = [f"addr add 192.168.{i // 250}.{i % 250 + 1}/32 dev server" for i in range(100)]
    batch(lab.gateway, many)
    nat64 = case.nat64(lab, {"napt": mode, "destinations": {"private": True}})
    with (
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, nat64.address6(SERVER), 7) as client,
    ):
        case.check(f"{mode}: the server answers", echo_once(client, b"x", attempts=3))
        burst_of_addresses(case, lab, nat64, mode)
        case.check(f"{mode}: and behind the burst", echo_once(client, b"x", attempts=3))
        deaf(case, lab, nat64, mode)
        case.check(f"{mode}: and up again", echo_once(client, b"x", attempts=3))


def burst_of_addresses(case, lab, nat64, mode):
    flap = [f"addr add {OWN}/32 dev server", f"addr del {OWN}/32 dev server"]
    batch(lab.gateway, flap * 1000 + flap[:1])
    nat64.process.wait_ready(lambda: refused(lab, nat64), f"refuse {OWN} to clients")
    case.check(f"{mode}: {OWN} is the gateway's own", refused(lab, nat64))


def refused(lab, nat64):
    """Whether a client is told that it does not reach the gateway by its newest address."""
    with udp_client(lab.client, nat64.address6(OWN), 9) as client:
        return error_of(client) == errno.EACCES


def deaf(case, lab, nat64, mode):
    wanted = lab.gateway.run("ip", "-6", "route", "show", "proto", "64", check=True).stdout
    before = nat64.process.log().count("was set down")
    # The first process listens, and asks the second, which has to be able to answer.
    case.check(f"{mode}: two processes", second_process(nat64) != nat64.process.pid)
    nat64.process.suspend()
    flap = ["route add 198.18.0.9/32 dev server", "route del 198.18.0.9/32 dev server"]
    batch(lab.gateway, flap * 5000)
    lab.gateway.ip("link set nat64 down")
    nat64.process.resume()
    nat64.process.wait_ready(
        lambda: nat64.process.log().count("was set down") > before, "say that the TUN is down"
    )
    lab.gateway.ip("link set nat64 up")

    def shown():
        return lab.gateway.run("ip", "-6", "route", "show", "proto", "64", check=True).stdout

    wait_until(lambda: shown() == wanted, "the routes")
    case.equal(f"{mode}: the routes are back", shown(), wanted)


def batch(namespace, commands):
    namespace.run("ip", "-batch", "-", input="\n".join(commands) + "\n", check=True)
