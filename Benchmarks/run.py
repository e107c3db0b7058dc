#!/usr/bin/env python3
"""Measures cowpath beside other tools, on the same trees and in the same run.

    run.py WORKLOAD [--runs N] [--peers restic,borg,...] [--cold] [--directory DIRECTORY] [--json FILE]

WORKLOAD: kernel, onefile, manysmall or million. Every tool does every job of a run before the next run begins, so
that what else the machine does meets all of them. Prints a table and writes the same as JSON. The program is that of
the environment variable COWPATH. Standard library only.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time

from jobs import JOBS, OURS, PACKAGES, PREPARATION, VERSIONS
from measure import CommandFailed, allocated, drop_caches, median, run, warm
from workloads import WORKLOADS, fresh

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)


def environment(program, work):
    """Nothing of the user's: no configuration, no cache, no passwords but one that guards nothing."""
    programs = os.path.join(work, "bin")
    os.makedirs(programs, exist_ok=True)
    link = os.path.join(programs, "cowpath")
    fresh(link)
    os.symlink(os.path.realpath(program), link)
    return {
        "PATH": programs + ":" + os.environ["PATH"], "HOME": work, "LC_ALL": "C.UTF-8", "TZ": "UTC",
        "RESTIC_PASSWORD": "benchmark", "RESTIC_CACHE_DIR": os.path.join(work, "restic-cache"),
        "BORG_BASE_DIR": os.path.join(work, "borg-base"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
    }


class Benchmark:
    def __init__(self, options):
        self.options = options
        self.work = os.path.abspath(options.directory)
        os.makedirs(self.work, exist_ok=True)
        self.place = os.path.join(self.work, "run")
        self.environment = environment(options.cowpath, self.work)
        self.workload = WORKLOADS[options.workload](HERE, self.work)
        self.runs = options.runs or self.workload.runs
        self.tools = [OURS] + [p for p in PACKAGES if p in options.peers]
        # (job, tool) to costs, and to the bytes stored after the job.
        self.costs, self.sizes = {}, {}
        self.log = open(os.path.join(self.work, "log"), "wb")

    def once(self, number):
        """One run: every job by every tool, on a tree made anew."""
        # What the run before has kept for the tools themselves would let them off.
        for name in (self.place, *(os.path.join(self.work, n) for n in ("restic-cache", "borg-base"))):
            fresh(name)
        os.mkdir(self.place)
        os.chdir(self.place)
        self.workload.make("tree")
        for tool in self.tools:
            run(PREPARATION[tool], self.environment, self.log)
        for job in JOBS:
            if job.changes_first:
                if "rsync" in self.tools:
                    subprocess.run(["cp", "-a", "copy", "old-copy"], check=True)
                self.workload.change("tree")
            if not self.options.cold:
                warm("tree")
            for tool in self.tools:
                if tool in job.commands:
                    self.measure(number, job, tool)

    def measure(self, number, job, tool):
        if self.options.cold:
            drop_caches()
        else:
            # Nobody's dirty pages are written in another's time.
            os.sync()
        cost = run(job.commands[tool], self.environment, self.log)
        self.costs.setdefault((job.name, tool), []).append(cost)
        print(f"  run {number}: {job.name}, {tool}: {cost.seconds:.2f} s", file=sys.stderr)
        if tool in job.stores:
            os.sync()
            self.sizes[job.name, tool] = allocated(job.stores[tool])

    def check(self):
        """A time for a wrong result is no result."""
        status = subprocess.run(
            [sys.executable, os.path.join(TOP, "Tests", "compare_trees.py"), "--quiet", "--holes", "ignore", "tree",
             "restored"], stdout=sys.stderr).returncode
        if status != 0:
            raise CommandFailed("what was restored is not what was there")

    def versions(self):
        return {tool: subprocess.run(["bash", "-c", VERSIONS[tool]], env=self.environment, text=True,
                                     capture_output=True).stdout.strip() for tool in self.tools}

    def results(self):
        rows = []
        for job in JOBS:
            for tool in job.commands:
                if tool not in self.tools or (tool == OURS and len(job.commands) > 1):
                    continue
                rows.append(self.row(job, tool))
        return {
            "workload": self.options.workload, "description": self.workload.description, "runs": self.runs,
            "cache": "cold" if self.options.cold else "warm", "machine": machine(self.work),
            "versions": self.versions(), "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rows": rows,
        }

    def row(self, job, peer):
        row = {"job": job.name, "peer": None if peer == OURS else peer, "target": job.target}
        for side, tool in (("ours", OURS), ("theirs", peer)):
            if side == "theirs" and peer == OURS:
                continue
            costs = self.costs[job.name, tool]
            middle = median(costs)
            row[side] = {
                "command": job.commands[tool], "seconds": middle.seconds, "processor_seconds": middle.processor,
                "peak_bytes": middle.peak, "stored_bytes": self.sizes.get((job.name, tool)),
                "all_seconds": [c.seconds for c in costs],
            }
        if peer != OURS:
            row["ratio"] = row["ours"]["seconds"] / row["theirs"]["seconds"]
            row["met"] = row["ratio"] <= job.target
        return row


def machine(work):
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    filesystem = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", work], text=True, capture_output=True).stdout.strip()
    return {"processor": models[0] if models else platform.machine(), "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "kernel": platform.release(), "filesystem": filesystem}


def megabytes(count):
    return "" if count is None else f"{count / 1e6:,.0f}"


def table(results):
    host = results["machine"]
    lines = [
        f"On {results['description']}.",
        f"{host['cores']} cores of {host['processor']}, Linux {host['kernel']}, {host['filesystem']}; "
        f"{results['cache']} cache; median of {results['runs']}. "
        + ", ".join(f"{tool} {version}" for tool, version in results["versions"].items()) + ".",
        "",
        "| job | peer | cowpath s | peer s | ratio | target | | cowpath peak MB | peer peak MB "
        "| cowpath stored MB | peer stored MB |",
        "|---|---|--:|--:|--:|--:|---|--:|--:|--:|--:|",
    ]
    for row in results["rows"]:
        ours, theirs = row["ours"], row.get("theirs")
        cells = [row["job"], (row["peer"] or "").replace("|", "\\|"), f"{ours['seconds']:.2f}",
                 f"{theirs['seconds']:.2f}" if theirs else "", f"{row['ratio']:.2f}" if theirs else "",
                 f"{row['target']:.2f}" if theirs else "", ("met" if row["met"] else "missed") if theirs else "",
                 megabytes(ours["peak_bytes"]), megabytes(theirs["peak_bytes"] if theirs else None),
                 megabytes(ours["stored_bytes"]), megabytes(theirs["stored_bytes"] if theirs else None)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="Measure cowpath beside other tools.")
    parser.add_argument("workload", choices=sorted(WORKLOADS))
    parser.add_argument("--runs", type=int, help="how many (default 3; of the million, 1)")
    parser.add_argument("--peers", default=",".join(PACKAGES), help="which, separated by commas (default all)")
    parser.add_argument("--cold", action="store_true", help="drop the page cache before every command (needs root)")
    parser.add_argument("--directory", default=os.path.join(TOP, ".build-bench"))
    parser.add_argument("--json", help="where the results go (default WORKLOAD.json in the directory)")
    parser.add_argument("--cowpath", default=os.environ.get("COWPATH", os.path.join(TOP, ".build/release/cowpath")))
    options = parser.parse_args()
    options.peers = [p.strip() for p in options.peers.split(",") if p.strip()]
    if unknown := set(options.peers) - set(PACKAGES):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    output = os.path.abspath(options.json or os.path.join(options.directory, options.workload + ".json"))
    subprocess.run([os.path.join(TOP, ".ci", "install"), "time", *(PACKAGES[p] for p in options.peers)], check=True)
    benchmark = Benchmark(options)
    try:
        for number in range(1, benchmark.runs + 1):
            benchmark.once(number)
        benchmark.check()
    except CommandFailed as error:
        print(f"run.py: {error}; see {benchmark.log.name}", file=sys.stderr)
        return 1
    results = benchmark.results()
    os.chdir(TOP)
    fresh(benchmark.place)
    with open(output, "w") as file:
        json.dump(results, file, indent=2)
        file.write("\n")
    print(table(results))
    print(f"\nWritten to {os.path.relpath(output)}.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
