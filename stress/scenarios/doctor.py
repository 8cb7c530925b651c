# SPDX-License-Identifier: Apache-2.0
"""`nat64 doctor` on healthy gateways and on broken ones: each fault is found and named.

    client ── gateway (nat64, DNS64; an administrator with nat64 doctor) ── server

Pass: with everything in order, before a start and with a daemon of either napt, nothing is wrong
and the exit code is 0; then one fault at a time (forwarding off, an address of the pool on the
machine, a forward chain that drops, a changed MTU, a foreign DNS64 prefix, clients that want
private addresses, a configuration with a mistake) is found under its name with a remedy, and
only those that keep packets from passing make the exit code 1. Without root the rest is looked
at, and what was not is said. The doctor changes nothing.
"""

import json

from lab import Dns64, NameServer, wait_until
from lab.topology import SERVER
from probes import UdpEcho, echo_once, udp_client

PRIVATE = "10.1.2.3"


class Doctor:
    def __init__(self, case, lab, nat64):
        self.case, self.lab, self.nat64 = case, lab, nat64

    def run(self, *words, config=None, wrapper=()):
        config = config or self.nat64.config_path
        return self.lab.gateway.run(
            *wrapper, self.case.executable, "doctor", "-c", config, *words
        )

    def findings(self, **options):
        """({about: [finding, ...]} of what is not in order, exit code)"""
        done = self.run("--json", **options)
        told = {}
        for finding in json.loads(done.stdout)["findings"]:
            if finding["health"] != "ok":
                told.setdefault(finding["about"], []).append(finding)
        return told, done.returncode

    def is_well(self, what):
        told, code = self.findings()
        told.pop("daemon", None)
        self.case.equal(f"{what}: nothing is wrong", told, {})
        self.case.equal(f"{what}: exit code", code, 0)

    def finds(self, about, health, *texts, **options):
        told, code = self.findings(**options)
        found = [
            finding
            for finding in told.get(about, [])
            if finding["health"] == health
            and all(text in json.dumps(finding) for text in texts)
        ]
        self.case.check(f"{about}: {health}, {', '.join(texts)}", found, told)
        self.case.check(f"{about}: with a remedy", found and found[0].get("remedy"), told)
        self.case.equal(f"{about}: exit code", code, 1 if health == "fail" else 0)


def run(case):
    lab = case.lab()
    lab.gateway.ip("route add default dev server")
    nat64 = case.nat64(lab, start=False)
    doctor = Doctor(case, lab, nat64)
    NameServer(lab)
    dns64 = Dns64(lab, nat64.prefix)
    lab.set_resolver("gateway", dns64.address)
    before = lab.gateway.snapshot()
    doctor.is_well("before a start")
    case.equal("it changes nothing", lab.gateway.snapshot(), before)
    nat64.start()
    talk(lab, nat64)
    doctor.is_well("with a daemon")
    page(case, doctor)
    faults(case, lab, nat64, doctor)
    strangers(case, lab, doctor)
    other_prefix(lab, dns64, doctor)
    of_kernel(case)


def talk(lab, nat64):
    """So that packets have gone both ways."""
    with UdpEcho(lab.server, SERVER, 4000):
        wait_until(
            lambda: echo_once(udp_client(lab.client, nat64.address6(SERVER), 4000), b"x"),
            "an echo through the translator",
        )


def page(case, doctor):
    text = doctor.run().stdout
    lines = text.splitlines()
    case.check("a line each, aligned", all(line[22:23] != " " for line in lines[:-2]), text)
    case.check("the sum", " ok, 0 to look at, 0 wrong, 0 not seen" in lines[-1], text)


def faults(case, lab, nat64, doctor):
    gateway = lab.gateway
    gateway.sysctl(net__ipv4__ip_forward=0)
    doctor.finds("forwarding", "fail", "IPv4 forwarding is off", "net.ipv4.ip_forward=1")
    gateway.sysctl(net__ipv4__ip_forward=1)

    gateway.ip("addr add 192.0.2.5/32 dev lo")
    doctor.finds("addresses", "fail", "192.0.2.5", "napt: kernel")
    gateway.ip("addr del 192.0.2.5/32 dev lo")

    gateway.nft(
        "table inet filter {\n  chain forward {\n"
        "    type filter hook forward priority 0; policy drop;\n  }\n}\n"
    )
    doctor.finds("firewall", "warn", "inet filter forward", "nat64 generate nftables")
    gateway.nft("delete table inet filter\n")

    gateway.ip("link set nat64 mtu 1400")
    doctor.finds("MTU", "warn", "1400 instead of 1500", "ip link set nat64 mtu 1500")
    gateway.ip("link set nat64 mtu 1500")

    client = udp_client(lab.client, nat64.address6(PRIVATE), 9)
    for _ in range(20):
        try:
            client.send(b"x")
        except OSError:  # the ICMP error about the one before
            continue
    wait_until(lambda: nat64.drops().get("private_destination", 0) >= 10, "drops")
    doctor.finds("drops", "warn", "private_destination", "destinations.private: true")
    broken = lab.write("broken.yaml", "version: 1\npool: [192.0.2.0/28]\nprefx: 64:ff9b::/96\n")
    doctor.finds("configuration", "fail", "prefx", "nat64 check", config=broken)


def strangers(case, lab, doctor):
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    told, code = doctor.findings(wrapper=nobody)
    unseen = {
        about
        for about, findings in told.items()
        if any(finding["health"] == "unseen" for finding in findings)
    }
    case.check(
        "without root: what was not seen is said",
        {"privileges", "firewall", "daemon"} <= unseen,
        told,
    )
    case.check("without root: the rest is looked at", "MTU" not in unseen, told)
    case.check("without root: who may ask the daemon", "is for root" in json.dumps(told), told)


def other_prefix(lab, dns64, doctor):
    dns64.process.stop()
    Dns64(lab, "2001:db8:64::/96")
    doctor.finds("DNS64", "warn", "2001:db8:64::/96", "nat64 generate unbound")


def of_kernel(case):
    lab = case.lab()
    lab.gateway.ip("route add default dev server")
    nat64 = case.nat64(lab, {"napt": "kernel"})
    NameServer(lab)
    lab.set_resolver("gateway", Dns64(lab, nat64.prefix).address)
    talk(lab, nat64)
    Doctor(case, lab, nat64).is_well("napt: kernel")
