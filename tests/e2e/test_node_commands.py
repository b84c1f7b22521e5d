#!/usr/bin/python3
"""What is typed on a target: status, history, jobs, with the broker there and away."""

import json

from world import Node, SharedWorldTest, WorldTest, main, wait_for

JOBS = """
job: hello
targets: {all: true}
steps: [{name: say, script: 'echo hello; echo from the target'}]
---
job: bad
targets: {all: true}
steps: [{name: fail, script: 'echo why >&2; exit 3'}]
"""


def ask(test, *arguments, code=0, **more):
    return test.world.run("bugle-node", *arguments, "--home", str(test.node.home), code=code, **more)


class Commands(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.node = cls.world.node("db01", "-g", "databases", "--label", "role=db")
        cls.world.apply(JOBS)
        for name in ("hello", "bad"):
            cls.world.wait_applied(name, 1)
            cls.world.bugle("job", "start", name, "--wait", code=None)

    def test_status_says_where_and_how_and_ends_with_0(self):
        status = wait_for("a poll was answered", lambda: self.polled())
        self.assertEqual(
            [status[key] for key in ("enlisted", "name", "broker", "connected", "groups", "labels", "jobs", "refused")],
            [True, "db01", "test", True, ["databases"], {"role": "db"}, 2, 0])
        self.assertLess(abs(status["clock_offset_s"]), 30)
        self.assertGreater(status["poll_s"], 0)
        self.assertEqual(status["problems"], [])
        text = ask(self, "status").out
        for part in ("as db01 (target 1) with broker test", "Connected:", "2 downloaded, 0 local", "role=db"):
            self.assertIn(part, text)

    def polled(self):
        status = ask(self, "status", "-o", "json").json()
        return status if status["last_poll"] else None

    def test_job_list_has_the_last_outcome(self):
        rows = {row["name"]: row for row in ask(self, "job", "list", "-o", "jsonl").rows()}
        self.assertEqual((rows["hello"]["last_state"], rows["bad"]["last_state"]), ("succeeded", "failed"))
        self.assertEqual(ask(self, "job", "list", "-o", "name").out, "bad\nhello\n")
        self.assertEqual(ask(self, "job", "list", "--local", "-o", "name").out, "")

    def test_job_show_has_runs_and_its_yaml(self):
        shown = ask(self, "job", "show", "HELLO", "-o", "json").json()
        self.assertEqual((shown["name"], shown["runs"][0]["state"]), ("hello", "succeeded"))
        self.assertIn("script:", ask(self, "job", "show", "hello", "-o", "yaml").out)
        self.assertIn("holds no job 'helo'", ask(self, "job", "show", "helo", code=3).err)

    def test_history_filters_and_shows_output(self):
        every = ask(self, "history", "-o", "jsonl").rows()
        self.assertEqual({row["job"] for row in every}, {"hello", "bad"})
        self.assertTrue(all(row["target"] == "db01" for row in every))
        failed = ask(self, "history", "--failed", "--since", "1h", "-o", "jsonl").rows()
        self.assertEqual([row["job"] for row in failed], ["bad"])
        self.assertEqual(ask(self, "history", "--limit", "1", "-o", "name").out.count("\n"), 1)
        text = ask(self, "history", "bad", "-v").out
        self.assertIn("exit code 3", text)
        self.assertIn("| why", text)
        self.assertEqual(ask(self, "history", "bad", "--since", "2099-01-01", "-o", "jsonl").rows(), [])
        self.assertIn("nothing of a job 'nope'", ask(self, "history", "nope", code=3).err)

    def test_history_pages_through_more_than_one_answer(self):
        text = "job: loud\nsteps: [{name: x, script: 'head -c 60000 /dev/zero | tr \"\\\\0\" a'}]\n"
        ask(self, "job", "apply", "-", input=text)
        try:
            for _ in range(20):
                ask(self, "job", "start", "loud", "--wait")
            rows = ask(self, "history", "loud", "-o", "jsonl").rows()
            self.assertEqual(len({row["run"] for row in rows}), 20)
            self.assertEqual([row["started"] for row in rows], sorted((row["started"] for row in rows), reverse=True))
        finally:
            ask(self, "job", "delete", "loud", "--yes")

    def test_every_command_has_help_both_ways(self):
        for command in (["status"], ["history"], ["job", "list"], ["job", "show"], ["job", "apply"], ["job", "start"]):
            name = " ".join(command)
            with self.subTest(command=name):
                one = self.world.run("bugle-node", "help", *command).out
                self.assertTrue(one.startswith(f"bugle-node {name} - "))
                self.assertEqual(one, self.world.run("bugle-node", *command, "--help").out)
        self.assertIn("bugle-node job apply", self.world.run("bugle-node", "job", "--help").out)
        self.assertIn("did you mean bugle-node job show?", self.world.run("bugle-node", "job", "shwo", code=2).err)


class BrokerAway(WorldTest):
    def test_everything_is_told_without_the_broker_and_status_says_it_is_away(self):
        self.node = self.world.node("db01")
        self.world.apply(JOBS)
        self.world.wait_applied("hello", 1)
        self.world.stop_broker()
        status = wait_for("it is noticed", lambda: self.away())
        self.assertIn("no connection to the broker test", status["problems"][0]["problem"])
        self.assertIn("bugle-node check", status["problems"][0]["cure"])
        self.assertEqual(len(ask(self, "job", "list", "-o", "jsonl").rows()), 2)
        ask(self, "job", "start", "hello", "--wait")
        self.assertEqual(ask(self, "history", "hello", "-o", "jsonl").rows()[0]["state"], "succeeded")
        self.assertGreater(ask(self, "status", "-o", "json", code=1).json()["outbox"], 0)
        self.world.start_broker()
        self.world.wait_history("hello", "it is handed in", lambda rows: len(rows) == 1)

    def away(self):
        done = ask(self, "status", "-o", "json", code=None)
        status = json.loads(done.out)
        self.assertEqual(done.code, 1 if status["problems"] else 0)
        return status if not status["connected"] else None


class NotRunning(WorldTest):
    with_broker = False

    def test_looking_says_that_the_node_is_not_running_and_ends_with_5(self):
        self.node = Node(self.world, "box")
        self.node.home.mkdir(mode=0o700)
        for command in (["status"], ["history"], ["job", "list"], ["job", "show", "x"]):
            refused = ask(self, *command, code=5)
            self.assertIn("start it: bugle-node --home", refused.err)
        self.node.start()
        self.assertIn("not enlisted", ask(self, "status", code=None).out)

    def test_a_policy_that_cannot_be_used_is_a_problem_with_a_cure(self):
        self.node = Node(self.world, "box")
        self.node.start()
        problem = wait_for("bugle-exec was heard", lambda: next((row for row in ask(
            self, "status", "-o", "json", code=1).json()["problems"] if "policy" in row["problem"]), None))
        self.assertIn("there is no policy", problem["problem"])
        self.assertTrue(problem["cure"])
        self.assertIn("what to do:", ask(self, "status", code=1).out)


if __name__ == "__main__":
    main()
