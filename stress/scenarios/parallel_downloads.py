# SPDX-License-Identifier: Apache-2.0
"""Parallel downloads: many connections at once, from two clients, to three servers' addresses.

    client  ──┐
              gateway (nat64) ── server (nginx on .10, .11, .12)
    client2 ──┘

Pass: 40 downloads of 4 MB, 20 at a time from each client, all end with the right checksum.
"""

from concurrent.futures import ThreadPoolExecutor

from lab import WebServer
from lab.topology import SERVERS
from probes import download, sha256_file, url

TAYGA = True
TIME_LIMIT = 90


def run(case):
    lab = case.lab(clients=2)
    translator = case.translator(lab)
    web = WebServer(lab)
    wanted = sha256_file(web.make_file("file", 4 << 20))
    jobs = [
        (client, url(translator.address6(SERVERS[n % 3]), "file"))
        for client in lab.clients
        for n in range(20)
    ]
    with ThreadPoolExecutor(40) as pool:
        results = list(pool.map(lambda job: download(*job), jobs))
    for number, (done, digest) in enumerate(results):
        case.succeeds(f"download {number}", done)
        case.equal(f"checksum {number}", digest, wanted)
