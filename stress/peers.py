# SPDX-License-Identifier: Apache-2.0
"""Servers that only one or two scenarios need: STUN, ssh, SIP. Those that everybody needs are
in tools/lab/servers.py."""

import os

from lab.topology import SERVER, SERVERS

STUN_PORT = 3478


class StunServer:
    """coturn on two IPv4 addresses and two ports, as RFC 5780 wants it."""

    def __init__(self, lab):
        self.process = lab.start(
            "server",
            "turnserver",
            *("turnserver", "-n", "--stun-only", "--no-auth", "--no-cli", "--no-tls"),
            *("--no-dtls", "--log-file", "stdout", "--simple-log"),
            *("--pidfile", os.path.join(lab.dir, "turnserver.pid")),
            *("--db", os.path.join(lab.dir, "turnserver.db")),
            *("-L", SERVERS[0], "-L", SERVERS[1], "-p", STUN_PORT),
        )
        self.process.wait_listening(STUN_PORT, "udp")


class SshServer:
    """OpenSSH's server for root, by key only."""

    def __init__(self, lab, port=2222):
        self.port = port
        self.lab = lab
        directory = lab.make_dir("ssh")
        self.key = os.path.join(directory, "key")
        for name in ("key", "host"):
            lab.server.run(
                *("ssh-keygen", "-q", "-t", "ed25519", "-N", ""),
                *("-f", os.path.join(directory, name)),
                check=True,
            )
        os.makedirs("/run/sshd", exist_ok=True)  # compiled in
        config = lab.write(
            "sshd.conf",
            f"""Port {port}
ListenAddress {SERVER}
HostKey {directory}/host
AuthorizedKeysFile {directory}/key.pub
PidFile none
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
TCPKeepAlive no
ClientAliveInterval 0
""",
        )
        self.process = lab.start("server", "sshd", "/usr/sbin/sshd", "-D", "-e", "-f", config)
        self.process.wait_listening(port)

    def command(self, address, *words):
        """The client's command line: it keeps nothing alive by itself."""
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "TCPKeepAlive": "no",
            "ServerAliveInterval": "0",
            "LogLevel": "ERROR",
        }
        given = [word for item in options.items() for word in ("-o", "=".join(item))]
        return ["ssh", "-F", "none", "-i", self.key, "-p", str(self.port), *given,
                f"root@{address}", *words]
