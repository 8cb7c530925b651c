# SPDX-License-Identifier: Apache-2.0
"""Memory runs out: too little to start with, enough for what is promised, too little later.

    client (forged flows) ── gateway (nat64 in a control group) ── server

Pass: with too small an address space the start fails with a message about memory and leaves
nothing; within the memory that docs/operator.md promises for 50 000 sessions and 16 addresses a
flood of 150 000 flows kills nobody, the limit refuses what is too many; in 8 MiB the kernel
kills the daemon, nothing of it is left, and one with smaller tables starts in the same group.
"""

import random

from lab import Cgroup, LabError, wait_until
from lab.topology import SERVER
from packets import UDP, IPv6, gateway_wire
from probes import all_answered, conversation, settled_ping, tcp_pair

TIME_LIMIT = 120
SESSIONS = 50_000
# Sessions, clients, addresses and what is fixed, as in the operator's guide; and the program.
TABLES = SESSIONS * (93 + 64) + 16 * 840 * 1024 + (5 << 20)
PROGRAM = 16 << 20
TOO_LITTLE = 8 << 20


def run(case):
    lab = case.lab()
    lab.route_upper_half()
    lab.server.drop_incoming("udp dport 9")
    config = {"limits": {"sessions": SESSIONS, "sessions_per_client": 1000000}}
    nat64 = case.nat64(lab, config, start=False)
    before = lab.gateway.snapshot()
    address_space(case, lab, nat64, before)
    if not Cgroup.available(lab, "memory"):
        case.skip("no control group for memory can be made here")
    with Cgroup(lab, "memory") as group:
        promised(case, lab, nat64, group)
    with Cgroup(lab, "memory") as group:
        killed(case, lab, nat64, group, before)
    case.stopped(nat64)


def address_space(case, lab, nat64, before):
    for mib in (30, 60):
        done = lab.gateway.run(
            *("prlimit", f"--as={mib << 20}"),
            *(nat64.executable, "run", "-c", nat64.config_path),
            timeout=5,
        )
        said = done.stderr + done.stdout
        case.check(f"{mib} MiB of address space: refused", done.returncode in (1, 127), done)
        case.check(f"{mib} MiB of address space: says why", "memory" in said, said)
        case.equal(f"{mib} MiB of address space: leaves nothing", lab.gateway.snapshot(), before)


def promised(case, lab, nat64, group):
    group.limit_memory(TABLES + PROGRAM)
    nat64.start(wrapper=group.wrapper())
    server6 = nat64.address6(SERVER)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        flood(lab, server6, 3 * SESSIONS)
        case.require("alive in what is promised", nat64.process.alive, nat64.process.exit_code)
        case.check("an old connection works", conversation(client, server))
        count = nat64.session_count()
        case.check("all the sessions it was made for", 0.9 * SESSIONS < count <= SESSIONS, count)
        refused = nat64.drops().get("session_limit", 0)
        case.check("the rest is refused", refused > SESSIONS, nat64.drops())
        used = nat64.process.resident_kib() >> 10
        case.note(f"{used} MiB resident with {count} sessions, {group_size()} MiB allowed")
    case.equal("stops with exit code 0", nat64.stop(), 0)


def group_size():
    return (TABLES + PROGRAM) >> 20


def killed(case, lab, nat64, group, before):
    group.limit_memory(TOO_LITTLE)
    nat64.start(wrapper=group.wrapper())
    server6 = nat64.address6(SERVER)
    for _ in range(5):
        if not nat64.process.alive:
            break
        flood(lab, server6, SESSIONS)
    try:
        code = nat64.process.wait_exit(5)
    except LabError:
        code = None
    case.equal("too little: the kernel kills it", code, -9)
    case.check("for its memory", group.out_of_memory_kills() >= 1)
    wait_until(lambda: lab.gateway.snapshot() == before, "the machine to be as before")
    small = case.nat64(
        lab, {"limits": {"sessions": 1000}, "pool": ["192.0.2.2"]}, name="small", start=False
    )
    small.start(wrapper=group.wrapper())
    flood(lab, server6, SESSIONS)
    done = settled_ping(lab.client, server6)
    case.check("smaller tables live there", small.process.alive)
    case.check("and serve", "icmp_seq" in done.stdout or all_answered(done), done.stdout)
    case.equal("and stop with exit code 0", small.stop(), 0)
    case.stopped(small)


def flood(lab, server6, count):
    """One datagram for each of `count` flows of a thousand clients."""
    first = IPv6(src="2001:db8:c1:0:8000::1000", dst=server6)
    base = bytes(first / UDP(sport=1024, dport=9) / b"f")
    total = int.from_bytes(base[46:48], "big")
    packets = []
    for number in random.sample(range(1000 * 1000), count):
        packet = bytearray(base)
        source, port = number // 1000, number % 1000
        packet[22:24] = (0x1000 + source).to_bytes(2, "big")
        packet[40:42] = (1024 + port).to_bytes(2, "big")
        check = total - source - port
        packet[46:48] = ((check - 1) % 0x10000 if check <= 0 else check).to_bytes(2, "big")
        packets.append(bytes(packet))
    with gateway_wire(lab) as wire:
        wire.flood(packets, pause_every=64)
