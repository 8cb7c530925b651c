# SPDX-License-Identifier: Apache-2.0
"""Small peers for scenarios: UDP echo, TCP conversations, transfers with checksums.

Sockets are opened inside namespaces by Namespace.socket, so client and server are threads of
this one process and every assertion sees both ends.
"""

import errno
import hashlib
import os
import re
import socket
import threading
from contextlib import contextmanager

from lab import LabError

_IP_MTU_DISCOVER, _PMTUDISC_DONT = 10, 0
_IP_RECVERR, _IPV6_RECVERR = 11, 25


class Background:
    """Does step() in a thread, over and over, while the block lasts or until stop()."""

    def __init__(self):
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self._thread.join()

    def stop(self):
        self._running = False

    def step(self):
        raise NotImplementedError

    def _run(self):
        while self._running:
            self.step()


class UdpEcho(Background):
    """Answers every datagram with itself, from a thread. seen: source addresses, in order.

    fragmentable: answers leave with DF=0, as from servers that avoid path MTU discovery.
    """

    def __init__(self, node, address, port, fragmentable=True):
        super().__init__()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = node.socket(family, socket.SOCK_DGRAM, bind=(address, port), timeout=0.2)
        if fragmentable and family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DONT)
        self.port = self.socket.getsockname()[1]
        self.seen = []

    def __exit__(self, *_):
        super().__exit__()
        self.socket.close()

    def step(self):
        try:
            data, source = self.socket.recvfrom(65535)
            self.seen.append(source[:2])
            self.socket.sendto(data, source)
        except TimeoutError:
            pass
        except OSError as error:
            # ICMP errors about earlier answers, and answers too big for the path so far.
            if error.errno not in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EMSGSIZE):
                raise


def udp_client(node, address, port, source_port=0, timeout=2.0, all_errors=False):
    """A connected UDP socket: ICMP errors arrive as exceptions, soft ones on demand only."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = node.socket(family, socket.SOCK_DGRAM, timeout=timeout)
    if all_errors and family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    elif all_errors:
        made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    if source_port:
        made.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", source_port))
    made.connect((address, port))
    return made


def echo_once(client, payload, attempts=1):
    """True if `payload` comes back whole within the socket's timeout."""
    for _ in range(attempts):
        try:
            client.send(payload)
            while True:
                answer = client.recv(65535)
                if answer == payload:
                    return True
        except TimeoutError:
            continue
        except OSError as error:  # a Packet Too Big: the kernel now knows, try again
            if error.errno != errno.EMSGSIZE:
                raise
    return False


def error_of(client, payload=b"?"):
    """The errno that sending to (and waiting for) the peer ends in, 0 for an answer."""
    try:
        client.send(payload)
        client.recv(65535)
        return 0
    except TimeoutError:
        return errno.ETIMEDOUT
    except OSError as error:
        return error.errno


@contextmanager
def tcp_pair(client_node, server_node, address, listen_on, port, timeout=5.0):
    """An established TCP connection as (client socket, server socket, peer as seen)."""
    family = socket.AF_INET6 if ":" in listen_on else socket.AF_INET
    with server_node.socket(family, socket.SOCK_STREAM, bind=(listen_on, port)) as listener:
        listener.listen(8)
        listener.settimeout(timeout)
        target_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        client = client_node.socket(target_family, socket.SOCK_STREAM, timeout=timeout)
        try:
            client.connect((address, port))
            server, peer = listener.accept()
        except BaseException:
            client.close()
            raise
    server.settimeout(timeout)
    try:
        yield client, server, peer
    finally:
        client.close()
        server.close()


def conversation(client, server, size=1000):
    """One message each way over an established connection; True if both arrive whole."""
    for sender, receiver in ((client, server), (server, client)):
        data = os.urandom(size)
        try:
            sender.sendall(data)
            if receive_exactly(receiver, size) != data:
                return False
        except OSError:
            return False
    return True


def receive_exactly(stream, size):
    data = bytearray()
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            break
        data += part
    return bytes(data)


def bulk(sender, receiver, size):
    """Sends `size` random bytes and closes that direction; True if the same bytes arrive."""
    sent, received = hashlib.sha256(), hashlib.sha256()
    trouble = []

    def send():
        try:
            block = os.urandom(1 << 18)
            for offset in range(0, size, len(block)):
                part = block[: size - offset]
                sent.update(part)
                sender.sendall(part)
            sender.shutdown(socket.SHUT_WR)
        except OSError as error:
            trouble.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    count = 0
    try:
        while part := receiver.recv(1 << 18):
            received.update(part)
            count += len(part)
    except OSError as error:
        trouble.append(error)
    thread.join()
    return not trouble and count == size and sent.digest() == received.digest()


def sha256_file(path):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def download(node, url, timeout=60):
    """(finished program, sha256 of what curl received); bytes go through a pipe, not a disk."""
    command = f"set -o pipefail; curl -gsSf --max-time {timeout} '{url}' | sha256sum"
    done = node.run("bash", "-c", command, timeout=timeout + 10)
    return done, done.stdout.split()[0] if done.returncode == 0 else ""


def upload(node, url, path, timeout=60):
    argv = ("curl", "-gsSf", "--max-time", timeout, "-T", path, url)
    return node.run(*argv, timeout=timeout + 5)


def ping(node, address, count=3, size=56, options=(), wait=2):
    """The finished `ping`; exit code 0 means that at least one answer came."""
    return node.run(
        *("ping", "-n", "-i", "0.2", "-c", count, "-W", wait, "-s", size),
        *options,
        address,
        timeout=count + wait + 10,
    )


def settled_ping(node, address, tries=5):
    """`ping` until all is answered: in the first moments of a link the kernel may lose packets
    while it learns neighbours, which says nothing about nat64."""
    for _ in range(tries):
        done = ping(node, address)
        if all_answered(done):
            break
    return done


def all_answered(done):
    return done.returncode == 0 and " 0% packet loss" in done.stdout


def link_packets(node, interface):
    """(received, sent) packet counters of an interface."""
    done = node.run("ip", "-j", "-s", "link", "show", interface, check=True)
    found = re.search(r'"rx":\{[^}]*"packets":(\d+).*"tx":\{[^}]*"packets":(\d+)', done.stdout)
    if not found:
        raise LabError(f"no counters of {interface} in {done.stdout}")
    return int(found[1]), int(found[2])


def url(address, path="", port=80):
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}/{path}"


def second_process(nat64):
    """The pid of nat64-machine, which keeps CAP_NET_ADMIN for the daemon."""
    pid = nat64.process.pid
    with open(f"/proc/{pid}/task/{pid}/children") as stream:
        return int(stream.read().split()[0])
