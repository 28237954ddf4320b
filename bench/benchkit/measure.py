"""Cases, and measuring one: every subject in turn, again and again, so that a disturbance of the machine hits all
of them alike."""

import dataclasses
import random
import statistics
import subprocess
from typing import Callable


class Failed(Exception):
    """A program that was measured failed."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """What one run gave: its figure, and by name what else it told, percentiles or counts."""

    figure: float
    beside: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Case:
    """`subjects` maps a name to a function that runs it once and gives its figure or a Sample; the first one is
    ours."""

    part: str
    name: str
    unit: str
    higher_is_better: bool
    subjects: dict[str, Callable[[], float | Sample]]
    _: dataclasses.KW_ONLY
    series: str = ""  # what is drawn as one line,
    at: float = 0.0  # and where on it this is
    counts: dict[str, Callable[[], dict[str, float]]] = dataclasses.field(default_factory=dict)  # by subject, of runs
    # of their own, for what counts may cost time


def output_of(command, limit=120):
    """What a program prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"no end within {limit} s: {' '.join(command)}") from late
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def sample_of(command):
    """What a program measured: it prints its figure, and after it any number of name=value."""
    figure, *beside = output_of(command).split()
    return Sample(float(figure), {name: float(value) for name, value in (word.split("=") for word in beside)})


def measure(case, pairs):
    """The figures of each subject, their medians, and ours as ratios to each other."""
    samples = {name: [] for name in case.subjects}
    names = list(case.subjects)
    for turn in range(pairs):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            sample = case.subjects[name]()
            samples[name].append(sample if isinstance(sample, Sample) else Sample(sample))
    figures = {name: [sample.figure for sample in of] for name, of in samples.items()}
    ours = names[0]
    return {"part": case.part, "name": case.name, "unit": case.unit, "higher_is_better": case.higher_is_better,
            "series": case.series, "at": case.at, "figures": figures,
            "medians": {name: statistics.median(values) for name, values in figures.items()},
            "beside": {name: {word: statistics.median(sample.beside[word] for sample in of) for word in of[0].beside}
                       | (case.counts[name]() if name in case.counts else {}) for name, of in samples.items()},
            "ratios": {name: ratio(figures[ours], figures[name]) for name in names[1:]}}


def ratio(ours, theirs):
    """The median of the pairs' ratios with an interval of 95 % by bootstrap."""
    pairs = [a / b for a, b in zip(ours, theirs)]
    chance = random.Random(1)  # the same interval for the same figures
    drawn = sorted(statistics.median(chance.choices(pairs, k=len(pairs))) for _ in range(2000))
    return {"median": statistics.median(pairs), "low": drawn[49], "high": drawn[1949]}
