# SPDX-License-Identifier: Apache-2.0
"""The one exception of the lab, and the one way to wait: poll, never sleep and hope."""

import time


class LabError(Exception):
    """The lab could not be built or a program in it did not behave: no verdict on NAT64."""


def wait_until(condition, what, timeout=10.0, interval=0.02):
    """Returns the first true value of condition(); LabError naming `what` after timeout."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"gave up after {timeout:.0f} s waiting for {what}")
        time.sleep(interval)
