# SPDX-License-Identifier: Apache-2.0
"""SIP without an ALG: sipp makes calls from IPv6 to IPv4, over UDP and over TCP.

    client (sipp -sn uac) ── gateway (nat64) ── server (sipp -sn uas)

The calls carry IPv6 addresses in Via, Contact and SDP that mean nothing on the other side;
nothing rewrites them. Signalling works because answers go where requests came from.

Pass: every call is set up and hung up (INVITE, 200, ACK, BYE, 200), none fails; over UDP the
server saw one transport address of the pool for all of them.
"""

from lab.topology import SERVER

CALLS, RATE = 300, 100


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab)
    server6 = nat64.address6(SERVER)
    for transport, mode in (("UDP", "u1"), ("TCP", "t1")):
        port = 5060 if mode == "u1" else 5070
        server = start_server(lab, mode, port)
        done = lab.client.run(
            *("sipp", "-sn", "uac", f"[{server6}]:{port}", "-i", "[2001:db8:c1::2]", "-t", mode),
            *("-p", 6000, "-r", RATE, "-m", CALLS, "-d", 200, "-nostdin", "-timeout", "30s"),
            *("-timeout_error",),
            timeout=40,
            env={"TERM": "dumb"},
        )
        case.check(f"{transport}: all calls succeed", done.returncode == 0, done.stderr[-500:])
        counts = [line.split() for line in done.stdout.splitlines()]
        ok = [words[-1] for words in counts if words[:2] == ["Successful", "call"]]
        case.equal(f"{transport}: calls", ok[-1:], [str(CALLS)])
        server.stop()
    bindings = nat64.bindings("--protocol", "udp")
    case.equal("one binding for all UDP calls", len(bindings), 1)


def start_server(lab, mode, port):
    process = lab.start(
        "server",
        f"sipp-{mode}",
        *("sipp", "-sn", "uas", "-i", SERVER, "-p", port, "-t", mode, "-nostdin"),
        env={"TERM": "dumb"},
    )
    process.wait_listening(port, "udp" if mode == "u1" else "tcp")
    return process
