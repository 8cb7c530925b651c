# SPDX-License-Identifier: Apache-2.0
"""napt: kernel: the nftables table stays while nat64 runs, whoever wants it away, and no longer.

    client ── gateway (nat64, kernel NAPT; another program loads rulesets) ── server

Pass: what `nat64 check --nft` prints is what nft(8) accepts and what is installed; `nft flush
ruleset`, `nft delete table` and reloading /etc/nftables.conf as Debian does it neither remove the
table nor end a connection; a table of that name that somebody else has left is an error that says
so; the table is gone after SIGTERM and after SIGKILL.
"""

import difflib
import os
import re
import signal

from lab import Nat64, wait_until
from lab.topology import SERVER
from probes import all_answered, conversation, settled_ping, tcp_pair

TABLE = "nat64-nat64"
OTHERS = "table inet others {\n  chain forward {\n    type filter hook forward priority 0\n  }\n}\n"


def run(case):
    lab = case.lab()
    config = {"napt": "kernel", "limits": {"new_sessions_per_second": 50}}
    wanted = printed(case, lab, config)
    nat64 = case.nat64(lab, config)
    difference = list(difflib.unified_diff(wanted, listed(lab.gateway), lineterm="", n=0))
    case.equal("installed, not printed", difference, [])
    with tcp_pair(lab.client, lab.server, nat64.address6(SERVER), SERVER, 5001) as (c, s, _):
        for name, commands in (
            ("flush ruleset", "flush ruleset\n"),
            ("reload of a configuration", "flush ruleset\n" + OTHERS),
            ("a second reload", "flush ruleset\n" + OTHERS),
        ):
            lab.gateway.nft(commands)
            case.check(f"{name}: the table is there", TABLE in tables(lab), tables(lab))
            case.check(f"{name}: the connection lives", conversation(c, s))
        done = lab.gateway.run("nft", "delete", "table", "inet", TABLE)
        case.check("deleting it is refused", done.returncode != 0, done)
        done = lab.gateway.run("nft", "flush", "table", "inet", TABLE)
        case.check("flushing it is refused", done.returncode != 0, done)
        case.check("the connection lives", conversation(c, s))
    with tcp_pair(lab.client, lab.server, nat64.address6(SERVER), SERVER, 5002) as (c, s, _):
        case.check("a new connection", conversation(c, s))
    case.equal("stops", nat64.stop(), 0)
    case.stopped(nat64)
    case.equal("after SIGTERM it is gone, and others' are not", tables(lab), "table inet others\n")
    killed(case, lab, config)
    left_behind(case, lab, config)


def tables(lab):
    return lab.gateway.run("nft", "list", "tables", check=True).stdout


def printed(case, lab, config):
    """What `check --nft` prints, as nft understands it."""
    daemon = Nat64(lab, config, "printed", case.executable, start=False)
    done = lab.gateway.run(daemon.executable, "check", "--nft", "-c", daemon.config_path)
    case.succeeds("check --nft", done)
    path = os.path.join(lab.dir, "printed.nft")
    lab.write("printed.nft", done.stdout)
    case.succeeds("nft accepts it", lab.gateway.run("nft", "-c", "-f", path))
    lab.server.nft(done.stdout.replace("flags owner", ""))  # nft's own would go with nft
    return listed(lab.server)


def listed(node):
    """As nft(8) shows it, without counts and elements."""
    shown = node.run("nft", "list", "table", "inet", TABLE, check=True).stdout
    for pattern, text in (
        (r" # progname.*", ""),
        (r"flags owner", ""),
        (r"packets \d+ bytes \d+", ""),
        (r"\s*elements = \{[^}]*\}", ""),
    ):
        shown = re.sub(pattern, text, shown)
    return [line for line in shown.splitlines() if line.strip()]


def killed(case, lab, config):
    nat64 = case.nat64(lab, config)
    case.check("it is there again", TABLE in tables(lab))
    nat64.process.signal(signal.SIGKILL)
    wait_until(lambda: not nat64.process.alive, "its end")
    case.stopped(nat64)
    wait_until(lambda: TABLE not in tables(lab), "the kernel to remove the table")
    case.check("after SIGKILL it is gone", TABLE not in tables(lab))
    again = case.nat64(lab, config)
    done = settled_ping(lab.client, again.address6(SERVER))
    case.check("the next one works", all_answered(done), done.stdout)
    case.equal("and stops", again.stop(), 0)
    case.stopped(again)


def left_behind(case, lab, config):
    """Somebody saved a ruleset while nat64 ran, and has loaded it."""
    lab.gateway.nft(f"table inet {TABLE} {{\n}}\n")
    daemon = Nat64(lab, config, "left", case.executable, start=False)
    done = lab.gateway.run(daemon.executable, "run", "-c", daemon.config_path, timeout=30)
    case.equal("somebody's table of that name: exit code", done.returncode, 1)
    remedy = f"nft delete table inet {TABLE}"
    case.check("and how to get rid of it", remedy in done.stderr, done.stderr)
    lab.gateway.nft(f"delete table inet {TABLE}\n")
