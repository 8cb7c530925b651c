# SPDX-License-Identifier: Apache-2.0
"""`nat64 top` on a real terminal (tmux): numbers that move, keys, sizes, a good end.

    client ── gateway (nat64; a person with nat64 top in a terminal) ── server

Pass: traffic is seen as rates and graphs, drops and the client by name; sort, pause, help and
interval keys do what they say; another window size is filled; a daemon that is stopped is said
to be lost, and watched again when it is back; q, SIGTERM and Ctrl-C give the terminal back as it
was, and the exit code is 0. ASCII where the locale is not UTF-8, no colour with NO_COLOR;
without a terminal an error that names `nat64 show`. The same page with napt: kernel.
"""

import os
import re
import signal

from lab import wait_until
from lab.topology import CLIENT, SERVER
from probes import Background, UdpEcho, echo_once, udp_client


class Terminal:
    """A tmux window of our own in the gateway, with a command in it."""

    def __init__(self, case, lab, name, width=80, height=24):
        self.node = lab.gateway
        self.socket = os.path.join(lab.dir, f"{name}.tmux")
        self.size = (width, height)
        case.stack.callback(self.close)

    def start(self, command, env):
        width, height = self.size
        # What is seen after the end tells how it ended and what the terminal is like.
        script = f"trap : INT; {command}; echo exit $?; stty -a; exec sleep 1000"
        words = [f"{key}={value}" for key, value in env.items()]
        self.tmux(
            *("-u", "-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height),
            *("env", *words, "sh", "-c", script),
        )

    def tmux(self, *words):
        argv = [str(word) for word in words]
        return self.node.run("tmux", "-S", self.socket, *argv, check=True).stdout

    def page(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def lines(self):
        return self.page().splitlines()

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def wait(self, what, *texts, gone=()):
        def shown():
            page = self.page()
            return all(text in page for text in texts) and not any(
                text in page for text in gone
            )

        return wait_until(shown, f"{what} in the terminal", 15.0)

    def process(self, name):
        """The pid of the program `name` in the window."""
        tree = self.node.run("ps", "-e", "-o", "pid=,args=", check=True).stdout
        for line in tree.splitlines():
            pid, words = line.split(maxsplit=1)
            if words.startswith(name):
                return int(pid)
        return None

    def close(self):
        self.node.run("tmux", "-S", self.socket, "kill-server")


class Traffic(Background):
    """UDP echoes through the translator for as long as the block lasts, and some drops."""

    def __init__(self, lab, server6):
        super().__init__()
        self._clients = [udp_client(lab.client, server6, 4000) for _ in range(5)]
        self._stray = udp_client(lab.server, "192.0.2.5", 9, timeout=0.1)

    def step(self):
        for client in self._clients:
            try:
                echo_once(client, b"x" * 1000)
                self._stray.send(b"x")
            except OSError:
                continue  # the translator is away for a while, or says no


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab)
    command = f"{case.executable} top --socket {nat64.socket} --interval 0.2"
    with UdpEcho(lab.server, SERVER, 4000), Traffic(lab, nat64.address6(SERVER)):
        terminal = Terminal(case, lab, "unicode")
        terminal.start(command, {"LC_ALL": "C.UTF-8"})
        numbers(case, terminal)
        keys(case, terminal)
        sizes(case, terminal)
        lost(case, terminal, nat64)
        terminal.press("q")
        ended(case, terminal, "q")
        other_ends(case, lab, command)
        other_terminals(case, lab, command)
    no_terminal(case, lab, nat64)
    of_kernel(case)


def numbers(case, terminal):
    terminal.wait("rates", "● live", "IPv6 → IPv4", "no_binding", CLIENT)
    moving = re.compile(r"IPv4 → IPv6 +[\d.]+( k)? +[\d.]+ [kM] .*[⣀-⣿]")
    wait_until(lambda: moving.search(terminal.page()), "a rate with a graph", 15.0)
    page = terminal.page()
    case.check("prefix and pool", "64:ff9b::/96 → 192.0.2.0/28" in page, page)
    case.check("the pool's bars", re.search(r"192\.0\.2\.\d+ .*█", page), page)
    sessions = re.search(CLIENT + r" +(\d+) +(\d+) +(\d+)", page)
    case.check("the client and its sessions", sessions and int(sessions[1]) >= 5, page)
    case.check("it fills 24 lines", page.splitlines()[23].startswith("q quit"), page)
    coloured = terminal.page("-e")
    case.check("colours", re.search(r"\x1b\[[\d;]*3[0-7]m", coloured), repr(coloured[:300]))


def keys(case, terminal):
    for order in ("ports", "bindings", "sessions"):
        terminal.press("s")
        terminal.wait(f"sorted by {order}", f"s sort: {order}")
    terminal.press("p")
    terminal.wait("pause", "● paused", "p go on")
    held = terminal.page()
    terminal.press("+")  # answered at once, and the numbers stay
    terminal.press("-")
    terminal.wait("pause", "every 0.5 s")
    now = terminal.page()
    case.equal(
        "a paused page does not move", now.splitlines()[3:23], held.splitlines()[3:23]
    )
    terminal.press("p")
    terminal.wait("the end of the pause", "● live")
    terminal.press("h")
    terminal.wait("help", "KEYS", "h back", gone=("TRAFFIC",))
    terminal.press("?")
    terminal.wait("the page again", "TRAFFIC", gone=("KEYS",))
    case.check("keys do what they say", True)


def sizes(case, terminal):
    for width, height in ((132, 50), (40, 10), (30, 8), (80, 24)):
        terminal.tmux("resize-window", "-x", width, "-y", height)
        small = width < 40
        last = "at least 40x10" if small else "q quit"

        def filled():
            lines = terminal.lines()
            return len(lines) >= (1 if small else height) and any(
                line.startswith(last) for line in (lines[:1] if small else lines[height - 1 :])
            )

        wait_until(filled, f"a page of {width}x{height}", 15.0)
        case.check(f"{width}x{height} is filled", True)


def lost(case, terminal, nat64):
    nat64.process.suspend()
    terminal.wait("a daemon that is silent", "daemon lost", "does not answer; trying again")
    nat64.process.resume()
    terminal.wait("the daemon again", "● live", gone=("trying again",))
    case.equal("the daemon stops", nat64.stop(), 0)
    terminal.wait("no daemon", "● daemon lost", "no daemon is running", "TRAFFIC")
    nat64.start()
    terminal.wait("the new daemon", "● live", CLIENT, gone=("trying again",))
    case.check("a lost daemon is said, and watched again", True)


def ended(case, terminal, how):
    terminal.wait(f"the end by {how}", "exit ", "speed")
    page = terminal.page()
    case.check(f"{how}: exit code 0", "exit 0" in page, page)
    for mode in ("icanon", "echo", "icrnl", "isig"):
        case.check(f"{how}: {mode} is on again", re.search(rf"(?<!-)\b{mode}\b", page), page)
    shown = terminal.tmux("display", "-p", "#{alternate_on} #{cursor_flag}").strip()
    case.equal(f"{how}: the first screen is back, with a cursor", shown, "0 1")


def other_ends(case, lab, command):
    for how in ("SIGTERM", "C-c"):
        terminal = Terminal(case, lab, how)
        terminal.start(command, {"LC_ALL": "C.UTF-8"})
        terminal.wait("the page", "● live", "TRAFFIC")
        if how == "SIGTERM":
            os.kill(terminal.process(command), signal.SIGTERM)
        else:
            terminal.press("C-c")
        ended(case, terminal, how)
        terminal.close()


def other_terminals(case, lab, command):
    terminal = Terminal(case, lab, "ascii")
    terminal.start(command, {"LC_ALL": "C", "NO_COLOR": "1"})
    terminal.wait("the page in ASCII", "* live", "IPv6 > IPv4", "no_binding", "##")
    page = terminal.page("-e")
    case.check("ASCII only", page.isascii(), repr(page[:300]))
    case.check("no colours", not re.search(r"\x1b\[[\d;]*[34][0-7]m", page), repr(page[:300]))
    terminal.close()
    dumb = Terminal(case, lab, "dumb", width=200)
    dumb.start(command, {"TERM": "dumb"})
    dumb.wait("an error", "exit 2", "place its cursor", "nat64 show")
    case.check("a terminal that cannot is refused", True)
    dumb.close()


def no_terminal(case, lab, nat64):
    done = lab.gateway.run(case.executable, "top", "--socket", nat64.socket)
    case.equal("no terminal: exit code", done.returncode, 2)
    case.check("no terminal: what to use", "`nat64 show`" in done.stderr, done.stderr)
    case.equal("no terminal: nothing printed", done.stdout, "")


def of_kernel(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"napt": "kernel"})
    terminal = Terminal(case, lab, "kernel")
    command = f"{case.executable} top --socket {nat64.socket} --interval 0.2"
    with UdpEcho(lab.server, SERVER, 4000), Traffic(lab, nat64.address6(SERVER)):
        terminal.start(command, {"LC_ALL": "C.UTF-8"})
        terminal.wait("kernel NAPT", "own address", "inner pool", "connection tracking", CLIENT)
        sessions = re.search(CLIENT + r" +(\d+) +- +-", terminal.page())
        case.check("sessions of conntrack", sessions and int(sessions[1]) >= 5, terminal.page())
        terminal.press("q")
        ended(case, terminal, "napt: kernel")
