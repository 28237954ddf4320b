"""Instructions that programs execute: the same at each run, on any machine that is as busy as it likes."""

import re
import subprocess

from .measure import Failed

CALLGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")


def executed(command):
    """How many instructions a program executes."""
    done = subprocess.run([*CALLGRIND, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"callgrind {' '.join(command)}: {done.stderr.strip()}")
    return collected(done.stderr)


def collected(said):
    """What callgrind told."""
    found = re.search(r"Collected : (\d+)", said)
    if not found:
        raise Failed(f"callgrind counted nothing: {said.strip()}")
    return int(found.group(1))
