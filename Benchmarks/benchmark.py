"""One workload, measured: every run makes the tree anew and takes every step with every tool."""

import os
import platform
import subprocess
import sys
import time

import measure
from jobs import OURS, VERSIONS, steps
from rows import GROWING, TREE, Results
from workloads import WORKLOADS

# Compared by a program that shares no code with ours. Which blocks of a file are holes is not compared: the tools
# differ in what they do with long runs of zeros.
SAME = 'same() { python3 "$COMPARE" --quiet --holes ignore "$1" "$2"; }; '
# Runs of a program that does nothing, measured in the same way: what part of a short time is not ours.
NOTHING_REPEATED = 15


class Benchmark:
    def __init__(self, name, peers, options, top):
        self.name, self.peers, self.cold, self.top = name, peers, options.cold, top
        self.work = options.directory
        os.makedirs(self.work, exist_ok=True)
        self.place = os.path.join(self.work, "run")
        self.report = os.path.join(self.work, "cost")
        self.workload = WORKLOADS[name](os.path.join(top, "Benchmarks"))
        self.runs = options.runs or self.workload.runs
        self.log = open(os.path.join(self.work, "log"), "ab")
        self.environment = self.made_environment(options.cowpath)
        self.measurements = Results()
        self.number = 0

    def made_environment(self, program):
        """Nothing of the user's: no configuration, no cache, no password but one that guards nothing."""
        programs = os.path.join(self.work, "bin")
        os.makedirs(programs, exist_ok=True)
        link = os.path.join(programs, "cowpath")
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(os.path.realpath(program), link)
        return {
            "PATH": programs + ":" + os.environ["PATH"], "HOME": self.work, "LC_ALL": "C.UTF-8", "TZ": "UTC",
            "COMPARE": os.path.join(self.top, "Tests", "compare_trees.py"),
            "RESTIC_PASSWORD": "benchmark", "RESTIC_CACHE_DIR": os.path.join(self.work, "restic-cache"),
            "BORG_BASE_DIR": os.path.join(self.work, "borg-base"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes", "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        }

    def results(self):
        for number in range(self.runs):
            self.run(number)
        self.clear()
        table = GROWING if self.workload.fewer else TREE
        rows = self.measurements.rows(table, self.workload.fewer, measure.median)
        if self.name != "kernel" and not self.workload.fewer:
            for row in rows:
                if row["measure"] != "peak":
                    row.pop("at_most", None)
                    row.pop("met", None)
        return {
            "workload": self.name, "description": self.workload.description, "runs": self.runs,
            "repetitions": self.workload.repetitions, "cache": "cold" if self.cold else "warm",
            "machine": machine(self.work), "versions": self.versions(), "nothing_seconds": self.nothing(),
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rows": rows,
        }

    def run(self, number):
        self.clear()
        os.mkdir(self.place)
        os.chdir(self.place)
        self.say(f"run {number + 1} of {self.runs}: making the tree")
        self.workload.make("tree")
        for step in steps(self.workload):
            if step.change:
                method, tree = step.change
                getattr(self.workload, method)(tree)
            self.unmeasured(step.before)
            commands = [(label, command) for label, command in step.commands.items()
                        if command.tool == OURS or command.tool in self.peers]
            turn = number % len(commands) if commands else 0
            for _ in range(step.repetitions):
                for label, command in commands[turn:] + commands[:turn]:
                    self.measure(step, label, command)
            if number == self.runs - 1:
                for check in step.checks:
                    self.say("  checked: " + check)
                    self.unmeasured(SAME + check)
            self.unmeasured(step.after)

    def measure(self, step, label, command):
        self.unmeasured(command.before)
        self.number += 1
        stages = [stage.replace("{n}", str(self.number)) for stage in command.stages]
        if self.cold:
            measure.drop_caches()
        else:
            present = [path for path in step.reads if os.path.exists(path)]
            if present:
                self.unmeasured("find " + " ".join(present) + " -type f -exec cat {} + >/dev/null")
            # Nobody's dirty pages are written in another's time.
            os.sync()
        cost = measure.run(stages, self.environment, self.report, self.log)
        self.measurements.costs.setdefault((step.name, label), (command, []))[1].append(cost)
        if command.stores:
            os.sync()
            self.measurements.stored[step.name, label] = measure.allocated(command.stores)
        self.say(f"  {step.name}, {label}: {cost.seconds:.3f} s, "
                 + " + ".join(f"{peak >> 20} MiB" for peak in cost.peaks))
        self.unmeasured(command.after)

    def unmeasured(self, script):
        if script:
            measure.shell(script, self.environment, self.log)

    def clear(self):
        """What the run before has left, and what it has kept for the tools themselves, which would let them off."""
        os.chdir(self.work)
        subprocess.run(["rm", "-rf", self.place, self.environment["RESTIC_CACHE_DIR"],
                        self.environment["BORG_BASE_DIR"]], check=True)

    def say(self, text):
        print(f"{self.name}: {text}", file=sys.stderr)

    def nothing(self):
        costs = [measure.run(["true"], self.environment, self.report, self.log) for _ in range(NOTHING_REPEATED)]
        return measure.median(costs).seconds

    def versions(self):
        wanted = {OURS: True, "restic": "restic" in self.peers, "borg": "borg" in self.peers,
                  "rsync": "rsync" in self.peers, "tar": "tar and zstd" in self.peers,
                  "zstd": "tar and zstd" in self.peers}
        found = {tool: subprocess.run(["bash", "-c", VERSIONS[tool]], env=self.environment, text=True,
                                      capture_output=True).stdout.strip() for tool in VERSIONS if wanted[tool]}
        commit = subprocess.run(["git", "-C", self.top, "rev-parse", "--short", "HEAD"], text=True,
                                capture_output=True).stdout.strip()
        if commit:
            found[OURS] += f" at {commit}"
        return found


def machine(work):
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/etc/os-release") as file:
        system = [line.split("=", 1)[1].strip().strip('"') for line in file if line.startswith("PRETTY_NAME=")]
    filesystem = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", work], text=True,
                                capture_output=True).stdout.strip()
    return {"processor": models[0] if models else platform.machine(), "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "system": system[0] if system else "Linux", "kernel": platform.release(), "filesystem": filesystem}
