# SPDX-License-Identifier: Apache-2.0
"""A thousand clients of the control socket at once, none of them well-behaved.

    client ── gateway (nat64; a thousand local programs on its control socket) ── server

Pass: while a thousand connections say nothing, garbage, half a request or a line without end, or
read no answer, ping loses nothing and a connection from before goes on; whoever is one too many is
told; when they have gone, `show status` answers as before, and the daemon holds no descriptor more.
"""

import os
import resource
import socket

from lab import wait_until
from lab.topology import SERVER
from probes import all_answered, conversation, ping, tcp_pair

CLIENTS = 1000
SAYINGS = (
    b"",
    b"\x00\xff\n" * 50,
    b'{"v":1,"id":1,"verb":"show","wh',
    b"x" * 100_000,
    b'{"v":1,"id":1,"verb":"show","what":"config"}\n' * 200,
)


def run(case):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * CLIENTS), hard))
    lab = case.lab()
    nat64 = case.nat64(lab)
    server6 = nat64.address6(SERVER)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 22) as (client, server, _):
        held = descriptors(nat64)
        crowd = [visitor(nat64.socket, SAYINGS[i % len(SAYINGS)]) for i in range(CLIENTS)]
        case.check("all could connect", all(crowd), crowd.count(None))
        done = ping(lab.client, server6, 20)
        case.check("ping loses nothing", all_answered(done), done.stdout)
        case.check("TCP goes on", conversation(client, server))
        case.check("the others are told", any(b"error" in heard(one) for one in crowd))
        for one in crowd:
            one.close()
        wait_until(lambda: descriptors(nat64) <= held, "their descriptors to go")
        case.check("TCP still goes on", conversation(client, server))
    case.check("show status answers", nat64.show("status")["sessions"] >= 1)


def visitor(path, saying):
    """Connected, and has said as much as could be said without waiting; None if refused."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    one.settimeout(5)
    try:
        one.connect(path)
    except OSError:
        one.close()
        return None
    one.setblocking(False)
    try:
        one.send(saying)
    except OSError:  # hung up already, as on everybody who is one too many
        pass
    return one


def heard(one):
    try:
        return one.recv(4096)
    except OSError:
        return b""


def descriptors(nat64):
    return len(os.listdir(f"/proc/{nat64.process.pid}/fd"))
