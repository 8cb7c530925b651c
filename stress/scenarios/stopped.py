# SPDX-License-Identifier: Apache-2.0
"""SIGSTOP and SIGCONT: the daemon sleeps for seconds while its network does not.

    client (TCP, UDP, flood) ── gateway (nat64, stopped and continued) ── server

Pass: an established TCP connection survives three sleeps during one transfer, which arrives
whole; what was queued meanwhile does not upset anybody; a UDP binding whose time was over while
the daemon slept is gone when it wakes, one that was not is kept; the control socket answers a
question that was asked during the sleep.
"""

import subprocess
import threading
import time

from lab.topology import SERVER
from probes import UdpEcho, bulk, conversation, echo_once, tcp_pair, udp_client

TIME_LIMIT = 90
ASLEEP, UDP = 3.0, 5


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"timeouts": {"udp": f"{UDP}s", "unsafe": True}})
    server6 = nat64.address6(SERVER)
    with (
        UdpEcho(lab.server, SERVER, 7),
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001, timeout=30) as (c, s, _),
    ):
        case.require("TCP works", conversation(c, s))
        with udp_client(lab.client, server6, 7, source_port=4000) as old:
            case.check("UDP works", echo_once(old, b"x", attempts=3))
        result = []
        transfer = threading.Thread(target=lambda: result.append(bulk(c, s, 100 << 20)))
        transfer.start()
        with udp_client(lab.client, server6, 7, source_port=4001) as young:
            for number in range(3):
                case.check(f"UDP before sleep {number}", echo_once(young, b"x", attempts=3))
                sleep(case, nat64, number)
            case.check("the younger binding is kept", 4001 in ports(nat64), ports(nat64))
        case.check("the older one is gone", 4000 not in ports(nat64), ports(nat64))
        transfer.join()
        case.check("100 MB across three sleeps", result == [True])
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5002) as (c, s, _):
        case.check("a new connection works", conversation(c, s))


def sleep(case, nat64, number):
    nat64.process.suspend()
    argv = [nat64.executable, "show", "status", "--socket", nat64.socket]
    question = subprocess.Popen(
        nat64.lab.gateway.prefix() + argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(ASLEEP)
    case.check(f"sleep {number}: nobody answers", question.poll() is None)
    nat64.process.resume()
    answer = question.communicate(timeout=10)[0]
    case.check(f"sleep {number}: the question is answered", b"received" in answer, answer)


def ports(nat64):
    return {int(row["client"].rsplit(":", 1)[1]) for row in nat64.bindings("--protocol", "udp")}
