# SPDX-License-Identifier: Apache-2.0
"""`nat64 generate`: each output is loaded by the program it is for.

    gateway: unbound, BIND, FRR's zebra, systemd-networkd, nft

Pass: unbound, BIND and zebra find no fault with their files, and do find one that is put into them;
networkd makes the unreachable routes for prefix and pool, and nft the chain that the forward chain
jumps to; with both NAPTs, as far as there is something to generate.
"""

import os

# In a mount namespace: networkd as in a container, with the file as its only configuration.
NETWORKD = """
mount -o bind,remount,ro /sys
mkdir -p /run/systemd
mount -t tmpfs -o mode=755 none /run/systemd
mkdir -p /run/systemd/network /run/systemd/netif
chown systemd-network: /run/systemd/netif
install -m 644 "$1" /run/systemd/network/50-nat64.network
/lib/systemd/systemd-networkd &
for _ in $(seq 50); do
    ip -6 route show table all type unreachable | grep -q "$2" && break
    sleep 0.1
done
ip route show type unreachable
ip -6 route show table all type unreachable
kill $!
wait
"""


def run(case):
    for napt in ("daemon", "kernel"):
        lab = case.lab()
        nat64 = case.nat64(lab, {"napt": napt}, start=False)
        made = {name: generate(case, lab, nat64, napt, name) for name in LOADERS}
        for name, load in LOADERS.items():
            load(case, lab, f"{napt}, {name}", made[name])


def generate(case, lab, nat64, napt, name):
    argv = ("generate", name, "-c", nat64.config_path)
    done = lab.gateway.run(nat64.executable, *argv)
    case.succeeds(f"{napt}: generate {name}", done)
    return lab.write(f"generated-{name}", done.stdout)


def unbound(case, lab, label, path):
    config = lab.write("unbound-with-it", f'include: "{path}"\n')
    case.succeeds(label, lab.gateway.run("unbound-checkconf", config))
    spoil(path, "no-such-option: 1\n")
    done = lab.gateway.run("unbound-checkconf", config)
    case.check(f"{label}: a fault is found", done.returncode != 0, done.stderr)


def bind(case, lab, label, path):
    config = lab.write("named-with-it", f'options {{ directory "/"; include "{path}"; }};\n')
    case.succeeds(label, lab.gateway.run("named-checkconf", config))
    spoil(path, "dns64 10.0.0.0/8 {};\n")
    done = lab.gateway.run("named-checkconf", config)
    case.check(f"{label}: a fault is found", done.returncode != 0, done.stdout)


def frr(case, lab, label, path):
    zebra = ("/usr/lib/frr/zebra", "--dryrun", "-f", path)
    done = lab.gateway.run(*zebra)
    case.succeeds(label, done)
    case.check(f"{label}: no fault", "config line" not in done.stderr, done.stderr)
    spoil(path, "route-map NAT64\n")
    done = lab.gateway.run(*zebra)
    case.check(f"{label}: a fault is found", "config line" in done.stderr, done.stderr)


def networkd(case, lab, label, path):
    if not os.path.exists("/lib/systemd/systemd-networkd"):
        return
    with open(path, encoding="utf-8") as stream:
        wanted = [line.split("=")[1].strip() for line in stream if "Destination=" in line]
    argv = ("unshare", "-m", "bash", "-c", NETWORKD, "networkd", path, wanted[0])
    done = lab.gateway.run(*argv, timeout=20)
    for destination in wanted:
        found = f"unreachable {destination} " in done.stdout
        case.check(f"{label}: {destination} is unreachable", found, done)


def nftables(case, lab, label, path):
    case.succeeds(label, lab.gateway.run("nft", "-f", path))
    shown = lab.gateway.run("nft", "list", "chain", "inet", "filter", "forward").stdout
    case.check(f"{label}: the forward chain goes there", "jump nat64" in shown, shown)


def spoil(path, line):
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(line)


LOADERS = {
    "unbound": unbound,
    "bind": bind,
    "frr": frr,
    "networkd": networkd,
    "nftables": nftables,
}
