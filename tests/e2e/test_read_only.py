#!/usr/bin/python3
"""Downloaded jobs on their target: read there, started and stopped there, changed by nobody there."""

from world import SharedWorldTest, main, wait_for

BACKUP = """
job: backup
category: Maintenance
targets: {all: true}
schedules: [{name: yearly, cron: "0 3 1 1 *"}]
steps: [{name: dump, script: 'echo dumped'}]
---
job: long
targets: {all: true}
steps: [{name: wait, run: [sleep, "60"]}]
---
job: timed
targets: {all: true}
start: {by: nobody}
steps: [{name: x, run: ["true"]}]
"""


class ReadOnly(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.node = cls.world.node("db01")
        cls.world.apply(BACKUP)
        for name in ("backup", "long", "timed"):
            cls.world.wait_applied(name, 1)

    def local(self, *arguments, code=0, **more):
        return self.world.run("bugle-node", *arguments, "--home", str(self.node.home), code=code, **more)

    def test_they_are_shown_as_what_they_are(self):
        shown = self.local("job", "show", "backup", "-o", "json").json()
        self.assertEqual((shown["source"], shown["category"], shown["read_only"]), ("broker", "Jobs From Broker", True))
        self.assertEqual(shown["steps"][0]["name"], "dump")
        self.assertTrue(shown["schedules"][0]["next"].endswith("-01-01T03:00:00Z") or shown["schedules"][0]["next"])
        text = self.local("job", "show", "backup").out
        self.assertIn("changed there: bugle job", text)

    def test_every_change_is_refused_with_reason_and_way_out(self):
        changes = (["delete", "backup", "--yes"], ["disable", "backup"], ["enable", "backup"],
                   ["delete", "backup", "--dry-run"])
        for change in changes:
            with self.subTest(change=change):
                refused = self.local("job", *change, code=4)
                self.assertIn("comes from the broker test, and nobody changes it here", refused.err)
                self.assertIn("bugle job", refused.err)
        self.assertTrue(self.local("job", "show", "backup", "-o", "json").json()["enabled"])

    def test_a_file_of_its_name_is_refused_unless_it_says_local(self):
        text = "job: backup\nsteps: [{name: x, run: ['true']}]\n"
        refused = self.local("job", "apply", "-", code=4, input=text)
        self.assertIn("nobody changes it here", refused.err)
        made = self.local("job", "apply", "-", input=text.replace("backup", "local/backup"))
        self.assertEqual(made.out, "created local/backup\n")
        try:
            self.assertEqual(self.local("job", "show", "backup", "-o", "json").json()["source"], "broker")
            self.assertEqual(self.local("job", "apply", "-", input=text).out, "unchanged local/backup\n")
        finally:
            self.local("job", "delete", "local/backup", "--yes")

    def test_root_on_the_target_starts_one_and_the_broker_has_the_outcome(self):
        before = len(self.world.history("backup"))
        done = self.local("job", "start", "backup", "--wait", "-o", "json").json()
        self.assertEqual((done["state"], done["exec"], done["schedule"]), ("succeeded", None, None))
        rows = self.world.wait_history("backup", "the run is there", lambda rows: len(rows) > before)
        row = next(row for row in rows if row["run"] == done["run"])
        self.assertEqual((row["target"], row["state"], row["exec"]), ("db01", "succeeded", None))
        self.assertEqual(row["steps"][0]["output"], "dumped\n")
        listed = self.world.bugle("job", "show", "backup").out
        self.assertIn("succeeded", listed)

    def test_root_on_the_target_stops_one_that_a_login_started(self):
        self.world.bugle("job", "start", "long")
        wait_for("it runs", lambda: self.local("job", "show", "long", "-o", "json").json()["running"])
        self.assertEqual(self.local("job", "stop", "long").out, "stopping long\n")
        rows = self.world.wait_history("long", "it is over", lambda rows: any(row["state"] == "canceled" for row in rows))
        self.assertIsNotNone(rows[0]["exec"])

    def test_what_nobody_may_start_is_not_started_here_either(self):
        refused = self.local("job", "start", "timed", code=1)
        self.assertIn("nobody may start it by command", refused.err)
        rows = self.world.wait_history("timed", "the refusal is told", lambda rows: len(rows) == 1)
        self.assertEqual((rows[0]["state"], rows[0]["reason"]), ("not-run", "policy"))


if __name__ == "__main__":
    main()
