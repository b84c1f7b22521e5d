#!/usr/bin/python3
"""What a node does by its own clock: occurrences that were missed, the start of the node, zone files that change,
calendars, and how little it is woken."""

import contextlib
import pathlib
import shutil
import sqlite3
import time

from test_local_jobs import local
from world import Node, WorldTest, main, wait_for

def job(name, schedule, more=""):
    return f"job: {name}\nschedules: [{schedule}]\n{more}steps:\n  - {{name: one, script: 'true'}}\n"


class ByItselfTest(WorldTest):
    """Without a broker: what the classes below share."""

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


class Late(ByItselfTest):
    """Occurrences and events."""

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

    def test_a_job_that_deletes_itself_or_has_expired_says_so(self):
        self.node.start()
        self.apply(job("once", "{name: main, every: 1s}", "delete: always\n"))
        self.apply(job("over", "{name: main, every: 1s}", "enabled_until: 2026-01-01\n"))
        rows = self.wait_history("once", "it ran", lambda rows: any(row["state"] == "succeeded" for row in rows))
        self.wait_history("over", "it did not run", lambda rows: any(row["reason"] == "disabled" for row in rows))
        self.node.stop(9)
        self.node.start()
        self.wait_history("over", "it goes on not to run", lambda rows: sum(
            row["reason"] == "disabled" for row in rows) >= 3)
        self.assertEqual(self.history("once"), rows)
        shown = {name: local(self.world, self.node, "job", "show", name, "-o", "json").json() for name in ("once", "over")}
        self.assertTrue(shown["once"]["deleted_itself"])
        self.assertIsNone(shown["once"]["schedules"][0]["next"])
        self.assertIn("enabled_until", shown["over"]["disabled_reason"])

    def test_thousands_of_schedules_wake_nobody(self):
        """Counted by the loop. What wakes the node here is who asks it; that is the same each time."""
        self.node.start()
        self.apply(job("one", "{name: main, cron: '30 4 1 1 *'}"))
        one = self.wakeups()
        for part in range(10):  # a hundred jobs with sixty schedules each
            self.apply("---\n".join(job(f"many{part}-{number}", ", ".join(
                f"{{name: s{index}, cron: '{index} {number} 1 1 *'}}" for index in range(60))) for number in range(10)))
        self.assertLessEqual(self.wakeups(), one + 5)
        self.assertLessEqual(self.counters().get("schedule-wakeups", 0), 1)  # the look at all of them at the start

    def counters(self):
        return local(self.world, self.node, "status", "-o", "json").json()["counters"]

    def wakeups(self):
        """Of a calm node, while twenty questions are asked."""
        calm = wait_for("the node is calm", lambda: self.calm())
        for _ in range(20):
            last = self.counters()["wakeups"]
        return last - calm

    def calm(self):
        """The newest count, when two questions in a row cost no more than they do."""
        counts = [self.counters()["wakeups"] for _ in range(3)]
        return counts[2] if counts[2] - counts[1] == counts[1] - counts[0] else None


class ZonesTest(ByItselfTest):
    """Zone files of the test's own that come, change, break and go while the node runs."""

    ZONE = "{name: main, cron: '30 4 * * *', zone: Test/Zone}"

    def setUp(self):
        super().setUp()
        self.directory = self.world.directory / "zones"
        (self.directory / "Test").mkdir(parents=True)
        self.file = self.directory / "Test" / "Zone"
        self.world.environment["TZDIR"] = str(self.directory)
        self.put("Etc/GMT-5")
        shutil.copy("/usr/share/zoneinfo/UTC", self.directory / "UTC")
        self.node.start()
        self.apply(job("far", self.ZONE))
        self.apply(job("near", "{name: main, cron: '30 4 * * *', zone: UTC}"))

    def put(self, zone):
        new = self.directory / "new"
        shutil.copy(pathlib.Path("/usr/share/zoneinfo") / zone, new)
        new.rename(self.file)

    def rows(self):
        return {row["name"]: row for row in local(self.world, self.node, "job", "list", "-o", "jsonl").rows()}

    def wait_next(self, what, hour):
        """The UTC time at which it is half past four there; None: it does not run."""
        def look():
            at = self.rows()["local/far"]["next"]
            return (at is None) if hour is None else at and f"T{hour}:30:00" in at
        wait_for(what, look, 20)
        self.assertIn("T04:30:00", self.rows()["local/near"]["next"])

    def test_a_zone_file_that_changes_moves_what_is_due(self):
        self.wait_next("five hours east", "23")
        self.put("Etc/GMT+3")
        self.wait_next("three hours west", "07")
        with open(self.file, "r+b") as file:  # written in place
            file.write(pathlib.Path("/usr/share/zoneinfo/Etc/GMT+4").read_bytes())
        self.wait_next("four hours west", "08")

    def test_a_zone_file_that_is_missing_or_damaged_stops_its_schedules_and_is_told(self):
        self.wait_next("five hours east", "23")
        self.file.unlink()
        self.wait_next("gone", None)
        self.assertIn("Test/Zone", self.rows()["local/far"]["problem"])
        shown = local(self.world, self.node, "status", code=1).out
        self.assertIn('1 schedule does not run, the first is "main" of job "local/far"', shown)
        self.assertIn("package tzdata", shown)
        self.node.stop(9)
        self.node.start()  # without the zone
        self.wait_next("still gone", None)
        self.put("Etc/GMT-5")
        self.wait_next("there again", "23")
        self.file.write_bytes(b"TZif2" + b"\xff" * 100)
        self.wait_next("damaged", None)
        self.put("Etc/GMT+3")
        self.wait_next("mended", "07")
        self.assertIsNone(self.rows()["local/far"]["problem"])
        self.assertEqual(self.history("far"), [])


class CalendarTest(WorldTest):
    """With a broker, which has the calendars."""

    def calendar(self, first, last):
        def at(seconds):
            return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + seconds))
        self.world.apply(f"calendar: freeze\nranges: [{{from: {at(first)}, to: {at(last)}, zone: utc}}]\n")

    def test_a_blackout_keeps_jobs_from_running_and_says_so(self):
        self.world.node("db1")
        self.calendar(-7200, -3600)
        self.world.apply("targets: {all: true}\n" + job("often", "{name: main, every: 1s, except: [freeze]}"))
        self.world.wait_history("often", "it runs", lambda rows: any(row["state"] == "succeeded" for row in rows))
        self.calendar(-3600, 3600)  # the job is not posted again
        rows = self.world.wait_history("often", "it is kept out", lambda rows: sum(
            row["reason"] == "window" for row in rows) >= 3)
        out = [row for row in rows if row["reason"] == "window"]
        self.assertEqual({row["message"] for row in out}, {'it is within the calendar "freeze"'})
        self.assertEqual(len({row["nominal"] for row in out}), len(out))
        # Newer than the first that was kept out there is nothing that ran.
        self.assertLess(max(row["nominal"] for row in rows if row["state"] == "succeeded"),
                        min(row["nominal"] for row in out))
        self.calendar(-7200, -3600)
        last = max(row["nominal"] for row in out)
        self.world.wait_history("often", "it runs again", lambda rows: any(
            row["state"] == "succeeded" and row["nominal"] > last for row in rows))


if __name__ == "__main__":
    main()
