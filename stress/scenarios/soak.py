# SPDX-License-Identifier: Apache-2.0
"""A soak: thousands of reloads under every kind of traffic, and nothing grows.

    client (numbered datagrams, an open TCP connection, new flows without end) ─┐
    client2 (connections that come and go) ─────────────────────────────────────┤
                                gateway (nat64; reloads, readers of all kinds) ─┴─ server

Pass: for a minute with each kind of NAPT, a quarter of an hour with --long, one reload follows
the other, each of which changes something: all are applied, no datagram of the stream is lost, the
open connection goes on, every new one is answered, whoever asks the daemon is. After the first
third neither process needs more memory (but for what an allocator rounds); when the traffic has
gone, so have its sessions, and descriptors and threads are those from before it came.
"""

import itertools
import os
import socket
import time

from lab import WebServer, wait_until
from lab.topology import SERVER
from probes import UdpEcho, conversation, second_process, tcp_pair
from traffic import Churn, Flood, Stream

TIME_LIMIT = 450
LONG = True
ROUNDED_KIB = 1024
SOURCES = 0xE000  # of new flows; more than live at a time
BASE = {
    "timeouts": {"udp": "5s", "tcp_transitory": "4s", "unsafe": True},
    "limits": {"sessions_per_client": 100_000},
}
CHANGES = [
    {"limits": {"sessions_per_client": 90_000, "new_sessions_per_second": 50_000}},
    {"timeouts": {"udp": "6s", "tcp_transitory": "3s", "unsafe": True}},
    {"destinations": {"deny": [{"prefix": SERVER, "protocol": "tcp", "ports": 9}]}},
    {"dscp": {"to_ipv6": 10}, "icmp": {"rate": 77}},
    {},
]
ENTRY = {"protocol": "tcp", "ipv6": "[2001:db8:c2::2]:8080", "ipv4": "192.0.2.2:80"}


def run(case):
    for napt in ("daemon", "kernel"):
        soak(case, napt, 900 if case.long else 60)


def soak(case, napt, seconds):
    lab = case.lab(clients=2)
    lab.route_upper_half()
    lab.server.drop_incoming("udp dport 9")
    WebServer(lab)
    metrics = os.path.join(lab.dir, "metrics.sock")
    config = {"napt": napt, "metrics": {"listen": f"unix:{metrics}"}, **BASE}
    if napt == "daemon":
        config["pool"] = ["192.0.2.0/29"]
    nat64 = case.nat64(lab, config)
    server6 = nat64.address6(SERVER)
    before = held(nat64)
    with (
        UdpEcho(lab.server, SERVER, 7) as echo,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
        Churn(lab.clients[1], server6) as churn,
        Flood(lab, server6, "2001:db8:c1:0:8000::1000", SOURCES),
    ):
        stream = Stream(lab.client, server6, 7)
        rounds = Rounds(case, nat64, metrics)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            rounds.one()
            if stream.trouble or not conversation(client, server):
                break
        case.check(f"{napt}: the stream goes on", stream.flows(), stream.trouble)
        stream.finish()
        lost = stream.sent - stream.answered
        case.equal(f"{napt}: datagrams lost", (lost, stream.trouble), (0, ""))
        case.check(f"{napt}: TCP goes on", conversation(client, server))
        case.equal(f"{napt}: sources that the server saw", len(set(echo.seen)), 1)
    case.check(f"{napt}: connections came and went", churn.made > seconds, churn.made)
    case.equal(f"{napt}: all were answered", churn.trouble[:3], [])
    memory(case, napt, rounds.samples)
    if napt == "daemon":
        wait_until(lambda: nat64.session_count() == 0, "the last session to end", 30)
    wait_until(lambda: all(map(int.__le__, held(nat64), before)), "descriptors and threads", 10)
    case.check(f"{napt}: no more descriptors and threads than before", True)
    case.note(
        f"{napt}: {rounds.number} reloads, {stream.sent} datagrams, {churn.made} connections,"
        f" resident {rounds.samples[0]} -> {rounds.samples[-1]} KiB"
    )


class Rounds:
    """A reload, and what else asks the daemon."""

    def __init__(self, case, nat64, metrics):
        self.case, self.nat64, self._metrics = case, nat64, metrics
        self.number = 0
        self.samples = []
        changes = [{"static": [ENTRY]}, *CHANGES] if nat64.config["napt"] == "daemon" else CHANGES
        self._changes = itertools.cycle(changes)

    def one(self):
        self.number += 1
        self.nat64.write_config({**self.nat64.config, **next(self._changes)})
        done = self.nat64.call("reload")
        fine = done.returncode == 0 and "nothing has changed" not in done.stdout
        self.case.require(f"reload {self.number}", fine, done)
        if self.number % 5 == 0:
            self._ask()
            self.samples.append(resident(self.nat64))

    def _ask(self):
        done = self.nat64.call("show", "sessions", "--json", "--limit", "1000")
        self.case.require(f"a listing after reload {self.number}", done.returncode == 0, done)
        page = talk(self._metrics, b"GET /metrics HTTP/1.0\r\n\r\n", 1 << 20)
        self.case.require(f"/metrics after reload {self.number}", b" 200 OK" in page, page[:80])
        # Goes in the middle of what it is told.
        talk(self.nat64.socket, b'{"v":1,"id":1,"verb":"follow","what":"events"}\n', 100)


def talk(path, question, enough):
    """Asks, reads until the end or until it has had enough, and leaves."""
    answer = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(10)
        asking.connect(path)
        asking.sendall(question)
        while len(answer) < enough and (part := asking.recv(enough)):
            answer += part
    return answer


def pids(nat64):
    return nat64.process.pid, second_process(nat64)


def held(nat64):
    """How many descriptors and threads each of the two processes has."""
    places = [f"/proc/{pid}/{what}" for pid in pids(nat64) for what in ("fd", "task")]
    return [len(os.listdir(place)) for place in places]


def resident(nat64):
    """KiB of both."""
    sizes = []
    for pid in pids(nat64):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            sizes += [int(line.split()[1]) for line in status if line.startswith("VmRSS:")]
    return sizes


def memory(case, napt, samples):
    """The most of the last third is that of the second, but for rounding."""
    third = len(samples) // 3
    for which, name in enumerate(("nat64", "nat64-machine")):
        middle = max(sample[which] for sample in samples[third : 2 * third])
        last = max(sample[which] for sample in samples[2 * third :])
        what = f"{napt}: {name} does not grow"
        case.check(what, last <= middle + ROUNDED_KIB, f"{middle} -> {last} KiB")
