# SPDX-License-Identifier: Apache-2.0
"""The daemon's books: what it was handed, and what it says became of it.

Every packet that was received is translated, dropped with a reason, or held for a while; one
that is hairpinned is translated twice. A difference is a packet lost without a trace.
"""

from probes import link_packets


class Account:
    """The counters of a Nat64 at one moment; of a busy daemon they may be some packets apart."""

    def __init__(self, nat64):
        self.drops = nat64.drops()
        status = nat64.show("status")
        packets = status["packets"]
        self.received = packets["received"]
        self.hairpinned = packets["hairpinned"]
        self.translated = sum(
            row[direction]["packets"]
            for row in status["protocols"]
            for direction in ("outbound", "inbound")
        )
        # At most: what is held is released, or dropped in the end.
        self.held = packets["held"] - packets["released"]
        # What the device refuses has been translated before.
        # So has what rules of the kernel refuse, as far as it ever came to the translator.
        dropped = sum(n for key, n in self.drops.items() if not key.startswith("device_"))
        dropped -= packets["refused"]
        self.unaccounted = self.received + self.hairpinned - self.translated - dropped

    def balances(self):
        """Nothing is missing that is not held."""
        return 0 <= self.unaccounted <= self.held

    def dropped(self, reason):
        return self.drops.get(reason, 0)

    def since(self, before):
        """What has happened, for a person."""
        drops = {key: n - before.dropped(key) for key, n in self.drops.items()}
        return (
            f"received {self.received - before.received}, "
            f"translated {self.translated - before.translated}, "
            f"hairpinned {self.hairpinned - before.hairpinned}, "
            f"held {self.held - before.held}, "
            f"drops { {key: n for key, n in drops.items() if n} }"
        )


def handed_over(lab, interface="nat64"):
    """Packets that the kernel has put into the TUN so far."""
    return link_packets(lab.gateway, interface)[1]
