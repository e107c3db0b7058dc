"""Runs a command and says what it cost."""

import os
import shutil
import statistics
import subprocess
from dataclasses import dataclass


class CommandFailed(Exception):
    pass


@dataclass
class Cost:
    seconds: float
    processor: float
    # For each process of a pipe the most memory it held at once, in bytes.
    peaks: list


def run(stages, environment, report, log):
    """One run of a pipe of commands; what they print goes to the log.

    The shell takes the time, so that neither its own start nor this interpreter's is in it. GNU time stands before
    every process: the kernel counts what a process held before exec(2) towards its peak, so a child of this
    interpreter would never show less than the interpreter's own.
    """
    timer = shutil.which("time")
    if not timer:
        raise CommandFailed("GNU time is not installed")
    pipe = " | ".join(f"{timer} -q -o {report}.{n} -f '%U %S %M' {stage}" for n, stage in enumerate(stages))
    script = (f"start=$EPOCHREALTIME; {pipe}; status=$?; end=$EPOCHREALTIME\n"
              f"echo $start $end >{report}; exit $status")
    shell(script, environment, log, " | ".join(stages))
    with open(report) as file:
        start, end = (float(word) for word in file.read().split())
    processor, peaks = 0, []
    for number in range(len(stages)):
        with open(f"{report}.{number}") as file:
            user, system, peak = file.read().split()
        processor += float(user) + float(system)
        peaks.append(int(peak) * 1024)
    return Cost(end - start, processor, peaks)


def shell(script, environment, log, shown=None):
    """Runs a script that nobody measures."""
    log.write(f"$ {shown or script}\n".encode())
    log.flush()
    status = subprocess.run(["bash", "-o", "pipefail", "-c", script], env=environment, stdin=subprocess.DEVNULL,
                            stdout=log, stderr=log).returncode
    if status != 0:
        raise CommandFailed(f"exit status {status} of: {shown or script}")


def median(costs):
    """The medians of the times, and the largest peaks of all."""
    return Cost(statistics.median(c.seconds for c in costs), statistics.median(c.processor for c in costs),
                [max(peaks) for peaks in zip(*(c.peaks for c in costs))])


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
