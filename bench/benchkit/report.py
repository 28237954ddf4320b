"""The report: a line for the terminal, tables for people, plots."""

import functools
import json
import os

from . import plot, targets, xen
from .targets import Observation


def line(result):
    """One case in one line."""
    figures = ", ".join(f"{name} {value:.4g}" for name, value in result["medians"].items())
    ratios = ", ".join(f"{each['median']:.2f}x {name}" for name, each in result["ratios"].items())
    return f"{result['part']}: {result['name']}: {figures} {result['unit']}; {ratios}"


def write(directory):
    """report.md and an SVG for each series, of every part that was measured into the directory."""
    parts = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".json"):
            with open(os.path.join(directory, name), encoding="utf-8") as stream:
                parts.append(json.load(stream))
    wanted = targets.load()
    seen = [each for found in parts for each in observations(found)]
    lines = ["# Measured side by side", "", "Medians of runs taken in turn; a ratio is ours to the other, with an "
             "interval of 95 %. In brackets is what the same runs told beside it, or, of system calls and "
             "allocations, runs of their own.", "", "## Targets", "",
             "A row of several cases shows the worst and the best of them.", "", *targets.table(wanted, seen)]
    for found in parts:
        lines += section(found, directory, wanted)
    with open(os.path.join(directory, "report.md"), "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")


def observations(found):
    """What targets can look at in a part: of each subject its figure and what is told beside it, and of ours also the
    ratios."""
    if found["part"] == "xen":
        return xen.observations(found)
    seen = []
    for result in found["results"]:
        see = functools.partial(Observation, found["part"], result["name"])
        beside = result["beside"]
        for name, value in result["medians"].items():
            seen += [see(name, value), *(see(name, count, count=word) for word, count in beside[name].items())]
        whose = next(iter(beside))
        for name, ratio in result["ratios"].items():
            ours, theirs = beside[whose], beside[name]
            seen += [see(whose, ratio["median"], name, interval=(ratio["low"], ratio["high"])),
                     *(see(whose, ours[word] / theirs[word], name, word) for word in ours if theirs.get(word))]
    return seen


def section(found, directory, wanted):
    """One part: how it was measured, its table, its plots."""
    part = found["part"]
    lines = ["", f"## {part}", "", f"`{found['command']}`", "",
             f"{found['machine']['cpus']} x {found['machine']['cpu']}, {found['machine']['system']}, {found['date']}."]
    if part == "xen":
        return lines + xen.table(found, wanted)
    results, seen = found["results"], observations(found)
    lines[-1] += f" {found['pairs']} runs of each."
    if found["quick"]:
        lines += ["", "**Quick: counts are too small to quote.**"]
    lines += ["", "| what | median | ours / other | target |", "| --- | --- | --- | --- |"]
    lines += [row(result, targets.verdicts(wanted, seen, result["name"])) for result in results]
    for series in dict.fromkeys(result["series"] for result in results if result["series"]):
        name = "".join(letter if letter.isalnum() else "_" for letter in f"{part} {series}") + ".svg"
        chosen = [result for result in results if result["series"] == series]
        with open(os.path.join(directory, name), "w", encoding="utf-8") as stream:
            stream.write(plot.draw(series, chosen))
        lines += ["", f"![{series}]({name})"]
    return lines


def row(result, verdicts):
    """One case in the table."""
    medians = "<br>".join(median(result, name) for name in result["medians"])
    ratios = "<br>".join(f"{each['median']:.2f} ({each['low']:.2f} to {each['high']:.2f}) {name}"
                         for name, each in result["ratios"].items())
    return f"| {result['name']} | {medians} | {ratios} | {verdicts} |"


def median(result, name):
    """A subject's figure, and in brackets what else its runs told."""
    beside = ", ".join(f"{word} {value:.4g}" for word, value in result["beside"][name].items())
    return f"{name}: {result['medians'][name]:.4g} {result['unit']}" + (f" ({beside})" if beside else "")
