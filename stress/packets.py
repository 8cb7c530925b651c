# SPDX-License-Identifier: Apache-2.0
"""Packets that no honest stack would send: built by scapy, put on a veth link as they are.

scapy only encodes and decodes here; sending and listening are packet sockets of the lab.
"""

import logging
import socket
import time

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.config import conf  # noqa: E402

conf.ipv6_enabled = True

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_RA,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    ICMPv6Unknown,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    fragment6,
)
from scapy.packet import Raw  # noqa: E402

__all__ = [
    "ICMP",
    "ICMPv6DestUnreach",
    "ICMPv6EchoReply",
    "ICMPv6EchoRequest",
    "ICMPv6ND_RA",
    "ICMPv6PacketTooBig",
    "ICMPv6ParamProblem",
    "ICMPv6TimeExceeded",
    "ICMPv6Unknown",
    "IP",
    "IPOption",
    "IPv6",
    "IPv6ExtHdrDestOpt",
    "IPv6ExtHdrFragment",
    "IPv6ExtHdrHopByHop",
    "IPv6ExtHdrRouting",
    "Raw",
    "TCP",
    "UDP",
    "Wire",
    "fragment6",
]

_ETH_P_ALL, _ETH_P_IP, _ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
_SO_RCVBUFFORCE = 33


class Wire:
    """One interface of a namespace, seen from below the IP stack."""

    def __init__(self, node, interface, neighbour=None):
        """`neighbour`: (namespace, interface) at the other end of the veth pair."""
        self.interface = interface
        self.node = node
        self._socket = node.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 24)
        self._socket.bind((interface, _ETH_P_ALL))
        self._target = _hardware_address(*neighbour) if neighbour else b"\xff" * 6

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, packet):
        """A scapy packet, or bytes beginning with an IP header (its version nibble decides)."""
        data = bytes(packet)
        kind = _ETH_P_IPV6 if data and data[0] >> 4 == 6 else _ETH_P_IP
        self._socket.sendto(data, (self.interface, kind, 0, 0, self._target))

    def flood(self, packets, pause_every=512):
        """Sends many as fast as Python can, with a breath so that others get the CPU too."""
        for number, packet in enumerate(packets, start=1):
            self.send(packet)
            if number % pause_every == 0:
                time.sleep(0.001)

    def receive(self, accept, timeout=3.0):
        """The first incoming packet (scapy) for which accept(packet) is true, else None."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data, address = self._socket.recvfrom(65535)
            except TimeoutError:
                return None
            if address[2] == socket.PACKET_OUTGOING or not data:
                continue
            packet = IPv6(data) if data[0] >> 4 == 6 else IP(data)
            if accept(packet):
                return packet
        return None

    def collect(self, is_last, timeout=3.0):
        """What comes in, as bytes, before the packet for which is_last(bytes) is true; None if
        that does not come."""
        deadline = time.monotonic() + timeout
        collected = []
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data, address = self._socket.recvfrom(65535)
            except TimeoutError:
                break
            if address[2] == socket.PACKET_OUTGOING or not data:
                continue
            if is_last(data):
                return collected
            collected.append(data)
        return None

    def sees_off(self, count):
        """Waits until `count` packets have gone out of the interface; how many did."""
        gone = 0
        try:
            while gone < count:
                gone += self._socket.recvfrom(1)[1][2] == socket.PACKET_OUTGOING
        except TimeoutError:
            pass
        return gone

    def drain(self):
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(65535)
        except BlockingIOError:
            pass
        finally:
            self._socket.setblocking(True)


def _hardware_address(node, interface):
    shown = node.run("cat", f"/sys/class/net/{interface}/address", check=True).stdout
    return bytes.fromhex(shown.strip().replace(":", ""))


def gateway_wire(lab, role="client"):
    """The client's end of its link, aimed at the gateway."""
    return Wire(lab.nodes[role], "gateway", (lab.gateway, role))


def server_wire(lab):
    """The server's end of its link, aimed at the gateway."""
    return Wire(lab.server, "gateway", (lab.gateway, "server"))
