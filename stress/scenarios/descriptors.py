# SPDX-License-Identifier: Apache-2.0
"""File descriptors run out: a low RLIMIT_NOFILE, and more control clients than it allows.

    client ── gateway (nat64 with 40 descriptors, 200 control connections) ── server

Pass: packets pass throughout; the daemon does not spin and logs the trouble a few times at most,
not once a client; those it has accepted are served; when the crowd has gone, everybody is served
again, even if somebody has removed the control socket meanwhile. A limit too low to start with is
an error that says so.
"""

import os
import socket

from lab import Nat64, wait_until
from lab.topology import SERVER
from probes import conversation, tcp_pair

LIMIT, CROWD = 40, 200


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab, start=False)
    nat64.start(wrapper=("prlimit", f"--nofile={LIMIT}:{LIMIT}"))
    server6 = nat64.address6(SERVER)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        case.check("works before", conversation(client, server))
        crowd = [connected(nat64.socket) for _ in range(CROWD)]
        spent = nat64.process.cpu_seconds()
        case.check("TCP works while they wait", conversation(client, server, 100000))
        wait_until(lambda: descriptors(nat64) >= LIMIT, "the last descriptor to be taken")
        for _ in range(20):
            case.check("and goes on", conversation(client, server, 100000))
        spent = nat64.process.cpu_seconds() - spent
        case.check("the daemon does not spin", spent < 1.0, spent)
        first = crowd[0]
        first.sendall(b'{"v": 1, "id": 1, "verb": "show.status"}\n')
        case.check("the first client is served", b'"done"' in answer(first))
        os.remove(nat64.socket)
        wait_until(lambda: "cannot be made again" in nat64.process.log(), "no room for another")
        for one in crowd:
            one.close()
        wait_until(nat64.answers, "the control socket after the crowd", 20)
        case.check("the control socket works again", True)
        case.check("TCP works after it", conversation(client, server))
    warnings = nat64.process.log().count("warn")
    case.check("it was logged", warnings >= 1, nat64.process.log())
    case.check("a few times", warnings <= 10, warnings)
    too_few(case, lab, nat64)


def too_few(case, lab, nat64):
    """Just enough to begin, not to end the start."""
    elsewhere = {
        "prefix": "2001:db8:64:2::/96",
        "pool": ["192.0.2.64/28"],
        "gateway": {"ipv4": "192.0.2.65"},
        "tun": {"name": "other"},
    }
    before = lab.gateway.snapshot()
    second = Nat64(lab, elsewhere, "starved", case.executable, start=False)
    for limit in (4, 6, 8):
        done = lab.gateway.run(
            *("prlimit", f"--nofile={limit}:{limit}"),
            *(second.executable, "run", "-c", second.config_path),
            timeout=5,
        )
        said = done.stderr + done.stdout
        case.equal(f"{limit} descriptors: exit code", done.returncode, 1)
        case.check(f"{limit} descriptors: says why", "oo many open files" in said, said)
        case.equal(f"{limit} descriptors: leaves nothing", lab.gateway.snapshot(), before)


def connected(path):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(5)
    try:
        made.connect(path)
    except OSError:  # the backlog is full as well
        pass
    return made


def answer(stream):
    data = b""
    try:
        while b'"done"' not in data and (part := stream.recv(65536)):
            data += part
    except OSError:
        pass
    return data


def descriptors(nat64):
    return len(os.listdir(f"/proc/{nat64.process.pid}/fd"))
