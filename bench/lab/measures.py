# SPDX-License-Identifier: Apache-2.0
"""What is measured, one function each: measure(contender, settings) -> {quantity: value}.

CPU per packet. With veth pairs the kernel forwards a packet in the softirq that the sender's
own system call runs, so "the gateway's CPU" is not a process one could look at. Instead we add
up everything that works on the packets: both threads of udp_load (softirq work they trigger
included; scheduler accounting, in nanoseconds), the daemon, and ksoftirqd. The same load
without a gateway (D) costs so much; what a contender costs beyond that is its gateway's share.
The load is open-loop, at half of what the slowest contender carries, so nobody is overloaded.
"""

import json
import os
import subprocess

from lab import LabError
from lab.translators import REPOSITORY

from contenders import kernel_softirq_cpu

SMALL = 18  # UDP payload: 84-byte IPv6 and 64-byte IPv4 Ethernet frames (RFC 8219 §5)
QUIC = 1200
QUIC_SEGMENTS = 32  # datagrams a send, as QUIC stacks with UDP_SEGMENT do


def bulk_tcp(contender, settings, *options):
    """One flow with iperf3 for settings.seconds."""
    before = contender.daemon_cpu()
    done = contender.lab.client.run(
        *("iperf3", "-J", "-t", settings.seconds, "-O", "1", "-c", contender.target),
        *options,
        timeout=settings.seconds + 30,
    )
    spent = contender.daemon_cpu() - before
    report = json.loads(done.stdout)
    if "error" in report:
        raise LabError(f"{contender.letter}: iperf3: {report['error']}")
    received = report["end"]["sum_received"]
    return {
        "gbit": received["bits_per_second"] / 1e9,
        "daemon_cpu_s_per_gb": spent / (received["bytes"] / 1e9),
    }


def tcp_up(contender, settings):
    return bulk_tcp(contender, settings)


def tcp_down(contender, settings):
    return bulk_tcp(contender, settings, "-R")


def udp_small_up(contender, settings):
    return {"kpps": udp_load(contender, settings, "up")["pps"] / 1e3}


def udp_small_down(contender, settings):
    return {"kpps": udp_load(contender, settings, "down")["pps"] / 1e3}


def udp_quic_up(contender, settings):
    return _quic(contender, settings, "up")


def udp_quic_down(contender, settings):
    return _quic(contender, settings, "down")


def _quic(contender, settings, direction):
    words = ("--size", QUIC, "--segments", QUIC_SEGMENTS, "--window", 384)
    return {"gbit": udp_load(contender, settings, direction, *words)["bits_per_second"] / 1e9}


def latency(contender, settings):
    """One way, at settings.half_rate, packets sent as they fall due."""
    load = udp_load(contender, settings, "up", "--rate", settings.half_rate, "--nap-us", 10)
    return {"p50_us": load["p50_us"], "p99_us": load["p99_us"]}


def cpu(contender, settings):
    """CPU per packet at settings.half_rate: a burst a millisecond, so naps cost little."""
    daemon, kernel = contender.daemon_cpu(), kernel_softirq_cpu()
    load = udp_load(contender, settings, "up", "--rate", settings.half_rate, "--nap-us", 1000)
    daemon = contender.daemon_cpu() - daemon
    kernel = kernel_softirq_cpu() - kernel
    packets = load["received_in_all"]
    ends = (load["sender_cpu_ns"] + load["receiver_cpu_ns"]) / 1e9
    return {
        "ns_per_packet": (ends + daemon + kernel) / packets * 1e9,
        "daemon_ns_per_packet": daemon / packets * 1e9,
    }


def udp_load(contender, settings, direction, *options):
    """Runs udp_load between the contender's client and server; returns its JSON."""
    words = {
        "--client-ns": contender.lab.client.name,
        "--server-ns": contender.lab.server.name,
        "--target": contender.target,
        "--bind": contender.bind,
        "--size": SMALL,
        "--seconds": settings.seconds,
        "--direction": direction,
    }
    argv = [settings.udp_load]
    for key, value in words.items():
        if key not in options:
            argv += [key, value]
    argv = [str(word) for word in (*argv, *options)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=settings.seconds + 30)
    if done.returncode != 0:
        raise LabError(f"{contender.letter}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def build_udp_load(scratch):
    """The one of build/release, or compiled on the spot where that is missing or older."""
    source = os.path.join(REPOSITORY, "bench", "lab", "udp_load.cpp")
    built = os.path.join(REPOSITORY, "build", "release", "bench", "lab", "udp_load")
    if os.path.exists(built) and os.path.getmtime(built) >= os.path.getmtime(source):
        return built
    made = os.path.join(scratch, "udp_load")
    subprocess.run(["g++", "-O2", "-std=c++23", "-pthread", source, "-o", made], check=True)
    return made


ALL = {
    "tcp-up": (tcp_up, "bulk TCP, one flow, to the server"),
    "tcp-down": (tcp_down, "bulk TCP, one flow, to the client"),
    "udp-small-up": (udp_small_up, "64-byte UDP, one flow, to the server"),
    "udp-small-down": (udp_small_down, "64-byte UDP, one flow, to the client"),
    "udp-quic-up": (udp_quic_up, "UDP 1200 B with UDP_SEGMENT, to the server"),
    "udp-quic-down": (udp_quic_down, "UDP 1200 B with UDP_SEGMENT, to the client"),
    "cpu": (cpu, "CPU a 64-byte UDP packet, at half the load of the slowest"),
    "latency": (latency, "one-way latency of 64-byte UDP, at half the load of the slowest"),
}
