"""One workload, measured: every run makes the tree anew and takes every step with every tool."""

import itertools
import os
import platform
import subprocess
import sys
import time

import measure
from job import OURS, VERSIONS
from jobs import FUNCTIONS, steps
from rows import Results
from workloads import WORKLOADS

# Runs of a program that does nothing, measured in the same way: what part of a short time is not ours.
NOTHING_REPEATED = 15
# Of so many folders the removal is felt afterwards.
MANY_FOLDERS = 1000
# Seconds: RECENTCY_MIN of ext4's recently_deleted().
REMOVED_INODES_REST = 60


class Benchmark:
    # When the filesystem has forgotten what was removed, by the monotonic clock.
    rested = 0

    def __init__(self, name, peers, options, top):
        self.name, self.peers, self.cold, self.top = name, peers, options.cold, top
        self.work = options.directory
        os.makedirs(self.work, exist_ok=True)
        self.place = os.path.join(self.work, "run")
        self.report = os.path.join(self.work, "cost")
        self.workload = WORKLOADS[name](os.path.join(top, "Benchmarks"))
        self.runs = options.runs or self.workload.runs
        self.log = open(os.path.join(self.work, name + ".log"), "wb")
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
        load = os.getloadavg()[0]
        try:
            for number in range(self.runs):
                self.run(number)
        finally:
            os.chdir(self.work)
            self.workload.leave(self.place)
        self.clear()
        return {
            "workload": self.name, "tree": self.workload.tree, "description": self.workload.description,
            "runs": self.runs, "load_before": load, "cache": "cold" if self.cold else "warm",
            "machine": machine(self.work), "versions": self.versions(), "nothing_seconds": self.nothing(),
            "durability": self.workload.durability,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "rows": self.measurements.rows(self.workload, measure.median),
        }

    def run(self, number):
        self.clear()
        if (rest := Benchmark.rested - time.monotonic()) > 0:
            self.say(f"waiting for {rest:.0f} s, until the inodes of removed files can be had again")
            time.sleep(rest)
        os.mkdir(self.place)
        os.chdir(self.place)
        self.say(f"run {number + 1} of {self.runs}: making the tree")
        self.workload.make(self.workload.tree)
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
                    self.unmeasured(check)
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
            measure.shell(FUNCTIONS + self.workload.functions + script, self.environment, self.log, script)

    def clear(self):
        """What the run before has left, and what it has kept for the tools themselves, which would let them off."""
        os.chdir(self.work)
        self.workload.leave(self.place)
        # A smoke test or a few large files are no reason to wait.
        held = many(self.place)
        subprocess.run(["rm", "-rf", self.place, self.environment["RESTIC_CACHE_DIR"],
                        self.environment["BORG_BASE_DIR"]], check=True)
        if held and lacks_journal(self.work):
            os.sync()
            Benchmark.rested = time.monotonic() + REMOVED_INODES_REST

    def say(self, text):
        print(f"{self.name}: {text}", file=sys.stderr)

    def nothing(self):
        costs = [measure.run(["true"], self.environment, self.report, self.log) for _ in range(NOTHING_REPEATED)]
        return measure.median(costs).seconds

    def versions(self):
        wanted = {OURS: True, "restic": "restic" in self.peers, "borg": "borg" in self.peers,
                  "rsync": "rsync" in self.peers, "tar": "tar and zstd" in self.peers,
                  "zstd": "tar and zstd" in self.peers, "btrfs": "btrfs" in self.peers}
        found = {tool: subprocess.run(["bash", "-c", VERSIONS[tool]], env=self.environment, text=True,
                                      capture_output=True).stdout.strip() for tool in VERSIONS if wanted[tool]}
        commit = subprocess.run(["git", "-C", self.top, "describe", "--always", "--dirty"], text=True,
                                capture_output=True).stdout.strip()
        if commit:
            found[OURS] += f" at {commit}"
        return found


def many(path):
    return sum(1 for _ in itertools.islice(os.walk(path), MANY_FOLDERS)) == MANY_FOLDERS


def lacks_journal(path):
    """Whether this is an ext4 without a journal: it looks at every inode that was freed lately before it takes one."""
    found = subprocess.run(["findmnt", "-n", "-o", "FSTYPE,SOURCE", "-T", path], text=True, capture_output=True)
    kind, _, source = found.stdout.strip().partition(" ")
    device = os.path.basename(os.path.realpath(source.strip()))
    return kind == "ext4" and not any(name.startswith(device + "-") for name in os.listdir("/proc/fs/jbd2"))


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
