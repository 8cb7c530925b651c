# SPDX-License-Identifier: Apache-2.0
"""Medians, spread and ratios, with the goals of design.md section 7 beside them."""

import statistics
from dataclasses import dataclass
from typing import Callable

from contenders import NAMES, NAPT

# (measure, quantity): (heading, unit, decimals)
QUANTITIES = {
    ("tcp-up", "gbit"): ("bulk TCP up", "Gbit/s", 2),
    ("tcp-up", "daemon_cpu_s_per_gb"): ("  daemon CPU", "s/GB", 3),
    ("tcp-down", "gbit"): ("bulk TCP down", "Gbit/s", 2),
    ("tcp-down", "daemon_cpu_s_per_gb"): ("  daemon CPU", "s/GB", 3),
    ("udp-small-up", "kpps"): ("64-byte UDP up", "kpps", 0),
    ("udp-small-down", "kpps"): ("64-byte UDP down", "kpps", 0),
    ("udp-quic-up", "gbit"): ("UDP 1200 B up", "Gbit/s", 2),
    ("udp-quic-down", "gbit"): ("UDP 1200 B down", "Gbit/s", 2),
    ("cpu", "ns_per_packet"): ("CPU a packet, all of it", "ns", 0),
    ("cpu", "gateway_ns_per_packet"): ("  gateway's share", "ns", 0),
    ("cpu", "daemon_ns_per_packet"): ("  daemon alone", "ns", 0),
    ("latency", "p50_us"): ("latency p50", "µs", 1),
    ("latency", "p99_us"): ("latency p99", "µs", 1),
}


@dataclass
class Goal:
    """`figure` of nat64 and of medians by contender letter, and whether that is enough.
    `text` has nat64's letter as {}."""

    measure: str
    quantity: str
    text: str
    figure: Callable
    reached: Callable


def _ratio(other):
    return lambda ours, m: ours / m[other]


def _added(ours, m):
    return ours - m["P"]


GOALS = [
    Goal("tcp-up", "gbit", "{} >= 0.8 P", _ratio("P"), lambda x: x >= 0.8),
    Goal("tcp-up", "gbit", "{} >= 10 T", _ratio("T"), lambda x: x >= 10),
    Goal("tcp-down", "gbit", "{} >= 0.8 P", _ratio("P"), lambda x: x >= 0.8),
    Goal("tcp-down", "gbit", "{} >= 10 T", _ratio("T"), lambda x: x >= 10),
    Goal("cpu", "gateway_ns_per_packet", "{} <= 0.6 T", _ratio("T"), lambda x: x <= 0.6),
    Goal("udp-quic-up", "gbit", "{} >= 3 T", _ratio("T"), lambda x: x >= 3),
    Goal("udp-quic-down", "gbit", "{} >= 3 T", _ratio("T"), lambda x: x >= 3),
    Goal("latency", "p50_us", "{} - P <= 10 µs", _added, lambda x: x <= 10),
    Goal("latency", "p99_us", "{} - P <= 30 µs", _added, lambda x: x <= 30),
]


def add_gateway_share(samples):
    """What each contender costs beyond the same load without a gateway, round by round."""
    rounds = samples.get("cpu", {})
    for letter, values in rounds.items():
        if letter != "D":
            values["gateway_ns_per_packet"] = [
                value - direct
                for value, direct in zip(
                    values["ns_per_packet"], rounds["D"]["ns_per_packet"], strict=False
                )
            ]


def print_report(console, samples, letters):
    """samples[measure][letter][quantity] = [values], one a round."""
    letters = [letter for letter in letters if letter != "D"]
    pairs = _pairs(letters)
    columns = "".join(f"{letter:>25}" for letter in letters)
    ratios = "".join(f"{one + '/' + other:>8}" for one, other in pairs)
    console.line()
    console.line(f"{'median (min … max)':<24}{'':>8}{columns}  {ratios}", "bold")
    for (measure, quantity), (heading, unit, decimals) in QUANTITIES.items():
        medians, cells = {}, ""
        for letter in letters:
            values = samples.get(measure, {}).get(letter, {}).get(quantity)
            if values:
                medians[letter] = statistics.median(values)
                cells += f"{_spread(values, decimals):>25}"
            else:
                cells += f"{'-':>25}"
        if medians:
            console.line(f"{heading:<24}{unit:>8}{cells}  {_ratios(medians, pairs)}")
    for letter in NAPT:
        if letter in letters:
            _print_goals(console, samples, letter)


def _spread(values, decimals):
    figures = (statistics.median(values), min(values), max(values))
    middle, low, high = (f"{figure:.{decimals}f}" for figure in figures)
    return f"{middle} ({low}…{high})" if len(values) > 1 else middle


def _pairs(letters):
    """Whose ratios are shown: nat64's to all who stand before it, or else the last one's."""
    ours = [letter for letter in letters if letter in NAPT] or letters[-1:]
    return [(one, other) for one in ours for other in letters[: letters.index(one)]]


def _ratios(medians, pairs):
    cells = ""
    for one, other in pairs:
        good = one in medians and medians.get(other, 0) > 0
        cells += f"{medians[one] / medians[other]:>8.2f}" if good else f"{'-':>8}"
    return cells


def _print_goals(console, samples, ours):
    console.line()
    console.line(f"goals of {NAMES[ours]}", "bold")
    for goal in GOALS:
        medians = {
            letter: statistics.median(values[goal.quantity])
            for letter, values in samples.get(goal.measure, {}).items()
            if values.get(goal.quantity)
        }
        try:
            figure = goal.figure(medians[ours], medians)
        except (KeyError, ZeroDivisionError):
            continue
        fine = goal.reached(figure)
        wanted = goal.text.format(ours)
        text = f"{goal.measure:<16} {goal.quantity:<24} {wanted:<16} measured {figure:8.2f}"
        console.line(f"  {'✔' if fine else '✘'} {text}", "green" if fine else "red")
