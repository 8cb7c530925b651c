# SPDX-License-Identifier: Apache-2.0
"""Forwarding that is off is switched on while nat64 runs, for nat64 and nobody else.

    client, client2 ── gateway (nat64, no router before) ── server

Pass: with IPv6, IPv4 or both forwardings off, in both modes of NAPT, ping works end to end and the
log says what was switched on; the default route from a router advertisement stays, and the next
advertisement is heeded as the first was; a packet between two other interfaces is not forwarded,
and counted in `show drops`;
all sysctls are as before when the daemon stops, also by SIGKILL, and, if its second process was
killed with it, when the next one stops. What is on already is not touched, and others are forwarded
then. A second nat64 beside one that switched forwarding on says that it will not work, and what to
do. Where new interfaces begin without IPv6, the TUN has it.
"""

import os
import signal

from lab import wait_until
from lab.topology import SERVER
from packets import ICMPv6ND_RA, IPv6, gateway_wire
from probes import all_answered, ping, second_process, settled_ping

TIME_LIMIT = 120
KEYS = {"ipv6": "net.ipv6.conf.all.forwarding", "ipv4": "net.ipv4.ip_forward"}
ICMP_TIMEOUT = "net.netfilter.nf_conntrack_icmp_timeout"  # napt: kernel raises it
OTHER = "2001:db8:c2::2"  # behind another interface of the gateway


def run(case):
    off(case, "kernel", ("ipv6", "ipv4"))
    off(case, "kernel", ("ipv6",))
    off(case, "daemon", ("ipv4",))
    off(case, "daemon", ("ipv6", "ipv4"))
    killed(case)
    already_on(case)
    second(case)
    without_ipv6(case)


def off(case, napt, families):
    lab = case.lab(clients=2)
    label = f"{napt}, {' and '.join(families)} off"
    before = switch_off(lab, families)
    if "ipv6" in families:
        case.check(f"{label}: advertisements are heeded", advertised(lab))
    nat64 = case.nat64(lab, {"napt": napt})
    if "ipv6" in families:
        case.check(f"{label}: the advertised route stays", "proto ra" in default_route(lab))
        lab.gateway.ip("-6 route del default proto ra")
        case.check(f"{label}: advertisements are heeded still", advertised(lab))
    done = settled_ping(lab.client, nat64.address6(SERVER))
    case.check(f"{label}: works end to end", all_answered(done), done.stdout)
    said = nat64.process.log()
    for family, key in KEYS.items():
        named = f"{key} was 0, is 1 while nat64 runs" in said
        case.equal(f"{label}: the log says that of {key}", named, family in families)
    heeds = sysctl(lab, "net.ipv6.conf.client.accept_ra")
    wanted = "2" if "ipv6" in families else "1"
    case.equal(f"{label}: accept_ra", heeds, wanted)
    wanted = "ipv6" not in families
    done = settled_ping(lab.client, OTHER) if wanted else ping(lab.client, OTHER, 1, wait=1)
    case.equal(f"{label}: clients reach each other", done.returncode == 0, wanted)
    lan_to_server(case, lab, label, "ipv4" not in families)
    refused = nat64.drops().get("not_ours", 0)
    case.check(f"{label}: what is not forwarded is counted", refused > 0, nat64.drops())
    case.equal(f"{label}: stops", nat64.stop(), 0)
    case.stopped(nat64)
    case.equal(f"{label}: sysctls after the end", sysctls(lab), before)


def advertised(lab):
    """A router on the client's link says that it is one. Whether the gateway takes its word."""
    shown = lab.client.run("ip", "-6", "-o", "addr", "show", "dev", "gateway", "scope", "link")
    source = shown.stdout.split()[3].split("/")[0]
    packet = IPv6(src=source, dst="ff02::1", hlim=255) / ICMPv6ND_RA(routerlifetime=1800)
    with gateway_wire(lab) as wire:
        wire.send(packet)
    wait_until(lambda: "proto ra" in default_route(lab), "the advertised route", 5)
    return True


def default_route(lab):
    return lab.gateway.run("ip", "-6", "route", "show", "default", check=True).stdout


def lan_to_server(case, lab, label, wanted):
    """IPv4 between two other interfaces of the gateway."""
    lab.gateway.ip("addr add 198.51.100.129/30 dev client")
    lab.client.ip("addr add 198.51.100.130/30 dev gateway")
    lab.client.ip("route add 203.0.113.0/24 via 198.51.100.129")
    done = settled_ping(lab.client, SERVER) if wanted else ping(lab.client, SERVER, 1, wait=1)
    case.equal(f"{label}: IPv4 between others", done.returncode == 0, wanted)
    lab.client.ip("addr del 198.51.100.130/30 dev gateway")
    lab.gateway.ip("addr del 198.51.100.129/30 dev client")


def killed(case):
    for napt in ("kernel", "daemon"):
        lab = case.lab(clients=2)
        before = switch_off(lab, ("ipv6", "ipv4"))
        kill(case, case.nat64(lab, {"napt": napt}))
        wait_until(lambda lab=lab, before=before: sysctls(lab) == before, "all to be put back")
        nat64 = case.nat64(lab, {"napt": napt})
        second = second_process(nat64)
        os.kill(second, signal.SIGSTOP)
        kill(case, nat64)
        os.kill(second, signal.SIGKILL)
        case.check(f"{napt}, killed: nothing put back", sysctls(lab) != before)
        again = case.nat64(lab, {"napt": napt})
        said = again.process.log()
        case.check(f"{napt}, killed: the next one says so", "that was killed had changed" in said)
        done = ping(lab.client, OTHER, count=1, wait=1)
        case.check(f"{napt}, killed: others are not forwarded", done.returncode != 0)
        done = settled_ping(lab.client, again.address6(SERVER))
        case.check(f"{napt}, killed: the next one works", all_answered(done), done.stdout)
        case.equal(f"{napt}, killed: the next one stops", again.stop(), 0)
        case.stopped(again)
        case.equal(f"{napt}, killed: sysctls after the next one", sysctls(lab), before)


def kill(case, nat64):
    nat64.process.signal(signal.SIGKILL)
    wait_until(lambda: not nat64.process.alive, "its end")
    case.stopped(nat64)


def already_on(case):
    lab = case.lab(clients=2)
    before = sysctls(lab)
    nat64 = case.nat64(lab, {"napt": "kernel"})
    changed = {line.split()[0] for line in set(sysctls(lab)) - set(before)}
    case.equal("on already: what changes", changed, {ICMP_TIMEOUT})
    done = settled_ping(lab.client, OTHER)
    case.check("on already: others are forwarded", all_answered(done), done.stdout)
    case.check("on already: nothing said of it", "while nat64 runs" not in nat64.process.log())


def second(case):
    lab = case.lab()
    switch_off(lab, ("ipv6", "ipv4"))
    case.nat64(lab)
    other = {"prefix": "2001:db8:64::/96", "pool": ["198.51.100.64/28"], "gateway": {}}
    both = case.nat64(lab, {**other, "tun": {"name": "other"}}, name="other")
    said = both.process.log()
    case.check("second: warns of the first", "nat64-nat64 only_ours' drops" in said, said)
    case.check("second: says what helps", "sysctl -w net.ipv4.ip_forward=1" in said, said)


def without_ipv6(case):
    for napt in ("daemon", "kernel"):
        lab = case.lab()
        lab.gateway.sysctl(net__ipv6__conf__default__disable_ipv6=1)
        nat64 = case.nat64(lab, {"napt": napt})
        done = settled_ping(lab.client, nat64.address6(SERVER))
        case.check(f"{napt}: without IPv6 by default", all_answered(done), done.stdout)


def switch_off(lab, families):
    """As on a host that heeds router advertisements and no redirects. Returns all sysctls."""
    for family in families:
        lab.gateway.run("sysctl", "-qw", f"{KEYS[family]}=0", check=True)
    lab.gateway.run(
        *("sysctl", "-qw", "net.ipv6.conf.client.accept_ra=1"),
        "net.ipv4.conf.all.accept_redirects=0",
        check=True,
    )
    return sysctls(lab)


def sysctl(lab, name):
    return lab.gateway.run("sysctl", "-n", name, check=True).stdout.strip()


def sysctls(lab):
    """Everything that switching forwarding on and off could leave different."""
    wanted = r"(ip_forward|\.forwarding|accept_ra|accept_redirects|conntrack_icmp_timeout)$"
    shown = lab.gateway.run("sysctl", "-a", "--pattern", wanted, check=True).stdout
    return [line for line in shown.splitlines() if ".nat64." not in line]
