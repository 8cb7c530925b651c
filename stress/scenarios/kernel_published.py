# SPDX-License-Identifier: Apache-2.0
"""napt: kernel: a service of an IPv6-only host, published with the operator's own nftables rule.

    client (UDP echo on 7007, nginx on 8080) ── gateway (nat64, kernel NAPT; dnat) ── server
    203.0.113.1:80/tcp and :7/udp = 100.64.0.9 = [client], a static entry

Pass: the IPv4 side reaches both as the guide says, large files whole, and hears from who it asked;
whoever sends to the inner address itself, where no rule forwards, reaches nothing, be it a new flow
or what belongs to none; when the rule goes, so does the service.
"""

import os

from lab import WebServer
from lab.topology import CLIENT, SERVERS
from packets import ICMP, IP, TCP, UDP, Wire, server_wire
from probes import UdpEcho, download, echo_once, sha256_file, udp_client, url

PUBLIC = "203.0.113.1"
INNER = "100.64.0.9"
PUBLISHED = f"""table ip published {{
  chain prerouting {{
    type nat hook prerouting priority dstnat;
    iifname "server" tcp dport 80 dnat to {INNER}:8080
    iifname "server" udp dport 7 dnat to {INNER}:7007
  }}
}}
"""


def run(case):
    lab = case.lab()
    lab.gateway.nft(PUBLISHED)
    case.nat64(
        lab,
        {
            "napt": "kernel",
            "inner_pool": "100.64.0.0/24",
            "static": [{"ipv6": CLIENT, "ipv4": INNER}],
        },
    )
    lab.server.ip(f"route add {INNER} via {PUBLIC}")
    web = WebServer(lab, lab.client, port=8080)
    wanted = sha256_file(web.make_file("file", 10 << 20))
    with UdpEcho(lab.client, CLIENT, 7007):
        done, digest = download(lab.server, url(PUBLIC, "file", 80), timeout=60)
        case.succeeds("curl to the published port", done)
        case.equal("its checksum", digest, wanted)
        with udp_client(lab.server, PUBLIC, 7) as asker:
            case.check("UDP to the published port", echo_once(asker, os.urandom(900), 3))
            uninvited(case, lab)
            case.check("UDP goes on", echo_once(asker, b"x", 3))
    lab.gateway.nft("delete table ip published\n")
    done = lab.server.run("curl", "-sS", "--max-time", "2", url(PUBLIC, "whoami", 80))
    case.check("without the rule nothing answers", done.returncode != 0, done.stdout)


def uninvited(case, lab):
    """Straight to the inner address, from one that the rule has let nothing in from."""
    with Wire(lab.client, "gateway") as heard, server_wire(lab) as outside:
        for payload in (
            UDP(sport=7, dport=7007) / b"stranger",
            TCP(sport=7, dport=8080, flags="S"),
            TCP(sport=7, dport=8080, flags="R"),
            ICMP(type=3, code=3) / IP(src=INNER, dst=SERVERS[2]) / UDP(sport=7007, dport=9),
        ):
            outside.send(IP(src=SERVERS[2], dst=INNER) / payload)
        source = bytes(map(int, SERVERS[2].split(".")))
        seen = heard.receive(lambda packet: source in bytes(packet), timeout=1)
        case.check("nothing of it reaches the client", seen is None, seen)
