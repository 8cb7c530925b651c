# SPDX-License-Identifier: Apache-2.0
"""A small stand-in for the Mycelium overlay: a layer 3 network of TUN devices, and the HTTP API
of a node.

As the overlay does it, a packet goes to the node whose /64 its destination lies in, has at most
1400 bytes, has a source in 400::/7 (which of them is not checked), and is IPv6: there are no
neighbours, no router advertisements, no multicast.
"""

import fcntl
import http.server
import ipaddress
import json
import os
import select
import struct
import threading

MTU = 1400
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_RANGE = ipaddress.IPv6Network("400::/7")


class Overlay:
    """Nodes are added with join(); it carries packets until close()."""

    def __init__(self):
        self._ports = {}  # subnet (8 bytes) -> descriptor
        self._wake, self._poke = os.pipe()
        self.refused = 0  # sources outside the overlay
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._running = True
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._running = False
        os.write(self._poke, b"x")
        self._thread.join()
        for descriptor in {*self._ports.values(), self._wake, self._poke}:
            os.close(descriptor)

    def join(self, namespace, subnet, address):
        """Gives the namespace the interface `mycelium` with this address of this /64."""
        with namespace.entered():  # the namespace of the open decides
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            request = struct.pack("16sH22x", b"mycelium", _IFF_TUN | _IFF_NO_PI)
            fcntl.ioctl(descriptor, _TUNSETIFF, request)
        namespace.ip(f"link set mycelium mtu {MTU} up")
        namespace.ip(f"addr add {address}/7 dev mycelium nodad")
        self._add(subnet, descriptor)

    def move(self, old, new):
        """The node has another key, and so another subnet."""
        self._add(new, self._ports.pop(_key(old)))

    def _add(self, subnet, descriptor):
        self._ports[_key(subnet)] = descriptor
        os.write(self._poke, b"x")

    def _carry(self):
        while self._running:
            ports = dict(self._ports)
            ready, _, _ = select.select([*ports.values(), self._wake], [], [])
            for descriptor in ready:
                if descriptor == self._wake:
                    os.read(self._wake, 64)
                else:
                    self._drain(descriptor, ports)

    def _drain(self, descriptor, ports):
        for _ in range(64):
            try:
                packet = os.read(descriptor, 65536)
            except OSError:  # nothing more, or the interface is down
                return
            if len(packet) < 40 or packet[0] >> 4 != 6 or packet[24] == 0xFF:
                continue
            if ipaddress.IPv6Address(packet[8:24]) not in _RANGE:
                self.refused += 1
                continue
            to = ports.get(packet[24:32])
            if to is None or len(packet) > MTU:
                continue
            try:
                os.write(to, packet)
            except OSError:  # its queue is full, or it is down: a network loses packets
                pass


def _key(subnet):
    return ipaddress.IPv6Network(subnet).network_address.packed[:8]


class NodeApi:
    """GET /api/v1/admin as a node answers it, on 127.0.0.1:8989 of the namespace."""

    def __init__(self, namespace, subnet):
        self.subnet = subnet
        self.asked = 0
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                api.asked += 1
                found = self.path == "/api/v1/admin"
                body = json.dumps(api.info()).encode() if found else b""
                self.send_response(200 if found else 404)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 8989), Handler, bind_and_activate=False
        )
        self._server.daemon_threads = True
        with namespace.entered():
            made = type(self._server.socket)()
        self._server.socket.close()
        self._server.socket = made
        self._server.allow_reuse_address = True
        self._server.server_bind()
        self._server.server_activate()
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def info(self):
        network = ipaddress.IPv6Network(self.subnet)
        return {
            "nodeSubnet": self.subnet,
            "nodeIp": str(network[0x5E7E]),
            "nodePubkey": "ab" * 32,
            "nodeStartTime": 1,
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
