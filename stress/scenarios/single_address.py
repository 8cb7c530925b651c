# SPDX-License-Identifier: Apache-2.0
"""examples/single-address.yaml as it stands: a machine with one address lets its friends share it.

    client (2001:db8:5:1::2) ─┐
    client2 (a stranger) ─────┴─ gateway (nat64, 203.0.113.1 is all it has) ── server

Pass: the file is run unchanged but for its control socket; the client's ping, UDP and TCP work and
come from 203.0.113.1; SMTP is refused; the stranger is refused and counted. unbound accepts the
DNS64 example beside it.
"""

import errno
import os
import socket

from lab.topology import SERVER
from lab.translators import REPOSITORY
from probes import UdpEcho, all_answered, conversation, echo_once, error_of, settled_ping
from probes import tcp_pair, udp_client

EXAMPLES = os.path.join(REPOSITORY, "examples")
PREFIX = "2001:db8:5:64::/96"


def run(case):
    lab = case.lab(clients=2)
    lab.gateway.ip("addr add 2001:db8:5:1::1/64 dev client nodad")
    lab.client.ip("addr add 2001:db8:5:1::2/64 dev gateway nodad")
    lab.client.ip("-6 route replace default via 2001:db8:5:1::1 src 2001:db8:5:1::2")
    nat64 = case.nat64(lab, {"napt": "kernel", "prefix": PREFIX}, start=False)
    with open(os.path.join(EXAMPLES, "single-address.yaml"), encoding="utf-8") as stream:
        text = stream.read()
    case.check("the example has this prefix", f"prefix: {PREFIX}\n" in text, text)
    lab.write("nat64.yaml", f"{text}control: {{socket: {nat64.socket}}}\n")
    nat64.start()
    server6 = nat64.address6(SERVER)
    done = settled_ping(lab.client, server6)
    case.check("ping", all_answered(done), done.stdout)
    with UdpEcho(lab.server, SERVER, 7) as echo, udp_client(lab.client, server6, 7) as client:
        case.check("UDP", echo_once(client, b"hello", attempts=3))
        case.equal("whom the server saw", {ip for ip, _ in echo.seen}, {"203.0.113.1"})
    with tcp_pair(lab.client, lab.server, server6, SERVER, 80) as (c, s, _):
        case.check("TCP", conversation(c, s))
    with lab.client.socket(socket.AF_INET6, socket.SOCK_STREAM) as stream:
        case.equal("SMTP", errno.errorcode.get(stream.connect_ex((server6, 25))), "EACCES")
    with udp_client(lab.clients[1], server6, 7, all_errors=True) as stranger:
        case.equal("a stranger", errno.errorcode.get(error_of(stranger)), "EACCES")
    case.check("is counted", nat64.drops().get("client_denied", 0) > 0, nat64.drops())
    example = os.path.join(EXAMPLES, "pool-28.unbound.conf")
    case.succeeds("unbound's example", lab.gateway.run("unbound-checkconf", example))
