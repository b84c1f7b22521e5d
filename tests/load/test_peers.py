#!/usr/bin/python3
"""How the rows of the peers are judged, without a broker: bounds, what is missing, and above all that loss is seen."""

import collections
import importlib.machinery
import importlib.util
import json
import pathlib
import tempfile
import types
import unittest

from lab import peers_cron, peers_faults, peers_goals, peers_report, peers_speed

HERE = pathlib.Path(__file__).parent


def the_program():
    loader = importlib.machinery.SourceFileLoader("peers", str(HERE / "peers"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("peers", loader))
    loader.exec_module(module)
    return module


def outcome(target, state="succeeded"):
    return {"target": target, "state": state, "stored": "2026-11-23T04:00:00Z"}


class Judging(unittest.TestCase):
    def setUp(self):
        self.findings = peers_report.Findings()
        self.peers = types.SimpleNamespace(findings=self.findings)

    def test_less_is_better_but_for_rates(self):
        self.assertTrue(peers_goals.is_met("R1", "wall", 0.4, 0.45))
        self.assertFalse(peers_goals.is_met("R1", "wall", 0.5, 0.45))
        self.assertTrue(peers_goals.is_met("R4", "rate", 500, 420))
        self.assertFalse(peers_goals.is_met("R4", "rate", 400, 420))
        self.assertAlmostEqual(peers_goals.ratio("R4", "rate", 840, 420), 2)
        self.assertAlmostEqual(peers_goals.ratio("R3", "CPU", 0.125, 0.25), 2)

    def test_a_bound_that_was_not_measured_is_not_met(self):
        self.assertFalse(self.findings.is_row_met("R13"))
        self.findings.add("R13", "p99", 0.1)
        self.assertFalse(self.findings.is_row_met("R13"))
        self.findings.add("R13", "missed", 0)
        self.assertTrue(self.findings.is_row_met("R13"))

    def test_a_peer_of_the_same_run_gives_the_bound(self):
        self.findings.add("R2", "wall", 0.3)
        self.findings.add("R2", "CPU", 0.9)
        self.assertTrue(self.findings.is_row_met("R2"))
        self.findings.bound("R2", "CPU", 0.8, "pdsh in this run")
        self.assertFalse(self.findings.is_row_met("R2"))

    def test_loss_misses_the_row_and_is_said_last(self):
        self.findings.add("R11", "lost", 0)
        self.assertEqual(self.findings.last_line(["R11"]), "1 row: 1 met; nothing lost or doubled")
        self.findings.lose("R11", "n001: no outcome")
        self.assertEqual(self.findings.last_line(["R11"]), "1 row: 0 met, missed: R11; LOST OR DOUBLED: R11")
        self.assertIn("LOST OR DOUBLED: n001: no outcome", self.findings.text(["R11"]))
        self.assertIn("n001: no outcome", self.findings.markdown(["R11"]))
        self.assertFalse(json.loads(json.dumps(self.findings.json(["R11"])))["R11"]["met"])

    def test_outcomes_and_effects_have_to_agree(self):
        names = ["n001"]
        for rows, effects, well in (([outcome("n001")], 1, True), ([], 1, False), ([outcome("n001")], 0, False),
                                    ([outcome("n001")] * 2, 1, False), ([outcome("n001")], 2, False),
                                    ([outcome("n001", "failed")], 1, False)):
            self.findings.lost.clear()
            peers_faults.judge(self.peers, "R9", "here", rows, collections.Counter({"n001": effects}), names)
            self.assertEqual(not self.findings.lost, well, (rows, effects))

    def test_scheduled_runs_are_compared_by_their_ids(self):
        row = {"run": "a", "state": "succeeded", "reason": None}
        off = {"run": "b", "state": "not-run", "reason": "disabled"}
        for rows, ran, lost, well in (([row, off], {"a": 1}, 0, True), ([off], {"a": 1}, 1, False), ([row], {}, 0, False),
                                      ([row, row], {"a": 1}, 0, False), ([row], {"a": 2}, 0, False),
                                      ([{**row, "state": "interrupted"}], {"a": 1}, 1, False)):
            self.findings.lost.clear()
            fleet = types.SimpleNamespace(rows=lambda *_, rows=rows: rows)
            self.assertEqual(peers_faults.compare_ticks(self.peers, fleet, collections.Counter(ran))[0], lost)
            self.assertEqual(not self.findings.lost, well, (rows, ran))

    def test_executions_that_did_not_succeed_everywhere_are_loss(self):
        peers_speed.check_done(self.peers, "R5", {"x": {"id": "x", "succeeded": 1}}, 1)
        self.assertFalse(self.findings.lost)
        peers_speed.check_done(self.peers, "R5", {"x": {"id": "x", "succeeded": 0}}, 1)
        self.assertIn("R5", self.findings.lost)

    def test_lateness_of_cron_counts_from_the_minute(self):
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "entry.0").write_text("59.9\n61.5\n121.25\n200.0\n", encoding="ascii")
            self.assertEqual(peers_cron.Cron(pathlib.Path(directory)).starts(60, 2), [1.5, 1.25])


class Program(unittest.TestCase):
    def setUp(self):
        self.program = the_program()

    def test_every_row_has_its_work_and_every_work_its_row(self):
        self.assertEqual({row for row, _ in self.program.ORDER}, set(peers_goals.ROWS))

    def test_a_row_that_breaks_is_loss_and_the_next_is_still_done(self):
        done = []

        def breaks(_):
            raise RuntimeError("the broker did not start")
        self.program.ORDER = (("R4", breaks), ("R5", done.append))
        peers = self.program.Peers(HERE, True)
        self.program.run_rows(peers, ["R4", "R5"], lambda text: None)
        self.assertEqual(done, [peers])
        self.assertIn("the broker did not start", peers.findings.lost["R4"][0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
