# SPDX-License-Identifier: Apache-2.0
"""Real servers for the lab, each with its own configuration below the lab's directory.

All run in the foreground as our children, as root, without touching /etc, /var or /run.
`Iperf3Server`, `WebServer` and `NameServer` live on the IPv4-only side, `Dns64` is the
unbound beside the gateway that turns A records into AAAA records.
"""

import os

from .topology import SERVER

ZONE = "lab.example"


class WebServer:
    """nginx serving `<lab>/www-<role>` on port 80; make_file() puts something there."""

    def __init__(self, lab, node=None, port=80):
        node = node or lab.server
        self.root = lab.make_dir(f"www-{node.role}")
        name = f"nginx-{node.role}"
        run = lab.make_dir(name)
        for scratch in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
            lab.make_dir(f"{name}/{scratch}")
        self._write("index.html", b"Hello from the IPv4-only Internet.\n")
        config = lab.write(
            f"{name}/nginx.conf",
            f"""daemon off; user root; worker_processes 1; pid {run}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log {run}/access.log; sendfile on; keepalive_timeout 120s; default_type text/plain;
    client_max_body_size 1g; client_body_temp_path {run}/body;
    proxy_temp_path {run}/proxy; fastcgi_temp_path {run}/fastcgi;
    uwsgi_temp_path {run}/uwsgi; scgi_temp_path {run}/scgi;
    server {{
        listen {port}; listen [::]:{port}; root {self.root};
        location = /whoami {{ return 200 "$remote_addr $remote_port\\n"; }}
        location /upload/ {{ dav_methods PUT; create_full_put_path on; }}
    }}
}}
""",
        )
        self.process = lab.start(
            node, name, "nginx", "-e", "stderr", "-p", run, "-c", config
        )
        self.process.wait_listening(port)

    def make_file(self, name, size):
        """A file of `size` random bytes; random, so that a wrong byte cannot hide."""
        path = os.path.join(self.root, name)
        block = 1 << 20
        with open(path, "wb") as stream:
            for offset in range(0, size, block):
                stream.write(os.urandom(min(block, size - offset)))
        return path

    def _write(self, name, data):
        with open(os.path.join(self.root, name), "wb") as stream:
            stream.write(data)


class NameServer:
    """unbound as the authoritative server of lab.example, IPv4 only."""

    def __init__(self, lab):
        records = {"www": SERVER, "ns": SERVER, "alias": "203.0.113.11"}
        lines = [f'local-data: "{name}.{ZONE}. 60 A {ip}"' for name, ip in records.items()]
        # RFC 7050: a name that has IPv4 addresses only, for those who look for a DNS64.
        lines += [f'local-data: "ipv4only.arpa. 60 A 192.0.0.{n}"' for n in (170, 171)]
        # Eight TXT strings: an answer of about 2000 bytes, too big for one packet.
        text = " ".join(f"'{letter * 240}'" for letter in "abcdefgh")
        lines.append(f"local-data: \"big.{ZONE}. 60 TXT {text}\"")
        lines = "\n    ".join(lines)
        self.process = _unbound(
            lab,
            "server",
            "nameserver",
            f"""interface: 0.0.0.0
    access-control: 0.0.0.0/0 allow
    do-ip6: no
    module-config: "iterator"
    local-zone: "{ZONE}." static
    {lines}
""",
        )


class Dns64:
    """unbound with the dns64 module on the gateway; asks the NameServer for everything."""

    def __init__(self, lab, prefix="64:ff9b::/96", address="2001:db8:c1::1"):
        self.address = address
        self.process = _unbound(
            lab,
            "gateway",
            "dns64",
            f"""interface: {address}
    access-control: ::/0 allow
    module-config: "dns64 iterator"
    dns64-prefix: {prefix}
    dns64-synthall: no
    domain-insecure: "."
    local-zone: "example." nodefault
    do-not-query-localhost: no
forward-zone:
    name: "."
    forward-addr: {SERVER}
""",
        )
        lab.set_resolver("client", address)


class Iperf3Server:
    """iperf3 -s on its usual port; clients come one after the other."""

    def __init__(self, lab, node="server", port=5201):
        self.process = lab.start(
            node, f"iperf3-{port}", "iperf3", "-s", "-p", port, "--forceflush"
        )
        self.process.wait_listening(port)


def _unbound(lab, role, name, server_clauses):
    config = lab.write(
        f"{name}.conf",
        f"""server:
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{lab.dir}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    num-threads: 1
    incoming-num-tcp: 200
    outgoing-num-tcp: 200
    edns-buffer-size: 4096
    max-udp-size: 4096
    {server_clauses}
remote-control:
    control-enable: no
""",
    )
    process = lab.start(role, name, "unbound", "-d", "-p", "-c", config)
    process.wait_listening(53, "udp")
    process.wait_listening(53, "tcp")
    return process
