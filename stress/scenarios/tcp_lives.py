# SPDX-License-Identifier: Apache-2.0
"""Lives of TCP connections: half-close, reset, reuse of a port, simultaneous open, held SYN.

    client ── gateway (nat64, address-dependent filtering) ── server on 203.0.113.10 and .11

Pass: after one side closed, the other may send for as long as it likes; a reset reaches the
peer; a source port can be used again at once towards the same server. An inbound SYN that
nobody is known to want (to a transport address without binding, or from a stranger to one with)
is held; it ends in ICMP port unreachable after 6 s if the client does nothing, and becomes a
connection, at the very transport address it was sent to, if the client opens its side in time
(RFC 6146 §3.5.2.2).
"""

import errno
import socket
import struct
import threading
import time
from contextlib import contextmanager

from lab import wait_until
from lab.topology import CLIENT, SERVERS
from probes import bulk, conversation, tcp_pair

SERVER, STRANGER = SERVERS[0], SERVERS[1]
UNBOUND = ("192.0.2.9", 7777)  # in the pool, and nobody's
INCOMING_SYN = 6.0
TIME_LIMIT = 90


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"filtering": "address-dependent"})
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
    with bound_client(lab, server6) as mapped:
        ends = {"no binding": UNBOUND, "a stranger to a binding": mapped}
        held_syns(case, lab, nat64, ends)
        for number, (label, end) in enumerate(ends.items()):
            # The client already talks from 8080, and has never used 8081.
            port = 8080 if end == mapped else 8081
            simultaneous_open(case, lab, nat64, label, end, port, 6000 + number)


@contextmanager
def bound_client(lab, server6):
    """A connection from the client's port 8080: yields the transport address it is bound to."""
    listener = lab.server.socket(socket.AF_INET, socket.SOCK_STREAM, bind=(SERVER, 5004))
    client = client_socket(lab, 8080)
    with listener:
        listener.listen(1)
        client.connect((server6, 5004))
        server, mapped = listener.accept()
    with client, server:
        yield mapped


def client_socket(lab, port):
    return lab.client.socket(
        socket.AF_INET6, socket.SOCK_STREAM, bind=(CLIENT, port), timeout=20
    )


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


def held_syns(case, lab, nat64, ends):
    """The client does nothing: each SYN ends in an ICMP error, and not in a RST at once."""
    ended = {}

    def knock(label, end):
        with stranger_socket(lab) as stranger:
            began = time.monotonic()
            error = stranger.connect_ex(end)
            ended[label] = (errno.errorcode.get(error), time.monotonic() - began)

    threads = [threading.Thread(target=knock, args=item) for item in ends.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for label, (error, took) in ended.items():
        case.note(f"held SYN, {label}: {error} after {took:.1f} s")
        case.equal(f"held SYN, {label}: port unreachable", error, "ECONNREFUSED")
        case.check(f"held SYN, {label}: not before {INCOMING_SYN} s", took > INCOMING_SYN, took)
    drops = nat64.drops()
    case.equal("they are counted as syn_expired", drops.get("syn_expired"), len(ends))


def simultaneous_open(case, lab, nat64, label, end, client_port, server_port):
    """The client opens to where a held SYN came from."""
    outer = stranger_socket(lab, server_port)
    inner = client_socket(lab, client_port)
    results = {}
    held = nat64.show("status")["packets"]["held"]

    def open_from_outside():
        results["outer"] = outer.connect_ex(end)

    with outer, inner:
        thread = threading.Thread(target=open_from_outside)
        thread.start()
        wait_until(lambda: nat64.show("status")["packets"]["held"] > held, "a held SYN")
        results["inner"] = inner.connect_ex((nat64.address6(STRANGER), server_port))
        thread.join()
        label = f"simultaneous open, {label}"
        if case.equal(f"{label}: succeeds", results, {"outer": 0, "inner": 0}):
            case.check(f"{label}: carries data", conversation(inner, outer))
        mapped = {
            row["mapped"]
            for row in nat64.bindings("--protocol", "tcp")
            if row["client"] == f"[{CLIENT}]:{client_port}"
        }
        case.equal(f"{label}: at the SYN's own address", mapped, {f"{end[0]}:{end[1]}"})


def stranger_socket(lab, port=0):
    return lab.server.socket(
        socket.AF_INET, socket.SOCK_STREAM, bind=(STRANGER, port), timeout=20
    )


def read_all(stream):
    data = b""
    while part := stream.recv(1000):
        data += part
    return data
