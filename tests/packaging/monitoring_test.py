#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The alerts and the dashboard against docs/counters.md, which another test holds against the
code: every metric, label, direction, protocol and drop reason they name exists; promtool
understands every expression; the alerts do what nat64-alerts_test.yaml says.

    monitoring_test.py SOURCE_ROOT
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = sys.argv.pop()
ALERTS = os.path.join(ROOT, "packaging/prometheus/nat64-alerts.yaml")
ALERTS_TEST = os.path.join(ROOT, "packaging/prometheus/nat64-alerts_test.yaml")
DASHBOARD = os.path.join(ROOT, "packaging/grafana/nat64-dashboard.json")
# Of every scrape.
SCRAPED = {"job", "instance"}
CHOICES = {"direction": {"inbound", "outbound"}, "protocol": {"tcp", "udp", "icmp"}}

METRIC = re.compile(r"\b((?:nat64|process)_[a-z0-9_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


def text(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def rows_below(heading):
    counters = text(os.path.join(ROOT, "docs/counters.md"))
    section = counters.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(.*)$", section, re.MULTILINE)
    return [[cell.strip(" `") for cell in row.split("|")] for row in rows]


METRICS = {row[0]: set(re.findall(r"\w+", row[2])) for row in rows_below("Prometheus")}
REASONS = {row[0] for row in rows_below("Drop reasons")}


def promtool(*arguments, cwd=None):
    return subprocess.run(
        ["promtool", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def panels():
    return [p for p in json.loads(text(DASHBOARD))["panels"] if p["type"] != "row"]


def expressions():
    dashboard = json.loads(text(DASHBOARD))
    yield from (note["expr"] for note in dashboard["annotations"]["list"])
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])


class Names(unittest.TestCase):
    def check(self, expression):
        for name, matchers in METRIC.findall(expression):
            self.assertIn(name, METRICS, expression)
            for label, operator, value in MATCHER.findall(matchers):
                self.assertIn(label, METRICS[name] | SCRAPED, expression)
                if value.startswith("$"):
                    continue
                known = REASONS if label == "reason" else CHOICES.get(label)
                if known and operator in ("=", "!="):
                    self.assertIn(value, known, expression)
                elif known:
                    for part in value.split("|"):
                        self.assertTrue(any(re.fullmatch(part, word) for word in known), part)

    def test_of_the_dashboard(self):
        for expression in expressions():
            with self.subTest(expression):
                self.assertTrue(METRIC.search(expression))
                self.check(expression)

    def test_of_the_alerts(self):
        self.assertTrue(METRIC.search(text(ALERTS)))
        self.check(text(ALERTS))

    def test_each_metric_is_on_the_dashboard(self):
        shown = {name for one in expressions() for name, _ in METRIC.findall(one)}
        too_dull = {"process_virtual_memory_bytes", "process_max_fds", "nat64_pool_addresses"}
        self.assertEqual(set(METRICS) - shown, too_dull)


class Promtool(unittest.TestCase):
    def test_understands_the_alerts(self):
        done = promtool("check", "rules", ALERTS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_finds_that_the_alerts_do_what_they_are_for(self):
        done = promtool("test", "rules", ALERTS_TEST)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_understands_the_dashboard(self):
        rules = [
            {"record": f"panel:{n}", "expr": e.replace("$__rate_interval", "1m")}
            for n, e in enumerate(expressions())
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
            file.flush()
            done = promtool("check", "rules", file.name)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_tests_every_alert(self):
        alerts = set(re.findall(r"- alert: (\w+)", text(ALERTS)))
        tested = set(re.findall(r"alertname: (\w+)\n +exp_alerts", text(ALERTS_TEST)))
        self.assertEqual(alerts, tested)


class Dashboard(unittest.TestCase):
    def test_panels_do_not_overlap(self):
        taken = {}
        for panel in panels():
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, panel["title"])
                    taken[x, y] = panel["title"]

    def test_every_panel_uses_the_chosen_data_source(self):
        for panel in panels():
            self.assertEqual(panel["datasource"]["uid"], "${datasource}", panel["title"])

    def test_ids_are_unique(self):
        ids = [panel["id"] for panel in json.loads(text(DASHBOARD))["panels"]]
        self.assertEqual(len(ids), len(set(ids)))


if __name__ == "__main__":
    unittest.main(verbosity=1)
