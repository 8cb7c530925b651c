# SPDX-License-Identifier: Apache-2.0
"""DNS: names through DNS64, and queries through the NAT64 to an IPv4 name server.

    client (dig, curl) ── gateway (nat64, unbound with dns64) ── server (unbound, nginx)

Pass: AAAA records are synthesised below the prefix and work; queries over UDP, over TCP and
with a 2000-byte answer (fragments over UDP) reach the IPv4 name server through the NAT64.
"""

from lab import Dns64, NameServer, WebServer
from lab.topology import SERVER

TAYGA = True
NAME = "www.lab.example"


def run(case):
    lab = case.lab()
    translator = case.translator(lab)
    NameServer(lab)
    WebServer(lab)
    Dns64(lab, translator.prefix)
    server6 = translator.address6(SERVER)

    def dig(what, wanted, *words):
        done = lab.client.run("dig", "+short", "+tries=3", "+time=5", *words)
        # Lines with a semicolon tell of attempts that came to nothing.
        answers = [line for line in done.stdout.splitlines() if not line.startswith(";")]
        case.equal(what, answers[:1], [wanted])

    dig("AAAA from DNS64 over UDP", server6, "AAAA", NAME)
    dig("AAAA from DNS64 over TCP", server6, "+tcp", "AAAA", NAME)
    page = lab.client.run("curl", "-sS", "--max-time", "10", f"http://{NAME}/")
    case.check("curl by name", "IPv4-only" in page.stdout, page.stderr)
    at = f"@{server6}"
    dig("A through the NAT64 over UDP", SERVER, at, "A", NAME)
    dig("A through the NAT64 over TCP", SERVER, at, "+tcp", "A", NAME)
    for transport in ("+tcp",) if case.uses_tayga else ("+tcp", "+notcp"):
        done = lab.client.run(
            "dig", at, transport, "+ignore", "+bufsize=4096", "+short", "TXT", "big.lab.example"
        )
        case.check(
            f"a 2000-byte answer through the NAT64, {transport}",
            all(letter * 240 in done.stdout for letter in "abcdefgh"),
            done.stdout + done.stderr,
        )
