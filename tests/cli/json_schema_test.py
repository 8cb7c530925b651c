#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of the configuration against the loader: the same verdict, except where a
rule between keys or inside a text is more than a schema can say; there the schema accepts.

    json_schema_test.py NAT64 EXAMPLES
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

EXAMPLES = sys.argv.pop()
NAT64 = sys.argv.pop()
CONFIGURATIONS = [name for name in os.listdir(EXAMPLES) if name.endswith(".yaml")]

POOL = "pool: [8.8.8.0/28]\n"
OWN_PREFIX = "prefix: 2001:db8:64::/96\n"

GOOD = [
    "",
    "version: 1\n",
    POOL,
    "pool: [{address: 8.8.8.8, ports: 20000-39999}, 9.9.9.0/24]\n",
    "prefix: {within: 2001:db8:5::/64, suffix: 0:6464}\n" + POOL,
    "prefix: 2001:db8::/32\n" + POOL,
    POOL + "static: [{protocol: tcp, ipv6: '[2001:db8::5]:80', ipv4: '8.8.8.2:80'}]\n",
    POOL + "static: [{ipv6: 2001:db8::6, ipv4: 8.8.8.3}]\n",
    POOL + "gateway: {ipv4: 8.8.8.1}\n",
    POOL + "timeouts: {udp: 2m30s, tcp_established: 1d}\n",
    "napt: kernel\ninner_pool: 100.64.0.0/16\n",
    "profile: mycelium\nmycelium: {api: '[::1]:8989', poll: 5s}\n",
    POOL + "log: {level: debug, bindings: true}\n",
    POOL + "clients: {allow: ['2001:db8::/32'], deny: ['2001:db8:1::/48']}\n",
    OWN_PREFIX + POOL + "destinations: {private: true}\n",
    POOL + "destinations: {deny: [9.9.9.9, {prefix: 0.0.0.0/0, ports: 25}]}\n",
    POOL + "destinations: {allow: [{prefix: 10.0.0.0/8, protocol: tcp, ports: 1-99}]}\n",
    POOL + "control: {socket: /run/x.sock, group: ''}\n",
]

# Wrong by the form of one key: both say so.
BAD = [
    "[]\n",
    "version: 2\n",
    "verison: 1\n",
    "prefix: 10.0.0.0/8\n",
    "prefix: {within: '2001:db8::/64'}\n",
    "prefix: [64:ff9b::/96]\n",
    "napt: maybe\n",
    "pool: 8.8.8.0/28\n",
    "pool: [8.8.8.256]\n",
    "pool: [8.8.8.0/33]\n",
    "pool: [{ports: 1-2}]\n",
    "pool: [{address: 8.8.8.8, port: 1-2}]\n",
    "pool: [[8.8.8.8]]\n",
    POOL + "static: [8.8.8.1]\n",
    POOL + "static: [{ipv6: 2001:db8::1}]\n",
    POOL + "static: [{protocol: sctp, ipv6: '[2001:db8::1]:1', ipv4: '8.8.8.1:1'}]\n",
    POOL + "gateway: 8.8.8.1\n",
    POOL + "gateway: {ipv4: 2001:db8::1}\n",
    POOL + "tun: {nme: x}\n",
    POOL + "tun: {offload: on}\n",
    POOL + "mtu: {ipv6: 1279}\n",
    POOL + "mtu: {ipv6: '1500'}\n",
    POOL + "mtu: {ipv4: 65536}\n",
    POOL + "timeouts: {udp: 300}\n",
    POOL + "timeouts: {udp: 5 minutes}\n",
    POOL + "timeouts: {udp: ''}\n",
    POOL + "wkp_strict: 'yes'\n",
    POOL + "limits: {sessions: 0}\n",
    POOL + "limits: {client_prefix: 129}\n",
    POOL + "limits: {sessions: many}\n",
    POOL + "limits: 5\n",
    POOL + "clients: {allow: ['10.0.0.0/8']}\n",
    POOL + "clients: {allow: '::/0'}\n",
    POOL + "destinations: {deny: [{protocol: tcp}]}\n",
    POOL + "destinations: {deny: [{prefix: 0.0.0.0/0, ports: smtp}]}\n",
    POOL + "destinations: {deny: ['2001:db8::/32']}\n",
    POOL + "destinations: {private: 1}\n",
    POOL + "filtering: none\n",
    POOL + "icmp: {rate: 1000001}\n",
    POOL + "log: {level: loud}\n",
]

# More than a schema can say: only the loader refuses.
BEYOND = [
    "prefix: 2001:db8::/33\n" + POOL,
    "pool: [8.8.8.1/28]\n",
    "pool: [10.0.0.0/28]\n",
    "pool: [{address: 8.8.8.8, ports: 2000-1000}]\n",
    "napt: daemon\n",
    POOL + "timeouts: {udp: 1s}\n",
    POOL + "tun: {name: much-too-long-a-name}\n",
    POOL + "mtu: {ipv6: 1300, lowest_ipv6: 1400}\n",
    POOL + "static: [{ipv6: 2001:db8::6, ipv4: 9.9.9.9}]\n",
]


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = subprocess.run(
            [NAT64, "generate", "json-schema"], check=True, capture_output=True, text=True
        )
        schema = json.loads(made.stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)

    def accepts(self, text):
        value = yaml.safe_load(text)
        return self.validator.is_valid({} if value is None else value)

    def loads(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            done = subprocess.run(
                [NAT64, "check", "-c", file.name], capture_output=True, text=True, timeout=30
            )
        self.assertIn(done.returncode, (0, 2), done.stderr)
        return done.returncode == 0

    def verdicts(self, texts, loader, schema):
        for text in texts:
            with self.subTest(text):
                self.assertEqual(self.loads(text), loader, "loader")
                self.assertEqual(self.accepts(text), schema, "schema")

    def test_both_accept_what_is_right(self):
        self.verdicts(GOOD, True, True)

    def test_both_refuse_a_wrong_form(self):
        self.verdicts(BAD, False, False)

    def test_what_a_schema_cannot_say_is_left_to_the_loader(self):
        self.verdicts(BEYOND, False, True)

    def test_examples_are_accepted(self):
        self.assertGreaterEqual(len(CONFIGURATIONS), 2)
        for name in CONFIGURATIONS:
            with open(os.path.join(EXAMPLES, name), encoding="utf-8") as stream:
                self.verdicts([stream.read()], True, True)

    def test_what_check_prints_is_accepted(self):
        for name in CONFIGURATIONS:
            done = subprocess.run(
                [NAT64, "check", "-c", os.path.join(EXAMPLES, name)],
                check=True,
                capture_output=True,
                text=True,
            )
            self.assertTrue(self.accepts(done.stdout), name)


if __name__ == "__main__":
    unittest.main()
