#!/usr/bin/python3
"""bugle broker restore: a broker that comes back from a backup takes back what its targets hold, changes nothing before an
admin lets it go on, and then goes on where it was."""

import pathlib
import shutil

from world import WorldTest, main, wait_for

JOB = """job: {name}
targets: {{all: true}}
steps:
  - name: say
    run: [/bin/echo, {text}]
"""


class RestoreTest(WorldTest):
    def status(self):
        return self.world.bugle("broker", "status", "-o", "json").json()

    def backup(self, name="kept"):
        made = self.world.bugle("broker", "backup", "--name", name, "--to", self.world.directory / "safe", "-o", "json")
        return made.json()["copy"]

    def apply(self, name, text="one", code=0):
        return self.world.apply(JOB.format(name=name, text=text), code=code)

    def run_once(self, job):
        self.world.bugle("job", "start", job, "--wait")

    def jobs(self):
        return {row["name"]: row for row in self.world.bugle("job", "list", "-o", "jsonl").rows()}

    def restore(self, path, *arguments, code=0):
        return self.world.bugle("broker", "restore", path, "--home", self.world.home, *arguments, code=code)


class Restore(RestoreTest):
    def test_what_targets_hold_and_the_backup_lacks_comes_back(self):
        self.world.node("n1")
        self.world.wait_connected(1)
        self.apply("before")
        self.apply("changed", "one")
        self.apply("removed")
        for job in ("before", "changed", "removed"):
            self.world.wait_applied(job, 1)
        self.run_once("before")
        path = self.backup()
        # After the backup: one new job, one changed, one deleted, one disabled, and outcomes.
        self.apply("after")
        self.apply("changed", "two")
        self.world.bugle("job", "disable", "before", "--reason", "maintenance")
        self.world.bugle("job", "delete", "removed", "--yes")
        for job in ("after", "changed"):
            self.world.wait_applied(job, 1)
        wait_for("all is settled", lambda: self.status()["pending"] == 0)
        self.run_once("changed")
        old = self.status()
        self.world.stop_broker()

        done = self.restore(path, "--aside", "--yes")
        self.assertIn("changes nothing until", done.err)
        self.world.start_broker()
        restored = self.status()
        self.assertTrue(restored["restored"])
        self.assertLess(restored["position"], old["position"])
        self.assertIn("restored", [row["name"] for row in restored["warnings"]])
        self.assertIn("changes nothing and hands nothing out", self.world.bugle("broker", "status").out)
        # Reads go on; whatever changes something is refused with the reason and the way out.
        for arguments in (("token", "create"), ("job", "start", "before"), ("job", "delete", "before", "--yes")):
            refused = self.world.bugle(*arguments, code=1)
            self.assertIn("came back from an older state", refused.err)
            self.assertIn("bugle broker restore --resume", refused.err)
        self.assertIn("older state", self.apply("new", code=1).err)
        self.world.wait_connected(1)
        wait_for("what the target holds is taken back", lambda: self.status()["adopted"] >= 4)
        jobs = self.jobs()
        self.assertEqual(sorted(jobs), ["after", "before", "changed"])
        self.assertFalse(jobs["before"]["enabled"])
        self.assertIn("two", self.world.bugle("job", "show", "changed", "-o", "yaml").out)

        self.world.bugle("broker", "restore", "--resume", code=2)  # nobody can be asked
        self.assertIn("nothing was changed", self.world.bugle("broker", "restore", "--resume", "--dry-run").err)
        self.assertTrue(self.status()["restored"])
        done = self.world.bugle("broker", "restore", "--resume", "--yes")
        self.assertIn("goes on with term", done.err)
        after = self.status()
        self.assertFalse(after["restored"])
        self.assertGreater(after["term"], old["term"])
        self.assertEqual(after["restores"], 1)
        self.world.bugle("broker", "restore", "--resume", "--yes", code=6)

        # It works as before, and the history has the gap that it must have.
        self.apply("new")
        self.world.wait_applied("new", 1)
        self.run_once("new")
        wait_for("all is settled", lambda: self.status()["pending"] == 0)
        self.assertGreaterEqual(self.status()["lost_outcomes"], 1)
        self.assertIn("bugle-node history", self.world.bugle("broker", "status").err)
        self.assertEqual(len(self.world.history("changed")), 0)
        # Numbers go on far above what the lost part may have given out.
        self.world.node("n2")
        rows = {row["name"]: row["number"] for row in self.world.bugle("target", "list", "-o", "jsonl").rows()}
        self.assertEqual(rows["n1"], 1)
        self.assertGreater(rows["n2"], 65536)
        self.world.stop_broker()
        self.world.start_broker()
        self.assertFalse(self.status()["restored"], "a restart changes nothing about it")
        self.world.node("n3")
        rows = {row["name"]: row["number"] for row in self.world.bugle("target", "list", "-o", "jsonl").rows()}
        self.assertEqual(rows["n3"], rows["n2"] + 1)

    def test_an_older_store_is_noticed_without_the_restore_command(self):
        """Somebody copies files: the high-water file tells it at the start, and targets tell it too."""
        self.world.node("n1")
        self.world.wait_connected(1)
        state = self.world.home / "broker"
        self.world.stop_broker()
        shutil.copytree(state, self.world.directory / "old")
        self.world.start_broker()
        self.apply("after")
        self.world.wait_applied("after", 1)
        wait_for("the target has seen a later position", lambda: self.status()["pending"] == 0)
        for with_file in (True, False):
            self.world.stop_broker()
            high = (state / "high-water").read_text()
            shutil.rmtree(state)
            shutil.copytree(self.world.directory / "old", state)
            if with_file:
                (state / "high-water").write_text(high)
            self.world.start_broker()
            if with_file:
                self.assertTrue(self.status()["restored"], "the file says it before any target came")
            wait_for("it is noticed", lambda: self.status()["restored"])
            self.world.broker.wait_line("position-ahead")
            wait_for("the job came back", lambda: "after" in self.jobs())

    def test_into_a_clean_home_and_never_over_a_broker_by_accident(self):
        path = self.backup()
        self.assertIn("is running", self.restore(path, "--aside", "--yes", code=1).err)
        self.world.stop_broker()
        self.assertIn("there is a broker", self.restore(path, code=1).err)
        self.restore(path, "--aside", code=2)
        self.assertIn("nothing was made", self.restore(path, "--aside", "--dry-run").err)
        clean = self.world.directory / "clean"
        done = self.world.bugle("broker", "restore", path, "--home", clean, "-o", "json").json()
        self.assertEqual((done["broker"], done["aside"]), ("test", None))
        self.assertEqual((clean / "broker" / "broker.db").stat().st_mode & 0o777, 0o600)
        done = self.restore(path, "--aside", "--yes", "-o", "json").json()
        self.assertTrue((pathlib.Path(done["aside"]) / "broker.db").exists(), "what was there is kept")
        self.world.start_broker()
        self.assertTrue(self.status()["restored"])
        backups = [entry.name for entry in (self.world.home / "broker" / "backups").iterdir()]
        self.assertEqual(backups, ["kept"], "backups stay where people look for them")

    def test_a_damaged_backup_is_not_restored(self):
        path = pathlib.Path(self.backup())
        self.world.stop_broker()
        with open(path / "store.db", "r+b") as file:
            file.seek(5000)
            file.write(b"x")
        before = sorted(entry.name for entry in self.world.home.iterdir())
        self.assertIn("is damaged", self.restore(path, "--aside", "--yes", code=1).err)
        self.assertEqual(sorted(entry.name for entry in self.world.home.iterdir()), before)
        self.world.start_broker()
        self.assertFalse(self.status()["restored"])

    def test_mistakes_on_the_command_line_say_what_to_type(self):
        self.assertIn("--resume", self.world.bugle("broker", "restore", code=2).err)
        self.world.bugle("broker", "restore", "/x", "--resume", code=2)
        self.assertIn("was not restored", self.world.bugle("broker", "restore", "--resume", "--yes", code=6).err)


if __name__ == "__main__":
    main()
