# SPDX-License-Identifier: Apache-2.0
"""An ssh session stays open: idle beyond the TCP timeout, under load, while others come and go.

    client (ssh, wrk) ── gateway (nat64, tcp_established 4 s) ── server (sshd, nginx)

Pass: one `ssh … cat` answers every line, at once, after three idle spells of more than twice the
established timeout (neither end keeps the connection alive by itself; the daemon's probe does),
while a hundred connections of wrk hammer the gateway, and while its control socket is busy; the
server sees one connection, from one address and port, from the first line to the last.
"""

import subprocess
import time

from lab import WebServer
from lab.topology import SERVER
from peers import SshServer
from probes import url

TIME_LIMIT = 90
ESTABLISHED, TRANSITORY = 4, 2


class Session:
    """`ssh HOST cat`, a line at a time."""

    def __init__(self, lab, argv):
        self.child = subprocess.Popen(
            lab.client.prefix() + argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.lines = 0

    def answers(self):
        self.lines += 1
        line = f"line {self.lines}\n".encode()
        try:
            self.child.stdin.write(line)
            return self.child.stdout.readline() == line
        except BrokenPipeError:
            return False

    def close(self):
        self.child.stdin.close()
        return self.child.wait(10)


def run(case):
    lab = case.lab()
    timeouts = {
        "tcp_established": f"{ESTABLISHED}s",
        "tcp_transitory": f"{TRANSITORY}s",
        "unsafe": True,
    }
    nat64 = case.nat64(lab, {"timeouts": timeouts})
    server6 = nat64.address6(SERVER)
    WebServer(lab)
    ssh = SshServer(lab)
    session = Session(lab, ssh.command(server6, "echo $SSH_CONNECTION; exec cat"))
    seen = session.child.stdout.readline().decode().split()
    case.require("logged in", len(seen) == 4, seen)
    case.check("from a pool address", seen[0].startswith("192.0.2."), seen)
    case.check("a line comes back", session.answers())
    idle = 60 if case.long else 2.2 * ESTABLISHED
    for number in range(3):
        time.sleep(idle)  # the scenario is about time passing
        case.check(f"idle {number}: a line comes back", session.answers())
    load = lab.start(
        *("client", "wrk", "wrk", "-t", 1, "-c", 100, "-d", "4s", "-H", "Connection: close"),
        url(server6, "whoami"),
    )
    slow = 0
    while load.alive:
        began = time.monotonic()
        if not case.check("under load: a line comes back", session.answers()):
            break
        slow = max(slow, time.monotonic() - began)
        nat64.show("sessions", "--limit", "100")
    case.note(f"{session.lines} lines, slowest under load {slow * 1000:.0f} ms")
    probes = nat64.show("status")["tcp_probes"]
    case.check("the daemon has probed", probes >= 3, probes)
    here = [s for s in nat64.sessions("--protocol", "tcp") if s["server"].endswith(":2222")]
    mapped = [row["mapped"] for row in here]
    case.equal("one and the same session", mapped, [f"{seen[0]}:{seen[1]}"])
    case.equal("ssh ends well", session.close(), 0)
