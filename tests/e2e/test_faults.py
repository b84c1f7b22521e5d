#!/usr/bin/python3
"""Processes that are killed, brokers that go away: nothing acknowledged is lost, nothing is done twice."""

import os
import shutil
import signal

from world import WorldTest, main, wait_for

GATED = """
job: gated
targets: {{all: true}}
steps:
  - name: wait for the gate
    script: |
      echo begun >> {gate}.begun
      while [ ! -e {gate} ]; do sleep 0.05; done
      echo ended
"""


class Kills(WorldTest):
    def gated(self):
        gate = self.world.directory / "gate"
        self.world.apply(GATED.format(gate=gate))
        self.world.bugle("job", "start", "gated")
        begun = gate.with_suffix(".begun")
        wait_for("the step runs", begun.exists)
        return gate

    def check_one_success(self, gate):
        gate.touch()
        rows = self.world.wait_history(
            "gated", "the outcome is reported", lambda rows: rows and rows[0]["state"] == "succeeded")
        self.assertEqual(len(rows), 1)
        self.assertIn("ended", rows[0]["steps"][0]["output"])
        self.assertEqual(gate.with_suffix(".begun").read_text().splitlines(), ["begun"])

    def test_bugle_exec_killed_while_a_step_runs(self):
        node = self.world.node("a1")
        gate = self.gated()
        os.kill(node.process.part("bugle-exec"), signal.SIGKILL)
        self.check_one_success(gate)

    def test_node_killed_while_a_step_runs(self):
        node = self.world.node("a1")
        gate = self.gated()
        os.kill(node.process.part("bugle-node"), signal.SIGKILL)
        self.check_one_success(gate)

    def test_all_of_the_node_ends_and_the_step_ends_meanwhile(self):
        node = self.world.node("a1")
        gate = self.gated()
        self.assertEqual(node.stop(), 0)
        gate.touch()
        node.start()
        self.check_one_success(gate)

    def test_node_and_bugle_exec_killed_together_and_started_again(self):
        node = self.world.node("a1")
        gate = self.gated()
        node.stop(signal.SIGKILL)
        node.start()
        self.check_one_success(gate)

    def test_supervisor_killed_is_interrupted(self):
        node = self.world.node("a1")
        self.gated()
        executor = node.process.part("bugle-exec")
        supervisors = [pid for pid in children_of(executor)]
        self.assertEqual(len(supervisors), 1)
        os.kill(supervisors[0], signal.SIGKILL)
        rows = self.world.wait_history(
            "gated", "the run is interrupted", lambda rows: rows and rows[0]["state"] == "interrupted")
        self.assertEqual(len(rows), 1)

    def test_front_killed_is_back_and_nodes_go_on(self):
        self.world.node("a1")
        self.world.apply('job: quick\ntargets: {all: true}\nsteps: [{name: s, run: ["true"]}]\n')
        self.world.bugle("job", "start", "quick", "--wait")
        front = self.world.broker.part("front")
        os.kill(front, signal.SIGKILL)
        wait_for("another front", lambda: self.world.broker.part("front") != front, 2)
        self.world.bugle("job", "start", "quick", "--wait")
        self.assertEqual(len(self.world.history("quick")), 2)

    def test_core_killed_recovers_from_its_store(self):
        self.world.node("a1")
        self.world.apply('job: quick\ntargets: {all: true}\nsteps: [{name: s, run: ["true"]}]\n')
        self.world.bugle("job", "start", "quick", "--wait")
        core = self.world.broker.part("core")
        os.kill(core, signal.SIGKILL)
        wait_for("another core", lambda: self.world.broker.part("core") != core)
        wait_for("the broker answers", lambda: self.world.bugle("status", code=None).code == 0)
        self.world.bugle("job", "start", "quick", "--wait")
        self.assertEqual(len(self.world.history("quick")), 2)

    def test_a_start_is_done_once_however_often_the_node_dies(self):
        node = self.world.node("a1")
        marks = self.world.directory / "marks"
        self.world.apply(f'job: once\ntargets: {{all: true}}\nsteps: [{{name: s, script: "echo x >> {marks}"}}]\n')
        self.world.wait_applied("once", 1)
        for _ in range(6):
            self.world.bugle("job", "start", "once")
            for part in ("bugle-node", "bugle-exec"):
                os.kill(node.process.part(part), signal.SIGKILL)
        rows = self.world.wait_history(
            "once", "all six have an end", lambda rows: len(rows) == 6 and all(row["finished"] for row in rows))
        succeeded = [row for row in rows if row["state"] == "succeeded"]
        self.assertLessEqual(len(marks.read_text().splitlines()) if marks.exists() else 0, 6)
        self.assertGreaterEqual(len(marks.read_text().splitlines()), len(succeeded))
        self.assertEqual(len({row["run"] for row in rows}), 6)


class OlderCopy(WorldTest):
    """A broker whose store was put back to an older copy says so and hands nothing new out; resumed, it goes on and lets
    nothing happen twice."""

    def copy(self):
        store = next(self.world.home.rglob("broker.db")).parent
        copy = self.world.directory / "copy"
        copy.mkdir()
        for file in store.glob("broker.db*"):
            shutil.copy(file, copy / file.name)
        return store, copy

    def put_back(self, store, copy):
        for file in store.glob("broker.db*"):
            file.unlink()
        for file in copy.iterdir():
            shutil.copy(file, store / file.name)

    def test_nothing_is_done_twice_and_the_work_goes_on(self):
        node = self.world.node("a1")
        marks = self.world.directory / "marks"
        job = f'job: once\ntargets: {{all: true}}\nsteps: [{{name: s, script: "echo x >> {marks}"}}]\n'
        self.world.apply(job)
        self.world.wait_applied("once", 1)
        node.stop()
        self.world.bugle("job", "start", "once")
        self.world.stop_broker()
        store, copy = self.copy()
        # The START is done and reported; then the broker forgets all of it and sends the START again.
        self.world.start_broker()
        node.start()
        self.world.wait_history("once", "the START is done", lambda rows: rows and rows[0]["state"] == "succeeded")
        self.world.apply(job.replace("job: once", "job: once\ndescription: newer"))
        self.world.wait_applied("once", 1)
        self.world.stop_broker(signal.SIGKILL)
        self.put_back(store, copy)
        broker = self.world.start_broker()
        broker.wait_line("position-ahead")
        # It is restored: nothing new is handed out before somebody has looked at it.
        self.world.bugle("broker", "restore", "--resume", "--yes")
        wait_for("the START is acknowledged again", lambda: self.world.bugle(
            "exec", "list", "-o", "jsonl").rows()[0]["pending"] == 0)
        self.assertEqual(marks.read_text(), "x\n")
        # A definition that is newer than what targets hold counts, and is started.
        self.world.apply(job.replace("job: once", "job: once\ndescription: newest"))
        self.world.wait_applied("once", 1)
        self.world.bugle("job", "start", "once", "--wait")
        self.assertEqual(marks.read_text(), "x\nx\n")


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return [int(child) for child in children.read().split()]


if __name__ == "__main__":
    main()
