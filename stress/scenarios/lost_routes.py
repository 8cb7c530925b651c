# SPDX-License-Identifier: Apache-2.0
"""Somebody takes the TUN down, deletes its routes, or deletes it: no silent black hole.

    client ── gateway (nat64; and an administrator with ip(8)) ── server

Pass: after `ip link set nat64 down; ip link set nat64 up` and after each route of ours has been
deleted, all routes are back and a connection from before goes on; both are in the log. When
the TUN is deleted the daemon says so and ends with exit code 1. The same with napt: kernel.
The second process holds CAP_NET_ADMIN and nothing else; each of the two goes when the other has
been killed, and the control socket's file with them.
"""

import os
import signal

from lab import wait_until
from lab.topology import SERVER
from probes import conversation, second_process, tcp_pair

NET_ADMIN = 1 << 12


def run(case):
    for mode in ("daemon", "kernel"):
        in_mode(case, mode)
        processes_end(case, mode)


def in_mode(case, mode):
    lab = case.lab()
    nat64 = case.nat64(lab, {"napt": mode})
    server6 = nat64.address6(SERVER)
    wanted = our_routes(lab)
    case.check(f"{mode}: routes of both families", len(wanted) >= 2, wanted)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        case.check(f"{mode}: TCP works", conversation(client, server))
        lab.gateway.ip("link set nat64 down")
        nat64.process.wait_ready(
            lambda: "was set down" in nat64.process.log(), "say that the interface is down"
        )
        lab.gateway.ip("link set nat64 up")
        restored(case, lab, wanted, f"{mode}: after down and up")
        case.check(f"{mode}: TCP goes on", conversation(client, server))
        for family, destination in wanted:
            lab.gateway.ip(f"{family} route del {destination} dev nat64")
            restored(case, lab, wanted, f"{mode}: {destination} after its deletion")
        case.check(f"{mode}: TCP goes on again", conversation(client, server))
    log = nat64.process.log()
    case.equal(f"{mode}: each is in the log", log.count("it is back") >= 2 * len(wanted), True)
    case.stopped(nat64)
    lab.gateway.ip("link del nat64")
    case.equal(f"{mode}: the TUN is deleted: exit code", nat64.process.wait_exit(), 1)
    case.check(f"{mode}: the reason", "eleted" in nat64.process.log(), nat64.process.log_tail())


def processes_end(case, mode):
    lab = case.lab()
    before = lab.gateway.snapshot()
    nat64 = case.nat64(lab, {"napt": mode})
    helper = second_process(nat64)
    with open(f"/proc/{helper}/status") as stream:
        status = dict(line.split(":\t", 1) for line in stream if ":\t" in line)
    for name in ("CapPrm", "CapEff"):
        case.equal(f"{mode}: second process: {name}", int(status[name], 16), NET_ADMIN)
    for name in ("CapInh", "CapAmb", "CapBnd"):
        case.equal(f"{mode}: second process: {name}", int(status[name], 16) & ~NET_ADMIN, 0)
    case.stopped(nat64)
    nat64.process.signal(signal.SIGKILL)
    nat64.process.wait_exit()
    wait_until(lambda: not running(helper), "the helper to end")
    case.check(f"{mode}: the second process goes with the first", not running(helper))
    case.check(f"{mode}: and the control socket", not os.path.exists(nat64.socket), nat64.socket)
    case.equal(f"{mode}: nothing is left", lab.gateway.snapshot(), before)

    nat64 = case.nat64(lab, {"napt": mode})
    os.kill(second_process(nat64), signal.SIGKILL)
    case.equal(f"{mode}: alone it ends: exit code", nat64.process.wait_exit(), 1)
    case.check(
        f"{mode}: and says why", "nat64-machine" in nat64.process.log(), nat64.process.log_tail()
    )
    case.stopped(nat64)


def our_routes(lab):
    """[(family option, destination)] of the routes with our protocol number."""
    found = []
    for family in ("-4", "-6"):
        shown = lab.gateway.run("ip", family, "route", "show", "proto", "64", check=True).stdout
        found += [(family, line.split()[0]) for line in shown.splitlines()]
    return found


def restored(case, lab, wanted, what):
    wait_until(lambda: our_routes(lab) == wanted, f"the routes, {what}")
    case.check(what, our_routes(lab) == wanted)


def running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
