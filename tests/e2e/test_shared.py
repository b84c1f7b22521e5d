"""Schedules and calendars that jobs share: an edit reaches all jobs at once, and what is used stays."""

import contextlib
import datetime
import sqlite3

import msgpack

from world import SharedWorldTest, WorldTest, main, wait_for

OFTEN = """
schedule: often
every: 2s
"""

SELDOM = """
schedule: often
every: 12h
"""

REPORT = """
job: %s
targets: {group: %s}
schedules: [{use: often}]
steps:
  - name: go
    run: [/bin/echo, hello]
"""


def day(offset):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=offset)).strftime("%Y-%m-%d")


def all_day():
    """A calendar that holds now, wherever the clock stands."""
    return f'calendar: blackout\ndays: ["{day(-1)}..{day(2)}"]\n'


NO_DAY = "calendar: blackout\ndays: [2001-01-01]\n"


class Follow(WorldTest):
    def runs(self, job, *arguments):
        return [row for row in self.world.history(job, *arguments) if row["schedule"] == "often"]

    def wait_runs(self, job, target, count=1):
        wait_for(f"{job} runs on {target} by the schedule", lambda: len(
            [row for row in self.runs(job, "-t", target) if row["state"] == "succeeded"]) >= count)

    def wait_held(self, noun, name, version, targets):
        """Until so many targets have this version in force."""
        def look():
            shown = self.world.bugle(noun, "show", name, "-o", "json").json()
            return shown["version"] == version and shown["applied"] == targets
        wait_for(f"{noun} {name} v{version} is applied on {targets}", look)

    def needs(self, name):
        """How many documents each version needs, newest first; of a broker that is down."""
        path = next(self.world.home.glob("**/broker.db"))
        with contextlib.closing(sqlite3.connect(path)) as store:
            rows = store.execute(
                "SELECT signed_bytes FROM document WHERE name = ? AND type <> 7 ORDER BY version DESC", (name,)).fetchall()
        documents = [msgpack.unpackb(msgpack.unpackb(row[0], strict_map_key=False)[2], strict_map_key=False) for row in rows]
        return [len(document[6].get(3, [])) for document in documents]

    def test_an_edit_reaches_all_jobs_and_lets_runs_go_on(self):
        self.world.node("web01", "-g", "web")
        self.world.node("db01", "-g", "db")
        self.world.wait_connected(2)
        said = self.world.apply("---\n".join([REPORT % ("report", "web"), REPORT % ("dump", "db"), SELDOM])).out
        self.assertEqual(said.splitlines(), [
            "created schedule often (v1) -> 0 targets", "created report (v1) -> 1 target",
            "created dump (v1) -> 1 target"])
        self.world.wait_applied("report", 1)
        self.world.wait_applied("dump", 1)
        # One that is going on while the schedule changes.
        self.world.apply("""
job: long
targets: {group: web}
schedules: [{use: often}]
steps:
  - name: go
    run: [/bin/sleep, "3600"]
""")
        self.world.wait_applied("long", 1)
        self.world.bugle("job", "start", "long")
        wait_for("the long run has begun", lambda: self.world.bugle(
            "job", "show", "long", "-o", "json").json()["running"] == 1)
        before = self.world.bugle("job", "show", "report", "-o", "json").json()["document_version"]
        self.assertEqual(self.world.apply(OFTEN).out, "changed schedule often (v2) -> 2 targets\n")
        self.wait_held("schedule", "often", 2, 2)
        self.wait_runs("report", "web01")
        self.wait_runs("dump", "db01")
        shown = self.world.bugle("job", "show", "report", "-o", "json").json()
        self.assertEqual(shown["document_version"], before)
        self.assertEqual([(use["type"], use["name"], use["version"]) for use in shown["uses"]], [("schedule", "often", 2)])
        self.assertEqual(self.world.bugle("job", "show", "long", "-o", "json").json()["running"], 1)
        self.world.bugle("job", "stop", "long", "--wait")

    def test_a_calendar_is_edited(self):
        self.world.node("web01", "-g", "web")
        self.world.wait_connected(1)
        self.world.apply("---\n".join([
            all_day(), OFTEN + "except: [blackout]\n", REPORT % ("report", "web")]))
        self.world.wait_applied("report", 1)
        rows = self.world.wait_history(
            "report", "a time was kept out", lambda rows: any(row["reason"] == "window" for row in rows))
        self.assertFalse([row for row in rows if row["state"] == "succeeded"])
        self.assertTrue(any("blackout" in (row["message"] or "") for row in rows))
        self.assertEqual(self.world.apply(NO_DAY).out, "changed calendar blackout (v2) -> 1 target\n")
        self.wait_runs("report", "web01")

    def test_a_schedule_is_switched_off_and_on(self):
        self.world.node("web01", "-g", "web")
        self.world.wait_connected(1)
        self.world.apply("---\n".join([OFTEN, REPORT % ("report", "web")]))
        self.wait_runs("report", "web01")
        out = self.world.bugle("schedule", "disable", "often", "--reason", "stocktaking").out
        self.assertEqual(out, "disabled often -> 1 target\n")
        self.world.wait_history(
            "report", "a time was left out", lambda rows: any(row["reason"] == "disabled" for row in rows))
        shown = self.world.bugle("schedule", "show", "often").out
        self.assertIn("disabled: stocktaking", shown)
        again = self.world.bugle("schedule", "disable", "often").out
        self.assertEqual(again, "unchanged often (disabled already)\n")
        count = len([row for row in self.runs("report") if row["state"] == "succeeded"])
        self.world.bugle("schedule", "enable", "often")
        self.wait_runs("report", "web01", count + 1)

    def test_who_comes_later_gets_all_of_it(self):
        self.world.apply("---\n".join([
            NO_DAY, OFTEN + "within: [blackout]\n", REPORT % ("report", "web")]))
        self.world.apply(OFTEN)
        self.world.stop_broker()
        # What a job or schedule uses is in its signed needs: the way that it comes does not matter.
        self.assertEqual(self.needs("often"), [0, 1])
        self.assertEqual(self.needs("report"), [1])
        self.world.start_broker()
        self.world.node("web01", "-g", "web")
        self.wait_runs("report", "web01")
        self.wait_held("schedule", "often", 2, 1)
        waited = self.world.bugle("op", "list", "--errors", "-o", "jsonl").rows()
        self.assertEqual(waited, [])
        types = {(row["operation"], row["type"], row["object"]) for row in self.world.bugle(
            "op", "list", "-t", "web01", "-o", "jsonl").rows()}
        self.assertIn(("update", "schedule", "often"), types)
        self.assertIn(("insert", "job", "report"), types)
        one = self.world.bugle("op", "list", "--type", "schedule", "-o", "jsonl").rows()
        self.assertEqual([row["object"] for row in one], ["often"])

    def test_a_restored_broker_takes_them_back(self):
        world = self.world
        world.node("web01", "-g", "web")
        world.wait_connected(1)
        backup = world.bugle(
            "broker", "backup", "--name", "kept", "--to", world.directory / "safe", "-o", "json").json()["copy"]
        world.apply("---\n".join([NO_DAY, OFTEN + "except: [blackout]\n", REPORT % ("report", "web")]))
        world.bugle("schedule", "disable", "often")
        world.wait_applied("report", 1)
        self.wait_held("calendar", "blackout", 1, 1)
        wait_for("all is settled", lambda: world.bugle("broker", "status", "-o", "json").json()["pending"] == 0)
        world.stop_broker()
        world.bugle("broker", "restore", backup, "--home", world.home, "--aside", "--yes")
        world.start_broker()
        world.wait_connected(1)
        wait_for("what the target holds is taken back", lambda: world.bugle(
            "job", "show", "report", code=None).code == 0)
        wait_for("its switch too", lambda: not world.bugle("schedule", "show", "often", "-o", "json").json()["enabled"])
        shown = world.bugle("calendar", "show", "blackout", "-o", "json").json()
        self.assertEqual((shown["used_by_schedules"], shown["targets"]), (["often"], 1))
        world.bugle("broker", "restore", "--resume", "--yes")
        world.bugle("schedule", "enable", "often")
        self.wait_runs("report", "web01")


class Commands(SharedWorldTest):
    """What needs no target."""

    def test_refusals_name_what_is_meant(self):
        world = self.world
        world.apply("---\n".join([OFTEN.replace("often", "nightly"), NO_DAY.replace("blackout", "holidays")]))
        lost = world.apply(REPORT % ("lost", "web"), code=3)
        self.assertIn("job 'lost' uses the schedule 'often', which is not there", lost.err)
        near = world.apply((REPORT % ("near", "web")).replace("often", "nightlu"), code=3)
        self.assertIn("did you mean nightly?", near.err)
        self.assertIn("did you mean holidays?", world.bugle("calendar", "show", "holiday", code=3).err)
        world.apply((REPORT % ("user", "web")).replace("often", "nightly"))
        refused = world.bugle("schedule", "delete", "nightly", code=6)
        self.assertIn("schedule 'nightly' is in use: job 'user'", refused.err)
        self.assertIn("bugle job list --using 'nightly'", refused.err)
        self.assertEqual(world.bugle("job", "list", "--using", "nightly", "-o", "name").out, "user\n")
        self.assertIn("did you mean", world.bugle("job", "list", "--using", "nightli", code=3).err)
        world.bugle("job", "delete", "user", "--yes")
        self.assertEqual(world.bugle("schedule", "delete", "nightly").out, "deleted nightly -> 0 targets\n")
        self.assertEqual(world.bugle("schedule", "delete", "nightly").out, "unchanged nightly (deleted already)\n")
        self.assertIn("was deleted", world.bugle("schedule", "show", "nightly", code=3).err)

    def test_a_dry_run_shows_the_lines_and_changes_nothing(self):
        world = self.world
        world.apply(OFTEN.replace("often", "dry"))
        said = world.apply(SELDOM.replace("often", "dry"), "--dry-run")
        self.assertIn("- every: 2s", said.out)
        self.assertIn("+ every: 12h", said.out)
        self.assertIn("would be changed schedule dry (v2) -> 0 targets", said.out)
        self.assertIn("every: 2s", world.bugle("schedule", "show", "dry", "-o", "yaml").out)
        self.assertIn("unchanged schedule dry (v1)", world.apply(OFTEN.replace("often", "dry")).out)

    def test_versions_and_going_back(self):
        world = self.world
        for text in (OFTEN, SELDOM):
            world.apply(text.replace("often", "back"))
        rows = world.bugle("schedule", "versions", "back", "-o", "jsonl").rows()
        self.assertEqual([(row["version"], row["current"]) for row in rows], [(2, True), (1, False)])
        self.assertEqual(world.bugle("schedule", "revert", "back").out, "reverted back to v1 (v3) -> 0 targets\n")
        self.assertIn("every: 2s", world.bugle("schedule", "show", "back", "-o", "yaml").out)
        world.apply(NO_DAY.replace("blackout", "gone"))
        world.bugle("calendar", "delete", "gone")
        self.assertIn("--to", world.bugle("calendar", "revert", "gone", code=2).err)
        world.bugle("calendar", "revert", "gone", "--to", "1")
        self.assertEqual(world.bugle("calendar", "show", "gone", "-o", "json").json()["range_count"], 1)

    def test_one_noun_takes_its_own_files_only(self):
        world = self.world
        mixed = world.bugle("schedule", "apply", "-f", "-", input=NO_DAY, code=2)
        self.assertIn("calendar 'blackout' is no schedule", mixed.err)
        self.assertIn("bugle apply -f", mixed.err)
        self.assertEqual(
            world.bugle("calendar", "apply", "-f", "-", input=NO_DAY.replace("blackout", "own")).out,
            "created calendar own (v1) -> 0 targets\n")
        self.assertIn("own", world.bugle("calendar", "list").out)
        self.assertIn("own", world.bugle("__complete", "calendar", "show", "").out.splitlines())


if __name__ == "__main__":
    main()
