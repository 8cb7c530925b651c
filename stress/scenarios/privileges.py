# SPDX-License-Identifier: Apache-2.0
"""Privileges: the daemon needs CAP_NET_ADMIN to start, and keeps nothing.

    client ── gateway (nat64 as root, then as `nobody` with CAP_NET_ADMIN alone) ── server

Pass: in every thread of the running daemon, with either NAPT, all capability sets are empty, and
no_new_privs and a filter of system calls are set (the latter but with sanitizers); it holds no
descriptor but sockets, its TUN, the log and the kernel's own kinds; its second process has
CAP_NET_ADMIN and nothing else, and a filter as well; it works; started by `nobody` with
CAP_NET_ADMIN alone it works as well and stops cleanly, with forwarding, which it had to switch
on, off again; without the capability it says which one it lacks; without standard error it runs.
"""

import os

from lab.topology import SERVER
from probes import all_answered, ping, second_process

SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
NET_ADMIN = 1 << 12
NOBODY = 65534


def run(case):
    lab = case.lab()
    lab.gateway.sysctl(net__ipv4__ip_forward=0, net__ipv6__conf__all__forwarding=0)
    before = lab.gateway.snapshot()
    for mode in ("kernel", "daemon"):
        nat64 = case.nat64(lab, {"napt": mode})
        holds_nothing(case, nat64, "root")
        holds_descriptors_only(case, nat64)
        second_holds_one(case, nat64)
        done = ping(lab.client, nat64.address6(SERVER))
        case.check(f"root, {mode}: works", all_answered(done), done.stdout)
        case.equal(f"root, {mode}: stops", nat64.stop(), 0)
        case.stopped(nat64)

    # What is opened first must not become its log.
    closed = case.nat64(lab, name="nat64-closed", start=False)
    closed.start(["bash", "-c", 'exec "$@" 2>&-', "bash"])
    case.equal("standard error closed: works and stops", closed.stop(), 0)
    case.stopped(closed)

    directory = lab.make_dir("run")
    os.chown(directory, NOBODY, NOBODY)
    nobody = case.nat64(
        lab, {"control": {"socket": f"{directory}/nat64.sock"}}, name="nat64-nobody", start=False
    )
    nobody.socket = f"{directory}/nat64.sock"
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    done = lab.gateway.run(
        *as_nobody, nobody.executable, "run", "-c", nobody.config_path, timeout=30
    )
    case.equal("no capability: refused", done.returncode, 1)
    case.check("no capability: the reason is said", "CAP_NET_ADMIN" in done.stderr, done)

    # Debian's udev lets everybody open /dev/net/tun, containers often do not.
    device = lab.make_dir("dev")
    everybodys_tun = (
        f"mount -t tmpfs none {device} && mknod -m 666 {device}/tun c 10 200 &&"
        f' mount --bind {device}/tun /dev/net/tun && exec "$@"'
    )
    as_nobody = ["bash", "-c", everybodys_tun, "bash", *as_nobody]
    nobody.start([*as_nobody, "--inh-caps=+net_admin", "--ambient-caps=+net_admin"])
    holds_nothing(case, nobody, "nobody")
    done = ping(lab.client, nobody.address6(SERVER))
    case.check("nobody: works", all_answered(done), done.stdout)
    case.equal("nobody: stops", nobody.stop(), 0)
    case.stopped(nobody)
    case.equal("nothing is left", lab.gateway.snapshot(), before)


def status_of(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/status") as stream:
        return dict(line.split(":\t", 1) for line in stream if ":\t" in line)


def second_holds_one(case, nat64):
    pid = second_process(nat64)
    status = status_of(pid, pid)
    held = {key: int(status[key], 16) for key in SETS if int(status[key], 16)}
    wanted = {"CapPrm": NET_ADMIN, "CapEff": NET_ADMIN}
    case.equal("nat64-machine holds CAP_NET_ADMIN alone", held, wanted)
    case.equal("nat64-machine: no_new_privs", status["NoNewPrivs"].strip(), "1")
    if "not confined" not in nat64.process.log():
        case.equal("nat64-machine: filter of system calls", status["Seccomp"].strip(), "2")


def holds_nothing(case, nat64, user):
    for thread in os.listdir(f"/proc/{nat64.process.pid}/task"):
        status = status_of(nat64.process.pid, thread)
        held = {key for key in SETS if int(status[key], 16)}
        # Without CAP_SETPCAP nobody can empty the bounding set; empty sets and no_new_privs
        # make it worthless.
        expected = set() if user == "root" else {"CapBnd"}
        case.check(f"{user}: thread {thread} holds no capability", held <= expected, held)
        case.equal(f"{user}: no_new_privs", status["NoNewPrivs"].strip(), "1")
        if "not confined" not in nat64.process.log():
            case.equal(f"{user}: filter of system calls", status["Seccomp"].strip(), "2")


def holds_descriptors_only(case, nat64):
    """No directory and no file to be written, whatever its privileges."""
    directory = f"/proc/{nat64.process.pid}/fd"
    held = {int(fd): os.readlink(f"{directory}/{fd}") for fd in os.listdir(directory)}
    others = [
        name
        for fd, name in held.items()
        if fd > 2 and not name.startswith(("socket:", "anon_inode:", "pipe:", "/dev/net/tun"))
    ]
    case.equal("no files are open", others, [])
