#!/usr/bin/python3
"""Jobs from file to history, with a real broker and real nodes."""

import signal

from world import WorldTest, main, wait_for

HELLO = """
job: hello
description: says hello
targets: {all: true}
steps:
  - name: greet
    script: echo "hello from $BUGLE_TARGET as $(ESCAPE_NONE(JOBNAME))"
"""

PATHS = """
job: paths
targets: {group: web}
environment: {WHERE: there}
steps:
  - name: first
    run: [sh, -c, "echo first; exit 7"]
    environment: {WHERE: here}
    on_failure: goto third
  - name: second
    run: ["true"]
  - name: third
    script: |
      echo "third $WHERE $(pwd)"
    directory: /tmp
    on_success: fail
"""


class Jobs(WorldTest):
    def test_apply_says_created_unchanged_changed_and_counts_versions(self):
        self.world.node("a1")
        self.world.node("a2")
        self.assertEqual(self.world.apply(HELLO).out, "created hello (v1) -> 2 targets\n")
        self.assertEqual(self.world.apply(HELLO).out, "unchanged hello (v1) -> 2 targets\n")
        changed = HELLO.replace("says hello", "says hello twice")
        self.assertIn("would be changed hello (v2) -> 2 targets", self.world.apply(changed, "--dry-run").out)
        self.assertEqual(self.world.apply(changed).out, "changed hello (v2) -> 2 targets\n")
        self.world.wait_applied("hello", 2)

    def test_a_mistake_in_any_document_posts_nothing(self):
        done = self.world.apply(HELLO + "---\njob: bad\ntargets: {grop: web}\nsteps:\n  - {name: x, runn: [y]}\n", code=1)
        self.assertEqual(done.out, "")
        for text in ("grop", "group", "runn", "run", "^"):
            self.assertIn(text, done.err)
        self.assertEqual(self.world.bugle("job", "list", "-o", "name").out, "")

    def test_start_runs_on_each_target_and_waits_for_committed_outcomes(self):
        for name in ("a1", "a2", "a3"):
            self.world.node(name)
        self.world.apply(HELLO)
        done = self.world.bugle("job", "start", "hello", "--wait")
        self.assertIn("a[1-3]", done.out + done.err)
        rows = self.world.history("hello")
        self.assertEqual(sorted(row["target"] for row in rows), ["a1", "a2", "a3"])
        for row in rows:
            self.assertEqual(row["state"], "succeeded")
            self.assertIsNotNone(row["finished"])
            self.assertEqual([step["name"] for step in row["steps"]], ["greet"])
            self.assertEqual(row["steps"][0]["exit_code"], 0)
            for key in ("run", "job", "target", "state", "reason", "started", "finished", "steps"):
                self.assertIn(key, row)

    def test_output_tokens_environment_and_directory(self):
        self.world.node("web1", "--group", "web")
        self.world.apply(HELLO)
        self.world.apply(PATHS)
        self.world.bugle("job", "start", "hello", "--wait")
        text = self.world.bugle("job", "history", "hello", "-v").out
        self.assertIn("hello from web1 as hello", text)
        self.assertEqual(self.world.bugle("job", "start", "paths", "--wait", code=20).code, 20)
        row = self.world.history("paths")[0]
        self.assertEqual(row["state"], "failed")
        self.assertEqual([step["name"] for step in row["steps"]], ["first", "third"])
        self.assertEqual(row["steps"][0]["exit_code"], 7)
        self.assertIn("third there /tmp", self.world.bugle("job", "history", "paths", "-v").out)

    def test_only_the_audience_gets_a_job(self):
        self.world.node("web1", "--group", "web", "--label", "tier=gold")
        self.world.node("db1", "--group", "db", "--label", "tier=base")
        for name, targets, expected in (
                ("by group", "{group: web}", ["web1"]), ("by labels", '{labels: "tier!=gold"}', ["db1"]),
                ("by name", "{names: [db1]}", ["db1"]), ("by range", '{names: ["db[1-2]"]}', ["db1"]),
                ("for all", "{all: true}", ["db1", "web1"])):
            self.world.apply(f'job: {name}\ntargets: {targets}\nsteps: [{{name: s, run: ["true"]}}]\n')
            self.world.bugle("job", "start", name, "--wait")
            self.assertEqual(sorted(row["target"] for row in self.world.history(name)), expected, name)
        self.world.bugle("job", "start", "by group", "-t", "db1", code=3)

    def test_timeout_kills_the_whole_process_group(self):
        self.world.node("a1")
        self.world.apply("""
job: slow
targets: {all: true}
steps:
  - name: hang
    script: |
      trap '' TERM
      (trap '' TERM; exec sleep 1000) &
      echo "$!" ; wait
    timeout: 1s
    grace: 1s
""")
        self.world.bugle("job", "start", "slow", "--wait", code=20)
        row = self.world.history("slow")[0]
        self.assertTrue(row["steps"][0]["timed_out"])
        pid = int(row["steps"][0]["output"].split()[0])
        wait_for("the grandchild is gone", lambda: not alive(pid))

    def test_retries_are_counted(self):
        self.world.node("a1")
        self.world.apply("""
job: flaky
targets: {all: true}
steps:
  - name: third time
    script: |
      echo x >> "$HOME_OF_TEST/count"
      test "$(wc -l < "$HOME_OF_TEST/count")" -ge 3
    environment: {HOME_OF_TEST: "%s"}
    retry: {attempts: 4, every: 1s}
""" % self.world.directory)
        self.world.bugle("job", "start", "flaky", "--wait")
        self.assertEqual(self.world.history("flaky")[0]["steps"][0]["attempts"], 3)

    def test_stop_cancels_what_runs(self):
        self.world.node("a1")
        self.world.apply('job: long\ntargets: {all: true}\nsteps: [{name: s, run: [sleep, "1000"]}]\n')
        self.world.bugle("job", "start", "long")
        self.world.wait_history("long", "it runs", lambda rows: rows and rows[0]["state"] == "running"
                                and rows[0]["finished"] is None)
        self.world.bugle("job", "stop", "long", "--wait")
        rows = self.world.wait_history("long", "it was canceled", lambda rows: rows and rows[0]["state"] == "canceled")
        self.assertEqual(len(rows), 1)

    def test_a_second_start_while_one_runs_is_not_run_overlap(self):
        self.world.node("a1")
        self.world.apply('job: long\ntargets: {all: true}\nsteps: [{name: s, run: [sleep, "1000"]}]\n')
        self.world.bugle("job", "start", "long")
        self.world.wait_history("long", "it runs", lambda rows: rows and rows[0]["state"] == "running")
        self.world.bugle("job", "start", "long", "--wait", code=20)
        states = {(row["state"], row["reason"]) for row in self.world.history("long")}
        self.assertIn(("not-run", "overlap"), states)
        self.world.bugle("job", "stop", "long", "--wait")

    def test_disable_delete_and_create_again(self):
        self.world.node("a1")
        self.world.apply(HELLO)
        self.world.wait_applied("hello", 1)
        self.world.bugle("job", "disable", "hello", "--reason", "storage is being moved")
        refused = self.world.bugle("job", "start", "hello", code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("disabled", refused.err)
        self.world.bugle("job", "enable", "hello")
        self.world.bugle("job", "start", "hello", "--wait")
        self.world.bugle("job", "delete", "hello", "--yes")
        self.world.bugle("job", "show", "hello", code=3)
        self.assertEqual(self.world.apply(HELLO).out.split(" ->")[0], "created hello (v3)")
        self.world.bugle("job", "start", "hello", "--wait")
        self.assertEqual(len(self.world.history("hello")), 2)

    def test_at_most_limits_starts(self):
        self.world.node("a1")
        self.world.apply(HELLO + 'start: {by: login, at_most: 2 per 1h}\n')
        self.world.bugle("job", "start", "hello", "--wait")
        self.world.bugle("job", "start", "hello", "--wait")
        self.world.bugle("job", "start", "hello", "--wait", code=20)
        newest = self.world.history("hello")[0]
        self.assertEqual((newest["state"], newest["reason"]), ("not-run", "limit"))

    def test_nobody_may_start_what_says_so(self):
        self.world.node("a1")
        self.world.apply(HELLO + "start: {by: nobody}\n")
        done = self.world.bugle("job", "start", "hello", code=None)
        self.assertNotEqual(done.code, 0)
        self.assertEqual(self.world.history("hello"), [])

    def test_show_gives_the_file_back(self):
        self.world.node("web1", "--group", "web")
        self.world.apply(PATHS)
        text = self.world.bugle("job", "show", "paths", "-o", "yaml").out
        self.assertEqual(self.world.apply(text).out, "unchanged paths (v1) -> 1 target\n")
        shown = self.world.bugle("job", "show", "paths").out
        for word in ("paths", "web", "first", "third"):
            self.assertIn(word, shown)


class Absent(WorldTest):
    def test_an_absent_target_gets_what_it_missed(self):
        node = self.world.node("a1")
        node.stop()
        self.world.apply(HELLO)
        self.world.bugle("job", "start", "hello")
        done = self.world.bugle("job", "start", "hello", "--wait", "--timeout", "1s", code=21)
        self.assertIn("a1", done.out + done.err)
        node.start()
        rows = self.world.wait_history(
            "hello", "the newest start ran", lambda rows: any(row["state"] == "succeeded" for row in rows))
        self.world.wait_history("hello", "both starts have an end", lambda rows: len(rows) == 2)
        self.assertEqual(sorted(row["state"] for row in self.world.history("hello")), ["not-run", "succeeded"])
        self.assertTrue(rows)

    def test_schedules_run_with_the_broker_away_and_each_outcome_arrives_once(self):
        node = self.world.node("a1", zone="Asia/Tokyo")
        beats = self.world.directory / "beats"
        self.world.apply(f"""
job: tick
targets: {{all: true}}
schedules: [{{name: each second, every: 1s}}]
steps: [{{name: beat, script: "echo x >> {beats}"}}]
""")
        self.world.wait_history("tick", "it runs by itself", lambda rows: len(rows) >= 2)
        self.world.stop_broker(signal.SIGKILL)
        # Three occurrences while nobody is there, then a restart of the node, then two more.
        wait_lines(beats, 3)
        node.stop()
        node.start()
        wait_lines(beats, 2)
        self.world.start_broker()
        ran = len(beats.read_text().splitlines())
        rows = self.world.wait_history(
            "tick", "what ran meanwhile",
            lambda rows: len([row for row in rows if row["state"] == "succeeded"]) >= ran, "--limit", "500")
        over = [row for row in rows if row["state"] != "running"]
        self.assertEqual(len(over), len({row["run"] for row in over}))
        succeeded = [row["nominal"] for row in rows if row["state"] == "succeeded"]
        self.assertEqual(len(succeeded), len(set(succeeded)))


def wait_lines(path, more):
    """Until the file has so many more lines than now."""
    def lines():
        return len(path.read_text().splitlines()) if path.exists() else 0
    before = lines()
    wait_for(f"{more} more lines in {path.name}", lambda: lines() >= before + more)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    main()
