# SPDX-License-Identifier: Apache-2.0
"""What can stand in the gateway: nat64 itself, and the two it is compared with.

A translator has `prefix` (text), `address6(v4)` and stop(). `Nat64` also knows how to read
`nat64 show --json`: the shape of that output is known here and nowhere else.
"""

import ipaddress
import json
import os
import re

from .errors import LabError
from .topology import GATEWAY_IPV4, POOL

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WELL_KNOWN = "64:ff9b::/96"
# tayga refuses documentation addresses below the well-known prefix (RFC 6052 §3.1).
NETWORK_SPECIFIC = "2001:db8:64::/96"
# RFC 6052 §2.2: where the four IPv4 octets sit, octet 8 (the u octet) stays zero.
_OCTETS = {
    32: (4, 5, 6, 7),
    40: (5, 6, 7, 9),
    48: (6, 7, 9, 10),
    56: (7, 9, 10, 11),
    64: (9, 10, 11, 12),
    96: (12, 13, 14, 15),
}

_COMMENTS = {"wkp_strict": "  # the lab's servers have documentation addresses"}


def embed(prefix, ipv4):
    """RFC 6052 §2.2 address of `ipv4` below `prefix`, written independently of nat64's."""
    net = ipaddress.IPv6Network(prefix)
    octets = bytearray(net.network_address.packed)
    for position, value in zip(_OCTETS[net.prefixlen], ipaddress.IPv4Address(ipv4).packed):
        octets[position] = value
    return str(ipaddress.IPv6Address(bytes(octets)))


class Nat64:
    """`nat64 run` in the gateway. `config` is merged over the lab's defaults, key by key."""

    def __init__(self, lab, config=None, name="nat64", executable=None, start=True):
        self.lab = lab
        self.name = name
        self.executable = executable or default_executable()
        self.socket = os.path.join(lab.dir, f"{name}.sock")
        self.config = {
            "version": 1,
            "prefix": WELL_KNOWN,
            "wkp_strict": False,
            "napt": "daemon",
            "pool": [POOL],
            "gateway": {"ipv4": GATEWAY_IPV4},
            "tun": {"name": "nat64"},
            "control": {"socket": self.socket},
        }
        self.config.update(config or {})
        if self.config["napt"] == "kernel":  # shares the gateway's own address
            for key in {"pool", "gateway"} - set(config):
                del self.config[key]
        self.prefix = self.config["prefix"]
        self.config_path = self.write_config(self.config)
        self.process = None
        if start:
            self.start()

    def write_config(self, config, name=None):
        """One top-level key a line, values in YAML's flow style."""
        lines = [f"{key}: {_flow(value)}{_COMMENTS.get(key, '')}" for key, value in config.items()]
        return self.lab.write(f"{name or self.name}.yaml", "\n".join(lines) + "\n")

    def start(self, wrapper=(), timeout=60.0, options=()):
        """`wrapper` is put before the command, as in ("setpriv", "--reuid=nobody")."""
        argv = (*wrapper, self.executable, "run", "-c", self.config_path, *options)
        self.process = self.lab.start("gateway", self.name, *argv)
        self.process.wait_ready(self.answers, "answer on its control socket", timeout)

    def answers(self):
        return os.path.exists(self.socket) and self.call("show", "status").returncode == 0

    def stop(self):
        return self.process.stop()

    def address6(self, ipv4):
        return embed(self.prefix, ipv4)

    def call(self, *words, timeout=30.0):
        """A client verb of the executable against this daemon's socket."""
        return self.lab.gateway.run(
            self.executable, *words, "--socket", self.socket, timeout=timeout
        )

    def show(self, what, *options):
        """The parsed answer of `nat64 show WHAT --json`."""
        done = self.call("show", what, "--json", *options, timeout=120.0)
        if done.returncode != 0:
            raise LabError(f"nat64 show {what} exited {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    # -- the shape of `show --json`, one function each --------------------------------------

    def sessions(self, *options):
        """List of dicts, one a session."""
        return self.show("sessions", *options)["sessions"]

    def bindings(self, *options):
        return self.show("bindings", *options)["bindings"]

    def drops(self):
        """{reason: packets}, only reasons that have occurred."""
        return {
            row["reason"]: row["packets"]
            for row in self.show("drops")["drops"]
            if row["packets"]
        }

    def session_count(self):
        return self.show("status")["sessions"]


class Tayga:
    """Debian's tayga, stateless, with the pool as its dynamic pool: no NAPT of its own.
    `static`: pairs of an IPv4 address of the pool and the IPv6 address that always has it."""

    def __init__(self, lab, prefix=NETWORK_SPECIFIC, masquerade=False, static=()):
        self.lab = lab
        self.prefix = prefix
        lab.write(
            "tayga.conf",
            f"""tun-device nat64
ipv4-addr {GATEWAY_IPV4}
ipv6-addr 2001:db8:c1::64
prefix {prefix}
dynamic-pool {POOL}
data-dir {lab.make_dir("tayga")}
"""
            + "".join(f"map {ipv4} {ipv6}\n" for ipv4, ipv6 in static),
        )
        gateway = lab.gateway
        config = os.path.join(lab.dir, "tayga.conf")
        gateway.run("tayga", "-c", config, "--mktun", check=True)
        gateway.ip("link set nat64 up")
        gateway.ip(f"-6 route add {prefix} dev nat64")
        gateway.ip(f"-4 route add {POOL} dev nat64")
        self.masquerade = Masquerade(lab, POOL) if masquerade else None
        self.process = lab.start("gateway", "tayga", "tayga", "-c", config, "--nodetach")
        self.process.wait_ready(self._carrier, "attach to its TUN device")

    def _carrier(self):
        shown = self.lab.gateway.run("ip", "-o", "link", "show", "nat64").stdout
        return "NO-CARRIER" not in shown and "UP" in shown

    def address6(self, ipv4):
        return embed(self.prefix, ipv4)

    def stop(self):
        code = self.process.stop()
        if self.masquerade:
            self.masquerade.stop()
        self.lab.gateway.ip("link del nat64")
        return code


class TaygaMasquerade(Tayga):
    """What a person builds from Debian's packages today: tayga and an nft masquerade."""

    def __init__(self, lab, prefix=NETWORK_SPECIFIC):
        super().__init__(lab, prefix, masquerade=True)


class Masquerade:
    """Kernel NAT44 in the gateway: everything from `source` leaves with its own address."""

    def __init__(self, lab, source):
        self.gateway = lab.gateway
        uplink = next(role for role in ("v4hop1", "server") if role in lab.gateway.links())
        self.gateway.nft(
            "table ip lab_masquerade {\n"
            "  chain postrouting {\n"
            "    type nat hook postrouting priority srcnat;\n"
            f'    ip saddr {source} oifname "{uplink}" masquerade\n'
            "  }\n"
            "}\n"
        )

    def stop(self):
        self.gateway.nft("delete table ip lab_masquerade\n")


def default_executable():
    """build/release/nat64 of this tree, or what NAT64_EXECUTABLE names."""
    return os.environ.get(
        "NAT64_EXECUTABLE", os.path.join(REPOSITORY, "build", "release", "nat64")
    )


def _flow(value):
    """YAML as a person would write it on one line; quotes only where there is a doubt."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str) and (
        re.fullmatch(r"[/a-z0-9][\w./-]*|[0-9a-f:]+::[0-9a-f:]*/\d+", value)
        and value not in ("on", "off", "yes", "no", "true", "false", "null")
    ):
        return value
    return json.dumps(value)
