#!/usr/bin/python3
"""What people ask of runs and jobs: filters and purges of history, why, next, waiting runs, categories, variables,
first steps, switches with an end, jobs that delete themselves."""

import datetime
import zoneinfo

from world import WorldTest, main, wait_for

UTC = datetime.timezone.utc

STEPS = """
job: steps
category: database
targets: {all: true}
history: {keep: 30d, runs: 50}
steps:
  - name: fetch
    run: ["true"]
  - name: load
    script: test -e "$FLAG" || { touch "$FLAG"; exit 3; }
    environment: {FLAG: FLAGFILE}
    retry: {attempts: 2, every: 1s}
  - name: check
    script: echo "data in $BUGLE_VAR_DATADIR, $(ESCAPE_NONE(VAR_DATADIR))"
"""

NIGHTLY = """
job: nightly
targets: {all: true}
schedules:
  - {name: at-night, cron: "30 2 * * *"}
  - {name: by-utc, cron: "0 12 * * *", zone: UTC}
steps:
  - {name: work, run: ["true"]}
"""


SHARED = """
schedule: office
every: day
at: "12:00"
except: [holidays]
---
calendar: holidays
days: [DAY]
---
job: report
targets: {all: true}
schedules:
  - {use: office}
  - {name: dense, every: 1s, enabled: false}
steps:
  - {name: make, run: ["true"]}
"""

SLOW = """
job: slow
targets: {all: true}
steps:
  - name: wait
    script: while ! test -e GATE; do sleep 0.05; done
"""


def minute(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:00Z")


def local(moment):
    """The same wall clock in Berlin."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    return moment.replace(second=0, microsecond=0, tzinfo=berlin).isoformat()


class History(WorldTest):
    def runs(self, *arguments):
        return self.world.bugle("job", "history", *arguments, "-o", "json").json()["items"]

    def why(self, target, at, job="nightly"):
        return self.world.bugle("job", "why", job, "-t", target, "--at", at, "-o", "json").json()

    def test_filters_steps_purge_and_first_steps(self):
        self.world.node("db1")
        self.world.bugle("target", "variable", "db1", "DATADIR=/srv/pg")
        done = self.world.apply(STEPS.replace("FLAGFILE", str(self.world.directory) + "/flag"))
        self.assertIn("category 'database' is new", done.err)
        self.world.wait_applied("steps", 1)
        wait_for("the variable is there", lambda: self.world.bugle("target", "show", "db1", "-o", "json").json()["unread"] == 0)
        self.world.bugle("job", "start", "steps", "--wait")
        done = self.world.bugle("job", "start", "steps", "--step", "chek", code=3)
        self.assertIn("did you mean check?", done.err)
        self.world.bugle("job", "start", "steps", "--step", "3", "--wait")
        self.assertEqual(len(self.runs("steps")), 2)
        self.assertEqual(len(self.runs("steps", "--step", "load")), 1)
        self.assertEqual(len(self.runs("steps", "--min-retries", "1")), 1)
        self.assertEqual(len(self.runs("steps", "--min-duration", "1s")), 1)
        self.assertEqual(len(self.runs("steps", "--step", "fetch", "--min-duration", "1s")), 0)
        newest, oldest = self.runs("steps"), self.runs("steps", "--order", "oldest")
        self.assertEqual([row["run"] for row in newest], [row["run"] for row in reversed(oldest)])
        self.assertEqual([step["name"] for step in newest[0]["steps"]], ["check"])
        self.assertEqual(newest[0]["start_step"], 3)
        self.assertIn("data in /srv/pg, /srv/pg", newest[0]["steps"][0]["output"])
        rows = self.world.bugle("job", "history", "steps", "--full", "-o", "json").json()["items"]
        self.assertEqual([row["name"] for row in rows], [None, "check", None, "fetch", "load", "check"])
        table = self.world.bugle("job", "history", "steps", "--full", "--step", "load").out
        self.assertEqual(len(table.splitlines()), 2)
        self.assertIn("DATADIR=/srv/pg", self.world.bugle("target", "show", "db1").out)
        # purged: counted first, asked, and gone
        self.assertEqual(self.world.bugle("job", "history", "--purge", "--before", "0s", code=2).out, "")
        done = self.world.bugle("job", "history", "steps", "--purge", "--before", "0s", "--dry-run")
        self.assertIn("would purge 2 runs of steps", done.out)
        self.assertEqual(len(self.runs("steps")), 2)
        self.assertEqual(self.world.bugle("job", "history", "steps", "--purge", "--before", "0s", code=2).out, "")
        self.world.bugle("job", "history", "steps", "--purge", "--before", "0s", "--yes")
        wait_for("the purge", lambda: not self.runs("steps"))
        self.assertIn("over, not kept", self.world.bugle("exec", "show", self.execs()[0]).out)

    def execs(self):
        return self.world.bugle("exec", "list", "-o", "name").out.split()

    def test_a_step_names_the_variable_that_its_target_lacks(self):
        self.world.node("db1")
        self.world.apply(STEPS.replace("FLAGFILE", "/dev/null"))
        self.world.wait_applied("steps", 1)
        self.world.bugle("job", "start", "steps", "--step", "check", "--wait", code=20)
        row = self.runs("steps")[0]
        self.assertEqual(row["state"], "failed")
        self.assertIn("DATADIR", row["summary"])
        self.assertIn("bugle target variable db1 DATADIR=", row["summary"])
        self.world.bugle("target", "variable", "db1", "DATADIR=x", "OTHER=y")
        self.world.bugle("target", "variable", "db1", "DATADIR-")
        shown = self.world.bugle("target", "show", "db1", "-o", "json").json()
        self.assertEqual(shown["variables"], {"OTHER": "y"})

    def test_why_a_job_ran_or_did_not(self):
        self.world.node("db1", zone="Europe/Berlin")
        self.world.apply(NIGHTLY)
        self.world.wait_applied("nightly", 1)
        now = datetime.datetime.now(UTC).replace(microsecond=0)
        noon = (now + datetime.timedelta(days=2)).replace(hour=12, minute=0, second=0)
        told = self.why("db1", minute(noon))
        self.assertEqual(told["answer"], "to-come")
        self.assertEqual([due["schedule"] for due in told["due"]], ["by-utc"])
        told = self.why("db1", minute(noon + datetime.timedelta(minutes=5)))
        self.assertEqual(told["answer"], "not-due")
        self.assertEqual(told["before"]["schedule"], "by-utc")
        self.assertEqual(told["after"]["schedule"], "at-night")
        self.assertEqual(told["after"]["zone"], "Europe/Berlin")
        self.assertIn(" 02:30:00 +0", told["after"]["local"])
        self.assertEqual(self.why("db1", minute(noon - datetime.timedelta(days=400)))["answer"], "not-enlisted")
        self.world.bugle("job", "disable", "nightly", "--reason", "storage is moved")
        told = self.why("db1", minute(noon))
        self.assertEqual(told["answer"], "disabled")
        self.assertIn("storage is moved", told["text"])
        self.world.bugle("job", "enable", "nightly", "--until", minute(noon - datetime.timedelta(hours=1)))
        self.assertEqual(self.why("db1", minute(noon))["answer"], "disabled")
        self.assertEqual(self.why("db1", minute(noon - datetime.timedelta(days=1)))["answer"], "to-come")
        shown = self.world.bugle("job", "show", "nightly").out
        self.assertIn("enabled until", shown)
        self.world.bugle("job", "start", "nightly", "--wait", code=0)
        started = self.runs("nightly")[0]["started"]
        told = self.why("db1", started[:16] + ":00Z")
        self.assertEqual(told["answer"], "ran")
        self.assertIn("by hand", told["text"])
        self.assertIn("the job is not for", self.not_for_target())

    def not_for_target(self):
        self.world.node("web1")
        self.world.apply(NIGHTLY.replace("{all: true}", "{names: [db1]}"))
        now = datetime.datetime.now(UTC) + datetime.timedelta(days=3)
        return self.why("web1", minute(now))["text"]

    def test_why_where_shared_schedules_and_calendars_have_a_say(self):
        self.world.node("db1", zone="Europe/Berlin")
        day = datetime.datetime.now(UTC) + datetime.timedelta(days=3)
        self.world.apply(SHARED.replace("DAY", day.strftime("%Y-%m-%d")))
        self.world.wait_applied("report", 1)
        noon = day.replace(hour=12, minute=0)
        told = self.why("db1", noon.strftime("%Y-%m-%dT%H:%M:00Z"), "report")
        self.assertEqual((told["answer"], told["due"][0]["schedule"]), ("schedule-disabled", "dense"))
        told = self.why("db1", local(noon), "report")
        self.assertEqual(told["answer"], "window")
        self.assertIn("holidays", told["text"])
        self.assertEqual([due["schedule"] for due in told["due"]], ["office", "dense"])
        told = self.why("db1", local(noon + datetime.timedelta(days=1)), "report")
        self.assertEqual(told["answer"], "to-come")
        self.assertEqual(told["due"][0]["at"][:10], (day + datetime.timedelta(days=1)).strftime("%Y-%m-%d"))
        listed = self.world.bugle("job", "list", "-o", "json").json()["items"][0]
        self.assertEqual(listed["zone"], "target")
        self.world.bugle("schedule", "disable", "office", "--reason", "inventory")
        told = self.why("db1", local(noon + datetime.timedelta(days=1)), "report")
        self.assertEqual(told["answer"], "schedule-disabled")
        self.assertIn("inventory", told["text"])
        self.assertIn("'office' is disabled: inventory", self.world.bugle("job", "show", "report").out)

    def test_the_next_times_of_each_zone(self):
        self.world.node("a1", zone="Europe/Berlin")
        self.world.node("a2", zone="America/New_York")
        self.world.node("a3", zone="Europe/Berlin")
        self.world.apply(NIGHTLY)
        rows = self.world.bugle("job", "show", "nightly", "--next", "4", "-o", "json").json()["next_runs"]
        self.assertEqual({(row["zone"], tuple(row["targets"])) for row in rows},
                         {("America/New_York", ("a2",)), ("Europe/Berlin", ("a1", "a3")), ("UTC", ())})
        # Each row is among the first four of a target, and each target has its four.
        firsts = [[row for row in rows if name in (row["targets"] or [name])][:4] for name in ("a1", "a2", "a3")]
        self.assertEqual({len(first) for first in firsts}, {4})
        self.assertTrue(all(any(row in first for first in firsts) for row in rows))
        self.assertEqual([row["at"] for row in rows], sorted(row["at"] for row in rows))
        text = self.world.bugle("job", "show", "nightly", "--next", "4").out
        self.assertIn("a[1,3]", text)
        rows = self.world.bugle("job", "show", "nightly", "--next", "2", "-t", "a2", "-o", "json").json()["next_runs"]
        self.assertEqual(len(rows), 2)
        self.assertEqual({row["zone"] for row in rows}, {"America/New_York", "UTC"})

    def test_times_end_with_the_job_and_blackouts_are_short(self):
        self.world.node("a1")
        self.world.apply(NIGHTLY.replace("nightly", "bounded", 1) + "not_after: 2099-12-31T12:30:00Z\n")
        self.world.wait_applied("bounded", 1)
        shown = self.world.bugle("job", "show", "bounded", "-o", "json").json()
        self.assertEqual(shown["not_after"], "2099-12-31T12:30:00Z")
        told = self.world.bugle("job", "why", "bounded", "-t", "a1", "--at", "2100-01-01T12:00:00Z", "-o", "json").json()
        self.assertEqual(told["answer"], "expired", told)
        self.assertIn("Valid until:", self.world.bugle("job", "show", "bounded").out)
        soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.world.apply(NIGHTLY.replace("nightly", "brief", 1).replace('cron: "0 12 * * *"', "every: 20s")
                         .replace(", zone: UTC", "") + f"not_after: {soon}\n")
        rows = self.world.bugle("job", "show", "brief", "--next", "9", "-o", "json").json()["next_runs"]
        self.assertTrue(all(row["at"] < soon for row in rows), rows)
        self.world.apply("""
calendar: never
days: ["2020-01-01..2020-01-02"]
---
job: shut
targets: {all: true}
schedules: [{name: s, every: 1m, within: never}]
steps: [{name: s, run: ["true"]}]
""")
        rows = self.world.bugle("job", "show", "shut", "--next", "3", "-o", "json").json()["next_runs"]
        self.assertEqual([row["left_out_by"] for row in rows], ["never"] * 3)

    def test_runs_that_wait_are_shown_until_their_turn(self):
        node = self.world.node("a1")
        policy = node.home / "etc" / "policy"
        policy.write_text(policy.read_text().replace("# runs = 100", "runs = 1"))
        gate = self.world.directory / "gate"
        self.world.apply(SLOW.replace("GATE", str(gate)) + "---\n" + SLOW.replace("GATE", str(gate)).replace("slow", "next"))
        self.world.wait_applied("slow", 1)
        self.world.wait_applied("next", 1)
        first = self.world.bugle("job", "start", "slow").out.strip()
        wait_for("the first runs", lambda: self.exec(first)["running"] == 1)
        second = self.world.bugle("job", "start", "next").out.strip()
        wait_for("the second waits", lambda: self.exec(second)["waiting"] == 1)
        self.assertEqual(self.exec(second)["running"], 0)
        self.assertIn("waiting", self.world.bugle("exec", "show", second).out)
        jobs = {row["name"]: row for row in self.world.bugle("job", "list", "-o", "json").json()["items"]}
        self.assertEqual((jobs["next"]["running"], jobs["next"]["waiting_runs"]), (0, 1))
        self.assertIn("0 + 1 waiting", self.world.bugle("job", "list", "--running").out)
        self.assertIn("1 + 1 waiting", self.world.bugle("target", "show", "a1").out)
        self.assertIn("1 + 1 waiting", self.world.bugle("status").out)
        self.assertEqual([row["job"] for row in self.runs("--state", "waiting")], ["next"])
        self.assertIsNotNone(self.runs("--state", "waiting")[0]["queued"])
        gate.touch()
        self.world.bugle("exec", "wait", second)
        self.assertEqual((self.exec(second)["succeeded"], self.exec(second)["waiting"]), (1, 0))
        self.assertEqual({row["state"] for row in self.runs()}, {"succeeded"})

    def exec(self, exec_id):
        return self.world.bugle("exec", "show", exec_id, "-o", "json").json()

    def test_categories_and_owners(self):
        self.world.apply(NIGHTLY + "category: database\n")
        self.world.bugle("category", "create", "databse", "--description", "a slip of the pen")
        done = self.world.apply(NIGHTLY.replace("job: nightly", "job: weekly") + "category: databases\n", "--dry-run")
        self.assertIn("category 'databases' is new; there is 'database'", done.err)
        rows = self.world.bugle("category", "list", "-o", "json").json()["items"]
        self.assertEqual([(row["name"], row["jobs"], row["is_created"]) for row in rows],
                         [("database", 1, False), ("databse", 0, True)])
        self.assertEqual(self.world.bugle("category", "delete", "database", code=6).out, "")
        for line in (("category", "delete", ""), ("job", "list", "--category", "")):
            self.assertEqual(self.world.bugle("__complete", *line).out.splitlines()[1:], ["database", "databse"])
        self.world.bugle("category", "delete", "databse")
        self.assertEqual(self.world.bugle("job", "list", "--category", "DATABASE", "-o", "name").out, "nightly\n")
        self.assertEqual(self.world.bugle("job", "list", "--category", "web", "-o", "name").out, "")
        shown = self.world.bugle("job", "show", "nightly", "-o", "json").json()
        self.assertEqual(self.world.bugle("job", "list", "--owner", shown["owner"], "-o", "name").out, "nightly\n")
        done = self.world.apply(NIGHTLY + "owner: nobody\n", code=3)
        self.assertIn("no login 'nobody'", done.err)

    def test_a_job_that_deletes_itself_is_counted_and_cleared_away(self):
        self.world.node("a1")
        self.world.node("a2")
        self.world.apply(NIGHTLY.replace("targets:", "delete: on-success\ntargets:").replace("nightly", "once"))
        self.world.wait_applied("once", 2)
        self.world.bugle("job", "start", "once", "-t", "a1", "--wait")
        row = self.world.bugle("job", "list", "-o", "json").json()["items"][0]
        self.assertEqual((row["deleted_itself"], row["targets"]), (1, 2))
        self.assertEqual(self.world.bugle("job", "delete", "--spent", "--yes").out, "")
        self.world.bugle("job", "start", "once", "-t", "a2", "--wait")
        self.assertIn("deleted itself on 2 of 2", self.world.bugle("job", "list").out)
        self.assertEqual(self.world.bugle("job", "list", "--spent", "-o", "name").out, "once\n")
        done = self.world.bugle("job", "start", "once", "--wait", code=20)
        self.assertEqual({row["state"] for row in self.runs("once")[:2]}, {"not-run"})
        self.assertIn("deleted itself", self.runs("once")[0]["summary"])
        self.world.bugle("job", "delete", "--spent", "--yes")
        self.assertEqual(self.world.bugle("job", "list", "-o", "name").out, "")


if __name__ == "__main__":
    main()
