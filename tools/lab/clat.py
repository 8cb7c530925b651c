# SPDX-License-Identifier: Apache-2.0
"""An IPv6-only client's own IPv4 address: Debian's tayga as the CLAT of RFC 6877 (464XLAT).

What a phone has. Programs that know only IPv4, or that exchange IPv4 addresses inside their
messages, run in the client's namespace as if it had IPv4; nat64 sees IPv6 below its prefix.
"""

import os

CLAT4 = "192.0.0.1"


class Clat:
    """In `lab`'s client number `number`; its IPv4 address is CLAT4, below `prefix` as seen by
    the gateway is 2001:db8:ca:<number>::1. The prefix is a network-specific one: tayga refuses
    documentation addresses below the well-known prefix."""

    def __init__(self, lab, prefix, number=1):
        self.node = lab.clients[number - 1]
        net = f"2001:db8:ca:{number}::"
        self.address6 = net + "1"
        name = f"clat{number}"
        config = lab.write(
            f"{name}.conf",
            f"""tun-device clat
ipv4-addr 192.0.0.2
ipv6-addr {net}2
prefix {prefix}
map {CLAT4} {self.address6}
data-dir {lab.make_dir(name)}
""",
        )
        node = self.node
        node.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
        node.run("tayga", "-c", config, "--mktun", check=True)
        node.ip("link set clat mtu 1500 up")
        node.ip(f"addr add {CLAT4}/32 dev clat")
        node.ip(f"route add default dev clat src {CLAT4} mtu 1400")
        node.ip(f"-6 route add {net}/64 dev clat")
        lab.gateway.ip(f"-6 route add {net}/64 via 2001:db8:c{number}::2")
        self.process = lab.start(node, name, "tayga", "-c", config, "--nodetach")
        self.process.wait_ready(self._attached, "attach to its TUN device")

    def _attached(self):
        return os.path.exists(f"/proc/{self.process.pid}") and "NO-CARRIER" not in (
            self.node.run("ip", "-o", "link", "show", "clat").stdout
        )
