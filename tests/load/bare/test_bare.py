#!/usr/bin/python3
"""bugle-bare: every mode with twenty targets prints one line of JSON that holds together, and loses nothing."""

import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import tempfile
import unittest

BARE = str(pathlib.Path(os.environ["BUGLE_BIN"]) / "bugle-bare")
TARGETS = 20
ROUNDS = 2
SMALL = ("--targets", str(TARGETS), "--rounds", str(ROUNDS), "--deliveries", "2000", "--seconds", "1",
         "--pause", "200")
MODES = ("handshakes", "memory", "fanout", "burst", "round", "start", "ingest", "storm", "fanout", "round")
DEADLINE = 50


def run(*arguments):
    """The finished process and its lines, decoded."""
    done = subprocess.run((BARE, *arguments), capture_output=True, text=True, timeout=DEADLINE, check=False)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def children_of(pid):
    """The processes that a process has started, oldest first."""
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Modes(unittest.TestCase):
    def check_lines(self, lines):
        self.assertEqual([line["mode"] for line in lines], list(MODES))
        for line in lines:
            self.assertEqual(line["targets"], TARGETS)
            if "p50_us" in line:
                self.assertLessEqual(0, line["p50_us"])
                self.assertLessEqual(line["p50_us"], line["p99_us"])
                self.assertLessEqual(line["p99_us"], line["last_us"])
            if line["mode"] in ("fanout", "round", "start"):
                self.assertEqual(line["messages"], ROUNDS * TARGETS)
                self.assertGreater(line["server_cpu_us_per_message"], 0)
        self.assertEqual(lines[3]["messages"], 2000)
        self.assertGreater(lines[6]["messages"], TARGETS)

    def test_each_mode_with_sockets_of_their_own(self):
        done, lines = run(*SMALL, "--processes", "2", *MODES)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_lines(lines)
        self.assertEqual({line["processes"] for line in lines}, {2})

    def test_each_mode_with_one_shared_socket(self):
        done, lines = run(*SMALL, "--shared", *MODES)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_lines(lines)


class Stores(unittest.TestCase):
    def test_a_row_for_each_answered_result(self):
        with tempfile.TemporaryDirectory() as home:
            store = f"{home}/rows.db"
            done, lines = run(*SMALL, "--store", store, "--per", "3", "start", "ingest")
            self.assertEqual(done.returncode, 0, done.stderr)
            # All greet once, and the first round is not measured.
            greetings_and_warm_up = 2 * TARGETS
            answered = sum(line["messages"] for line in lines) + greetings_and_warm_up
            with sqlite3.connect(store) as db:
                self.assertEqual(db.execute("SELECT count(*) FROM result").fetchone()[0], 3 * answered)
            db.close()

    def test_rows_alone(self):
        with tempfile.TemporaryDirectory() as home:
            done, lines = run("--rows", "1000", "--commit-rows", "100", "--store", f"{home}/rows.db", "rows")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(lines[0]["rows"], 1000)
            self.assertEqual(len(lines[0]["fifths"]), 5)


class Failures(unittest.TestCase):
    def test_wrong_words_are_named(self):
        for arguments, word in ((("fanout", "flood"), "flood"), (("rows",), "--store"), ((), "mode"),
                                (("--targets", "0", "fanout"), "--targets")):
            done, _ = run(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stderr)

    def test_a_part_that_dies_fails_the_run(self):
        started = subprocess.Popen((BARE, "--targets", "4", "--seconds", "30", "handshakes", "ingest"),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with started:
            self.assertIn("handshakes", started.stdout.readline())
            os.kill(children_of(started.pid)[-1], signal.SIGKILL)
            _, errors = started.communicate(timeout=DEADLINE)
            self.assertEqual(started.returncode, 1)
            self.assertIn("ended by itself", errors)


if __name__ == "__main__":
    unittest.main()
