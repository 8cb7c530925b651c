# SPDX-License-Identifier: Apache-2.0
"""A gateway of an overlay network: `profile: mycelium`, peers and strangers.

    client  ┐                                       ┌ node's HTTP API (a stand-in)
            ├─ overlay, layer 3, MTU 1400, 400::/7 ─┴ gateway (nat64) ── server
    client2 ┘  (TUN devices, carried by the test)

Pass, with either napt: nat64 makes a prefix inside the node's /64 and says what it chose; a
peer pings and transfers both ways, large packets too, the server learns 1380 and nothing
stalls; a stranger reaches neither the gateway's sshd, nor a private network, nor SMTP, nor
anything with an address from outside the overlay, is told at once, and `nat64 explain` says
which rule it was; when the node gets another key, nat64 ends with the reason, and started again
serves the new subnet. Without the node's API it says what to write instead.
"""

import errno
import json
import os
import socket

from lab.topology import SERVER
from overlay import NodeApi, Overlay
from probes import (
    UdpEcho,
    all_answered,
    bulk,
    echo_once,
    error_of,
    settled_ping,
    tcp_pair,
    udp_client,
)

TIME_LIMIT = 120
GATEWAY = "5c4:c176:bf44:b2ab::/64"
NEW_KEY = "4aa:51:0:7::/64"
PEERS = (("478:1:2:3::/64", "478:1:2:3::10"), ("5ff:ffff:1:1::/64", "5ff:ffff:1:1::666"))
NODE = "5e7e"  # the end of the gateway's own overlay address
SIZE = 4 << 20


def run(case):
    for napt in ("kernel", "daemon"):
        gateway_of_overlay(case, napt)


def prefix_in(subnet):
    return subnet.replace("::/64", ":0:6464::/96")


def gateway_of_overlay(case, napt):
    lab = case.lab(clients=2)
    lab.gateway.ip("addr add 192.168.77.1/24 dev server")
    nat64 = case.nat64(
        lab, {"napt": napt, "profile": "mycelium", "mycelium": {"poll": "1s"}}, start=False
    )
    for key in ("prefix", "wkp_strict"):
        del nat64.config[key]
    nat64.config_path = nat64.write_config(nat64.config)
    lonely = {**nat64.config, "mycelium": {"api": "127.0.0.1:8990"}}
    lonely = lab.start(
        *("gateway", "lonely", nat64.executable, "run"),
        *("-c", nat64.write_config(lonely, "lonely")),
    )
    with Overlay() as overlay, NodeApi(lab.gateway, GATEWAY) as api:
        overlay.join(lab.gateway, GATEWAY, GATEWAY.replace("/64", NODE))
        for node, (subnet, address) in zip(lab.clients, PEERS):
            overlay.join(node, subnet, address)
        nat64.prefix = prefix_in(GATEWAY)
        nat64.start()
        log = nat64.process.log()
        for said in (
            f"prefix {nat64.prefix} lies in the node's subnet {GATEWAY}",
            "clients of 400::/7, each /64",
            "private ranges, {prefix: 0.0.0.0/0, protocol: tcp, ports: 25-25}",
            "MTU 1400 on the IPv6 side",
        ):
            case.check(f"{napt}: the log says '{said}'", said in log, log)
        peer(case, lab, nat64, napt)
        stranger(case, lab, nat64, napt)
        another_key(case, lab, nat64, overlay, api, napt)
    no_api(case, lonely, napt)


def no_api(case, lonely, napt):
    """It has waited for a while: the node might have been about to start."""
    case.equal(f"{napt}: without the API, the exit code", lonely.wait_exit(20), 1)
    said = lonely.log()
    for part in ("waiting for http://127.0.0.1:8990", "prefix: {within: SUBNET, suffix: 0:6464}"):
        case.check(f"{napt}: without the API, '{part}'", part in said, said)


def peer(case, lab, nat64, napt):
    server6 = nat64.address6(SERVER)
    ping = settled_ping(lab.client, server6)
    case.check(f"{napt}: ping", all_answered(ping), ping)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 80, timeout=10) as (c, s, who):
        case.check(f"{napt}: to the server", bulk(c, s, SIZE))
        case.check(f"{napt}: to the client", bulk(s, c, SIZE))
        case.note(f"{napt}: the server has seen {who[0]}")
    with UdpEcho(lab.server, SERVER, 7, fragmentable=False):
        with udp_client(lab.client, server6, 7, timeout=1.0) as client:
            for size in (1352, 1400, 4000):
                whole = echo_once(client, os.urandom(size), attempts=5)
                case.check(f"{napt}: UDP of {size} bytes", whole)
    route = lab.server.run("ip", "route", "get", who[0])
    case.check(f"{napt}: the server learned 1380", "mtu 1380" in route.stdout, route)


def stranger(case, lab, nat64, napt):
    node, address = lab.clients[1], PEERS[1][1]
    # From outside the overlay, by a link of its own.
    lab.clients[1].ip(f"-6 route add {nat64.prefix} via 2001:db8:c2::1 metric 1")
    with lab.gateway.socket(socket.AF_INET, socket.SOCK_STREAM, bind=("0.0.0.0", 22)) as ssh:
        ssh.listen(8)
        ssh.settimeout(0.2)
        refused(case, node, nat64, napt, "2001:db8:c2::2", SERVER, 80, "client_denied")
        lab.clients[1].ip(f"-6 route del {nat64.prefix}")
        for own in ("203.0.113.1", "192.168.77.1", "203.0.113.255"):
            refused(case, node, nat64, napt, address, own, 22, "own_address")
        refused(case, node, nat64, napt, address, "192.168.77.9", 80, "private_destination")
        refused(case, node, nat64, napt, address, "169.254.169.254", 80, "illegal_destination")
        refused(case, node, nat64, napt, address, SERVER, 25, "destination_denied")
        case.check(f"{napt}: sshd has seen nobody", nobody_came(ssh))
    server6 = nat64.address6(SERVER)
    with tcp_pair(node, lab.server, server6, SERVER, 80, timeout=10) as (c, s, _):
        case.check(f"{napt}: a stranger may use the web", bulk(c, s, 100_000))


def refused(case, node, nat64, napt, source, destination, port, reason):
    """By the kernel's word, by the counter, and by what explain says; all three the same."""
    label = f"{napt}: {source} to {destination} port {port}"
    before = nat64.drops().get(reason, 0)
    server6 = nat64.address6(destination)
    with node.socket(socket.AF_INET6, socket.SOCK_STREAM, timeout=5) as stream:
        try:
            got = errno.errorcode.get(stream.connect_ex((server6, port)))
        except TimeoutError:
            got = "ETIMEDOUT"
    case.equal(label, got, "EACCES")
    case.check(f"{label}: counted", nat64.drops().get(reason, 0) > before, nat64.drops())
    words = ("--from", source, "--to", server6, "--port", port)
    done = nat64.call("explain", "--json", *words)
    if case.succeeds(f"{label}: explain", done):
        case.equal(f"{label}: explained", json.loads(done.stdout).get("reason"), reason)
    table = nat64.call("explain", *words).stdout
    case.check(f"{label}: in words", f"refused: {reason}" in table and "answer:" in table, table)


def another_key(case, lab, nat64, overlay, api, napt):
    lab.gateway.ip(f"addr del {GATEWAY.replace('/64', NODE)}/7 dev mycelium")
    lab.gateway.ip(f"addr add {NEW_KEY.replace('/64', NODE)}/7 dev mycelium nodad")
    overlay.move(GATEWAY, NEW_KEY)
    api.subnet = NEW_KEY
    case.equal(f"{napt}: another key ends it with", nat64.process.wait_exit(15), 1)
    said = nat64.process.log()
    case.check(f"{napt}: and a reason", f"its subnet is {NEW_KEY} now" in said, said)
    nat64.prefix = prefix_in(NEW_KEY)
    nat64.start()
    ping = settled_ping(lab.client, nat64.address6(SERVER))
    case.check(f"{napt}: started again, ping through {nat64.prefix}", all_answered(ping), ping)
    with udp_client(lab.client, nat64.address6("192.168.77.1"), 53, all_errors=True) as client:
        case.equal(f"{napt}: still careful", errno.errorcode.get(error_of(client)), "EACCES")


def nobody_came(listener):
    try:
        listener.accept()[0].close()
        return False
    except TimeoutError:
        return True
