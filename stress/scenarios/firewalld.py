# SPDX-License-Identifier: Apache-2.0
"""firewalld on the gateway refuses what nobody told it of: nat64 says so, the guide's lines help.

    client ── gateway (nat64; firewalld in its default zone, on a message bus of its own) ── server

Pass: firewalld started first, nat64 names its chain in the log and in `nat64 doctor`, and nothing
passes; after the firewall-cmd lines of the operator's guide traffic flows, and goes on after
firewalld has started again; the next start of nat64 warns no more.
"""

import os
import re
import shutil

from lab import wait_until
from lab.topology import SERVER
from lab.translators import REPOSITORY
from probes import all_answered, ping, settled_ping

TIME_LIMIT = 120
CHAIN = "inet firewalld filter_FORWARD"
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/>
  </policy>
</busconfig>
"""


def run(case):
    if not shutil.which("firewalld") or not shutil.which("dbus-daemon"):
        case.skip("firewalld and dbus-daemon are not installed")
    lab = case.lab()
    firewall = Firewalld(lab)
    firewall.start()
    nat64 = case.nat64(lab)
    server6 = nat64.address6(SERVER)
    case.check("the chain is named", f"'{CHAIN}' drops" in nat64.process.log())
    doctor = nat64.call("doctor", "-c", nat64.config_path).stdout
    case.check("the doctor names it, too", f"'{CHAIN}' drops" in doctor, doctor)
    done = ping(lab.client, server6, count=1, wait=1)
    case.check("nothing passes", done.returncode != 0, done.stdout)
    firewall.follow_the_guide(case)
    done = settled_ping(lab.client, server6)
    case.check("what the guide says helps", all_answered(done), done.stdout)
    firewall.stop()
    firewall.start()
    done = settled_ping(lab.client, server6)
    case.check("also when firewalld starts anew", all_answered(done), done.stdout)
    case.equal("stops", nat64.stop(), 0)
    case.stopped(nat64)
    again = case.nat64(lab, name="again")
    case.check("is named no more", "drops what" not in again.process.log(), again.process.log())
    done = settled_ping(lab.client, again.address6(SERVER))
    case.check("and traffic flows", all_answered(done), done.stdout)


class Firewalld:
    """With a message bus and a permanent configuration that nothing else on the machine sees."""

    def __init__(self, lab):
        self.lab = lab
        bus = os.path.join(lab.dir, "bus.socket")
        config = lab.write("bus.conf", BUS.format(path=bus))
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}"}
        lab.start("gateway", "dbus", "dbus-daemon", f"--config-file={config}", "--nofork")
        wait_until(lambda: os.path.exists(bus), "the message bus")
        self.own = lab.make_dir("firewalld")
        self.process = None

    def start(self):
        argv = ("firewalld", "--nofork", "--nopid", "--system-config", self.own)
        self.process = self.lab.start(
            "gateway", "firewalld", *argv, "--log-target=console", env=self.environment
        )
        wait_until(lambda: self.command("firewall-cmd --state").returncode == 0, "firewalld", 30)

    def stop(self):
        self.process.stop()

    def command(self, lines):
        return self.lab.gateway.run("sh", "-ec", lines, env=self.environment, timeout=60)

    def follow_the_guide(self, case):
        with open(os.path.join(REPOSITORY, "docs", "operator.md"), encoding="utf-8") as stream:
            found = re.search(r"```sh\n(firewall-cmd.*?)```", stream.read(), re.DOTALL)
        case.require("the guide has the lines", found)
        case.succeeds("what the guide says", self.command(found[1]))
