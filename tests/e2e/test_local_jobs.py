#!/usr/bin/python3
"""Local jobs: a machine without a broker is a fine cron, and a broker changes nothing about them."""

import signal

from world import Node, WorldTest, main, wait_for

TIDY = """
job: tidy
description: Tidy up
category: House
steps:
  - {name: look, script: 'echo "job $BUGLE_JOBNAME"'}
"""


def local(world, node, *arguments, code=0, **more):
    return world.run("bugle-node", *arguments, "--home", str(node.home), code=code, **more)


class LocalTest(WorldTest):
    with_broker = False

    def setUp(self):
        super().setUp()
        self.node = Node(self.world, "box")

    def local(self, *arguments, code=0, **more):
        return local(self.world, self.node, *arguments, code=code, **more)

    def apply(self, text, *arguments, code=0):
        return self.local("job", "apply", "-", *arguments, code=code, input=text)

    def history(self, *arguments):
        return self.local("history", *arguments, "-o", "jsonl").rows()

    def wait_history(self, what, condition, *arguments):
        def look():
            rows = self.history(*arguments)
            return rows if condition(rows) else None
        return wait_for(what, look)


class Masterless(LocalTest):
    """Never enlisted."""

    def test_the_first_job_makes_key_and_policy_and_says_so(self):
        done = self.apply(TIDY)
        self.assertEqual(done.out, "created local/tidy\n")
        self.assertIn("wrote the default policy", done.err)
        key = self.node.home / "exec" / "local.key"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        self.assertIn(f"start it: bugle-node --home {self.node.home}", done.err)
        self.node.start()
        again = self.apply(TIDY)
        self.assertEqual(again.out, "unchanged local/tidy\n")
        self.assertEqual(again.err, "")

    def test_an_unchanged_file_keeps_the_day_from_which_weeks_are_counted(self):
        text = ('{job: weekly, schedules: [{name: w, every: 2 weeks, on: mon, at: "08:00"%s}], '
                'steps: [{name: s, run: ["true"]}]}\n')
        self.node.start()
        self.assertEqual(self.apply(text % ", anchor: 2026-01-05").out, "created local/weekly\n")
        self.assertEqual(self.apply(text % "").out, "unchanged local/weekly\n")
        self.assertEqual(self.apply(text % ", splay: 1m").out, "updated local/weekly\n")
        self.assertIn("anchor: 2026-01-05", self.local("job", "show", "weekly", "-o", "yaml").out)

    def test_schedules_run_and_every_outcome_is_in_the_history(self):
        self.node.start()
        self.apply(TIDY.replace("steps:", "schedules: [{name: often, every: 1s}]\nsteps:"))
        rows = self.wait_history("two runs are over", lambda rows: sum(
            row["state"] == "succeeded" for row in rows) >= 2, "tidy")
        done = next(row for row in rows if row["state"] == "succeeded")
        self.assertEqual((done["job"], done["schedule"], done["exec"]), ("local/tidy", "often", None))
        self.assertEqual(done["steps"][0]["output"], "job local/tidy\n")

    def test_an_overlap_and_a_disabled_time_are_recorded(self):
        self.node.start()
        self.apply(TIDY.replace("steps:", "schedules: [{name: often, every: 1s}]\nsteps:").replace(
            'echo "job $BUGLE_JOBNAME"', "sleep 2.5"))
        self.wait_history("an occurrence overlaps", lambda rows: any(
            row["reason"] == "overlap" for row in rows), "tidy")
        self.local("job", "disable", "tidy", "--reason", "noise")
        self.wait_history("one is missed while it is disabled", lambda rows: any(
            row["reason"] == "disabled" for row in rows), "tidy")

    def test_what_was_due_while_the_node_was_off_is_a_misfire(self):
        self.node.start()
        self.apply(TIDY.replace("steps:", "schedules: [{name: often, every: 1s}]\nsteps:"))
        self.wait_history("it runs", lambda rows: any(row["state"] == "succeeded" for row in rows))
        self.node.stop()
        before = len(self.history_offline())
        self.node.start()
        self.wait_history("it runs again", lambda rows: len(rows) > before + 1)
        states = {(row["state"], row["reason"]) for row in self.history("--limit", "1000")}
        self.assertLessEqual(states, {("succeeded", None), ("running", None), ("not-run", "misfire"),
                                      ("not-run", "overlap")})

    def history_offline(self):
        """The node is off: nothing answers, and the command says so."""
        refused = self.local("history", code=5)
        self.assertIn("the node is not running", refused.err)
        return []

    def test_start_waits_for_the_outcome_and_exits_by_it(self):
        self.node.start()
        self.apply(TIDY + "---\njob: broken\nsteps: [{name: no, run: [/bin/false]}]\n"
                   "---\njob: slow\nsteps: [{name: wait, run: [sleep, '60']}]\n")
        done = self.local("job", "start", "tidy", "--wait")
        self.assertIn("local/tidy  succeeded", done.out)
        self.assertIn("job local/tidy", done.out)
        failed = self.local("job", "start", "local/broken", "--wait", "-o", "json", code=20).json()
        self.assertEqual((failed["state"], failed["summary"]), ("failed", "no: exit code 1"))
        late = self.local("job", "start", "slow", "--wait", "0s", code=21)
        self.assertIn("still going on", late.err)
        self.assertEqual(self.local("job", "start", "slow", code=1).out, "")
        self.assertEqual(self.local("job", "stop", "slow").out, "stopping local/slow\n")
        rows = self.wait_history("it was stopped", lambda rows: any(row["state"] == "canceled" for row in rows), "slow")
        self.assertEqual([row["reason"] for row in rows if row["state"] == "not-run"], ["overlap"])
        self.assertEqual(self.local("job", "stop", "slow").out, "not running local/slow\n")

    def test_a_deleted_job_runs_no_more_and_its_name_is_free_again(self):
        self.node.start()
        self.apply(TIDY)
        self.local("job", "disable", "tidy")
        self.assertIn("nobody to ask", self.local("job", "delete", "tidy", code=2).err)
        self.assertEqual(self.local("job", "delete", "tidy", "--dry-run").out, "would be deleted local/tidy\n")
        self.assertEqual(len(self.local("job", "list", "-o", "jsonl").rows()), 1)
        self.local("job", "delete", "tidy", "--yes")
        self.assertIn("was deleted", self.local("job", "show", "tidy", code=3).err)
        self.assertIn("was deleted", self.local("job", "delete", "tidy", "--yes", code=3).err)
        self.assertEqual(self.apply(TIDY).out, "created local/tidy\n")
        self.local("job", "start", "tidy", "--wait")

    def test_everything_is_there_after_power_fails(self):
        self.node.start()
        self.apply(TIDY)
        self.local("job", "disable", "tidy", "--until", "2h", "--reason", "later")
        self.node.stop(signal.SIGKILL)
        self.node.start()
        shown = self.local("job", "show", "tidy", "-o", "json").json()
        self.assertEqual((shown["enabled"], shown["disabled_reason"], shown["category"]), (False, "later", "House"))
        self.assertIn("is disabled", self.local("job", "start", "tidy", code=1).err)
        self.local("job", "enable", "tidy")
        self.local("job", "start", "tidy", "--wait")

    def test_its_yaml_comes_back_and_applies_as_unchanged(self):
        self.node.start()
        self.apply(TIDY)
        text = self.local("job", "show", "tidy", "-o", "yaml").out
        self.assertIn("job: local/tidy", text)
        self.assertEqual(self.apply(text).out, "unchanged local/tidy\n")

    def test_mistakes_are_told_with_their_place_and_nothing_is_made(self):
        refused = self.apply("job: a/b\nsteps: [{name: x, run: [true]}]\n---\njob: c\ntargets: {group: web}\n", code=1)
        for part in ("stdin:1", "holds a '/'", "leave its targets out", "has no steps"):
            self.assertIn(part, refused.err)
        self.assertFalse((self.node.home / "exec" / "local.key").exists())

    def test_an_older_key_signs_nothing_any_more(self):
        """Somebody takes the key away: what it signed is held, shown with the reason, and not started."""
        self.node.start()
        self.apply(TIDY)
        self.node.stop()
        (self.node.home / "exec" / "local.key").unlink()
        self.apply(TIDY.replace("tidy", "other"))
        self.node.start()
        problem = wait_for("bugle-exec has looked at it", lambda: next((row["problem"] for row in self.local(
            "status", "-o", "json", code=None).json()["problems"] if "local/tidy" in row["problem"]), None))
        self.assertIn("local/tidy was refused", problem)
        self.assertIn("its own key has not signed", problem)
        self.local("job", "start", "tidy", code=None)
        self.local("job", "start", "other", "--wait")
        self.assertEqual([row["job"] for row in self.history() if row["state"] == "succeeded"], ["local/other"])


class WithBroker(WorldTest):
    def test_local_jobs_outlive_enlisting_and_defecting_and_no_broker_sees_them(self):
        world = self.world
        node = Node(world, "box")
        local(world, node, "job", "apply", "-", input=TIDY)
        node.enlist(world.token())
        node.start()
        local(world, node, "job", "start", "tidy", "--wait")
        world.apply("job: backup\ntargets: {all: true}\nsteps: [{name: x, run: ['true']}]\n")
        world.wait_applied("backup", 1)
        world.bugle("job", "start", "backup", "--wait")
        rows = local(world, node, "job", "list", "-o", "jsonl").rows()
        self.assertEqual([(row["name"], row["category"]) for row in rows],
                         [("backup", "Jobs From Broker"), ("local/tidy", "House")])
        self.assertEqual([row["name"] for row in world.bugle("job", "list", "-o", "jsonl").rows()], ["backup"])
        status = local(world, node, "status", "-o", "json").json()
        self.assertEqual((status["jobs"], status["local_jobs"], status["outbox"], status["problems"]), (1, 1, 0, []))
        left = node.defect()
        self.assertIn("1 job removed", left.out)
        rows = local(world, node, "job", "list", "-o", "jsonl").rows()
        self.assertEqual([row["name"] for row in rows], ["local/tidy"])
        local(world, node, "job", "start", "tidy", "--wait")
        old = local(world, node, "history", "backup", "-o", "jsonl").rows()
        self.assertEqual([row["state"] for row in old], ["succeeded"])
        node.enlist(world.token("--names", "*"))
        local(world, node, "job", "start", "tidy", "--wait")
        self.assertEqual(len(local(world, node, "history", "tidy", "-o", "jsonl").rows()), 3)
        self.assertEqual(world.bugle("job", "history", "tidy", code=3).out, "")

    def test_a_file_for_a_machine_is_nothing_for_the_broker(self):
        refused = self.world.apply(TIDY.replace("tidy", "local/tidy") + "targets: {all: true}\n", code=1)
        self.assertIn("bugle-node job apply", refused.err)


if __name__ == "__main__":
    main()
