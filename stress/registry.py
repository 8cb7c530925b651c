# SPDX-License-Identifier: Apache-2.0
"""Finds the scenarios: every module in stress/scenarios, by file name.

A scenario is a module with a docstring (first line: summary; then topology in ASCII and the
pass criterion) and `run(case)`. Optional:

    TIME_LIMIT = 90   seconds, 60 if not given; five times as many with --long
    TAYGA = True      plain translation is enough for it: the lab can be proved with tayga
    LONG = True       runs with --long only, or when it is named
    ALONE = True      no other scenario runs meanwhile: it needs the machine for itself
"""

import importlib
import os
from dataclasses import dataclass
from typing import Callable

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")


class UnknownScenario(Exception):
    pass


@dataclass
class Scenario:
    name: str
    document: str
    run: Callable
    time_limit: float
    tayga: bool
    long: bool
    alone: bool

    @property
    def summary(self):
        return self.document.strip().splitlines()[0]


def find(names, long=False):
    """The named scenarios in the order given; or all of them, longest time limit first, those
    that run alone last."""
    known = sorted(f[:-3] for f in os.listdir(DIRECTORY) if f.endswith(".py"))
    for name in names:
        if name not in known:
            raise UnknownScenario(f"no scenario '{name}'; there are: {', '.join(known)}")
    scenarios = [_load(name) for name in names or known]
    if names:
        return scenarios
    scenarios.sort(key=lambda scenario: (scenario.alone, -scenario.time_limit))
    return [scenario for scenario in scenarios if long or not scenario.long]


def _load(name):
    module = importlib.import_module(f"scenarios.{name}")
    return Scenario(
        name,
        module.__doc__,
        module.run,
        getattr(module, "TIME_LIMIT", 60),
        getattr(module, "TAYGA", False),
        getattr(module, "LONG", False),
        getattr(module, "ALONE", False),
    )
