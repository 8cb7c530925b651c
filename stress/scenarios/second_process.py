# SPDX-License-Identifier: Apache-2.0
"""nat64-machine, the second process, comes to harm: killed, stopped, or told to be quiet.

    client ── gateway (nat64 and nat64-machine; forwarding off; a directory to be made) ── server

Pass: killed, it takes the daemon with it (exit code 1, and the log says why), and the next start
and stop leave nothing: no socket, no directory, no sysctl, no table. Stopped, it holds up neither
packets nor `reload` nor the end for longer than its patience: the daemon ends with exit code 1
and says what has not answered; once it goes on, it undoes everything. Its log has the level that
`log-level` and a reload say.
"""

import os
import signal
import subprocess

from lab import wait_until
from lab.topology import SERVER
from probes import all_answered, second_process, settled_ping

TIME_LIMIT = 90
FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
PATIENCE, GRACE = 10, 8


def run(case):
    for mode in ("kernel", "daemon"):
        killed(case, mode)
    stopped(case)
    log_level(case)


def daemon(case, mode, start=True, **config):
    """Its sockets in a directory that it makes itself, forwarding its own doing."""
    lab = case.lab()
    lab.gateway.sysctl(net__ipv4__ip_forward=0, net__ipv6__conf__all__forwarding=0)
    directory = os.path.join(lab.make_dir("sockets"), "nat64")
    before = lab.gateway.snapshot()
    nat64 = case.nat64(lab, {"napt": mode, **config}, start=False)
    nat64.socket = f"{directory}/nat64.sock"
    nat64.config["control"] = {"socket": nat64.socket}
    nat64.config["metrics"] = {"listen": f"unix:{directory}/metrics.sock"}
    nat64.config_path = nat64.write_config(nat64.config)
    if start:
        nat64.start()
    return nat64, directory, before


def untouched(case, what, nat64, directory, before):
    lab = nat64.lab
    left = os.listdir(directory) if os.path.exists(directory) else None
    case.equal(f"{what}: no directory", left, None)
    values = [lab.gateway.run("sysctl", "-n", key).stdout.strip() for key in FORWARDING]
    case.equal(f"{what}: forwarding as before", values, ["0", "0"])
    case.equal(f"{what}: the machine as before", lab.gateway.snapshot(), before)


def killed(case, mode):
    nat64, directory, before = daemon(case, mode)
    server6 = nat64.address6(SERVER)
    case.check(f"{mode}: works", all_answered(settled_ping(nat64.lab.client, server6)))
    os.kill(second_process(nat64), signal.SIGKILL)
    case.equal(f"{mode}, killed: exit code", nat64.process.wait_exit(), 1)
    said = nat64.process.log()
    case.check(f"{mode}, killed: says why", "ask nat64-machine: " in said, said[-600:])
    links = nat64.lab.gateway.run("ip", "-br", "link").stdout
    case.check(f"{mode}, killed: its interface is gone", "nat64" not in links, links)
    nat64.start()
    case.check(f"{mode}: works again", all_answered(settled_ping(nat64.lab.client, server6)))
    case.equal(f"{mode}: stops", nat64.stop(), 0)
    case.stopped(nat64)
    untouched(case, f"{mode}, killed, started and stopped", nat64, directory, before)


def stopped(case):
    """Both ways at a time: most of it is waiting."""
    asked = daemon(case, "kernel")
    ended = daemon(case, "daemon")
    seconds = [second_process(nat64) for nat64, _, _ in (asked, ended)]
    for pid in seconds:
        os.kill(pid, signal.SIGSTOP)
    nat64 = asked[0]
    argv = [nat64.executable, "reload", "--socket", nat64.socket]
    reload = subprocess.Popen(nat64.lab.gateway.prefix() + argv, stderr=subprocess.PIPE)
    ended[0].process.signal(signal.SIGTERM)
    done = settled_ping(nat64.lab.client, nat64.address6(SERVER))
    case.check("stopped: packets pass while reload waits", all_answered(done), done.stdout)
    for what, (nat64, _, _) in (("reload", asked), ("end", ended)):
        case.equal(f"{what}: exit code", nat64.process.wait_exit(PATIENCE + GRACE), 1)
        said = nat64.process.log()
        case.check(f"{what}: says who", "nat64-machine (process" in said, said[-600:])
        case.check(f"{what}: says what", "timed out" in said, said[-600:])
        case.stopped(nat64)
    case.check("reload: fails", reload.wait(GRACE) == 1, reload.stderr.read())
    for pid in seconds:
        os.kill(pid, signal.SIGCONT)
    for what, (nat64, directory, before) in (("reload", asked), ("end", ended)):
        wait_until(lambda: not os.path.exists(directory), f"the clean-up after {what}")
        untouched(case, f"{what}, continued", nat64, directory, before)


def log_level(case):
    """nat64-machine logs what it sets conntrack's timeout to."""
    nat64, _, _ = daemon(case, "kernel", log={"level": "error"})
    reload_with(case, nat64, "70s", "info")
    reload_with(case, nat64, "80s", "info")
    said = nat64.process.log()
    case.check("info by reload: nat64-machine says", "icmp_timeout is 80 now" in said, said)
    case.succeeds("log-level", nat64.call("log-level", "error"))
    reload_with(case, nat64, "90s", "info")
    said = nat64.process.log()
    case.check("error by log-level: it does not", "icmp_timeout is 90 now" not in said, said)


def reload_with(case, nat64, icmp, level):
    nat64.config["timeouts"] = {"icmp": icmp}
    nat64.config["log"] = {"level": level}
    nat64.write_config(nat64.config)
    case.succeeds(f"reload with {icmp}", nat64.call("reload"))
