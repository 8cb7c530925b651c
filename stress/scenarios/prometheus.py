# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes nat64, with the alerts and the dashboard that come with it.

    client (UDP, TCP, ping, a refused packet) ── gateway (nat64, prometheus) ── server

Pass: with napt: daemon and napt: kernel every expression of the dashboard has a result, but for
those of the other mode; Prometheus loads the alerts, evaluates each without an error, and none of
them fires at ordinary traffic.
"""

import json
import os
import re

from lab import wait_until
from lab.topology import SERVER
from lab.translators import REPOSITORY
from probes import UdpEcho, conversation, echo_once, ping, tcp_pair, udp_client

TIME_LIMIT = 120
ALERTS = os.path.join(REPOSITORY, "packaging/prometheus/nat64-alerts.yaml")
DASHBOARD = os.path.join(REPOSITORY, "packaging/grafana/nat64-dashboard.json")
# Metrics that only one mode has.
ONLY_DAEMON = re.compile("nat64_sessions|nat64_pool_")
ONLY_KERNEL = re.compile("nat64_inner_|nat64_conntrack_")


def run(case):
    watched(case, {}, ONLY_KERNEL)
    watched(case, {"napt": "kernel"}, ONLY_DAEMON)


def watched(case, config, missing):
    lab = case.lab()
    nat64 = case.nat64(lab, {"metrics": {"listen": "127.0.0.1:9464"}, **config})
    server = Prometheus(lab)
    with UdpEcho(lab.server, SERVER, 7):
        traffic(case, lab, nat64)
        for title, expression in expressions():
            if missing.search(expression):
                continue
            # Traffic goes on, because much of it is rates.
            wait_until(lambda: has_result(case, lab, nat64, server, expression), title, 30)
            case.check(f"{nat64.config['napt']}: {title}", True)
    rules = server.ask("rules")["groups"][0]["rules"]
    case.check("there are alerts", len(rules) >= 10, rules)
    for rule in rules:
        case.equal(f"{rule['name']}: health", rule["health"], "ok")
        case.check(f"{rule['name']}: does not fire", rule["state"] != "firing", rule)
    case.equal("prometheus stops", server.process.stop(), 0)


def traffic(case, lab, nat64):
    server6 = nat64.address6(SERVER)
    with udp_client(lab.client, server6, 7) as flow:
        case.check("UDP", echo_once(flow, b"x", attempts=3))
    with tcp_pair(lab.client, lab.server, server6, SERVER, 5001) as (client, server, _):
        case.check("TCP", conversation(client, server))
    with udp_client(lab.client, nat64.address6("127.0.0.1"), 7, timeout=0.01) as refused:
        refused.send(b"x")
    ping(lab.client, server6, count=1)


def has_result(case, lab, nat64, server, expression):
    if server.query(expression):
        return True
    traffic(case, lab, nat64)
    return False


def expressions():
    """(panel, expression) with a person's choices made."""
    with open(DASHBOARD, encoding="utf-8") as stream:
        panels = json.load(stream)["panels"]
    for panel in panels:
        for target in panel.get("targets", ()):
            text = target["expr"].replace("$instance", ".*")
            yield panel["title"], text.replace("$__rate_interval", "10s")


class Prometheus:
    """In the gateway, scraping every second."""

    def __init__(self, lab):
        self.lab = lab
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [ALERTS],
            "scrape_configs": [
                {"job_name": "nat64", "static_configs": [{"targets": ["127.0.0.1:9464"]}]}
            ],
        }
        path = lab.write("prometheus.yaml", json.dumps(config))
        self.process = lab.start(
            *("gateway", "prometheus", "prometheus", f"--config.file={path}"),
            f"--storage.tsdb.path={lab.make_dir('tsdb')}",
            "--web.listen-address=127.0.0.1:9090",
        )
        self.process.wait_ready(self.answers, "answer", 30)

    def answers(self):
        url = "http://127.0.0.1:9090/-/ready"
        return self.lab.gateway.run("curl", "-sf", "--max-time", "5", url).returncode == 0

    def ask(self, what, *arguments):
        url = f"http://127.0.0.1:9090/api/v1/{what}"
        done = self.lab.gateway.run("curl", "-s", "-G", url, *arguments, check=True)
        return json.loads(done.stdout)["data"]

    def query(self, expression):
        return self.ask("query", "--data-urlencode", f"query={expression}")["result"]
