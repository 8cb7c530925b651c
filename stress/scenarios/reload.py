# SPDX-License-Identifier: Apache-2.0
"""Reload under traffic: what changes is in force at once, and no established flow loses a packet.

    client (UDP stream, ping, ssh, TCP) ── gateway (nat64, daemon and kernel NAPT) ── server

Pass: with either napt a stream of numbered datagrams, each of which has to come back, loses none
of them while the configuration is reloaded: unchanged, with other limits, timeouts, policy and
log level, by two `nat64 reload` at once, by SIGHUP; ping and ssh go on, every flow keeps its
mapping. What is broken, deleted, empty, half written or cannot change is refused with the reason
and exit code 1, and nothing of it is in force. `show config` has what is in force, `show status`
how the last reload went. Members of the group may read and not reload, nor keep root from it.
"""

import errno
import os
import signal
import socket
import sys
import threading

from lab import wait_until
from lab.topology import CLIENT, SERVER
from peers import SshServer
from probes import UdpEcho, conversation, tcp_pair, udp_client
from traffic import Stream

TIME_LIMIT = 120
NOBODY = 65534
CROWD = """
import socket, sys, time
taken = []
while len(taken) < 1000:
    taken.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    taken[-1].connect(sys.argv[1])
    taken[-1].settimeout(0.05)
    try:
        if b"too_many" in taken[-1].recv(500):
            print("refused", flush=True)
            time.sleep(1000)
    except TimeoutError:
        pass
"""


def run(case):
    for napt in ("daemon", "kernel"):
        reloads(case, napt)


def reloads(case, napt):
    lab = case.lab()
    config = {"napt": napt, "control": {"socket": os.path.join(lab.dir, "nat64.sock")}}
    config["control"]["group"] = "nogroup"
    nat64 = case.nat64(lab, config)
    server6 = nat64.address6(SERVER)
    ssh = SshServer(lab)
    login = lab.start("client", "ssh", *ssh.command(server6, "echo hello; sleep 1000"))
    wait_until(lambda: "hello" in login.log(), "ssh to log in")
    ping = lab.start("client", "ping", "ping", "-n", "-i", "0.05", server6)
    with (
        UdpEcho(lab.server, SERVER, 7) as echo,
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        stream = Stream(lab.client, server6, 7)
        case.require(f"{napt}: the stream flows", stream.flows(), stream.trouble)
        before = mappings(nat64)
        steps = Steps(case, lab, nat64, napt, stream)
        steps.accepted()
        steps.refused()
        steps.strangers()
        case.check(f"{napt}: TCP goes on", conversation(client, server))
        case.check(f"{napt}: every flow has kept its mapping", before <= mappings(nat64), before)
        stream.finish()
        lost = stream.sent - stream.answered
        case.equal(f"{napt}: datagrams lost", (lost, stream.trouble), (0, ""))
        # The stream, and the one flow that lifetimes() began.
        case.equal(f"{napt}: sources that the server saw", len(set(echo.seen)), 2)
        case.note(f"{napt}: {stream.sent} datagrams, all answered")
    ping.signal(signal.SIGINT)
    ping.wait_exit()
    case.check(f"{napt}: ping has lost nothing", " 0% packet loss" in ping.log(), ping.log_tail(3))
    case.check(f"{napt}: ssh is still there", login.alive)


def mappings(nat64):
    """Flows that are there to stay."""
    rows = nat64.sessions("--client", CLIENT)
    return {(row["client"], row["server"], row["mapped"]) for row in rows}


class Steps:
    """One reload after the other, the stream looked at behind each."""

    def __init__(self, case, lab, nat64, napt, stream):
        self.case, self.lab, self.nat64, self.napt, self.stream = case, lab, nat64, napt, stream

    def check(self, what, holds, detail=""):
        return self.case.check(f"{self.napt}: {what}", holds, detail)

    def write(self, changes):
        """The lab's configuration with these keys."""
        self.nat64.write_config({**self.nat64.config, **changes})

    def reload(self, what, code=0, *said):
        done = self.nat64.call("reload")
        text = done.stdout + done.stderr
        self.check(f"{what}: exit code", done.returncode == code, done)
        for words in said:
            self.check(f"{what}: says {words!r}", words in text, text)
        self.check(f"{what}: the stream goes on", self.stream.flows(), self.stream.trouble)
        wanted = "refused" if code else "unchanged" if "nothing" in text else "applied"
        self.check(f"{what}: status", self.last()["result"] == wanted, self.last())
        return done

    def last(self):
        return self.nat64.show("status")["reload"]

    def accepted(self):
        self.reload("no change", 0, "nothing has changed")
        changed = {
            "limits": {"sessions_per_client": 500, "new_sessions_per_second": 1000},
            "timeouts": {"udp": "9m", "icmp": "2m"},
            "destinations": {"deny": [{"prefix": SERVER, "protocol": "tcp", "ports": 9}]},
            "dscp": {"to_ipv6": 10},
            "log": {"level": "debug"},
        }
        self.check("before: port 9 refuses", self.connect(9) == "ECONNREFUSED", self.connect(9))
        self.write(changed)
        self.reload(
            "limits, timeouts, policy",
            0,
            "limits.sessions_per_client: 4096 -> 500",
            "timeouts.udp: 5m -> 9m",
            "destinations.deny: [] -> [{",
            "log.level: info -> debug",
        )
        self.check("policy is in force", self.connect(9) == "EACCES", self.connect(9))
        shown = self.nat64.show("config")["values"]
        self.check("show config", shown["timeouts.udp"] == "9m", shown)
        self.lifetimes("9m", 540)
        self.at_once({**changed, "icmp": {"rate": 77}})
        self.write(changed)
        self.nat64.process.signal(signal.SIGHUP)
        wait_until(lambda: self.nat64.show("config")["values"]["icmp.rate"] == 1000, "SIGHUP")
        last = self.last()
        self.check("SIGHUP", (last["result"], last["changes"]) == ("applied", 1), last)
        self.write({})
        self.reload("back to the beginning", 0, "destinations.deny: [{", "timeouts.udp: 9m -> 5m")
        self.check("the policy has gone", self.connect(9) == "ECONNREFUSED", self.connect(9))

    def lifetimes(self, label, seconds):
        """A flow from now on has the new timeout."""
        with udp_client(self.lab.client, self.nat64.address6(SERVER), 7) as fresh:
            fresh.send(b"0")
            fresh.recv(64)
            port = fresh.getsockname()[1]
            rows = self.nat64.sessions("--client", CLIENT, "--protocol", "udp")
            left = [row["expires_in"] for row in rows if row["client"].endswith(f":{port}")]
        self.check(f"new flows live {label}", len(left) == 1 and left[0] > seconds - 60, left)

    def at_once(self, changes):
        """Two reloads at the same time: one changes, the other finds nothing to change."""
        self.write(changes)
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(self.nat64.call("reload").stdout))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wanted = ["icmp.rate: 1000 -> 77\n", "nothing has changed\n"]
        self.check("two at once", sorted(answers) == wanted, answers)

    def refused(self):
        """Nothing of it is ever in force."""
        path = self.nat64.config_path
        with open(path, encoding="utf-8") as stream:
            good = stream.read()
        before = self.nat64.show("config")
        broken = {
            "a broken file": (good + "limit: 5\n", ":1: limit"),
            "half a line": (good[: good.rindex(":")] + ": {na", "not valid YAML"),
            "an empty file": ("", "is empty"),
            "a huge file": (good + "#" * (1 << 20), "bytes"),
        }
        for what, (text, says) in broken.items():
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            self.reload(what, 1, says)
        os.remove(path)
        self.reload("a deleted file", 1, "cannot open it")
        self.write({"tun": {"name": "other"}, "icmp": {"rate": 5}})
        self.reload("what cannot change", 1, "tun.name: nat64 -> other cannot change", "restart")
        self.check("nothing has changed", self.nat64.show("config") == before)
        self.write({})

    def strangers(self):
        """A member of the group, who is neither root nor the daemon's user."""
        os.chmod(self.lab.dir, 0o755)
        stranger = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        call = (*stranger, self.nat64.executable)
        where = ("--socket", self.nat64.socket)
        show = self.lab.gateway.run(*call, "show", "status", *where)
        self.check("a member reads", show.returncode == 0, show)
        for verb in (("reload",), ("flush", "--all"), ("log-level", "trace")):
            done = self.lab.gateway.run(*call, *verb, *where)
            self.check(
                f"a member may not {verb[0]}",
                done.returncode == 1 and "is for root" in done.stderr,
                done,
            )
        self.crowded(stranger)

    def crowded(self, stranger):
        """A member takes every place there is and says nothing: root is served all the same."""
        crowd = self.lab.start("gateway", "crowd", *stranger, sys.executable, "-c", CROWD,
                               self.nat64.socket)
        crowd.wait_ready(lambda: "refused" in crowd.log(), "take all places")
        for verb in (("reload",), ("show", "status")):
            done = self.nat64.call(*verb)
            self.check(f"root among a crowd: {verb[0]}", done.returncode == 0, done)
        crowd.stop()

    def connect(self, port):
        with self.lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM, timeout=5) as client:
            return errno.errorcode.get(client.connect_ex((self.nat64.address6(SERVER), port)))
