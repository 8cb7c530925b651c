# SPDX-License-Identifier: Apache-2.0
"""Transfer: 200 MB down and 100 MB up with curl and nginx, checksums compared.

    client (curl) ── gateway (nat64) ── server (nginx)

Pass: both transfers end without an error and every byte is the same.
"""

import os

from lab import WebServer
from lab.topology import SERVER
from probes import download, sha256_file, upload, url

TAYGA = True
TIME_LIMIT = 120


def run(case):
    lab = case.lab()
    translator = case.translator(lab)
    web = WebServer(lab)
    server6 = translator.address6(SERVER)
    path = web.make_file("big", 200 << 20)
    done, digest = download(lab.client, url(server6, "big"), timeout=50)
    case.succeeds("curl fetches 200 MB", done)
    case.equal("checksum of the download", digest, sha256_file(path))
    os.truncate(path, 100 << 20)
    done = upload(lab.client, url(server6, "upload/big"), path, timeout=50)
    case.succeeds("curl sends 100 MB", done)
    arrived = os.path.join(web.root, "upload", "big")
    case.require("the upload arrived", os.path.exists(arrived))
    case.equal("checksum of the upload", sha256_file(arrived), sha256_file(path))
