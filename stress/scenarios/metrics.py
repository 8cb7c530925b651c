# SPDX-License-Identifier: Apache-2.0
"""/metrics under traffic: for Prometheus, and for clients that mean no good.

    client ── gateway (nat64 with metrics.listen; curl, promtool, a crowd) ── server

Pass: over IPv4, IPv6 and a Unix socket, with napt: daemon and with napt: kernel, `promtool check
metrics` finds no fault, and the numbers are those of `show status`; other paths and methods are
refused; a thousand clients with half a request, an endless header and a reader that reads nothing
keep neither curl from its answer nor packets from their way, nor does the daemon hold a
descriptor for each of them; the Unix socket's file goes with the daemon, after SIGKILL as well.
"""

import os
import re
import signal
import socket

from lab import wait_until
from lab.topology import SERVER
from probes import UdpEcho, conversation, echo_once, tcp_pair, udp_client

CROWD = 1000
HALF = b"GET /metrics HTTP/1.1\r\nHost: gate"
FEW = 60  # descriptors: 32 clients at a time, and the daemon's own


def run(case):
    places(case)
    with_kernel_napt(case)


def places(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"metrics": {"listen": "127.0.0.1:9464"}})
    scrape = Scrape(case, lab, ["http://127.0.0.1:9464/metrics"])
    traffic(case, lab, nat64)
    compare(case, nat64, scrape)
    refusals(case, lab)
    crowd(case, lab, nat64, scrape)
    case.equal("it stops", nat64.stop(), 0)
    case.stopped(nat64)
    nat64 = case.nat64(lab, {"metrics": {"listen": "[::1]:9464"}})
    scrape = Scrape(case, lab, ["http://[::1]:9464/metrics"])
    case.check("by IPv6", scrape.values()["nat64_received_packets_total"] >= 0)


def with_kernel_napt(case):
    lab = case.lab()
    path = os.path.join(lab.make_dir("run"), "metrics.sock")
    nat64 = case.nat64(lab, {"napt": "kernel", "metrics": {"listen": f"unix:{path}"}})
    scrape = Scrape(case, lab, ["--unix-socket", path, "http://nat64/metrics"])
    traffic(case, lab, nat64)
    values = compare(case, nat64, scrape)
    case.equal("inner addresses in use", values["nat64_inner_addresses_used"], 1)
    case.check("connections are counted", values["nat64_conntrack_entries"] >= 2, values)
    case.check("no sessions of its own", "nat64_sessions" not in "".join(values), values)
    case.check("its own memory", values["process_resident_memory_bytes"] > 1 << 20, values)
    case.check("its own descriptors", 5 < values["process_open_fds"] < FEW, values)
    case.equal("it stops", nat64.stop(), 0)
    case.stopped(nat64)
    case.check("the socket goes with it", not os.path.exists(path))
    nat64.start()
    nat64.process.signal(signal.SIGKILL)
    nat64.process.wait_exit()
    wait_until(lambda: not os.path.exists(path), "the socket to go after SIGKILL, too")


class Scrape:
    """What one of these asks for: curl with `arguments`."""

    def __init__(self, case, lab, arguments):
        self.case = case
        self.lab = lab
        self.arguments = arguments

    def text(self):
        done = self.lab.gateway.run("curl", "-sS", "-f", "--max-time", "10", *self.arguments)
        self.case.succeeds("scraped", done)
        return done.stdout

    def values(self):
        """{name with labels: value}; whatever is wrong with it is a failure."""
        text = self.text()
        judged = self.lab.gateway.run("promtool", "check", "metrics", input=text)
        self.case.check("promtool is content", judged.returncode == 0, judged)
        return {
            name: float(value)
            for name, value in re.findall(r"^([^# ][^ ]*) (\S+)$", text, re.MULTILINE)
        }


def traffic(case, lab, nat64):
    server6 = nat64.address6(SERVER)
    with UdpEcho(lab.server, SERVER, 7), udp_client(lab.client, server6, 7) as client:
        case.check("UDP", all(echo_once(client, b"x" * 100, attempts=3) for _ in range(20)))
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        case.check("TCP", conversation(client, server, 100000))


def compare(case, nat64, scrape):
    """Each number is moving: it lies between two looks at `show status`."""
    before = nat64.show("status")
    values = scrape.values()
    after = nat64.show("status")
    pairs = {
        "nat64_received_packets_total": ("packets", "received"),
        "nat64_emitted_packets_total": ("packets", "emitted"),
        "nat64_icmp_errors_sent_total": ("icmp_errors", "sent"),
    }
    for name, (group, member) in pairs.items():
        low, high = before[group][member], after[group][member]
        case.check(f"{name} is that of `show status`", low <= values[name] <= high, values[name])
    for row in before["protocols"]:
        name = f'nat64_packets_total{{direction="outbound",protocol="{row["protocol"]}"}}'
        case.check(f"{name} counts", values[name] >= row["outbound"]["packets"], values[name])
    udp = 'nat64_packets_total{direction="inbound",protocol="udp"}'
    case.check("all datagrams are there", values[udp] >= 20, values[udp])
    return values


def refusals(case, lab):
    for method, path, status in (
        ("GET", "/", "404"),
        ("GET", "/metrics/", "404"),
        ("HEAD", "/metrics", "200"),
        ("POST", "/metrics", "405"),
        ("DELETE", "/metrics", "405"),
    ):
        head = ["--head"] if method == "HEAD" else ["-X", method]
        done = lab.gateway.run(
            *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10"),
            *(*head, f"http://127.0.0.1:9464{path}"),
        )
        case.equal(f"{method} {path}", done.stdout, status)
    huge = lab.gateway.run(
        *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10"),
        *("-H", "X: " + "x" * 60000, "http://127.0.0.1:9464/metrics"),
    )
    case.equal("a header of 60 kB", huge.stdout, "431")


def crowd(case, lab, nat64, scrape):
    server6 = nat64.address6(SERVER)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        before = nat64.process.cpu_seconds()
        deaf = connected(lab, b"GET /metrics HTTP/1.1\r\n\r\n" * 50)
        clients = [connected(lab, HALF) for _ in range(CROWD)]
        case.check("scraped among a thousand", "nat64_sessions" in scrape.text())
        case.check("TCP among a thousand", conversation(client, server, 100000))
        case.check("descriptors are bounded", descriptors(nat64) <= FEW, descriptors(nat64))
        for one in (deaf, *clients):
            one.close()
        wait_until(lambda: descriptors(nat64) <= FEW / 2, "the crowd's descriptors to be closed")
        spent = nat64.process.cpu_seconds() - before
        case.check("at a bounded price", spent < 3.0, spent)
        case.check("TCP after them", conversation(client, server))


def connected(lab, request):
    made = lab.gateway.socket(socket.AF_INET, socket.SOCK_STREAM, timeout=10)
    try:
        made.connect(("127.0.0.1", 9464))
        made.sendall(request)
    except OSError:  # it was hung up on already
        pass
    return made


def descriptors(nat64):
    return len(os.listdir(f"/proc/{nat64.process.pid}/fd"))
