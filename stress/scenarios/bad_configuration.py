# SPDX-License-Identifier: Apache-2.0
"""Bad configurations are refused with file, line, key and exit code 2.

    nat64 check -c FILE, nat64 run -c FILE; no traffic

Pass: each of the files below is refused by `check` and by `run`; the message has FILE:LINE of
the mistake and names what is wrong; a good file is accepted and shown.
"""

BASE = """version: 1
prefix: 64:ff9b::/96
wkp_strict: false
pool: [192.0.2.0/28]
gateway: {ipv4: 192.0.2.1}
"""

# name: (text, line of the mistake, a word the message must contain)
BAD = {
    "unknown key": (BASE + "colour: blue\n", 6, "colour"),
    "unknown nested key": (BASE + "tun:\n  name: nat64\n  queues: 9\n", 8, "queues"),
    "duplicate key": (BASE + "pool: [192.0.2.16/28]\n", 6, "pool"),
    "prefix length": (BASE.replace("::/96", "::/97"), 2, "prefix"),
    "u octet": (BASE.replace("64:ff9b::/96", "2001:db8:0:0:ff00::/96"), 2, "prefix"),
    "host bits": (BASE.replace("192.0.2.0/28", "192.0.2.1/28"), 4, "192.0.2.1/28"),
    "octal": (BASE + "mtu: {ipv4: 01500}\n", 6, "mtu"),
    "mtu range": (BASE + "mtu: {ipv6: 1000}\n", 6, "1280"),
    "bad address": (BASE.replace("192.0.2.1}", "192.0.2.256}"), 5, "192.0.2.256"),
    "wrong type": (BASE + "timeouts: 5m\n", 6, "timeouts"),
    "timeout too short": (BASE + "timeouts: {udp: 1s}\n", 6, "udp"),
    "bad duration": (BASE + "timeouts: {udp: 5 bananas}\n", 6, "udp"),
    "bad choice": (BASE + "filtering: maybe\n", 6, "filtering"),
    "bad static": (
        BASE + 'static:\n  - {protocol: tcp, ipv6: "[2001:db8::5]:80", ipv4: "192.0.3.2:80"}\n',
        7,
        "192.0.3.2",
    ),
    "static twice": (
        BASE
        + "static:\n"
        + '  - {protocol: tcp, ipv6: "[2001:db8::5]:80", ipv4: "192.0.2.2:80"}\n'
        + '  - {protocol: tcp, ipv6: "[2001:db8::6]:80", ipv4: "192.0.2.2:80"}\n',
        8,
        "contradicts static[0]",
    ),
    "syntax": (BASE + "pool: [192.0.2.0/28\n", 6, ""),
    "version": (BASE.replace("version: 1", "version: 7"), 1, "version"),
    "private pool under the well-known prefix": (
        BASE.replace("wkp_strict: false\n", "").replace("192.0.2", "10.0.0"),
        3,
        "10.0.0.0 is not a global address",
    ),
}


def run(case):
    lab = case.lab()
    good = lab.write("good.yaml", BASE)
    done = lab.gateway.run(case.executable, "check", "-c", good)
    case.succeeds("a good file is accepted", done)
    case.check("and the effective configuration is shown", "192.0.2.0/28" in done.stdout)
    before = lab.gateway.snapshot()
    for name, (text, line, word) in BAD.items():
        path = lab.write(f"{name.replace(' ', '-')}.yaml", text)
        for verb in ("check", "run"):
            done = lab.gateway.run(case.executable, verb, "-c", path, timeout=10)
            said = done.stdout + done.stderr
            case.equal(f"{verb}, {name}: exit code", done.returncode, 2)
            case.check(f"{verb}, {name}: place", f"{path}:{line}" in said, said)
            case.check(f"{verb}, {name}: says '{word}'", word in said, said)
    missing = lab.gateway.run(case.executable, "check", "-c", "/nonexistent/nat64.yaml")
    case.equal("a missing file: exit code", missing.returncode, 2)
    case.check("a missing file is named", "/nonexistent/nat64.yaml" in missing.stderr)
    case.equal("nothing was added", lab.gateway.snapshot(), before)
