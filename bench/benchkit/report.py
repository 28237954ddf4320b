"""The report: a line for the terminal, tables for people, plots."""

import os

from . import plot


def line(result):
    """One case in one line."""
    figures = ", ".join(f"{name} {value:.4g}" for name, value in result["medians"].items())
    ratios = ", ".join(f"{each['median']:.2f}x {name}" for name, each in result["ratios"].items())
    return f"{result['part']}: {result['name']}: {figures} {result['unit']}; {ratios}"


def write(found, directory):
    """report.md, and an SVG for each series."""
    lines = ["# Measured side by side", "", f"`{found['command']}`", "",
             f"{found['machine']['cpus']} x {found['machine']['cpu']}, {found['machine']['system']}. Medians of "
             f"{found['pairs']} runs of each, taken in turn; a ratio is ours to the other, with an interval of 95 %."]
    if found["quick"]:
        lines += ["", "**Quick: counts are too small to quote.**"]
    for part in dict.fromkeys(result["part"] for result in found["results"]):
        results = [result for result in found["results"] if result["part"] == part]
        lines += ["", f"## {part}", "", "| what | median | ours / other | target |", "| --- | --- | --- | --- |"]
        lines += [row(result) for result in results]
        for series in dict.fromkeys(result["series"] for result in results if result["series"]):
            name = "".join(letter if letter.isalnum() else "_" for letter in f"{part} {series}") + ".svg"
            chosen = [result for result in results if result["series"] == series]
            with open(os.path.join(directory, name), "w", encoding="utf-8") as stream:
                stream.write(plot.draw(series, chosen))
            lines += ["", f"![{series}]({name})"]
    with open(os.path.join(directory, "report.md"), "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")


def row(result):
    """One case in the table."""
    medians = "<br>".join(f"{name}: {value:.4g} {result['unit']}" for name, value in result["medians"].items())
    ratios, targets = [], []
    for name, each in result["ratios"].items():
        ratios.append(f"{each['median']:.2f} ({each['low']:.2f} to {each['high']:.2f}) {name}")
        if each["target"] is not None:
            targets.append(verdict(each, result["higher_is_better"]))
    return f"| {result['name']} | {medians} | {'<br>'.join(ratios)} | {'<br>'.join(targets)} |"


def verdict(ratio, higher_is_better):
    """The target, and whether it was reached."""
    reached = ratio["median"] >= ratio["target"] if higher_is_better else ratio["median"] <= ratio["target"]
    bound = "at least" if higher_is_better else "at most"
    return f"{bound} {ratio['target']:g}: {'reached' if reached else 'missed'}"
