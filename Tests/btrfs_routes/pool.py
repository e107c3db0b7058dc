"""Workers, each with file systems of its own, that take tasks in turn."""

import concurrent.futures
import os
import traceback
from dataclasses import dataclass, field

from machine import FileSystem
from routes import ROUTES, Programs


@dataclass
class Result:
    compared: int = 0
    # How many cases went wrong, and what is printed of them.
    failed: int = 0
    lines: list = field(default_factory=list)
    # Cases that btrfs itself could not bring over, and how.
    stock_failed: int = 0
    stock_lines: list = field(default_factory=list)

    def count(self, case):
        self.lines += case.failures
        self.stock_lines += case.stock_failures
        self.add(Result(case.compared, bool(case.failures), stock_failed=bool(case.stock_failures)))

    def add(self, other):
        self.compared += other.compared
        self.failed += other.failed
        self.stock_failed += other.stock_failed


class Worker:
    """What a task is given."""

    def __init__(self, place, options):
        os.mkdir(place)
        self.work, self.options = place, options
        self.programs = Programs(options.cowpath, options.stand_in)
        self.source = FileSystem(os.path.join(place, "source"))
        self.targets = {route: FileSystem(os.path.join(place, route.replace(" ", "-"))) for route in ROUTES}

    def make(self, features):
        for filesystem in (self.source, *self.targets.values()):
            filesystem.make(features)


worker = None


def begin(work, options):
    global worker
    worker = Worker(os.path.join(work, f"worker-{os.getpid()}"), options)


def perform(task):
    result = Result()
    try:
        task(worker, result)
    except Exception:
        result.failed += 1
        result.lines.append(f"FAILED, in the test itself: {task}\n{traceback.format_exc()}")
    return result


class Pool:
    def __init__(self, work, options):
        self.executor = concurrent.futures.ProcessPoolExecutor(
            options.workers, initializer=begin, initargs=(work, options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.executor.shutdown()

    def run(self, tasks):
        """The results, in the order of the tasks."""
        return self.executor.map(perform, tasks)
