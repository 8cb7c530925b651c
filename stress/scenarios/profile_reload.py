# SPDX-License-Identifier: Apache-2.0
"""`nat64 run --profile mycelium` with a file that names no profile: a reload keeps the profile.

    client ── overlay, layer 3, MTU 1400, 400::/7 ── gateway (nat64, a node's API) ── server

Pass, with either napt: after `nat64 reload` and after SIGHUP, with a changed file and with the
node's API away, the prefix is the derived one, the profile's own rules are in force and shown
(private ranges and SMTP are refused, limits per /64), what the file changes is in force, too, and a
flow goes on. A file that asks for another prefix, or names another suffix, is refused.
"""

import errno
import signal
import socket

from lab import wait_until
from lab.topology import SERVER
from overlay import NodeApi, Overlay
from probes import UdpEcho, echo_once, udp_client

TIME_LIMIT = 90
GATEWAY = "5c4:c176:bf44:b2ab::/64"
PREFIX = "5c4:c176:bf44:b2ab:0:6464::/96"
NODE = "5e7e"
PEER = ("478:1:2:3::/64", "478:1:2:3::10")
SIP = 5060


def run(case):
    for napt in ("kernel", "daemon"):
        with_profile(case, napt)


def with_profile(case, napt):
    lab = case.lab()
    nat64 = case.nat64(lab, {"napt": napt}, start=False)
    for key in ("prefix", "wkp_strict"):
        del nat64.config[key]
    nat64.write_config(nat64.config)
    nat64.prefix = PREFIX
    with Overlay() as overlay, UdpEcho(lab.server, SERVER, 7):
        overlay.join(lab.gateway, GATEWAY, GATEWAY.replace("/64", NODE))
        overlay.join(lab.client, *PEER)
        with NodeApi(lab.gateway, GATEWAY):
            nat64.start(options=("--profile", "mycelium"))
            flow = udp_client(lab.client, nat64.address6(SERVER), 7)
            case.check(f"{napt}: a flow", echo_once(flow, b"x", attempts=3))
            profile_holds(case, lab, nat64, f"{napt}, started")
            change(case, lab, nat64, napt)
        with flow:  # the API has gone
            again(case, lab, nat64, napt)
            refused(case, nat64, napt)
            case.check(f"{napt}: the flow goes on", echo_once(flow, b"y", attempts=3))
    profile_holds(case, lab, nat64, f"{napt}, at the end")


def profile_holds(case, lab, nat64, label):
    config = in_force(nat64)
    case.equal(f"{label}: profile", config["profile"], "mycelium")
    case.equal(f"{label}: prefix", config["prefix"], PREFIX)
    case.equal(f"{label}: a client is", config["limits.client_prefix"], 64)
    for server, port in ((SERVER, 25), ("192.168.77.9", 80)):
        case.equal(f"{label}: {server} port {port}", refusal(lab, nat64, server, port), "EACCES")


def in_force(nat64):
    return nat64.show("config")["values"]


def refusal(lab, nat64, server, port):
    with lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM, timeout=5) as stream:
        return errno.errorcode.get(stream.connect_ex((nat64.address6(server), port)))


def change(case, lab, nat64, napt):
    """The file adds a rule to what the profile brings."""
    no_sip = {"prefix": "0.0.0.0/0", "protocol": "tcp", "ports": SIP}
    no_mail = {"prefix": "0.0.0.0/0", "protocol": "tcp", "ports": 25}
    nat64.config["destinations"] = {"deny": [no_mail, no_sip]}
    nat64.write_config(nat64.config)
    case.succeeds(f"{napt}: reload", nat64.call("reload"))
    case.equal(f"{napt}: the new rule", refusal(lab, nat64, SERVER, SIP), "EACCES")
    profile_holds(case, lab, nat64, f"{napt}, reloaded")


def again(case, lab, nat64, napt):
    del nat64.config["destinations"]
    nat64.write_config(nat64.config)
    nat64.process.signal(signal.SIGHUP)
    wait_until(lambda: refusal(lab, nat64, SERVER, SIP) == "ECONNREFUSED", "the rule to go")
    profile_holds(case, lab, nat64, f"{napt}, SIGHUP")


def refused(case, nat64, napt):
    for key, value in (("prefix", "2001:db8:64::/96"), ("mycelium", {"suffix": "0:9999"})):
        nat64.write_config({**nat64.config, key: value})
        done = nat64.call("reload")
        case.equal(f"{napt}: another {key} is refused", done.returncode, 1)
        case.check(f"{napt}: and named", key in done.stderr and "restart" in done.stderr, done)
    nat64.write_config(nat64.config)
    case.succeeds(f"{napt}: the file as it was", nat64.call("reload"))
    case.equal(f"{napt}: prefix", in_force(nat64)["prefix"], PREFIX)
