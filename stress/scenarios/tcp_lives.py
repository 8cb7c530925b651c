# SPDX-License-Identifier: Apache-2.0
"""Lives of TCP connections: half-close, reset, reuse of a port, simultaneous open, held SYN.

    client ── gateway (nat64) ── server
    192.0.2.2:80 = [client]:8080

Pass: after one side closed, the other may send for as long as it likes; a reset reaches the
peer; a source port can be used again at once towards the same server; data sent one second
after the handshake arrives; an inbound SYN to a mapped port is held, answered with ICMP port
unreachable after 6 s if the client does nothing (address-dependent filtering, RFC 6146
§3.5.2.2), and becomes a connection if the client opens its side in time.
"""

import socket
import struct
import threading
import time

from lab.topology import CLIENT, SERVER
from probes import bulk, conversation, tcp_pair

TIME_LIMIT = 90


def run(case):
    lab = case.lab()
    static = [{"protocol": "tcp", "ipv6": f"[{CLIENT}]:8080", "ipv4": "192.0.2.2:80"}]
    nat64 = case.nat64(lab, {"static": static, "filtering": "address-dependent"})
    server6 = nat64.address6(SERVER)
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        case.equal("half-close arrives", read_all(server), b"last words")
        time.sleep(1)
        case.check("5 MB after the half-close", bulk(server, client, 5 << 20))
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5002) as (client, server, _):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        try:
            server.recv(1)
            case.check("a reset arrives", False, "end of file instead")
        except ConnectionResetError:
            case.check("a reset arrives", True)
    for attempt in range(5):
        case.check(f"source port reused, {attempt}", same_port(lab, server6))
    held_syn(case, lab, nat64)
    simultaneous_open(case, lab, nat64)


def same_port(lab, server6):
    """Connects from one fixed port, exchanges, closes with reset: must work every time."""
    listen = (SERVER, 5003)
    with lab.server.socket(socket.AF_INET, socket.SOCK_STREAM, bind=listen) as listener:
        listener.listen(1)
        client = lab.client.socket(
            socket.AF_INET6, socket.SOCK_STREAM, bind=("::", 5555), timeout=5
        )
        with client:
            try:
                client.connect((server6, 5003))
                server, _ = listener.accept()
            except OSError:
                return False
            with server:
                server.settimeout(5)
                fine = conversation(client, server)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return fine


def held_syn(case, lab, nat64):
    """Nobody listens to this peer: the held SYN ends in an ICMP error, neither in a RST."""
    with lab.server.socket(socket.AF_INET, socket.SOCK_STREAM, timeout=20) as stranger:
        began = time.monotonic()
        error = stranger.connect_ex(("192.0.2.2", 80))
        took = time.monotonic() - began
    case.note(f"held SYN ended after {took:.1f} s with errno {error}")
    case.check("an unclaimed SYN is answered with an error", error != 0)
    case.check("not before six seconds", took > 5.5, took)
    drops = nat64.drops()
    case.check("it is counted as syn_expired", drops.get("syn_expired", 0) >= 1, drops)


def simultaneous_open(case, lab, nat64):
    """The client opens to where a held SYN came from, from the port it was sent to."""
    outer = lab.server.socket(
        socket.AF_INET, socket.SOCK_STREAM, bind=(SERVER, 6000), timeout=10
    )
    inner = lab.client.socket(
        socket.AF_INET6, socket.SOCK_STREAM, bind=(CLIENT, 8080), timeout=10
    )
    results = {}

    def open_from_outside():
        results["outer"] = outer.connect_ex(("192.0.2.2", 80))

    with outer, inner:
        thread = threading.Thread(target=open_from_outside)
        thread.start()
        time.sleep(1)
        results["inner"] = inner.connect_ex((nat64.address6(SERVER), 6000))
        thread.join()
        case.equal("simultaneous open succeeds", results, {"outer": 0, "inner": 0})
        if not any(results.values()):
            case.check("and carries data", conversation(inner, outer))


def read_all(stream):
    data = b""
    while part := stream.recv(1000):
        data += part
    return data
