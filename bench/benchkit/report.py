"""The report: a line for the terminal, tables for people, plots."""

import json
import os

from . import plot, xen


def line(result):
    """One case in one line."""
    figures = ", ".join(f"{name} {value:.4g}" for name, value in result["medians"].items())
    ratios = ", ".join(f"{each['median']:.2f}x {name}" for name, each in result["ratios"].items())
    return f"{result['part']}: {result['name']}: {figures} {result['unit']}; {ratios}"


def write(directory):
    """report.md and an SVG for each series, of every part that was measured into the directory."""
    lines = ["# Measured side by side", "", "Medians of runs taken in turn; a ratio is ours to the other, with an "
             "interval of 95 %."]
    for name in sorted(os.listdir(directory)):
        if name.endswith(".json"):
            with open(os.path.join(directory, name), encoding="utf-8") as stream:
                lines += section(json.load(stream), directory)
    with open(os.path.join(directory, "report.md"), "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")


def section(found, directory):
    """One part: how it was measured, its table, its plots."""
    part = found["part"]
    lines = ["", f"## {part}", "", f"`{found['command']}`", "",
             f"{found['machine']['cpus']} x {found['machine']['cpu']}, {found['machine']['system']}, {found['date']}."]
    if part == "xen":
        return lines + xen.table(found["lines"])
    results = found["results"]
    lines[-1] += f" {found['pairs']} runs of each."
    if found["quick"]:
        lines += ["", "**Quick: counts are too small to quote.**"]
    lines += ["", "| what | median | ours / other | target |", "| --- | --- | --- | --- |"]
    lines += [row(result) for result in results]
    for series in dict.fromkeys(result["series"] for result in results if result["series"]):
        name = "".join(letter if letter.isalnum() else "_" for letter in f"{part} {series}") + ".svg"
        chosen = [result for result in results if result["series"] == series]
        with open(os.path.join(directory, name), "w", encoding="utf-8") as stream:
            stream.write(plot.draw(series, chosen))
        lines += ["", f"![{series}]({name})"]
    return lines


def row(result):
    """One case in the table."""
    medians = "<br>".join(median(result, name) for name in result["medians"])
    ratios, targets = [], []
    for name, each in result["ratios"].items():
        ratios.append(f"{each['median']:.2f} ({each['low']:.2f} to {each['high']:.2f}) {name}")
        if each["target"] is not None:
            targets.append(verdict(each, result["higher_is_better"]))
    return f"| {result['name']} | {medians} | {'<br>'.join(ratios)} | {'<br>'.join(targets)} |"


def median(result, name):
    """A subject's figure, and in brackets what else its runs told."""
    beside = ", ".join(f"{word} {value:.4g}" for word, value in result["beside"][name].items())
    return f"{name}: {result['medians'][name]:.4g} {result['unit']}" + (f" ({beside})" if beside else "")


def verdict(ratio, higher_is_better):
    """The target, and whether it was reached."""
    reached = ratio["median"] >= ratio["target"] if higher_is_better else ratio["median"] <= ratio["target"]
    bound = "at least" if higher_is_better else "at most"
    return f"{bound} {ratio['target']:g}: {'reached' if reached else 'missed'}"
