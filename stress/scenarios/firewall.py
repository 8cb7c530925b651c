# SPDX-License-Identifier: Apache-2.0
"""A firewall on the gateway drops what it does not know: nat64 says so, and the guide's ways help.

    client ── gateway (nat64; nftables or iptables with forward policy drop) ── server

Pass: with `inet filter forward`, iptables' FORWARD or iptables-legacy's dropping by default, nat64
starts, names the chain in its log, and nothing passes; `nat64 generate nftables` loaded, or the
iptables lines of the operator's guide, and traffic flows at once; the next start warns no more. In
both modes.
"""

import os
import re
import shutil

from lab.topology import SERVER
from lab.translators import REPOSITORY
from probes import all_answered, ping, settled_ping

DROPS = """table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
}
"""


def run(case):
    for napt in ("kernel", "daemon"):
        behind(case, napt, "inet filter forward", nftables, generated)
        if shutil.which("iptables"):
            behind(case, napt, "ip filter FORWARD", iptables, guide)
        if shutil.which("iptables-legacy"):
            behind(case, napt, "filter FORWARD", iptables_legacy, guide_for_legacy)


def behind(case, napt, chain, firewall, remedy):
    lab = case.lab()
    label = f"{napt}, {chain}"
    firewall(lab)
    nat64 = case.nat64(lab, {"napt": napt})
    case.check(f"{label}: is named", f"'{chain}' drops" in nat64.process.log())
    done = ping(lab.client, nat64.address6(SERVER), count=1, wait=1)
    case.check(f"{label}: nothing passes", done.returncode != 0, done.stdout)
    remedy(case, lab, nat64)
    done = settled_ping(lab.client, nat64.address6(SERVER))
    case.check(f"{label}: the remedy helps", all_answered(done), done.stdout)
    case.equal(f"{label}: stops", nat64.stop(), 0)
    case.stopped(nat64)
    again = case.nat64(lab, {"napt": napt}, name="again")
    case.check(f"{label}: is named no more", "drops what" not in again.process.log())
    case.equal(f"{label}: stops again", again.stop(), 0)
    case.stopped(again)


def nftables(lab):
    lab.gateway.nft(DROPS)


def generated(case, lab, nat64):
    argv = ("generate", "nftables", "-c", nat64.config_path)
    lab.gateway.nft(lab.gateway.run(nat64.executable, *argv, check=True).stdout)


def iptables(lab):
    for tool in ("iptables", "ip6tables"):
        lab.gateway.run(tool, "-P", "FORWARD", "DROP", check=True)


def iptables_legacy(lab):
    lab.gateway.run("iptables-legacy", "-P", "FORWARD", "DROP", check=True)


def guide_for_legacy(case, lab, nat64):
    guide(case, lab, nat64, "ip{,6}tables-legacy")


def guide(case, lab, nat64, tools="iptables ip6tables"):
    with open(os.path.join(REPOSITORY, "docs", "operator.md"), encoding="utf-8") as stream:
        found = re.search(r"```sh\n(for tool in iptables.*?)```", stream.read(), re.DOTALL)
    case.require("the guide has the lines", found)
    lines = found[1].replace("iptables ip6tables", tools)
    lab.gateway.run("bash", "-ec", lines, check=True)
