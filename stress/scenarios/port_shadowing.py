# SPDX-License-Identifier: Apache-2.0
"""napt: kernel: a client tries to get the packets that a peer sends to the gateway's own services
(port shadowing, CVE-2021-3773).

    client ── gateway (nat64, kernel NAPT; 203.0.113.1 is all it has) ── server, peer of
              services: sshd, an overlay's node on UDP 9651,             the gateway's
              WireGuard's UDP 51820, one that begins later                services, too

The client sends from a service's port to the very port from which the peer talks to that service,
so that what the peer sends would be the answer to the client.

Pass: the service gets what the peer sends, UDP and TCP, below and within `shared_ports`, also when
it begins while nat64 runs; the client does not. No flow leaves from a service's port however many
collide; most keep the port they have. The gateway's own flows and clients' with the same ports
towards the same server each get their own answers, pings with the same identifier too.
"""

import socket
from contextlib import ExitStack

from lab import wait_until
from lab.topology import CLIENT, SERVER, SERVERS
from packets import ICMP, IP, UDP, IPv6, Wire, gateway_wire, server_wire
from probes import UdpEcho, echo_once, udp_client

PUBLIC = "203.0.113.1"
SSH, NODE, WIREGUARD, LATER = 22, 9651, 51820, 45454
SHARED = range(32768, 65536)
COLLIDING = 400
SILENT = """table inet silent {
  chain input {
    type filter hook input priority 0;
    tcp dport %d tcp flags & (syn | ack) == syn drop
  }
}
"""


def run(case):
    lab = case.lab(clients=2)
    lab.route_upper_half()
    with ExitStack() as stack:
        services = {port: stack.enter_context(service(lab, port)) for port in (NODE, WIREGUARD)}
        nat64 = case.nat64(lab, {"napt": "kernel", "limits": {"sessions_per_client": 0}})
        for port, udp in services.items():
            steal_datagrams(case, lab, nat64, udp, port)
        udp = stack.enter_context(service(lab, LATER))
        case.succeeds("a service begins; reload", nat64.call("reload"))
        steal_datagrams(case, lab, nat64, udp, LATER)
        steal_connection(case, lab, nat64)
        collide(case, lab, nat64)
        own_flows(case, lab, nat64)
        pings(case, lab, nat64)
    ruleset = lab.gateway.run("nft", "list", "chain", "inet", "nat64-nat64", "sharing")
    case.check("two ports are left out", "sport 45455-51819" in ruleset.stdout, ruleset.stdout)


def service(lab, port):
    return lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM, bind=("0.0.0.0", port), timeout=3)


def steal_datagrams(case, lab, nat64, udp, port):
    """`port` is the peer's, too, as between two nodes of an overlay."""
    with (
        udp_client(lab.client, nat64.address6(SERVER), port, source_port=port) as thief,
        lab.server.socket(
            socket.AF_INET, socket.SOCK_DGRAM, bind=(SERVER, port), timeout=3
        ) as peer,
    ):
        thief.send(b"mine")
        _, seen = peer.recvfrom(100)
        case.check(f"UDP {port}: the thief has another port", seen[1] != port, seen)
        case.check(f"UDP {port}: one of those to share", seen[1] in SHARED, seen)
        peer.sendto(b"for the service", (PUBLIC, port))
        case.equal(f"UDP {port}: the service gets its packet", received(udp), b"for the service")
        peer.sendto(b"for the client", seen)
        case.equal(f"UDP {port}: the client its own", received(thief), b"for the client")


def received(udp):
    try:
        return udp.recvfrom(100)[0]
    except TimeoutError:
        return None


def steal_connection(case, lab, nat64):
    """The thief's SYN goes where the administrator's will come from: from a port that the kernel
    does not defend by itself, and to a machine that says nothing to it."""
    admin_port = 20022
    lab.server.nft(SILENT % admin_port)
    with (
        lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM, bind=("::", SSH)) as thief,
        lab.gateway.socket(socket.AF_INET, socket.SOCK_STREAM, bind=("0.0.0.0", SSH)) as sshd,
    ):
        sshd.listen(4)
        sshd.settimeout(5)
        thief.setblocking(False)
        with Wire(lab.server, "gateway") as heard:
            thief.connect_ex((nat64.address6(SERVER), admin_port))
            case.check("the thief's SYN has passed", heard.receive(is_for(admin_port)))
        with lab.server.socket(
            socket.AF_INET, socket.SOCK_STREAM, bind=(SERVER, admin_port), timeout=5
        ) as admin:
            try:
                admin.connect((PUBLIC, SSH))
                sshd.accept()[0].close()
                case.check("the administrator reaches sshd", True)
            except OSError as trouble:
                case.check("the administrator reaches sshd", False, trouble)


def is_for(port):
    return lambda packet: IP in packet and getattr(packet.payload, "dport", 0) == port


def collide(case, lab, nat64):
    """Many clients, one port, one server: all but the first need another port."""
    server6 = nat64.address6(SERVER)
    with UdpEcho(lab.server, SERVER, 7) as echo, gateway_wire(lab) as wire:
        for number in range(COLLIDING):
            source = f"2001:db8:c1:0:8000::{number + 0x100:x}"
            wire.send(IPv6(src=source, dst=server6) / UDP(sport=51821, dport=7) / b"?")
        wait_until(lambda: len(echo.seen) == COLLIDING, "all of them")
        ports = {port for _, port in echo.seen}
        case.equal("each has a port of its own", len(ports), COLLIDING)
        outside = [port for port in ports if port not in SHARED or port in (WIREGUARD, LATER)]
        case.equal("none has a service's", outside, [])
    with UdpEcho(lab.server, SERVERS[1], 7) as echo, gateway_wire(lab) as wire:
        wanted = [*range(33000, 33100), *range(60000, 60100)]
        for port in wanted:
            packet = IPv6(src=CLIENT, dst=nat64.address6(SERVERS[1])) / UDP(sport=port, dport=7)
            wire.send(packet / b"?")
        wait_until(lambda: len(echo.seen) == len(wanted), "those with ordinary ports")
        case.equal("they keep them", [port for _, port in echo.seen], wanted)


def own_flows(case, lab, nat64):
    """One after the other, with the same port of the same address."""
    with UdpEcho(lab.server, SERVER, 53):
        for port, first in ((40100, lab.client), (40101, lab.gateway)):
            target = {lab.client: nat64.address6(SERVER), lab.gateway: SERVER}
            other = lab.gateway if first is lab.client else lab.client
            with (
                udp_client(first, target[first], 53, source_port=port) as one,
                udp_client(other, target[other], 53, source_port=port) as two,
            ):
                case.check(f"port {port}: the first", echo_once(one, b"one", attempts=3))
                case.check(f"port {port}: the second", echo_once(two, b"two", attempts=3))
                case.check(f"port {port}: the first again", echo_once(one, b"three", attempts=3))


def pings(case, lab, nat64):
    """The server asks the gateway with the identifier of a client's ping."""
    done = lab.client.run("ping", "-c1", "-W3", "-e", "77", nat64.address6(SERVER))
    case.succeeds("a client's ping", done)
    with server_wire(lab) as outside, Wire(lab.server, "gateway") as heard:
        outside.send(IP(src=SERVER, dst=PUBLIC) / ICMP(type=8, id=77, seq=1) / b"who are you")
        answer = heard.receive(
            lambda p: ICMP in p and p[ICMP].type == 0 and b"who are you" in bytes(p)
        )
        case.check("the gateway answers itself", answer is not None and answer[IP].ttl == 64)
