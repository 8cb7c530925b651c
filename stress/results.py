# SPDX-License-Identifier: Apache-2.0
"""What people and programs read of a run: a line each as they end, a table of what was measured,
one JSON document, and the verdict as the last line."""

import json


def report(console, result, width, progress):
    """One scenario has ended."""
    style = {"passed": "green", "failed": "red", "skipped": "yellow"}[result["verdict"]]
    verdict = console.paint(f"{result['verdict']:<8}", style)
    facts = f"{result['checks']:>4} checks  {result['seconds']:>6.1f} s"
    console.line(f"{progress:>7}  {result['name']:<{width}}  {verdict}{facts}")
    if result["verdict"] == "failed" or console.verbose:
        console.output(result["output"])


def summarise(console, results, arguments):
    """Everything has ended. Returns the exit code."""
    counts = {verdict: 0 for verdict in ("passed", "failed", "skipped")}
    for result in results:
        counts[result["verdict"]] += 1
    if arguments.json:
        write_json(arguments.json, arguments, counts, results)
    measured(console, results)
    console.line()
    for result in results:
        if result["verdict"] == "failed":
            first = result["failed"][0].splitlines()[0] if result["failed"] else "no check ran"
            more = f" and {len(result['failed']) - 1} more" if len(result["failed"]) > 1 else ""
            console.line(f"failed: {result['name']}: {first}{more}", "red")
        elif result["verdict"] == "skipped":
            console.line(f"skipped: {result['name']}: {result['skipped']}", "yellow")
    console.line(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


def measured(console, results):
    """What the scenarios noted: worth reading, decides nothing."""
    rows = [(result["name"], note) for result in results for note in result["notes"]]
    if not rows:
        return
    console.line()
    width = max(len(name) for name, _ in rows)
    last = ""
    for name, note in sorted(rows, key=lambda row: row[0]):
        console.line(f"{name if name != last else '':<{width}}  {note}")
        last = name


def write_json(path, arguments, counts, results):
    with open(path, "w", encoding="utf-8") as stream:
        everything = {
            "translator": arguments.translator,
            "long": arguments.long,
            **counts,
            "results": sorted(results, key=lambda result: result["name"]),
        }
        json.dump(everything, stream, indent=1)
        stream.write("\n")
