# SPDX-License-Identifier: Apache-2.0
"""Clocks jump: the wall clock by years both ways, the monotonic one forward, and a long uptime.

    client ── gateway (nat64 under libfaketime; then in a time namespace 10 years up) ── server

Pass: the wall clock set forward and back by five years changes nothing for any session; the
monotonic clock jumping forward by a minute (a virtual machine that was paused) ends what has had
its time and nothing else, with the next packet, without a storm; a machine that has been up for
ten years has sessions with the right lifetimes.
"""

import glob
import os
import time

from lab import wait_until
from lab.topology import SERVER
from probes import UdpEcho, conversation, echo_once, tcp_pair, udp_client

UDP = 30
YEARS = 5 * 365 * 86400
TICK = 0.1


def run(case):
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not library:
        case.skip("libfaketime is not installed")
    wall_clock(case, library[0])
    monotonic(case, library[0])
    uptime(case)


class Clock:
    """What the daemon takes for the time; a file that libfaketime reads at every call."""

    def __init__(self, lab, library, monotonic):
        # libfaketime takes the monotonic clock for the wall clock: back to the machine's uptime.
        self._base = int(time.monotonic() - time.time()) if monotonic else 0
        self.path = lab.write("clock", f"{self._base:+d}s\n")
        self._wrapper = (
            "env",
            f"LD_PRELOAD={library}:{unconfined(lab)}",
            f"FAKETIME_TIMESTAMP_FILE={self.path}",
            "FAKETIME_NO_CACHE=1",
            f"FAKETIME_DONT_FAKE_MONOTONIC={0 if monotonic else 1}",
            "ASAN_OPTIONS=verify_asan_link_order=0",
        )

    def wrapper(self):
        return self._wrapper

    def offset(self, seconds):
        with open(self.path + ".new", "w", encoding="ascii") as stream:
            stream.write(f"{self._base + seconds:+d}s\n")
        os.replace(self.path + ".new", self.path)


def unconfined(lab):
    """The daemon confines itself to its descriptors, libfaketime reads a file: a library that
    loads no filter of system calls."""
    source = lab.write("unconfined.c", "int seccomp_load(void *filter) { return !filter; }\n")
    library = source.removesuffix(".c") + ".so"
    lab.gateway.run("cc", "-shared", "-fPIC", "-o", library, source, check=True)
    return library


def wall_clock(case, library):
    lab, nat64, clock = network(case, library, monotonic=False)
    server6 = nat64.address6(SERVER)
    with (
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, server6, 7) as udp,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        case.require("UDP works", echo_once(udp, b"x", attempts=3))
        before = {row["client"]: row["mapped"] for row in nat64.bindings()}
        for years, offset in (("+5", YEARS), ("-5", -YEARS), ("0", 0)):
            clock.offset(offset)
            then = time.localtime(time.time() + offset).tm_year
            wait_until(lambda: logs_in(nat64, lab, then), f"a line of {then} in the log")
            case.check(f"{years} years: TCP works", conversation(client, server))
            case.check(f"{years} years: UDP works", echo_once(udp, b"x", attempts=3))
            now = {row["client"]: row["mapped"] for row in nat64.bindings()}
            case.check(f"{years} years: bindings are kept", before.items() <= now.items(), now)
            lives = [row["expires_in"] for row in nat64.sessions("--protocol", "udp")]
            case.check(f"{years} years: lifetimes", all(0 < t <= UDP + TICK for t in lives), lives)


def logs_in(nat64, lab, year):
    """A new flow is a new line, which begins with the date: the clock was indeed set."""
    with udp_client(lab.client, nat64.address6(SERVER), 7) as flow:
        echo_once(flow, b"x")
    return nat64.process.log().splitlines()[-1].startswith(f"{year}-")


def monotonic(case, library):
    lab, nat64, clock = network(case, library, monotonic=True)
    server6 = nat64.address6(SERVER)
    with (
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, server6, 7) as udp,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        case.require("works", echo_once(udp, b"x", attempts=3) and conversation(client, server))
        clock.offset(60)
        # libfaketime does not wake who sleeps on the kernel's clock; a packet does.
        case.check("a minute later: TCP goes on", conversation(client, server))
        wait_until(lambda: not nat64.bindings("--protocol", "udp"), "old bindings to end", 5)
        case.check("UDP has had its time", True)
        case.check("TCP has not", conversation(client, server))
        case.check("UDP works anew", echo_once(udp, b"x", attempts=3))
        lives = [row["expires_in"] for row in nat64.sessions("--protocol", "udp")]
        right = lives and all(UDP - 5 < t <= UDP + TICK for t in lives)
        case.check("with its lifetime", right, lives)


def uptime(case):
    lab = case.lab()
    if lab.gateway.run("unshare", "-T", "true").returncode != 0:
        case.note("no time namespaces here: a long uptime was not tried")
        return
    nat64 = case.nat64(lab, {"timeouts": {"udp": "2s", "unsafe": True}}, start=False)
    years = str(10 * 365 * 86400)  # ticks of 100 ms in 32 bits last 13
    nat64.start(wrapper=("unshare", "-T", "--monotonic", years, "--boottime", years))
    with (
        UdpEcho(lab.server, SERVER, 7),
        udp_client(lab.client, nat64.address6(SERVER), 7) as udp,
    ):
        case.require("up for ten years: UDP works", echo_once(udp, b"x", attempts=3))
        lives = [row["expires_in"] for row in nat64.sessions("--protocol", "udp")]
        case.check("up for ten years: lifetimes", all(0 < t <= 2 + TICK for t in lives), lives)
        case.check("up for ten years: not forgotten at once", lives, lives)
        wait_until(lambda: not nat64.bindings(), "the binding to end", 5)
        case.check("up for ten years: it ends", True)


def network(case, library, monotonic):
    lab = case.lab()
    timeouts = {"udp": f"{UDP}s", "unsafe": True}
    log = {"bindings": True}
    nat64 = case.nat64(lab, {"timeouts": timeouts, "log": log}, start=False)
    clock = Clock(lab, library, monotonic)
    nat64.start(wrapper=clock.wrapper())
    return lab, nat64, clock
