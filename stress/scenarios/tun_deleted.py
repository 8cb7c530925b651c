# SPDX-License-Identifier: Apache-2.0
"""The TUN is deleted, or taken down, under the running daemon.

    client ── gateway (nat64; `ip link del nat64`, then `ip link set nat64 down`) ── server

Pass: with its interface gone the daemon ends by itself within seconds, with exit code 1 and a
message that names the interface; it does not spin, leaves nothing behind, and the next start
works. With the interface down it says so, does not spin, and once the interface is up again
traffic flows as before, without a restart.
"""

from lab import LabError, wait_until
from lab.topology import SERVER
from probes import UdpEcho, all_answered, echo_once, settled_ping, udp_client


def run(case):
    lab = case.lab()
    before = lab.gateway.snapshot()
    nat64 = case.nat64(lab)
    server6 = nat64.address6(SERVER)
    case.require("works", all_answered(settled_ping(lab.client, server6)))
    down_and_up(case, lab, nat64, server6)
    deleted(case, lab, nat64, before)
    nat64.start()
    done = settled_ping(lab.client, server6)
    case.check("the next start works", all_answered(done), done.stdout)


def down_and_up(case, lab, nat64, server6):
    with UdpEcho(lab.server, SERVER, 7), udp_client(lab.client, server6, 7) as flow:
        case.require("a flow", echo_once(flow, b"x", attempts=3))
        bindings = nat64.bindings("--protocol", "udp")
        for number in range(3):
            lab.gateway.ip("link set nat64 down")
            spent = nat64.process.cpu_seconds()
            flow.settimeout(1.0)
            case.check(f"down {number}: nothing passes", not alive(flow))
            spent = nat64.process.cpu_seconds() - spent
            case.check(f"down {number}: the daemon does not spin", spent < 0.5, spent)
            case.succeeds(f"down {number}: it can be asked", nat64.call("show", "status"))
            lab.gateway.ip("link set nat64 up")
            try:
                wait_until(lambda: alive(flow), "traffic after the interface is up", 15)
                case.check(f"up {number}: traffic flows again", True)
            except LabError as trouble:
                case.require(f"up {number}: traffic flows again", False, trouble)
        case.equal("the binding is the same", nat64.bindings("--protocol", "udp"), bindings)


def alive(flow):
    try:
        return echo_once(flow, b"y")
    except OSError:  # no route
        return False


def deleted(case, lab, nat64, before):
    lab.gateway.ip("link del nat64")
    try:
        code = nat64.process.wait_exit(10)
    except LabError:
        code = None
    case.require("the daemon ends by itself", code is not None)
    case.equal("exit code", code, 1)
    last = nat64.process.log().splitlines()[-5:]
    said = any("nat64" in line and "critical" in line for line in last)
    case.check("it says which interface", said, last)
    for part, text in before.items():
        case.equal(f"{part} as before", lab.gateway.snapshot()[part], text)
