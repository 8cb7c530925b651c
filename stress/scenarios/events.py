# SPDX-License-Identifier: Apache-2.0
"""Binding and session events: in the log for an audit, and by `nat64 follow` as they happen.

    client (some thousand flows) ── gateway (nat64, log.sessions: true; followers) ── server

Pass: the JSON log is JSON line by line and has client and mapping of every flow but no
destination, unless asked for; `follow` prints the same events, filtered, and ends with exit code
0 on Ctrl-C; a follower that reads nothing holds up neither packets nor others, and what it missed
plus what it got is all there was; a follower hears when the daemon goes; with napt: kernel
bindings are of whole hosts.
"""

import json
import re
import signal
import socket

from lab import wait_until
from lab.topology import SERVER
from probes import UdpEcho, all_answered, conversation, echo_once, ping, tcp_pair, udp_client

FLOWS = 6000  # two events each: more than a follower's queue and a socket's buffer hold
LIMITS = {"ports_per_client": 20000, "sessions_per_client": 20000}
LOG = {"format": "json", "bindings": True, "sessions": True}


def run(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"log": LOG, "limits": LIMITS})
    audit(case, lab, nat64)
    followers(case, lab, nat64)
    slow_reader(case, lab, nat64)
    daemon_goes(case, lab, nat64)
    destinations(case, lab)
    with_kernel_napt(case)


def audit(case, lab, nat64):
    server6 = nat64.address6(SERVER)
    with UdpEcho(lab.server, SERVER, 7), udp_client(lab.client, server6, 7, 4000) as flow:
        case.check("UDP", echo_once(flow, b"x", attempts=3))
    events = wait_until(lambda: logged(nat64, "[2001:db8:c1::2]:4000"), "the flow in the log")
    case.equal(
        "its events",
        [(event["event"], event["nat_event"]) for event in events[:2]],
        [("binding_created", 10), ("session_created", 6)],
    )
    one = nat64.bindings("--protocol", "udp", "--client", "2001:db8:c1::2")[0]
    case.equal("the mapping is that of `show bindings`", events[0]["mapped"], one["mapped"])
    case.check("no destination is logged", SERVER not in nat64.process.log())


def logged(nat64, client):
    """The events of a client's transport address; a line that is no JSON is an error."""
    lines = [json.loads(line) for line in nat64.process.log().splitlines()]
    return [line for line in lines if line.get("client") == client]


def follow(lab, nat64, name, *options):
    """A running `nat64 follow`, ready to hear."""
    argv = (nat64.executable, "follow", *options, "--socket", nat64.socket)
    process = lab.start("gateway", name, *argv)
    if "--json" in options:
        process.wait_ready(lambda: '"following"' in process.log(), "follow")
    return process


def followers(case, lab, nat64):
    server6 = nat64.address6(SERVER)
    every = follow(lab, nat64, "follow-all", "--json")
    icmp = follow(lab, nat64, "follow-icmp", "bindings", "--protocol", "icmp")
    with UdpEcho(lab.server, SERVER, 7):
        wait_until(lambda: ping_shows_up(lab, server6, icmp), "a ping in the filtered stream")
        with udp_client(lab.client, server6, 7, 4001) as flow:
            case.check("UDP while they follow", echo_once(flow, b"x", attempts=3))
        wait_until(lambda: "]:4001" in every.log(), "the flow in the stream")
    for process in (every, icmp):
        process.signal(signal.SIGINT)
        case.equal(f"{process.name}: exit code on Ctrl-C", process.wait_exit(), 0)
    case.check("the filter holds", "udp" not in icmp.log(), icmp.log())
    events = [json.loads(line) for line in every.log().splitlines()]
    case.equal("the first line", events[0], {"event": "following"})
    session = next(e for e in events if e["event"] == "session_created" and "]:4001" in e["client"])
    case.equal("it names the server", session["server"], f"{SERVER}:7")
    case.check("it has a time", re.fullmatch(r"20\d\d-.*T.*Z", session["time"]), session)
    done = nat64.call("follow", "bindings", "--server", SERVER)
    case.equal("a filter that means nothing", done.returncode, 2)


def ping_shows_up(lab, server6, process):
    return all_answered(ping(lab.client, server6, count=1)) and " icmp " in process.log()


def slow_reader(case, lab, nat64):
    server6 = nat64.address6(SERVER)
    quick = follow(lab, nat64, "follow-quick", "--json")
    slow = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    slow.connect(nat64.socket)
    slow.sendall(b'{"v":1,"id":1,"verb":"follow","what":"events"}\n')
    slow.settimeout(10)
    received = slow.recv(100)  # "following": what comes from now on is what counts
    with (
        UdpEcho(lab.server, SERVER, 9),
        tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _),
    ):
        for number in range(FLOWS):
            with udp_client(lab.client, server6, 9, 10000 + number) as flow:
                flow.send(b"x")
            if number % 1000 == 999:
                case.check("TCP meanwhile", conversation(client, server, 10000))
        case.succeeds("it can be asked meanwhile", nat64.call("show", "status"))
        with udp_client(lab.client, server6, 9, 9999) as flow:
            case.check("the last flow", echo_once(flow, b"x", attempts=3))
        wait_until(lambda: last_is_told(quick.log()), "the last event at the quick one")
        total = told(quick.log().encode())[0]
        while told(received)[0] < total:
            received += slow.recv(1 << 20)
    events, lost = told(received)
    case.equal("what the slow one got and missed is all", events, total)
    case.check("it missed some", lost > 0, lost)
    case.check("not all", lost < events, lost)
    case.note(f"of {total} events it missed {lost}")
    slow.close()
    quick.signal(signal.SIGINT)
    case.equal("follow-quick: exit code", quick.wait_exit(), 0)


def last_is_told(text):
    """Both events of the last flow; or the end was missed, and that is told."""
    return text.count("]:9999\"") == 2 or '"lost"' in text.rstrip().rsplit("\n", 1)[-1]


def told(data):
    """(events told or told to be missing, of these missing) in complete lines."""
    lines = data[: data.rfind(b"\n") + 1]
    lost = sum(int(n) for n in re.findall(rb'"event":"lost","events":(\d+)', lines))
    return lines.count(b'"nat_event":') + lines.count(b'"session_changed"') + lost, lost


def daemon_goes(case, lab, nat64):
    process = follow(lab, nat64, "follow-end", "--json")
    case.equal("it stops while somebody follows", nat64.stop(), 0)
    case.stopped(nat64)
    case.equal("the follower's exit code", process.wait_exit(), 1)
    case.check("it says why", "hung up" in process.log(), process.log())


def destinations(case, lab):
    nat64 = case.nat64(lab, {"log": {"sessions": True, "destinations": True}})
    ping(lab.client, nat64.address6(SERVER), count=1)
    wait_until(lambda: f" to {SERVER}:" in nat64.process.log(), "a destination in the log")
    case.check("log.destinations logs destinations", True)


def with_kernel_napt(case):
    lab = case.lab()
    nat64 = case.nat64(lab, {"napt": "kernel", "log": {"bindings": True}})
    case.check("ping", all_answered(ping(lab.client, nat64.address6(SERVER), count=1)))
    host = r"binding created: 2001:db8:c1::2 as 100\.\d+\.\d+\.\d+ \(traffic\)"
    wait_until(lambda: re.search(host, nat64.process.log()), "the host in the log")
    done = nat64.call("follow", "sessions")
    case.equal("there are no sessions to follow", done.returncode, 1)
    case.check("it says who has them", "conntrack -E" in done.stderr, done)
