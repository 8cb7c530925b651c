# SPDX-License-Identifier: Apache-2.0
"""STUN's opinion of us: coturn's natdiscovery (RFC 5780) names mapping and filtering.

    client  (CLAT, turnutils_natdiscovery) ──┐
                                             gateway (nat64) ── server (coturn on .10 and .11)
    client2 (CLAT, takes a port first) ──────┘

The attribute OTHER-ADDRESS is an IPv4 address, so the clients are 464XLAT ones.

Pass: with napt: daemon the mapping is endpoint-independent, filtering as configured
(endpoint-independent, or address-dependent), and hairpinning works. With napt: kernel filtering
is address- and port-dependent; the mapping looks endpoint-independent as long as nobody else
uses the same port, and is not once somebody does: what docs/operator.md says of it.
"""

from lab import Clat, wait_until
from lab.clat import CLAT4
from lab.topology import SERVERS
from lab.translators import NETWORK_SPECIFIC
from peers import STUN_PORT, StunServer
from probes import udp_client

TIME_LIMIT = 90
PORT = 40000
INDEPENDENT = "Endpoint Independent"


def run(case):
    for name, config, filtering in (
        ("endpoint-independent filtering", {}, INDEPENDENT),
        ("address-dependent filtering", {"filtering": "address-dependent"}, "Address Dependent"),
    ):
        lab, _ = network(case, config)
        said = discover(lab, "-m", "-f", "-H")
        case.check(f"{name}: mapping", f"{INDEPENDENT} Mapping" in said, said)
        case.check(f"{name}: filtering", f"with {filtering} Filtering" in said, said)
        if filtering == INDEPENDENT:
            case.check("hairpinning", "successful hairpinning" in said, said)
    kernel(case)


def kernel(case):
    lab, _ = network(case, {"napt": "kernel"})
    said = discover(lab, "-m", "-f")
    case.check("kernel: filtering", "with Address and Port Dependent Filtering" in said, said)
    case.check("kernel: mapping, alone", f"{INDEPENDENT} Mapping" in said, said)
    # The other client's flow owns this port of the gateway's address towards one server only.
    with udp_client(lab.clients[1], SERVERS[1], STUN_PORT, source_port=PORT + 1) as other:
        other.send(b"mine")
        wait_until(lambda: conntrack_knows(lab), "the other client's flow")
        said = discover(lab, "-m", port=PORT + 1)
    case.check("kernel: mapping, contended", "Dependent Mapping" in said, said)
    case.check("kernel: not by endpoint alone", f"{INDEPENDENT} Mapping" not in said, said)


def network(case, config):
    lab = case.lab(clients=2)
    nat64 = case.nat64(lab, {"prefix": NETWORK_SPECIFIC, **config})
    StunServer(lab)
    for number in (1, 2):
        Clat(lab, NETWORK_SPECIFIC, number)
    return lab, nat64


def conntrack_knows(lab):
    shown = lab.gateway.run("conntrack", "-L", "-p", "udp", "-d", SERVERS[1])
    return f"sport={PORT + 1} dport={STUN_PORT}" in shown.stdout


def discover(lab, *options, port=PORT):
    done = lab.client.run(
        *("turnutils_natdiscovery", *options, "-L", CLAT4, "-l", port, "-p", STUN_PORT),
        SERVERS[0],
        timeout=60,
    )
    return done.stdout + done.stderr
