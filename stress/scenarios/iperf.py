# SPDX-License-Identifier: Apache-2.0
"""iperf3: many TCP streams at once in both directions, and paced UDP that must not be lost.

    client (iperf3 -P 8) ── gateway (nat64) ── server (iperf3 -s)

Pass: eight TCP streams out, back and both ways at once: none starves and what the server counts
is what the client sent; four UDP streams of 1200-byte datagrams at 10 Mbit/s in all, out and back:
none out of order, under 2 % lost (a busy machine drops at a socket), each stream has a session of
its own.
"""

import json

from lab import Iperf3Server
from lab.topology import SERVER

TAYGA = True
TIME_LIMIT = 90
SECONDS = 3


def run(case):
    lab = case.lab()
    translator = case.translator(lab)
    Iperf3Server(lab)
    server6 = translator.address6(SERVER)
    for name, words in (("out", ()), ("back", ("-R",)), ("both ways", ("--bidir",))):
        tcp(case, lab, server6, name, words)
    for name, words in (("out", ()), ("back", ("-R",))):
        udp(case, lab, server6, name, words)


def tcp(case, lab, server6, name, words):
    report = measure(case, lab, server6, f"TCP {name}", "-P", 8, "-t", SECONDS, *words)
    streams = [stream["receiver"]["bytes"] for stream in report["end"]["streams"]]
    case.equal(f"TCP {name}: streams", len(streams), 16 if name == "both ways" else 8)
    case.check(f"TCP {name}: none starves", min(streams) > 0, streams)
    end = report["end"]
    sent, received = end["sum_sent"]["bytes"], end["sum_received"]["bytes"]
    # What is in flight when the time is over is sent and not counted as received.
    case.check(f"TCP {name}: what was sent arrives", 0.8 * sent < received <= sent, end)
    rate = end["sum_received"]["bits_per_second"]
    case.note(f"TCP {name}, eight streams: {rate / 1e9:.2f} Gbit/s")


def udp(case, lab, server6, name, words):
    report = measure(
        case, lab, server6, f"UDP {name}",
        "-u", "-P", 4, "-l", 1200, "-b", "2500K", "-t", SECONDS, *words,
    )
    total = report["end"]["sum"]
    case.check(f"UDP {name}: datagrams", total["packets"] > 2000, total)
    case.check(f"UDP {name}: hardly any is lost", total["lost_percent"] < 2, total)
    disorder = sum(s["udp"].get("out_of_order", 0) for s in report["end"]["streams"])
    case.equal(f"UDP {name}: out of order", disorder, 0)


def measure(case, lab, server6, what, *words):
    done = lab.client.run("iperf3", "-c", server6, "-J", *words, timeout=40)
    case.require(f"{what}: runs", done.returncode == 0, done.stdout[-500:])
    return json.loads(done.stdout)
