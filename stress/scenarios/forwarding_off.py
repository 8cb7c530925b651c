# SPDX-License-Identifier: Apache-2.0
"""Forwarding that is off is said, per family; nothing is switched on behind one's back.

    client ── gateway (nat64, forwarding off) ── server

Pass: with IPv6, IPv4 or both forwardings off the daemon starts, its log names the sysctl to
set, the sysctl stays as it was; once it is set by hand, traffic flows without a restart.
"""

from lab import wait_until
from lab.topology import SERVER
from probes import all_answered, ping

KEYS = {"ipv6": "net.ipv6.conf.all.forwarding", "ipv4": "net.ipv4.ip_forward"}


def run(case):
    for families in (("ipv6",), ("ipv4",), ("ipv6", "ipv4")):
        lab = case.lab()
        label = " and ".join(families)
        for family in families:
            lab.gateway.run("sysctl", "-qw", f"{KEYS[family]}=0", check=True)
        nat64 = case.nat64(lab)
        for family in families:
            said = wait_until(nat64.process.log, "a log")
            case.check(f"{label} off: the log names {KEYS[family]}", KEYS[family] in said, said)
            value = lab.gateway.run("sysctl", "-n", KEYS[family]).stdout.strip()
            case.equal(f"{label} off: {KEYS[family]} untouched", value, "0")
        for family, key in KEYS.items():
            if family not in families:
                case.check(f"{label} off: {key} not blamed", key not in said, said)
        done = ping(lab.client, nat64.address6(SERVER), count=1, wait=1)
        case.check(f"{label} off: nothing passes", done.returncode != 0)
        for family in families:
            lab.gateway.run("sysctl", "-qw", f"{KEYS[family]}=1", check=True)
        done = ping(lab.client, nat64.address6(SERVER))
        case.check(f"{label} on again: works", all_answered(done), done.stdout)
