#!/usr/bin/env python3
"""Measures cowpath beside other tools, on the same trees and in the same run.

    run.py [WORKLOAD...] [--runs N] [--peers restic,borg,...] [--cold] [--directory DIRECTORY]
    run.py --render FILE...

WORKLOAD: kernel, onefile, manysmall or million (default: these four), or btrfs, which needs root; smoke, smoke-million
and smoke-btrfs show in seconds that the benchmark itself works. Every tool does every step of a run before the next run
begins, in an order that changes from run to run, so that what else the machine does meets all of them. Prints a table
for each workload and writes the same as DIRECTORY/WORKLOAD.json, from which --render prints the tables again. A missed
target is said and is no error; a wrong result is one; status 77 means that a workload cannot be measured here. The
program is that of the environment variable COWPATH. Standard library only.
"""

import argparse
import json
import os
import subprocess
import sys

from benchmark import Benchmark
from job import PACKAGES
from measure import CommandFailed
from table import render, verdict
from workloads import MEASURED, WORKLOADS

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)


def measured(name, options):
    peers = [p for p in (WORKLOADS[name].peers if options.peers is None else options.peers) if p in PACKAGES]
    subprocess.run([os.path.join(TOP, ".ci", "install"), "time", *(name for p in peers for name in PACKAGES[p])],
                   check=True)
    results = Benchmark(name, peers, options, TOP).results()
    with open(os.path.join(options.directory, name + ".json"), "w") as file:
        json.dump(results, file, indent=2)
        file.write("\n")
    return results


def main():
    parser = argparse.ArgumentParser(description="Measure cowpath beside other tools.")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--runs", type=int, help="how many (default 3; of the million, 1)")
    parser.add_argument("--peers", type=lambda text: [p.strip() for p in text.split(",") if p.strip()],
                        help="which, separated by commas: " + ", ".join(PACKAGES))
    parser.add_argument("--cold", action="store_true", help="drop the page cache before every command (needs root)")
    parser.add_argument("--directory", default=os.path.join(TOP, ".build-bench"), help="where all of it happens")
    parser.add_argument("--cowpath", default=os.environ.get("COWPATH", os.path.join(TOP, ".build/release/cowpath")))
    parser.add_argument("--render", nargs="+", metavar="FILE", help="print the tables of measurements made before")
    options = parser.parse_args()
    if unknown := (set(options.workloads) - set(WORKLOADS)) | (set(options.peers or []) - set(PACKAGES)):
        parser.error(f"not known: {', '.join(sorted(unknown))}")
    options.directory = os.path.abspath(options.directory)
    all_results = []
    if options.render:
        for path in options.render:
            with open(path) as file:
                all_results.append(json.load(file))
            print(render(all_results[-1]))
    else:
        for name in options.workloads or MEASURED:
            if reason := WORKLOADS[name].lacking():
                print(f"run.py: {name}: skipped: {reason}")
                return 77
            try:
                all_results.append(measured(name, options))
            except CommandFailed as error:
                print(f"run.py: {name}: {error}; see {os.path.join(options.directory, name + '.log')}", file=sys.stderr)
                return 1
            print(render(all_results[-1]), flush=True)
    print(verdict(all_results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
