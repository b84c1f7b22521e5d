#!/usr/bin/python3
"""A run never ends without a recorded state: whatever dies, and whenever, each START that was accepted and each
occurrence has exactly one final state at the broker.

Parts are killed at random points under load; for a power failure all programs of a machine are killed and its files go
back to what had been synced (tests/faults/power_loss.c). The seed is printed; BUGLE_LOSS_SEED repeats it, as far as a
machine repeats anything. BUGLE_LOSS_SECONDS is how long each of the tests goes on.
"""

import collections
import os
import pathlib
import random
import signal
import stat
import time
import unittest

from world import WorldTest, main, wait_for

SECONDS = float(os.environ.get("BUGLE_LOSS_SECONDS", "2"))
SEED = int(os.environ.get("BUGLE_LOSS_SEED", "0")) or random.randrange(1, 1 << 32)
SHIM = os.environ.get("BUGLE_POWER_LOSS")
FINAL = {"succeeded", "failed", "canceled", "interrupted", "not-run"}

JOBS = """
job: tick
targets: {{all: true}}
overlap: queue
schedules: [{{name: s, every: 1s}}]
steps:
  - {{name: mark, script: 'echo $BUGLE_RUNID >> {marks}; sleep 0.2'}}
---
job: tock
targets: {{all: true}}
overlap: replace
schedules: [{{name: s, every: 2s}}]
steps:
  - {{name: mark, script: 'echo $BUGLE_RUNID >> {marks}; sleep 1.5'}}
---
job: hand
targets: {{all: true}}
overlap: queue
steps:
  - {{name: mark, script: 'echo $BUGLE_RUNID >> {marks}; sleep 0.3'}}
---
job: slow
targets: {{all: true}}
steps:
  - {{name: mark, script: 'echo $BUGLE_RUNID >> {marks}'}}
  - {{name: again, script: 'exit 1', retry: {{attempts: 1, every: 1s}}}}
"""
NAMES = ["tick", "tock", "hand", "slow"]


def processes_below(directory):
    """Process ids of everything that has the directory in its environment or command line."""
    mark = str(directory).encode()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes() or mark in (entry / "cmdline").read_bytes():
                yield int(entry.name)
        except OSError:
            continue


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Image:
    """What is left of a directory when the power fails."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.image = self.directory.with_name(self.directory.name + ".image")
        for name in ("files", "dirs", "keep"):
            (self.image / name).mkdir(parents=True)
        self.take_all()

    @property
    def environment(self):
        return {"LD_PRELOAD": SHIM, "BUGLE_POWER_DIR": str(self.directory), "BUGLE_POWER_IMAGE": str(self.image)}

    def directories(self):
        return [self.directory, *(path for path in self.directory.rglob("*") if path.is_dir() and not path.is_symlink())]

    def names_of(self, directory):
        inner = str(directory.relative_to(self.directory))
        return self.image / "dirs" / ("%" if inner == "." else inner.replace("/", "%"))

    def take_all(self):
        """As it is now: what was there before has long been on the disk."""
        for directory in self.directories():
            lines = []
            for entry in os.scandir(directory):
                if entry.is_file(follow_symlinks=False):
                    (self.image / "files" / str(entry.inode())).write_bytes(pathlib.Path(entry.path).read_bytes())
                    lines.append(f"{entry.name} {entry.inode()}\n")
            self.names_of(directory).write_text("".join(lines))

    def put_back(self):
        """The machine comes back. Sockets and whatever was not synced are gone."""
        lost = 0
        for directory in self.directories():
            names = self.names_of(directory)
            content = {}
            for line in names.read_text().splitlines() if names.exists() else []:
                name, inode = line.rsplit(" ", 1)
                held = self.image / "files" / inode
                content[name] = held.read_bytes() if held.exists() else b""
            modes = {}
            for entry in list(os.scandir(directory)):
                if not entry.is_dir(follow_symlinks=False):
                    state = entry.stat(follow_symlinks=False)
                    modes[entry.name] = stat.S_IMODE(state.st_mode)
                    if entry.is_file(follow_symlinks=False):
                        lost += pathlib.Path(entry.path).read_bytes() != content.get(entry.name)
                    os.unlink(entry.path)
            for name, data in content.items():
                (directory / name).write_bytes(data)
                (directory / name).chmod(modes.get(name, 0o600))
        for name in ("files", "dirs", "keep"):
            for path in (self.image / name).iterdir():
                path.unlink()
        self.take_all()
        return lost


class NothingIsLost(WorldTest):
    def setUp(self):
        super().setUp()
        print(f"seed {SEED}", end=" ", flush=True)
        self.random = random.Random(SEED)
        self.marks = self.world.directory / "marks"
        self.accepted = collections.Counter()
        self.world.apply(JOBS.format(marks=self.marks))
        self.node = self.world.node("a1", start=False)
        policy = self.node.home / "etc" / "policy"
        policy.write_text(policy.read_text().replace("# runs = 100", "runs = 2"))
        self.node_environment = {}

    def load(self):
        """One thing that a person does."""
        what = self.random.random()
        job = self.random.choice(NAMES)
        if what < 0.4:
            done = self.world.bugle("job", "start", self.random.choice(["hand", "slow"]), "-o", "json", code=None)
            if done.code == 0:
                self.accepted[done.json()["id"]] += 1
        elif what < 0.5:
            self.world.bugle("job", "stop", job, code=None)
        else:
            time.sleep(self.random.random() / 2)

    def go_on(self, break_something):
        """Load, and now and then something breaks, until the time is over; then everything comes to an end."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            for _ in range(self.random.randrange(1, 6)):
                self.load()
            break_something()
        self.settle()

    def settle(self):
        for job in ("tick", "tock"):
            wait_for(f"{job} is disabled", lambda: self.world.bugle("job", "disable", job, code=None).code == 0)
        wait_for("the node does what it has to", self.is_quiet, 120)

    def rows(self):
        return {job: self.world.history(job, "--limit", "100000") for job in NAMES}

    def is_quiet(self):
        """Nothing is open at bugle-exec and the broker, and all STARTs and the newest occurrences have their row."""
        status = self.world.run("bugle-node", "status", "--home", str(self.node.home), "-o", "json", code=None)
        if status.code not in (0, 1) or not status.out or not status.json()["exec_running"]:
            return False
        #  The node that comes back first knows nothing yet of what its bugle-exec has begun.
        if list((self.node.home / "exec" / "runs").glob("*.run")):
            return False
        rows = self.rows()
        known = {row["exec"] for job in NAMES for row in rows[job] if row.get("exec")}
        is_open = any(row["state"] not in FINAL for job in NAMES for row in rows[job])
        return not is_open and set(self.accepted) <= known and self.all_told(rows)

    def all_told(self, rows):
        """What the node's own history has, the broker has."""
        local = self.world.run("bugle-node", "history", "--limit", "100000", "-o", "jsonl", "--home", str(self.node.home),
                               code=None).rows()
        there = {row["run"] for job in NAMES for row in rows[job]}
        return all(row["run"] in there and row["state"] in FINAL for row in local if row["job"] in NAMES)

    def check(self):
        rows = self.rows()
        runs = collections.Counter(row["run"] for job in NAMES for row in rows[job])
        self.assertEqual([run for run, count in runs.items() if count > 1], [])
        execs = collections.Counter(row["exec"] for job in NAMES for row in rows[job] if row.get("exec"))
        self.assertEqual({one: execs[one] for one in self.accepted if execs[one] != 1}, {}, "each START has one end")
        for job in ("tick", "tock"):
            due = collections.Counter(row["nominal"] for row in rows[job] if row["nominal"])
            self.assertEqual({at: count for at, count in due.items() if count > 1}, {}, f"{job}: one end of each occurrence")
            self.assertTrue(due)
        marks = collections.Counter(self.marks.read_text().split()) if self.marks.exists() else {}
        self.assertEqual({run: count for run, count in marks.items() if count > 1}, {}, "no run begins twice")
        state = {row["run"]: row["state"] for job in NAMES for row in rows[job]}
        self.assertEqual({run: state.get(run) for run in marks if state.get(run) in (None, "not-run")}, {},
                         "what ran has an outcome that says so")
        self.report = collections.Counter(state.values())
        print(dict(self.report), f"{len(self.accepted)} starts", end=" ", flush=True)


class Kills(NothingIsLost):
    """kill -9, one by one and all at once."""

    def victims(self):
        children = {pid: " ".join(command) for pid, command in self.node.process.children().items()}
        executors = [pid for pid, command in children.items() if "bugle-exec" in command]
        nodes = [pid for pid, command in children.items() if "bugle-node" in command]
        supervisors = [pid for pid in processes_below(self.node.home)
                       if pid not in children and pid != self.node.process.pid and
                       b"bugle-exec" in command_of(pid)]
        kind = self.random.choice(["node", "exec", "supervisor", "both", "all"])
        return {"node": nodes, "exec": executors, "supervisor": supervisors[:1], "both": nodes + executors,
                "all": nodes + executors + supervisors}[kind]

    def break_something(self):
        for pid in self.victims():
            send(pid, signal.SIGKILL)

    def test_parts_are_killed_under_load(self):
        self.node.start()
        self.go_on(self.break_something)
        self.check()


def command_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@unittest.skipUnless(SHIM, "power_loss is not built")
class PowerFails(NothingIsLost):
    """All of a machine at once, and of its files only what was synced."""

    def cut_power(self, image, processes):
        """Stopped first, so that all end at one point."""
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in processes:
                send(pid, number)
        wait_for("all have ended", lambda: not any(is_running(pid) for pid in processes))
        self.lost += image.put_back()

    def test_of_the_target(self):
        image = Image(self.node.home)
        self.lost = 0
        self.node.start(image.environment)

        def break_something():
            process = self.node.process
            self.cut_power(image, [process.pid, *processes_below(self.node.home)])
            process.wait(5)
            self.node.start(image.environment)

        self.go_on(break_something)
        self.check()
        self.assertGreater(self.lost, 0, "nothing was ever lost, so nothing was shown")

    def test_of_the_broker(self):
        self.world.stop_broker()
        image = Image(self.world.home)
        self.lost = 0
        self.world.start_broker(image.environment)
        self.node.start()

        def break_something():
            broker = self.world.broker
            self.cut_power(image, [broker.pid, *broker.children()])
            broker.wait(5)
            self.world.start_broker(image.environment)

        self.go_on(break_something)
        self.check()
        self.assertGreater(self.lost, 0, "nothing was ever lost, so nothing was shown")


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    main()
