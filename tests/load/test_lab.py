#!/usr/bin/python3
"""The load lab without a broker: percentiles, goals, the report, plots, ballast, and above all that loss is seen."""

import contextlib
import io
import json
import os
import pathlib
import socket
import sqlite3
import tempfile
import threading
import types
import unittest
import unittest.mock
import xml.etree.ElementTree as tree

from lab import ballast, checks, goals, kernel, main, plot, report
from lab.bench import Lab, id_bytes
from lab.broker import Failed
from lab.figures import number
from lab.measures import Measures, percentile
from lab.scenario_nodes import sleeping_job
from lab.scenario_parts import SCHEDULE_ROW, SIM_RATE
from lab.swarm import Swarm

EXECUTION = bytes.fromhex("019a3d20a0a47988aa445c5dcc45a36a")
RUN_TABLE = """CREATE TABLE run (row INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER, number INTEGER, run BLOB, exec BLOB,
    state INTEGER, reason TEXT, started_us INTEGER, finished_us INTEGER, stored_us INTEGER, at_us INTEGER, bytes BLOB)"""
SHOWN = {"id": "01m839w8wy65aachhbq868qjd9", "job": "a", "targets": 3, "succeeded": 3, "pending": 0, "running": 0, "failed": 0,
         "canceled": 0, "interrupted": 0, "not_run": 0, "silent": 0, "waiting": 0}


class Store:
    """A file with the tables that the checks read, as a stopped broker leaves it."""

    def __init__(self, directory):
        self.path = directory / "broker.db"
        with self.open() as db:
            db.execute(RUN_TABLE)
            db.execute("CREATE TABLE open_run (run BLOB)")
            db.execute("CREATE TABLE target (number INTEGER PRIMARY KEY)")
            db.execute("CREATE TABLE job (row INTEGER PRIMARY KEY, key BLOB UNIQUE, name TEXT)")
            db.executemany("INSERT INTO target VALUES (?)", [(1,), (2,), (3,)])

    @contextlib.contextmanager
    def open(self):
        with contextlib.closing(sqlite3.connect(self.path)) as db, db:
            yield db

    def run(self, target, execution=EXECUTION, run=None):
        with self.open() as db:
            db.execute("INSERT INTO run (job, number, run, exec, state, reason, started_us, finished_us, stored_us, at_us, bytes) "
                       "VALUES (1, ?, ?, ?, 1, '', 5, 6, 7, 5, x'00')", (target, run or os.urandom(16), execution))


class StoreTest(unittest.TestCase):
    """What the exit code of the lab hangs on: the counts in the store of the stopped broker."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.store = Store(pathlib.Path(directory.name))
        self.expected = {EXECUTION: ("START x", 3)}
        for target in (1, 2, 3):
            self.store.run(target)

    def faults(self, **more):
        return checks.store(self.store.path, self.expected, **more)

    def test_one_row_for_each_target_is_well(self):
        self.assertEqual(self.faults(), [])

    def test_a_lost_outcome_is_seen(self):
        with self.store.open() as db:
            db.execute("DELETE FROM run WHERE number = 2")
        self.assertEqual(self.faults(), ["START x: 1 of 3 outcomes are not in the history"])

    def test_a_start_without_any_outcome_is_seen(self):
        self.expected[b"\1" * 16] = ("START y", 3)
        self.assertEqual(self.faults(), ["START y: 3 of 3 outcomes are not in the history"])

    def test_a_doubled_outcome_is_seen(self):
        self.store.run(2)
        self.assertEqual(self.faults(), ["START x: 1 outcomes are in the history more than once"])

    def test_a_lost_and_a_doubled_outcome_do_not_make_up_for_each_other(self):
        with self.store.open() as db:
            db.execute("DELETE FROM run WHERE number = 2")
        self.store.run(3)
        self.assertEqual(len(self.faults()), 2)

    def test_an_execution_that_nobody_started_is_seen(self):
        self.store.run(1, b"\2" * 16)
        self.assertIn("nobody started", self.faults()[0])

    def test_two_runs_with_one_id_are_seen(self):
        for target in (1, 2):
            self.store.run(target, None, b"\3" * 16)
        self.assertEqual(self.faults(produced=2), ["1 runs are in the history under the id of another one"])

    def test_produced_outcomes_are_counted(self):
        self.store.run(1, None)
        self.assertEqual(self.faults(produced=1), [])
        self.assertEqual(self.faults(produced=2), ["1 outcomes without a START are in the history, 2 were acknowledged"])
        self.assertEqual(len(self.faults(produced=0)), 1)

    def test_an_open_run_is_seen(self):
        with self.store.open() as db:
            db.execute("INSERT INTO open_run VALUES (x'01')")
        self.assertEqual(self.faults(), ["1 runs are open at the broker"])

    def test_ballast_has_the_shape_of_what_is_there_and_is_not_counted(self):
        last = ballast.fill(self.store.path, 7, [(b"k1", "one"), (b"k2", "two")])
        self.assertEqual(last, 3 + 9)  # whole executions of three targets
        self.assertEqual(self.faults(rows_before=last)[0], "START x: 3 of 3 outcomes are not in the history")
        self.expected.clear()
        self.assertEqual(self.faults(rows_before=last), [])
        with self.store.open() as db:
            self.assertEqual(db.execute("SELECT count(DISTINCT run), count(DISTINCT exec), count(DISTINCT job), min(bytes) "
                                        "FROM run WHERE row > 3").fetchone(), (9, 3, 2, b"\0"))
        self.assertEqual(checks.rows(self.store.path), last)


class CheckTest(unittest.TestCase):
    def test_a_start_that_all_ran_is_well(self):
        self.assertEqual(checks.execution(SHOWN, 3), [])

    def test_a_start_that_one_did_not_run_is_seen(self):
        self.assertIn("2 of 3 succeeded (1 silent)", checks.execution(dict(SHOWN, succeeded=2, silent=1), 3)[0])

    def test_a_start_that_was_meant_for_fewer_is_seen(self):
        self.assertEqual(len(checks.execution(dict(SHOWN, targets=2), 3)), 1)

    def test_a_run_that_began_twice_is_seen(self):
        self.assertEqual(len(checks.swarm_execution({"begun": 4, "over": 3}, "START x", 3)), 1)
        self.assertEqual(checks.swarm_execution({"begun": 3, "over": 3}, "START x", 3), [])

    def test_what_is_left_in_the_swarm_is_seen(self):
        self.assertEqual(checks.settled({"outbox": 0, "open_runs": 0}), [])
        self.assertEqual(len(checks.settled({"outbox": 1, "open_runs": 2, "refused_items": 3, "doubled": 4})), 4)

    def test_growth_has_a_bound(self):
        self.assertEqual(checks.growth("front", 500_000, 600_000), [])
        self.assertEqual(len(checks.growth("front", 500_000, 800_000)), 1)
        self.assertEqual(len(checks.growth("front", 500_000, 800_000, runs=1_000_000)), 1)
        self.assertEqual(checks.growth("front", 500_000, 800_000, targets=2_000), [])
        self.assertEqual(len(checks.growth("core", 500_000, 800_000, targets=2_000)), 1)
        self.assertEqual(checks.growth("swarm", 500_000, 1_200_000, runs=600_000), [])
        self.assertEqual(len(checks.growth("swarm", 500_000, 1_200_000, runs=1_000)), 1)
        self.assertEqual(checks.descriptors("front", 20_000, 20_010), [])
        self.assertEqual(len(checks.descriptors("front", 20_000, 20_100)), 1)


class FigureTest(unittest.TestCase):
    def test_percentiles_are_values_that_were_seen(self):
        values = list(range(1, 101))
        self.assertEqual([percentile(values, percent) for percent in (1, 50, 99, 100)], [1, 50, 99, 100])
        self.assertEqual(percentile([7], 99), 7)
        self.assertRaises(ValueError, percentile, [], 50)

    def test_numbers_have_three_digits(self):
        self.assertEqual([number(value) for value in (0, 1.234, 12.34, 123.4, 12345.6, None)],
                         ["0", "1.23", "12.3", "123", "12,346", "-"])

    def test_samples_add_up_and_keep_their_unit(self):
        measures = Measures()
        measures.add("start", "last", "ms", 3)
        figure = measures.add("start", "last", "ms", 1, 2, bare=("fanout", 4))
        self.assertEqual((figure.median, figure.ratio), (2, 0.5))
        self.assertRaises(ValueError, measures.add, "start", "last", "s", 1)

    def test_an_id_is_its_sixteen_bytes(self):
        self.assertEqual(id_bytes("0" * 25 + "z"), bytes(15) + b"\x1f")
        self.assertEqual(id_bytes("7" + "z" * 25), b"\xff" * 16)

    def test_the_kernel_tells_of_this_process(self):
        pid = os.getpid()
        self.assertGreater(kernel.cpu_us(pid), 0)
        self.assertGreater(kernel.resident_kib(pid)[0], kernel.memory_kib(pid)[1])
        self.assertGreaterEqual(kernel.descriptors(pid), 3)
        self.assertIn(pid, kernel.descendants(os.getppid()))
        self.assertTrue(kernel.command_line(pid))


class GoalTest(unittest.TestCase):
    def judged(self, **values):
        measures = Measures()
        for key, (value, bare) in values.items():
            measures.add("x", key, "ms", value, goal=key.replace("_", "-"), bare=("bare", bare) if bare else None)
        return goals.judge(measures.by_goal())

    def test_each_goal_has_a_key_of_its_own_and_all_rows_are_there(self):
        self.assertEqual(len({goal.key for goal in goals.GOALS}), len(goals.GOALS))
        self.assertEqual(sorted({goal.row for goal in goals.GOALS}), list(range(1, goals.ROWS + 1)))

    def test_bounds_from_above_and_from_below(self):
        self.assertEqual(goals.rows_reached(self.judged(start_cpu=(80, None), enlist=(500, None))), (2, 2))
        self.assertEqual(goals.rows_reached(self.judged(start_cpu=(81, None), enlist=(499, None))), (0, 2))

    def test_a_row_with_two_goals_needs_both(self):
        self.assertEqual(goals.rows_reached(self.judged(start_begun=(300, 200))), (1, 1))
        self.assertEqual(goals.rows_reached(self.judged(start_begun=(300, 100))), (0, 1))

    def test_what_was_not_measured_is_not_counted(self):
        self.assertEqual(goals.rows_reached(self.judged()), (0, 0))
        self.assertEqual(goals.rows_reached(self.judged(start_begun=(300, None))), (1, 1))


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.measures = Measures()
        self.measures.add("start", "begun", "ms", 100, 300, 200, goal="start-begun", bare=("fanout: p99_us", 150))
        self.measures.add("start", "cpu", "us", 90, goal="start-cpu")
        self.judged = goals.judge(self.measures.by_goal())
        self.facts = {"targets": 9900, "cpus": 2}
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name) / "new"

    def test_the_last_line_is_one_sentence(self):
        self.assertEqual(report.sentence(9900, self.judged, []),
                         "9,900 targets: 1 of 2 figures reached, nothing lost, doubled or leaked")
        self.assertEqual(report.sentence(300, self.judged, ["x"], ["small"]),
                         "300 targets: 1 of 2 figures reached, 1 thing lost, doubled or leaked; small")

    def test_files_hold_every_sample_and_the_ratio(self):
        series = {"cpu": {"title": "CPU <of> all", "x": "s", "y": "%", "lines": {"front": [(0, 1), (1, 50)], "none": []}},
                  "empty": {"title": "", "x": "", "y": "", "lines": {"a": []}}}
        text = report.write(self.directory, self.facts, self.measures, self.judged, ["one row twice"], series, "the end")
        self.assertIn("| 1 | START to all: verified and begun, p99 | <= 350 ms | 200 (100 - 300) ms | 150 ms | 1.33 | met |", text)
        self.assertIn("<= 80.0 us | 90.0 us | - | - | **missed** |", text)
        self.assertIn("- one row twice", text)
        self.assertTrue(text.endswith("the end\n"))
        value = json.loads((self.directory / "report.json").read_text())
        self.assertEqual(value["figures"][0]["samples"], [100, 300, 200])
        self.assertEqual(value["faults"], ["one row twice"])
        self.assertEqual(sorted(path.name for path in self.directory.glob("*.svg")), ["cpu.svg", "goals.svg"])
        for path in self.directory.glob("*.svg"):
            tree.parse(path)

    def test_plots_of_nothing_and_of_zeros_are_still_plots(self):
        for series in ({}, {"a": [(0, 0)]}, {"a": [(0, 0), (1e-6, 1e9)]}):
            tree.fromstring(plot.lines("t", "x", "y", series))
        tree.fromstring(plot.bars("t", [("a", 0, "0"), ("b", 99, "99")]))


class CommandTest(unittest.TestCase):
    def parse(self, *arguments):
        with contextlib.redirect_stderr(io.StringIO()) as err:
            try:
                return main.parse(list(arguments))
            except SystemExit as end:
                return end.code, err.getvalue()

    def test_an_unknown_scenario_is_named_with_those_there_are(self):
        code, err = self.parse("--only", "start,strat")
        self.assertEqual(code, 2)
        self.assertIn("no scenario is called 'strat'; there are enlist, ", err)

    def test_what_could_not_be_used_later_is_refused_at_once(self):
        for arguments, words in ((("--bin", "/nowhere"), "has no bugle-swarm"), (("--report", "/proc/x"), "nothing can be written")):
            code, err = self.parse(*arguments)
            self.assertEqual(code, 2)
            self.assertIn(words, err)

    def test_quick_has_no_ballast_and_leaves_out_what_takes_minutes(self):
        given = self.parse("--quick")
        self.assertEqual(given.rows, 0)
        self.assertNotIn("nodes", given.only)
        self.assertEqual(self.parse().rows, goals.HISTORY_ROWS)
        self.assertEqual(self.parse("--only", "start,burst", "--without", "burst").only, ["start"])

    def test_the_descriptor_limit_says_how_many_fit(self):
        self.assertEqual(main.fitting_targets(20_000), 9_900)
        self.assertEqual(main.fitting_targets(1_024), 400)

    def test_a_fault_is_exit_code_1_and_a_missed_goal_is_not(self):
        measures = Measures()
        measures.add("start", "cpu", "us", 1000, goal="start-cpu")
        for faults, code in (([], 0), (["an outcome was lost"], 1)):
            lab = types.SimpleNamespace(measures=measures, faults=faults, targets=300, series={})
            with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(io.StringIO()) as out:
                given = types.SimpleNamespace(report=directory, quick=True)
                self.assertEqual(main.tell(lab, {"targets": 300}, given), code)
            self.assertIn("300 targets: 0 of 1 figures reached", out.getvalue().splitlines()[-1])

    def test_a_scenario_that_fails_is_a_fault_and_ends_the_run(self):
        lab = unittest.mock.Mock(spec=Lab, scenario="start", faults=[], bare=unittest.mock.Mock(), is_quick=True)
        lab.fault.side_effect = lab.faults.append
        lab.open.side_effect = Failed("it did not listen")
        main.measure(lab, ["start", "nodes"])
        self.assertEqual(len(lab.faults), 1)
        self.assertIn("it did not listen", lab.faults[0])

    def test_the_figures_of_parts_are_found_in_what_they_print(self):
        text = ("| form | zone | median, us | 99 %, us |\n|---|---|---|---|\n| cron `30 2 * * *`    | Europe/Berlin  |   0.18 |   0.29 |\n"
                "| every 90 s           | Europe/Berlin  |   0.03 |   0.05 |\n")
        self.assertEqual([row["median"] for row in SCHEDULE_ROW.finditer(text)], ["0.18", "0.03"])
        self.assertEqual(SIM_RATE.search("40 seeds\n312345 steps a second of one processor, 3 us each\n")["rate"], "312345")

    def test_jobs_that_sleep_are_due_at_a_time_of_their_own(self):
        texts = [sleeping_job(i, 10_000).split("cron: ")[1] for i in range(0, 10_000, 9)]
        self.assertEqual(len(set(texts)), len(texts))


class ControlTest(unittest.TestCase):
    """The swarm's control socket, with somebody who answers as it would."""

    def setUp(self):
        here, self.there = socket.socketpair()
        self.swarm = Swarm.__new__(Swarm)
        self.swarm.socket, self.swarm.lines, self.swarm.asked = here, here.makefile("rb"), 300
        self.swarm.log_text = lambda: "its log"
        self.addCleanup(lambda: (self.swarm.lines.close(), here.close(), self.there.close()))

    def answer(self, *lines):
        def work():
            with self.there.makefile("rwb") as file:
                for line in lines:
                    self.asked.append(file.readline().decode().strip())
                    file.write(line.encode() + b"\n")
                    file.flush()
        self.asked = []
        thread = threading.Thread(target=work)
        thread.start()
        self.addCleanup(thread.join)

    def test_a_wait_that_is_not_fulfilled_tells_how_many_were(self):
        self.answer('{"ok": true, "count": 300}', '{"ok": false, "count": 299}', '{"targets": 300}')
        self.assertEqual(self.swarm.wait("current", 5)["count"], 300)
        with self.assertRaisesRegex(Failed, "299 of 300"):
            self.swarm.wait("current", 5)
        self.assertEqual(self.asked, ["wait current 5", "wait current 5", "status"])

    def test_an_error_and_a_hang_up_are_failures(self):
        self.answer('{"error": "no such word"}')
        with self.assertRaisesRegex(Failed, "no such word"):
            self.swarm.ask("dance")
        self.there.shutdown(socket.SHUT_RDWR)
        with self.assertRaisesRegex(Failed, "hung up"):
            self.swarm.status()


if __name__ == "__main__":
    unittest.main(verbosity=2)
