# SPDX-License-Identifier: Apache-2.0
"""The lab itself: a chain of namespaces, documentation addresses only.

    client ──(v6hop1 ──)── gateway ──(v4hop1 ── v4hop2 ──)── server
    client2 ─────────────────┘

    client N   2001:db8:c<N>::2/64      behind ::1 of its first hop; IPv6 only
    v6 transit 2001:db8:fe:<n>::/64     between IPv6 routers and the gateway
    pool       192.0.2.0/24             routed to the gateway, an address of nobody
    v4 transit 198.51.100.0/25, by /30  between the gateway, IPv4 routers and the server
    server     203.0.113.10, .11, .12   IPv4 only

Every interface is named after its neighbour, so `ip -n … route` reads like the picture.
Namespaces are called n64-<pid>-<n>-<role>: several labs can run at once, and a small guard
process removes exactly this lab's when we are done or dead, however we died.
"""

import itertools
import os
import subprocess
import tempfile

from .errors import LabError, wait_until
from .namespace import Namespace
from .process import Process

_numbers = itertools.count()

# Runs until our end of its stdin closes. $1 = name prefix, $2 = working directory.
_GUARD = r"""
cat >/dev/null
for path in /run/netns/"$1"*; do
    [ -e "$path" ] || continue
    name=${path##*/}
    for try in 1 2 3 4 5 6 7 8 9 10; do
        pids=$(ip netns pids "$name" 2>/dev/null)
        [ -n "$pids" ] || break
        kill -9 $pids 2>/dev/null
        sleep 0.05
    done
    ip netns del "$name"
    rm -rf "/etc/netns/$name"
done
for group in /sys/fs/cgroup/"$1"* /sys/fs/cgroup/*/"$1"*; do
    [ -d "$group" ] && rmdir "$group"
done
rm -rf "$2"
"""

CLIENT = "2001:db8:c1::2"
SERVER = "203.0.113.10"
SERVERS = ("203.0.113.10", "203.0.113.11", "203.0.113.12")
POOL = "192.0.2.0/28"
GATEWAY_IPV4 = "192.0.2.1"
# Only with dual_stack, for what nat64 is compared with:
SERVER6 = "2001:db8:5::10"
CLIENT4 = "198.51.100.130"


class Lab:
    """Builds at construction, removes everything in close(); use it in a `with` block.

    clients     IPv6-only hosts, each on its own link
    v6hops      IPv6 routers between the first client and the gateway
    v4hops      IPv4 routers between the gateway and the server
    mtu         {"client-gateway": 1280}: left and right neighbour on the chain
    dual_stack  gives the first client an IPv4 and the server an IPv6 address as well
    """

    def __init__(self, console, clients=1, v6hops=0, v4hops=0, mtu=None, dual_stack=False):
        self.console = console
        self.mtu = dict(mtu or {})
        self.dual_stack = dual_stack
        self.processes = []
        self._prefix = f"n64-{os.getpid()}-{next(_numbers)}-"
        self.dir = tempfile.mkdtemp(prefix=self._prefix)
        os.chmod(self.dir, 0o755)
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "lab-guard", self._prefix, self.dir],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self._build(clients, v6hops, v4hops)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Stops the programs, last started first, then removes the namespaces."""
        try:
            for process in reversed(self.processes):
                process.signal(15)
            for process in reversed(self.processes):
                process.stop()
        finally:
            if not self._guard.stdin.closed:
                self._guard.stdin.close()
            self._guard.wait(30)

    def start(self, role, name, *argv, env=None):
        """A long-running program in namespace `role`; it ends with the lab."""
        namespace = role if isinstance(role, Namespace) else self.nodes[role]
        log = os.path.join(self.dir, f"{name}.log")
        process = Process(namespace, name, argv, log, env)
        self.processes.append(process)
        return process

    def logs(self, lines=30):
        """The ends of all logs, for a person who has to find out what went wrong."""
        return "\n".join(process.log_tail(lines) for process in self.processes)

    def make_dir(self, name):
        path = os.path.join(self.dir, name)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path

    def set_resolver(self, role, address):
        """What /etc/resolv.conf says inside namespace `role` (ip netns exec mounts it)."""
        etc = f"/etc/netns/{self.nodes[role].name}"
        os.makedirs(etc, exist_ok=True)
        with open(f"{etc}/resolv.conf", "w", encoding="utf-8") as stream:
            stream.write(f"nameserver {address}\noptions timeout:2 attempts:2\n")

    # -- building -----------------------------------------------------------------------

    def route_upper_half(self):
        """The upper half of the client's /64 is behind the client, not on the link: what goes to
        forged addresses of it needs no neighbour entries. The kernel has one small table of
        those for all namespaces: a flood's would keep other labs from finding anybody."""
        self.gateway.ip(f"-6 route add 2001:db8:c1:0:8000::/65 via {CLIENT}")

    def _build(self, clients, v6hops, v4hops):
        self.nodes = {}
        left = ["client"] + [f"v6hop{n + 1}" for n in range(v6hops)]
        right = [f"v4hop{n + 1}" for n in range(v4hops)] + ["server"]
        extra = [f"client{n + 1}" for n in range(1, clients)]
        for role in left + extra + ["gateway"] + right:
            self._add_node(role)
        self.client, self.gateway = self.nodes["client"], self.nodes["gateway"]
        self.server = self.nodes["server"]
        self.clients = [self.client] + [self.nodes[role] for role in extra]
        self._build_ipv6_chain(left + ["gateway"])
        for number, role in enumerate(extra, start=2):
            self._link(role, "gateway")
            self._client_link(role, "gateway", number)
        self._build_ipv4_chain(["gateway"] + right)
        # The kernel notices carriers in its own time, and routes are not settled before.
        wait_until(lambda: all(node.links_up() for node in self.nodes.values()), "the links")
        if self.dual_stack:
            if v6hops or v4hops:
                raise LabError("dual_stack is for the chain without routers")
            self._add_other_family()

    def _add_node(self, role):
        node = Namespace(role, self._prefix + role, self.console)
        self.nodes[role] = node
        self.console.trace("host", ["ip", "netns", "add", node.name])
        subprocess.run(["ip", "netns", "add", node.name], check=True)
        router = role.startswith(("gateway", "v4hop", "v6hop"))
        ipv6 = role.startswith(("gateway", "client", "v6hop")) or self.dual_stack
        node.sysctl(
            net__ipv6__conf__all__disable_ipv6=0 if ipv6 else 1,
            net__ipv6__conf__default__disable_ipv6=0 if ipv6 else 1,
            net__ipv6__conf__default__accept_dad=0,
            net__ipv6__conf__default__accept_ra=0,
            net__ipv6__conf__default__router_solicitations=0,
            net__ipv4__conf__all__rp_filter=0,
            net__ipv4__conf__default__rp_filter=0,
            net__ipv4__ping_group_range="0 2147483647",
        )
        if router:
            # No rate limit on ICMP errors: path MTU discovery and traceroute are what is
            # under test here, not the kernel's patience.
            node.sysctl(
                net__ipv4__ip_forward=1,
                net__ipv6__conf__all__forwarding=1,
                net__ipv4__icmp_ratelimit=0,
                net__ipv4__icmp_msgs_per_sec=100000,
                net__ipv6__icmp__ratelimit=0,
            )
        node.ip("link set lo up")

    def _link(self, left, right):
        """A veth pair between two nodes; each end is named after the other node."""
        mtu = self.mtu.get(f"{left}-{right}", 1500)
        a, b = self.nodes[left], self.nodes[right]
        a.ip(f"link add {right} mtu {mtu} type veth peer name {left} mtu {mtu} netns {b.name}")
        a.ip(f"link set {right} up")
        b.ip(f"link set {left} up")

    def _client_link(self, role, first_hop, number):
        net = f"2001:db8:c{number}:"
        self.nodes[first_hop].ip(f"addr add {net}:1/64 dev {role} nodad")
        self.nodes[role].ip(f"addr add {net}:2/64 dev {first_hop} nodad")
        self.nodes[role].ip(f"-6 route add default via {net}:1")

    def _build_ipv6_chain(self, chain):
        for left, right in zip(chain, chain[1:]):
            self._link(left, right)
        self._client_link("client", chain[1], 1)
        for n, (left, right) in enumerate(zip(chain[1:], chain[2:]), start=1):
            net = f"2001:db8:fe:{n}:"
            self.nodes[left].ip(f"addr add {net}:1/64 dev {right} nodad")
            self.nodes[right].ip(f"addr add {net}:2/64 dev {left} nodad")
            self.nodes[left].ip(f"-6 route add default via {net}:2")
            self.nodes[right].ip(f"-6 route add 2001:db8:c1::/64 via {net}:1")

    def _build_ipv4_chain(self, chain):
        last = len(chain) - 2
        for n, (left, right) in enumerate(zip(chain, chain[1:])):
            self._link(left, right)
            a, b = self.nodes[left], self.nodes[right]
            if n == last:
                near, far, bits = "203.0.113.1", SERVER, 24
            else:
                near, far, bits = f"198.51.100.{4 * n + 1}", f"198.51.100.{4 * n + 2}", 30
                a.ip(f"route add 203.0.113.0/24 via {far} onlink dev {right}")
                a.ip(f"route add 198.51.100.0/25 via {far} onlink dev {right}")
            a.ip(f"addr add {near}/{bits} dev {right}")
            b.ip(f"addr add {far}/{bits} dev {left}")
            b.ip(f"route add default via {near}")
        for address in SERVERS[1:]:
            self.server.ip(f"addr add {address}/24 dev {chain[-2]}")

    def _add_other_family(self):
        self.gateway.ip("addr add 2001:db8:5::1/64 dev server nodad")
        self.server.ip(f"addr add {SERVER6}/64 dev gateway nodad")
        self.server.ip("-6 route add default via 2001:db8:5::1")
        self.gateway.ip("addr add 198.51.100.129/30 dev client")
        self.client.ip(f"addr add {CLIENT4}/30 dev gateway")
        self.client.ip("route add default via 198.51.100.129")
