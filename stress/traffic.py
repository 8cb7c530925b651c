# SPDX-License-Identifier: Apache-2.0
"""Traffic that goes on in the background while a scenario does something else: a stream of which
every datagram has to come back, new flows without end, connections that come and go."""

import itertools
import socket
import threading
import time

from lab import wait_until
from packets import UDP, IPv6, gateway_wire
from probes import Background, udp_client


class Stream:
    """Numbered datagrams to an echo server, at most `window` of them on their way: no socket
    overflows, so one that does not come back within seconds was lost in between."""

    def __init__(self, node, address, port, window=32):
        self._socket = udp_client(node, address, port, timeout=5.0)
        self._window = window
        self._running = True
        self.sent = self.answered = 0
        self.trouble = ""
        self._thread = threading.Thread(target=self._stream, daemon=True)
        self._thread.start()

    def _stream(self):
        waiting = set()
        try:
            while self._running or waiting:
                while self._running and len(waiting) < self._window:
                    self._socket.send(b"%d" % self.sent)
                    waiting.add(self.sent)
                    self.sent += 1
                waiting.discard(int(self._socket.recv(64)))
                self.answered = self.sent - len(waiting)
                time.sleep(0.0005)
        except OSError as error:
            self.trouble = f"{error}; missing: {sorted(waiting)[:5]}"

    def flows(self):
        """True once another hundred have come back."""
        wanted = self.answered + 100
        wait_until(lambda: self.trouble or self.answered >= wanted, "the stream to go on")
        return not self.trouble

    def finish(self):
        self._running = False
        self._thread.join(10)
        self._socket.close()


class Flood(Background):
    """UDP from ever new sources: `sources` ones, from `first` on, over and over."""

    def __init__(self, lab, server6, first="2001:db8:c1::1000", sources=4096):
        super().__init__()
        self._wire = gateway_wire(lab)
        base = bytes(IPv6(src=first, dst=server6) / UDP(sport=0xF000, dport=9) / b"flood")
        self._packets = itertools.cycle([self._from(base, number) for number in range(sources)])

    def __exit__(self, *_):
        super().__exit__()
        self._wire.__exit__()

    @staticmethod
    def _from(base, number):
        """Source address and port change by opposite amounts, the checksum stays right."""
        packet = bytearray(base)
        packet[22:24] = (0x1000 + number).to_bytes(2, "big")
        packet[40:42] = (0xF000 - number).to_bytes(2, "big")
        return bytes(packet)

    def step(self):
        try:
            self._wire.send(next(self._packets))
        except OSError:  # no buffer
            pass
        time.sleep(0.0005)


class Churn(Background):
    """One connection after the other to a web server; each asks once and reads the answer."""

    def __init__(self, node, address, port=80):
        super().__init__()
        self._node, self._to = node, (address, port)
        self.made, self.trouble = 0, []

    def step(self):
        try:
            with self._node.socket(socket.AF_INET6, socket.SOCK_STREAM) as client:
                client.connect(self._to)
                client.sendall(b"GET /whoami HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: client.recv(4096), b""))
            if b" 200 OK" not in answer:
                self.trouble.append(answer.decode(errors="replace")[:80])
            self.made += 1
        except OSError as error:
            self.trouble.append(str(error))
        time.sleep(0.01)
