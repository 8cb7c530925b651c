# SPDX-License-Identifier: Apache-2.0
"""The log cannot be written: its disk is full, or nobody reads the pipe.

    client (a hundred flows) ── gateway (nat64, log.sessions: true, into a 64 KiB tmpfs) ── server

Pass: translation does not care; the daemon lives, does not spin and can be asked; when there is
room again lines are written again; a pipe that nobody reads holds up no packet, and lines that
could not be written are missed by nobody but the reader.
"""

import os

from lab import Nat64, wait_until
from lab.topology import SERVER
from probes import UdpEcho, conversation, echo_once, tcp_pair, udp_client

# One host is one client, and one with more flows than the defaults allow.
LIMITS = {"ports_per_client": 10000}
LOG = {"level": "debug", "bindings": True, "sessions": True}
# ip netns exec has a mount namespace of its own, so that the tmpfs is nobody else's.
FULL = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@" >"$0"/log 2>&1'
UNREAD = 'exec "$@" 2>&1 | { read -r _; exec sleep 600; }'


def run(case):
    full(case)
    unread(case)


def full(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"log": LOG, "limits": LIMITS}, start=False)
    directory = lab.make_dir("log")
    nat64.start(wrapper=("bash", "-c", FULL, directory))
    seen = f"/proc/{nat64.process.pid}/root{directory}/log"
    server6 = nat64.address6(SERVER)
    with (
        UdpEcho(lab.server, SERVER, 7),
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        flows(case, lab, server6, 400, "while the disk fills up")
        wait_until(lambda: free(seen) == 0, "a full disk")
        spent = nat64.process.cpu_seconds()
        flows(case, lab, server6, 100, "on a full disk")
        spent = nat64.process.cpu_seconds() - spent
        case.check("the daemon does not spin", spent < 2.0, spent)
        case.check("TCP works", conversation(client, server, 100000))
        case.succeeds("it can be asked", nat64.call("show", "status"))
        os.truncate(seen, 0)
        flows(case, lab, server6, 50, "with room again")
        wait_until(lambda: os.stat(seen).st_blocks > 0, "lines in the log")
        case.check("lines are written again", True)


def unread(case):
    lab = case.lab()
    nat64 = Nat64(lab, {"log": LOG, "limits": LIMITS}, executable=case.executable, start=False)
    argv = (nat64.executable, "run", "-c", nat64.config_path)
    nat64.process = lab.start("gateway", "nat64-unread", "bash", "-c", UNREAD, "bash", *argv)
    nat64.process.wait_ready(lambda: "nat64" in lab.gateway.links(), "make its interface")
    server6 = nat64.address6(SERVER)
    wait_until(lambda: reaches(lab, server6), "the first packet")
    with UdpEcho(lab.server, SERVER, 7):
        # 64 KiB are in the pipe after some 400 flows: the rest is what is tested.
        flows(case, lab, server6, 1500, "with a pipe that nobody reads")


def flows(case, lab, server6, count, when):
    lost = 0
    for _ in range(count):
        with udp_client(lab.client, server6, 7) as flow:
            lost += not echo_once(flow, b"x", attempts=3)
    case.equal(f"{count} flows {when}: lost", lost, 0)


def reaches(lab, server6):
    return lab.client.run("ping", "-c", 1, "-W", 1, server6).returncode == 0


def free(path):
    facts = os.statvfs(path)
    return facts.f_bavail
