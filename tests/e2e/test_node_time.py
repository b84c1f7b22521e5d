#!/usr/bin/python3
"""What a node does by its own clock: occurrences that were missed, the start of the node, idle processors, calendars,
and how little it is woken."""

import contextlib
import pathlib
import sqlite3
import subprocess
import time

from test_local_jobs import local
from world import Node, Process, WorldTest, main, wait_for

STAT = "cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\n"


def job(name, schedule, more=""):
    return f"job: {name}\nschedules: [{schedule}]\n{more}steps:\n  - {{name: one, script: 'true'}}\n"


class ByItselfTest(WorldTest):
    """Without a broker."""

    with_broker = False

    def setUp(self):
        super().setUp()
        self.node = Node(self.world, "box")

    def apply(self, text):
        return local(self.world, self.node, "job", "apply", "-", input=text)

    def history(self, name):
        return local(self.world, self.node, "history", name, "-o", "jsonl").rows()

    def wait_history(self, name, what, condition):
        def look():
            rows = self.history(name)
            return rows if condition(rows) else None
        return wait_for(what, look)

    def put_marks_back(self, seconds):
        """As if the node had been off for so long: what its schedules dealt with last lies in the past."""
        with contextlib.closing(sqlite3.connect(self.node.home / "node" / "node.db")) as store, store:
            store.execute("UPDATE mark SET nominal_us = nominal_us - ?", (seconds * 1000000,))

    def test_what_was_missed_runs_late_when_the_schedule_says_so(self):
        self.node.start()
        self.apply(job("last", "{name: main, cron: '*/10 * * * *', misfire: last}"))
        self.apply(job("all", "{name: main, cron: '*/10 * * * *', misfire: all, misfire_max: 3}"))
        self.apply(job("skip", "{name: main, cron: '*/10 * * * *'}"))
        self.node.stop(9)
        self.put_marks_back(3600)
        self.node.start()
        for name, runs in ("last", 1), ("all", 3), ("skip", 0):
            rows = self.wait_history(name, f"{name}: {runs} runs and the rest", lambda rows, runs=runs: sum(
                row["state"] == "succeeded" for row in rows) >= runs and sum(
                    row["state"] == "not-run" for row in rows) >= 5 - runs)
            missed = [row for row in rows if row["state"] == "not-run"]
            self.assertEqual({row["reason"] for row in missed}, {"misfire"}, rows)
            self.assertIn(len(rows), (6, 7), rows)  # one more when the full ten minutes come just now
            ran = [row["nominal"] for row in rows if row["state"] == "succeeded"]
            self.assertGreaterEqual(min(ran, default="x"), max(row["nominal"] for row in missed))
            begun = sorted((row["started"], row["nominal"]) for row in rows if row["state"] == "succeeded")
            self.assertEqual([nominal for _, nominal in begun], sorted(nominal for _, nominal in begun))

    def test_the_start_of_the_node_is_an_occurrence_each_time(self):
        self.node.start()
        self.apply(job("boot", "{name: up, when: node-start}"))
        for count in 1, 2:
            self.node.stop(9 if count == 1 else 15)
            self.node.start()
            rows = self.wait_history("boot", f"run {count}", lambda rows, count=count: sum(
                row["state"] == "succeeded" for row in rows) >= count)
            self.assertEqual(len(rows), count, rows)
            self.assertEqual({row["schedule"] for row in rows}, {"up"})
        self.assertEqual(local(self.world, self.node, "job", "list", "-o", "jsonl").rows()[0]["next"], None)

    def test_idle_processors_start_what_waits_for_them(self):
        """The kernel's counters are made up, in a mount namespace of the node's own."""
        stat = self.world.directory / "stat"
        stat.write_text(STAT.format(busy=100, idle=100))
        probe = subprocess.run(["/usr/bin/unshare", "-m", "mount", "--bind", str(stat), "/proc/stat"], capture_output=True,
                               check=False)
        if probe.returncode:
            self.skipTest("needs root: " + probe.stderr.decode().strip())
        (self.node.home / "etc").mkdir(parents=True, mode=0o700)
        self.node.home.chmod(0o700)
        (self.node.home / "etc" / "node.yaml").write_text("idle: {below: 20, for: 2s}\n")
        program = self.world.directory / "bugle-node"
        program.write_text(f"#!/bin/sh\nmount --bind {stat} /proc/stat && exec {self.world.program('bugle-node')} \"$@\"\n")
        program.chmod(0o755)
        child = Process(self.world, "box", ["/usr/bin/unshare", "-m", str(program), "--home", str(self.node.home)])
        child.wait_line(" ready ")
        self.apply(job("tidy", "{name: quiet, when: idle}"))
        busy = idle = 100

        def pass_time(used):
            nonlocal busy, idle
            busy, idle = busy + used, idle + 100 - used
            with open(stat, "r+", encoding="ascii") as file:  # in place: it is mounted
                file.write(STAT.format(busy=busy, idle=idle))

        def runs():
            pass_time(self.used)
            return len(self.history("tidy"))
        self.used = 90
        end = time.monotonic() + 3
        while time.monotonic() < end:
            self.assertEqual(runs(), 0)
        self.used = 5
        wait_for("it runs when it is idle", lambda: runs() == 1)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            self.assertEqual(runs(), 1)  # once
        self.used = 90
        end = time.monotonic() + 3
        while time.monotonic() < end:
            self.assertEqual(runs(), 1)
        self.used = 5
        wait_for("it runs again", lambda: runs() == 2)

    def test_thousands_of_schedules_wake_nobody(self):
        """Counted by the kernel: how often the process went to sleep of its own will in some seconds."""
        self.node.start()
        self.apply(job("one", "{name: main, cron: '30 4 1 1 *'}"))
        one = self.calm()
        for part in range(10):  # a hundred jobs with sixty schedules each
            self.apply("---\n".join(job(f"many{part}-{number}", ", ".join(
                f"{{name: s{index}, cron: '{index} {number} 1 1 *'}}" for index in range(60))) for number in range(10)))
        many = self.calm()
        self.assertLessEqual(many, one + 3)

    def calm(self):
        pid = self.node.process.part("bugle-node")
        wait_for("the node is calm", lambda: self.sleeps(pid, 1) <= 1)
        return self.sleeps(pid, 3)

    @staticmethod
    def sleeps(pid, seconds):
        before = switches(pid)
        time.sleep(seconds)  # the span that is measured
        return switches(pid) - before


def switches(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("voluntary_ctxt_switches"))


if __name__ == "__main__":
    main()
