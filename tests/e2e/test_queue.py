#!/usr/bin/python3
"""Runs that wait for their turn: seen while they wait, begun in order, stopped, and there after a crash."""

import signal

from world import Node, SharedWorldTest, main, wait_for

JOB = """
job: {name}
targets: {{all: true}}
overlap: {overlap}
steps:
  - name: wait for the gate
    script: 'echo $BUGLE_RUNID >> {begun}; while [ ! -e {gate} ]; do sleep 0.02; done'
"""


class Queue(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.node = cls.world.node("a1")
        cls.number = 0

    def job(self, overlap):
        """A job of its own, whose runs go on until its gate is open."""
        type(self).number += 1
        self.name = f"job{self.number}"
        self.gate = self.world.directory / f"{self.name}.gate"
        self.begun = self.world.directory / f"{self.name}.begun"
        self.world.apply(JOB.format(name=self.name, overlap=overlap, begun=self.begun, gate=self.gate))
        self.world.wait_applied(self.name, 1)

    def start(self):
        return self.world.bugle("job", "start", self.name, "-o", "json").json()["id"]

    def rows(self):
        """By execution."""
        return {row["exec"]: row for row in self.world.history(self.name)}

    def wait_state(self, execution, state):
        def look():
            row = self.rows().get(execution)
            return row if row and row["state"] == state else None
        return wait_for(f"{execution} is {state}", look)

    def wait_begun(self, count):
        wait_for(f"{count} runs have begun", lambda: self.begun.exists() and
                 len(self.begun.read_text().splitlines()) >= count)

    def test_queue_lets_one_wait_and_runs_it_next(self):
        self.job("queue")
        first = self.start()
        self.wait_begun(1)
        second = self.start()
        self.wait_state(second, "waiting")
        third = self.start()
        self.assertEqual(self.wait_state(third, "not-run")["reason"], "overlap")
        self.gate.touch()
        self.assertEqual(self.wait_state(first, "succeeded")["steps"][0]["state"], "succeeded")
        row = self.wait_state(second, "succeeded")
        self.assertIsNotNone(row["queued"])
        self.assertGreater(row["started"], row["queued"])
        self.assertEqual(len(set(self.begun.read_text().split())), 2)

    def test_replace_ends_the_run_and_takes_its_place(self):
        self.job("replace")
        first = self.start()
        self.wait_begun(1)
        second = self.start()
        row = self.wait_state(first, "canceled")
        self.assertIn("replaced by run", row["message"])
        self.wait_begun(2)
        self.gate.touch()
        self.wait_state(second, "succeeded")

    def test_a_stop_ends_what_runs_and_what_waits(self):
        self.job("queue")
        first = self.start()
        self.wait_begun(1)
        second = self.start()
        self.wait_state(second, "waiting")
        self.world.bugle("job", "stop", self.name)
        self.assertEqual(self.wait_state(first, "canceled")["reason"], "stop")
        self.assertIn("before its turn came", self.wait_state(second, "canceled")["message"])
        self.assertEqual(len(self.begun.read_text().split()), 1)

    def test_what_waits_is_there_after_everything_was_killed(self):
        self.job("queue")
        first = self.start()
        self.wait_begun(1)
        second = self.start()
        self.wait_state(second, "waiting")
        self.node.stop(signal.SIGKILL)
        self.gate.touch()
        self.node.start()
        self.wait_state(first, "succeeded")
        self.wait_state(second, "succeeded")
        self.assertEqual(len(set(self.begun.read_text().split())), 2)


class Local(SharedWorldTest):
    """The limit of a machine, with its own jobs: no broker is needed."""

    @classmethod
    def prepare(cls):
        cls.node = Node(cls.world, "box")

    def local(self, *arguments, **more):
        return self.world.run("bugle-node", *arguments, "--home", str(self.node.home), **more)

    def test_further_runs_wait_in_order(self):
        order = self.world.directory / "order"
        gates = {name: self.world.directory / f"gate.{name}" for name in "abc"}
        for name, gate in gates.items():
            script = f"echo {name} >> {order}; while [ ! -e {gate} ]; do sleep 0.02; done"
            self.local("job", "apply", "-", input=f"job: {name}\nsteps: [{{name: s, script: '{script}'}}]\n")
        policy = self.node.home / "etc" / "policy"
        policy.write_text(policy.read_text().replace("# runs = 100", "runs = 1"))
        self.node.start()
        for name in "cab":
            self.local("job", "start", f"local/{name}")
        status = wait_for("two wait", lambda: [
            row for row in self.local("history", "-o", "jsonl").rows() if row["state"] == "waiting"][1:])
        self.assertTrue(status)
        for name in "cab":
            gates[name].touch()
        rows = wait_for("all are over", lambda: [
            row for row in self.local("history", "-o", "jsonl").rows() if row["state"] == "succeeded"][2:])
        self.assertTrue(rows)
        self.assertEqual(order.read_text().split(), ["c", "a", "b"])
        self.node.stop()


if __name__ == "__main__":
    main()
