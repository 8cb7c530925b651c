# SPDX-License-Identifier: Apache-2.0
"""The directory of the control socket: read-only, full, emptied, removed under the daemon.

    client ── gateway (nat64; forwarding off; /run/nat64 is a tmpfs in trouble) ── server

Pass: where the socket cannot be made the daemon says which, ends with exit code 1 and leaves the
machine as it was; where there is no room for the note of which sysctls it changes, it says what
that means and puts them back at its end; a socket that somebody removes, with its directory or
without, comes back within seconds while packets pass.
"""

import os
import shutil

from lab import Nat64, wait_until
from lab.topology import SERVER
from probes import all_answered, ping, settled_ping

# ip netns exec has a mount namespace of its own, so that the tmpfs is nobody else's.
MOUNT = 'mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@"'
FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")


def run(case):
    unwritable(case, "read-only", "ro")
    unwritable(case, "no inodes", "nr_inodes=1")
    no_room(case)
    removed(case)


def directory_of(lab):
    return lab.make_dir("run")


def unwritable(case, what, options):
    lab = case.lab()
    switch_off(lab)
    before = lab.gateway.snapshot()
    directory = directory_of(lab)
    config = {"control": {"socket": f"{directory}/nat64.sock"}}
    nat64 = Nat64(lab, config, executable=case.executable, start=False)
    done = lab.gateway.run(
        *("bash", "-c", MOUNT, options, directory),
        *(nat64.executable, "run", "-c", nat64.config_path),
        timeout=20,
    )
    case.equal(f"{what}: exit code", done.returncode, 1)
    said = done.stdout + done.stderr
    case.check(f"{what}: it says which file", f"{directory}/nat64.sock" in said, said)
    case.equal(f"{what}: the machine is as before", lab.gateway.snapshot(), before)
    case.equal(f"{what}: forwarding, too", forwarding(lab), ["0", "0"])


def no_room(case):
    """Two inodes: the directory and the socket, but no note beside it."""
    lab = case.lab()
    switch_off(lab)
    directory = directory_of(lab)
    nat64 = case.nat64(lab, {"control": {"socket": f"{directory}/nat64.sock"}}, start=False)
    wrapper = ("bash", "-c", MOUNT, "nr_inodes=2", directory)
    argv = (nat64.executable, "run", "-c", nat64.config_path)
    nat64.process = lab.start("gateway", "nat64", *wrapper, *argv)
    nat64.process.wait_ready(lambda: "ready" in nat64.process.log(), "say that it is ready")
    said = nat64.process.log()
    case.check("no room for a note: that is said", "No space left on device" in said, said)
    case.equal("no room for a note: stops", nat64.stop(), 0)
    case.equal("no room for a note: forwarding as before", forwarding(lab), ["0", "0"])
    case.stopped(nat64)


def removed(case):
    lab = case.lab()
    directory = directory_of(lab)
    nat64 = case.nat64(lab, start=False)
    nat64.socket = f"{directory}/nat64.sock"
    nat64.config["control"] = {"socket": nat64.socket}
    nat64.config_path = nat64.write_config(nat64.config)
    nat64.start()
    server6 = nat64.address6(SERVER)
    case.require("works", all_answered(settled_ping(lab.client, server6)))
    for what in ("socket", "directory") if case.long else ("directory",):
        if what == "socket":
            os.remove(nat64.socket)
        else:
            shutil.rmtree(directory)
        done = nat64.call("show", "status")
        case.equal(f"{what} removed: nobody can ask", done.returncode, 1)
        case.check(f"{what} removed: packets pass", all_answered(ping(lab.client, server6)))
        wait_until(nat64.answers, f"the {what} to be there again", 30)
        case.check(f"{what} removed: it comes back", True)
        said = nat64.process.log()
        case.check(f"{what} removed: the log says so", "had been removed; it is back" in said, said)
    case.equal("stops", nat64.stop(), 0)
    case.check("it takes the socket away", not os.path.exists(nat64.socket))
    case.stopped(nat64)


def switch_off(lab):
    for key in FORWARDING:
        lab.gateway.run("sysctl", "-qw", f"{key}=0", check=True)


def forwarding(lab):
    return [lab.gateway.run("sysctl", "-n", key).stdout.strip() for key in FORWARDING]
