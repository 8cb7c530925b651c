# SPDX-License-Identifier: Apache-2.0
"""Docker's rules on the gateway: its masquerade, its published port, its forward policy.

    client ────────────────┐
    client2, a container ──┴─ gateway (nat64; iptables as Docker leaves them) ── server
       172.17.0.2             203.0.113.1:8080 = 172.17.0.2:8080

Pass: in both modes, with the iptables lines of the operator's guide, a client of nat64 and the
container talk to the same server from the same source port, and each gets its own answers; the
server reaches the published port. All of it goes on while Docker's rules are flushed and loaded
again under traffic, ten times, as its restart does, without a datagram of nat64's client lost.
"""

import socket

from lab.topology import SERVER
from probes import Background, UdpEcho, conversation, echo_once, tcp_pair, udp_client
from scenarios.firewall import guide
from traffic import Stream

CONTAINER, BRIDGE = "172.17.0.2", "client2"  # the gateway's interface towards it
GATEWAY = "203.0.113.1"
NAT = f"""*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o {BRIDGE} -j MASQUERADE
-A POSTROUTING -s {CONTAINER}/32 -d {CONTAINER}/32 -p tcp -m tcp --dport 8080 -j MASQUERADE
-A DOCKER -i {BRIDGE} -j RETURN
-A DOCKER ! -i {BRIDGE} -p tcp -m tcp --dport 8080 -j DNAT --to-destination {CONTAINER}:8080
COMMIT
"""
FILTER = f"""*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o {BRIDGE} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o {BRIDGE} -j DOCKER
-A FORWARD -i {BRIDGE} ! -o {BRIDGE} -j ACCEPT
-A DOCKER -d {CONTAINER}/32 ! -i {BRIDGE} -o {BRIDGE} -p tcp -m tcp --dport 8080 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
"""


def run(case):
    for napt in ("daemon", "kernel"):
        beside(case, napt)


def beside(case, napt):
    lab = case.lab(clients=2)
    make_container(lab)
    load(lab, FILTER + NAT)
    lab.gateway.run("ip6tables", "-P", "FORWARD", "DROP", check=True)
    nat64 = case.nat64(lab, {"napt": napt})
    said = nat64.process.log()
    case.check(f"{napt}: Docker's chain is named", "'ip filter FORWARD' drops" in said, said)
    guide(case, lab, nat64)
    server6 = nat64.address6(SERVER)
    with (
        UdpEcho(lab.server, SERVER, 7) as echo,
        udp_client(lab.client, server6, 7, 40000) as theirs,
        container_flow(lab) as docker,
    ):
        case.check(f"{napt}: both from one port", together(theirs, docker))
        case.check(f"{napt}: as two peers", len(set(echo.seen)) == 2, set(echo.seen))
        published(case, lab, f"{napt}: the published port")
        stream = Stream(lab.client, server6, 7)
        with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
            for number in range(10):
                load(lab, NAT)  # the old chains go first
                fine = stream.flows() and conversation(client, server) and together(theirs, docker)
                case.check(f"{napt}: after Docker's restart {number}", fine, stream.trouble)
        stream.finish()
        lost = stream.sent - stream.answered
        case.equal(f"{napt}: datagrams lost", (lost, stream.trouble), (0, ""))
    published(case, lab, f"{napt}: the published port, at the end")


def together(theirs, docker):
    """Does each get its own answer?"""
    theirs.send(b"nat64")
    return echo_once(docker, b"docker") and theirs.recv(100) == b"nat64"


def make_container(lab):
    """client2, for IPv4, behind an interface that plays docker0."""
    container = lab.clients[1]
    lab.gateway.ip(f"addr add 172.17.0.1/16 dev {BRIDGE}")
    container.ip(f"addr add {CONTAINER}/16 dev gateway")
    container.ip("route add default via 172.17.0.1")


def load(lab, rules):
    lab.gateway.run("iptables-restore", input=rules, check=True)


def container_flow(lab):
    flow = lab.clients[1].socket(
        socket.AF_INET, socket.SOCK_DGRAM, bind=(CONTAINER, 40000), timeout=2
    )
    flow.connect((SERVER, 7))
    return flow


def published(case, lab, what):
    listen = (lab.server, lab.clients[1], GATEWAY, CONTAINER, 8080)
    with tcp_pair(*listen) as (outside, container, _):
        case.check(what, conversation(outside, container))
