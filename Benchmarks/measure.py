"""Runs a command and says what it cost."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass


class CommandFailed(Exception):
    pass


@dataclass
class Cost:
    seconds: float
    processor: float
    # Of the largest process among the command's, in bytes. A pipeline's processes are not added up.
    peak: int


def run(command, environment, log):
    """One run of a shell command; its output goes to the log.

    GNU time stands between: the kernel counts what a process held before exec(2) towards its peak, so a child of this
    interpreter would never show less than the interpreter's own.
    """
    report = log.name + ".cost"
    started = time.perf_counter()
    status = subprocess.run(
        ["time", "-q", "-o", report, "-f", "%U %S %M", "bash", "-o", "pipefail", "-c", command], env=environment,
        stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
    elapsed = time.perf_counter() - started
    if status != 0:
        raise CommandFailed(f"exit status {status} of: {command}")
    with open(report) as file:
        user, system, peak = file.read().split()
    return Cost(elapsed, float(user) + float(system), int(peak) * 1024)


def median(costs):
    """The median of the times, and the largest peak of all."""
    return Cost(statistics.median(c.seconds for c in costs), statistics.median(c.processor for c in costs),
                max(c.peak for c in costs))


def allocated(path):
    """The bytes that a file, or all below a folder, take on disk; holes are not counted."""
    total = os.lstat(path).st_blocks * 512
    for folder, folders, names in os.walk(path):
        for name in folders + names:
            total += os.lstat(os.path.join(folder, name)).st_blocks * 512
    return total


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3")


def warm(path):
    """Reads everything below a folder, so that every tool finds it in memory."""
    for folder, _, names in os.walk(path):
        for name in names:
            full = os.path.join(folder, name)
            if os.path.isfile(full) and not os.path.islink(full):
                with open(full, "rb", buffering=0) as file:
                    while file.read(1 << 22):
                        pass
