#!/usr/bin/python3
"""Commands that change something: apply, start, stop, enable, disable, delete, defect; what they ask, how they wait, and
that a dry run changes nothing."""

import itertools
import os
import pathlib
import signal
import sys

from world import SharedWorldTest, Terminal, WorldTest, main, wait_for

numbers = itertools.count(1)
OK = 'job: quick\ntargets: {all: true}\nsteps: [{name: s, run: ["true"]}]\n'


def gated(world, name="gated"):
    """A job that runs until the gate is opened."""
    gate = world.directory / f"gate-{next(numbers)}"
    script = f"while [ ! -e {gate} ]; do sleep 0.02; done; test ! -s {gate}"
    world.apply(f'job: {name}\ntargets: {{all: true}}\nsteps: [{{name: s, script: "{script}"}}]\n')
    return gate


class Changes(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.world.node("a1")
        cls.world.node("a2", "--group", "some")

    def state(self):
        """All that a command could have changed."""
        world = self.world
        jobs = [{key: row[key] for key in ("name", "enabled", "disabled_reason", "version", "document_version")}
                for row in world.bugle("job", "list", "-o", "jsonl").rows()]
        return (jobs, world.bugle("exec", "list", "-o", "name").out, world.bugle("target", "list", "-o", "name").out)

    def tearDown(self):
        for name in self.world.bugle("job", "list", "-o", "name").out.split():
            self.world.bugle("job", "stop", name, "--wait", code=None)
            self.world.bugle("job", "delete", name, "--yes")

    def test_a_dry_run_says_what_would_be_and_changes_nothing(self):
        self.world.apply(OK)
        before = self.state()
        for arguments, text in (
                (("job", "start", "quick"), "would start quick -> 2 targets"), (("job", "start", "quick", "-t", "a1"), "a1"),
                (("job", "stop", "quick"), "would stop quick"), (("job", "disable", "quick"), "disabled quick -> 2 targets"),
                (("job", "disable", "quick", "--until", "2h"), "disabled quick"),
                (("job", "enable", "quick"), "enabled already"), (("job", "delete", "quick"), "deleted quick -> 2 targets"),
                (("target", "defect", "a1", "a2"), "a[1-2]"), (("token", "create"), "would make a token")):
            done = self.world.bugle(*arguments, "--dry-run")
            self.assertIn(text, done.out + done.err, arguments)
            if arguments[0] != "token":
                self.assertIn("dry run: nothing was changed", done.err, arguments)
            for form in ("json", "jsonl", "yaml"):
                self.assertTrue(self.world.bugle(*arguments, "--dry-run", "-o", form).out, arguments)
        done = self.world.apply(OK + "---\n" + OK.replace("quick", "other"), "--dry-run")
        self.assertRegex(done.out, r"^unchanged quick \(v\d+\) -> 2 targets\nwould be created other \(v1\) -> 2 targets\n$")
        self.assertEqual(self.state(), before)
        self.assertEqual(self.world.bugle("job", "start", "quick", "--dry-run", "-o", "json").json()["names"], ["a1", "a2"])

    def test_apply_in_each_form(self):
        done = self.world.apply(OK, "-o", "json").json()
        self.assertEqual([(row["name"], row["outcome"], row["targets"]) for row in done["items"]], [("quick", "created", 2)])
        version = done["items"][0]["version"]
        again = self.world.apply(OK.replace("true\"", "true\", x"), "-o", "jsonl").rows()
        self.assertEqual([(row["outcome"], row["version"]) for row in again], [("changed", version + 1)])
        self.assertEqual(self.world.apply(OK, "-o", "name").out, "quick\n")

    def test_apply_takes_files_and_directories_in_order(self):
        directory = self.world.directory / "jobs"
        directory.mkdir()
        (directory / "2.yml").write_text(OK.replace("quick", "two"))
        (directory / "1.yaml").write_text(OK.replace("quick", "one"))
        single = self.world.directory / "single"
        single.write_text(OK)
        done = self.world.bugle("apply", "-f", directory, "--filename", single)
        self.assertEqual([line.split()[1] for line in done.out.splitlines()], ["one", "two", "quick"])

    def test_disable_enable_and_their_reasons(self):
        self.world.apply(OK)
        done = self.world.bugle("job", "disable", "quick", "--reason", "storage moves", "--until", "2h", "-o", "json").json()
        self.assertEqual((done["outcome"], done["reason"]), ("disabled", "storage moves"))
        self.assertIsNotNone(done["until"])
        shown = self.world.bugle("job", "show", "quick", "-o", "json").json()
        self.assertEqual((shown["enabled"], shown["disabled_reason"]), (False, "storage moves"))
        self.assertIn("storage moves", self.world.bugle("job", "show", "quick").out)
        refused = self.world.bugle("job", "start", "quick", "--wait", code=1)
        self.assertIn("storage moves", refused.err)
        self.assertIn("bugle job enable", refused.err)
        self.assertIn("enabled quick -> 2 targets", self.world.bugle("job", "enable", "quick").out)
        self.assertIn("unchanged quick (enabled already)", self.world.bugle("job", "enable", "quick").out)
        self.world.bugle("job", "start", "quick", "--wait")
        refused = self.world.bugle("job", "disable", "quick", "--until", "2020-01-01", code=2)
        self.assertIn("past", refused.err)

    def test_delete_asks_and_without_a_terminal_needs_yes(self):
        self.world.apply(OK)
        for more in ((), ("--no-input",)):
            refused = self.world.bugle("job", "delete", "quick", *more, code=2)
            self.assertIn("2 targets", refused.err)
            self.assertIn("--yes", refused.err)
        terminal = Terminal(self.world, "bugle", "job", "delete", "quick", "--no-input")
        self.assertEqual(terminal.wait()[0], 2)
        terminal = Terminal(self.world, "bugle", "job", "delete", "quick")
        terminal.read_until("[y/N]")
        terminal.type("n\n")
        code, text = terminal.wait()
        self.assertIn("nothing was changed", text)
        self.assertEqual(code, 130)
        self.assertIn("quick", self.world.bugle("job", "list", "-o", "name").out)
        terminal = Terminal(self.world, "bugle", "job", "delete", "quick")
        terminal.read_until("[y/N]")
        terminal.type("y\n")
        code, text = terminal.wait()
        self.assertEqual(code, 0, text)
        self.assertIn("deleted quick -> 2 targets", text)
        self.assertIn("deleted already", self.world.bugle("job", "delete", "quick", "--yes", "--reason", "again").out)

    def test_a_job_that_was_deleted_while_disabled_starts_when_it_is_made_again(self):
        self.world.apply(OK)
        self.world.bugle("job", "disable", "quick", "--reason", "no use")
        self.world.bugle("job", "delete", "quick", "--yes")
        self.world.apply(OK)
        shown = self.world.bugle("job", "show", "quick", "-o", "json").json()
        self.assertEqual((shown["enabled"], shown["disabled_reason"]), (True, None))
        self.world.bugle("job", "start", "quick", "--wait")

    def test_what_changed_since_it_was_looked_at_is_a_conflict(self):
        self.world.apply(OK)
        terminal = Terminal(self.world, "bugle", "job", "delete", "quick")
        terminal.read_until("[y/N]")
        # Somebody else is quicker.
        self.assertIn("changed", self.world.apply(OK.replace("true\"", "true\", x")).out)
        terminal.type("y\n")
        code, text = terminal.wait()
        self.assertEqual(code, 6, text)
        self.assertIn("quick", text)
        self.assertEqual(self.world.bugle("job", "list", "-o", "name").out, "quick\n")

    def test_starts_say_what_they_start_and_how_to_follow(self):
        self.world.apply(OK)
        done = self.world.bugle("job", "start", "quick", "--reason", "for fun", "--expires", "10m")
        exec_id = done.out.strip()
        self.assertRegex(exec_id, r"^[0-9a-z]{26}$")
        self.assertIn("2 targets", done.err)
        self.assertIn(f"bugle exec wait {exec_id[-8:]}", done.err)
        waited = self.world.bugle("exec", "wait", exec_id[-8:])
        self.assertIn("a[1-2]", waited.out)
        shown = self.world.bugle("exec", "show", exec_id, "-o", "json").json()
        self.assertEqual((shown["reason"], shown["succeeded"], shown["what"]), ("for fun", 2, "start"))
        self.assertEqual(self.world.bugle("job", "start", "quick", "-o", "json", "-t", "A1").json()["targets"], 1)
        refused = self.world.bugle("job", "start", "quick", "--expires", "8d", code=None)
        self.assertIn(refused.code, (1, 2))
        self.assertIn("7", refused.err)

    def test_each_way_to_choose_targets(self):
        self.world.apply(OK)
        listed = self.world.directory / "names"
        listed.write_text("a1\n")
        for arguments, names in (
                (("-t", "a2"), ["a2"]), (("-t", "a[1-2]"), ["a1", "a2"]), (("-g", "some"), ["a2"]), (("--all",), ["a1", "a2"]),
                (("-t", f"@{listed}"), ["a1"]), (("-t", "a1", "-t", "a2"), ["a1", "a2"])):
            exec_id = self.world.bugle("job", "start", "quick", *arguments, "--wait", "-o", "name").out.strip()
            rows = self.world.history("quick", "--exec", exec_id)
            self.assertEqual(sorted(row["target"] for row in rows), names, arguments)
        exec_id = self.world.bugle("job", "start", "quick", "-t", "-", "-o", "name", input="a2\n").out.strip()
        self.world.bugle("exec", "wait", exec_id)
        self.assertEqual([row["target"] for row in self.world.history("quick", "--exec", exec_id)], ["a2"])

    def test_a_start_that_the_job_forbids(self):
        self.world.apply(OK + "start: {by: nobody}\n")
        refused = self.world.bugle("job", "start", "quick", code=4)
        self.assertEqual(refused.out, "")

    def test_failures_are_grouped_and_end_with_20(self):
        self.world.apply('job: half\ntargets: {all: true}\nsteps: [{name: s, script: "echo bad luck; test $BUGLE_TARGET = a1"}]\n')
        done = self.world.bugle("job", "start", "half", "--wait", code=20)
        lines = done.out.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"^1 +ok +a1$")
        self.assertRegex(lines[1], r'^1 +exit 1 +a2 +"bad luck"$')
        whole = self.world.bugle("job", "start", "half", "--wait", "-o", "json", code=20).json()
        self.assertEqual({group["state"]: group["targets"] for group in whole["groups"]},
                         {"succeeded": ["a1"], "failed": ["a2"]})

    def test_a_timeout_ends_with_21_and_the_work_goes_on(self):
        gate = gated(self.world)
        late = self.world.bugle("job", "start", "gated", "--wait", "--timeout", "200ms", code=21)
        self.assertIn("bugle exec wait", late.err)
        self.assertIn("2 of 2 targets", late.err)
        exec_id = self.world.bugle("exec", "list", "-o", "name", "--running").out.strip()
        self.world.bugle("exec", "wait", exec_id, "--timeout", "200ms", code=21)
        gate.touch()
        self.world.bugle("exec", "wait", exec_id, "--timeout", "30s")

    def test_progress_is_drawn_on_a_terminal_and_interrupted_by_ctrl_c(self):
        gate = gated(self.world)
        terminal = Terminal(self.world, "bugle", "job", "start", "gated", "--wait")
        shown = terminal.read_until("2 running")
        self.assertRegex(shown, r"exec [0-9a-z]{8}  gated  0/2 done  0 failed  2 running  0:\d\d|\d\d:\d\d")
        self.assertIn("\r\x1b[K", shown)
        terminal.type("\x03")
        code, text = terminal.wait()
        self.assertEqual(code, 130)
        last = text[text.rindex("\x1b[K"):]
        self.assertIn("goes on with 2 of 2 targets open", last)
        self.assertIn("look again: bugle exec wait", last)
        # It did go on; waiting again shows the end, without a trace of the progress.
        exec_id = self.world.bugle("exec", "list", "-o", "name", "--running").out.strip()
        again = Terminal(self.world, "bugle", "exec", "wait", exec_id)
        again.read_until("2 running")
        gate.touch()
        code, text = again.wait()
        self.assertEqual(code, 0)
        self.assertRegex(text[text.rindex("\x1b[K") + 3:].strip(), r"^2 +ok +a\[1-2\]$")

    def test_without_a_terminal_there_is_no_drawing(self):
        self.world.apply(OK)
        done = self.world.bugle("job", "start", "quick", "--wait")
        self.assertNotIn("\x1b", done.err + done.out)
        self.assertNotIn("\r", done.err)
        self.assertEqual(self.world.bugle("job", "start", "quick", "--wait", "-q").err, "")

    def test_stop_cancels_and_waits(self):
        gated(self.world, "held")
        exec_id = self.world.bugle("job", "start", "held").out.strip()
        wait_for("both run", lambda: len(self.world.history("held", "--state", "running")) == 2)
        self.world.bugle("job", "stop", "held", "-t", "a1", "--wait", "--reason", "enough", "--expires", "1m")
        states = {row["target"]: row["state"] for row in self.world.wait_history(
            "held", "a1 is canceled", lambda rows: any(row["state"] == "canceled" for row in rows))}
        self.assertEqual(states, {"a1": "canceled", "a2": "running"})
        self.world.bugle("job", "stop", "held", "--all", "--wait")
        self.world.bugle("exec", "wait", exec_id, code=20)
        self.assertEqual({row["state"] for row in self.world.history("held")}, {"canceled"})

    def test_waiting_survives_a_core_that_is_killed(self):
        gate = gated(self.world)
        terminal = Terminal(self.world, "bugle", "job", "start", "gated", "--wait")
        terminal.read_until("2 running")
        self.kill_core()
        gate.touch()
        code, text = terminal.wait(90)
        self.assertEqual(code, 0, text)

    def kill_core(self):

        core = self.world.broker.part("core")
        os.kill(core, signal.SIGKILL)
        wait_for("another core", lambda: self.world.broker.part("core") != core)


class Restarts(WorldTest):
    def test_waiting_survives_a_broker_that_goes_and_comes_back(self):
        self.world.node("a1")
        gate = gated(self.world)
        terminal = Terminal(self.world, "bugle", "job", "start", "gated", "--wait")
        terminal.read_until("1 running")
        self.world.stop_broker()
        terminal.read_until("waiting for it")
        gate.touch()
        self.world.start_broker()
        code, text = terminal.wait()
        self.assertEqual(code, 0, text)

    def test_interrupting_while_the_broker_is_away(self):
        self.world.node("a1")
        gate = gated(self.world)
        terminal = Terminal(self.world, "bugle", "job", "start", "gated", "--wait")
        terminal.read_until("1 running")
        self.world.stop_broker()
        terminal.read_until("waiting for it")
        terminal.type("\x03")
        code, text = terminal.wait()
        self.assertEqual(code, 130, text)
        self.assertIn("bugle exec wait", text)
        gate.touch()


class Many(WorldTest):
    """More targets than are started without asking. Most of them are only records: clients that enlisted and left."""

    def test_more_than_100_targets_are_asked_about(self):
        sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "wire"))
        try:
            import client
            import zmq
        except ImportError as error:
            self.skipTest(f"the independent client is not usable here: {error}")
        world = self.world
        context = zmq.Context()
        text = world.token("--uses", "101", "--names", "m[001-101]", "--group", "many")
        token = client.Token(text)
        for number in range(1, 102):
            client.enlist(context, token, f"m{number:03}").close()
        context.term()
        world.apply(OK)
        self.assertIn("would start quick -> 101 targets", world.bugle("job", "start", "quick", "--dry-run").out)
        for verb in ("start", "stop"):
            for more in ((), ("--no-input",), ("-g", "many"), ("--all",)):
                refused = world.bugle("job", verb, "quick", *more, code=2)
                self.assertIn("101 targets", refused.err)
                self.assertIn("--yes", refused.err)
        self.assertEqual(world.bugle("exec", "list", "-o", "name").out, "")
        world.bugle("job", "start", "quick", "-t", "m[001-100]", "--expires", "1m")
        terminal = Terminal(world, "bugle", "job", "start", "quick")
        terminal.read_until("101 targets? [y/N]")
        terminal.type("\n")
        self.assertEqual(terminal.wait()[0], 130)
        terminal = Terminal(world, "bugle", "job", "start", "quick")
        terminal.read_until("[y/N]")
        terminal.type("\x03")
        terminal.wait()
        self.assertEqual(len(world.bugle("exec", "list", "-o", "name").out.split()), 1)
        world.bugle("job", "start", "quick", "--yes")
        self.assertEqual(len(world.bugle("exec", "list", "-o", "name").out.split()), 2)
        names = world.bugle("target", "list", "-o", "name").out.split()
        self.assertEqual(len(names), 101)
        self.assertIn("m[001-101]", world.bugle("job", "start", "quick", "--dry-run").out)
        self.assertIn("101 targets", world.bugle("target", "label", "--all", "role=m", code=2).err)
        rows = world.bugle("target", "label", "--all", "role=m", "--yes", "-o", "jsonl").rows()
        self.assertEqual([row["outcome"] for row in rows], ["changed"] * 101)
        self.assertEqual(len(world.bugle("target", "list", "-l", "role=m", "-o", "name").out.split()), 101)
        for more in ((), ("--no-input",), ("--batch", "10")):
            self.assertIn("101 targets", world.bugle("run", "--all", *more, "--", "true", code=2).err)
        self.assertEqual(len(world.bugle("exec", "list", "-o", "name").out.split()), 2)
        made = world.bugle("run", "--all", "--no-wait", "--yes", "--", "true").out.strip()
        world.bugle("exec", "cancel", made)
        self.assertIn("101 targets", world.bugle("exec", "retry", made, "--only", "canceled", code=2).err)
        again = world.bugle("exec", "retry", made, "--only", "canceled", "--yes").out.strip()
        self.assertEqual(world.bugle("exec", "show", again, "-o", "json").json()["targets"], 101)
        world.bugle("exec", "cancel", again)
        self.assertIn("changed m[001-101] (101 targets)", world.bugle("group", "add", "x", "--all", "--yes").out.replace(
            "added", "changed"))
        shown = world.bugle("target", "defect", "m[001-101]", "--dry-run", "-o", "json").json()
        self.assertEqual(len(shown["items"]), 101)
        self.assertIn("101 targets", world.bugle("target", "defect", "m[001-101]", code=2).err)
        world.bugle("target", "defect", "m[001-101]", "--yes")
        self.assertEqual(world.bugle("target", "list", "-o", "name").out, "")
        self.assertEqual({row["outcome"] for row in world.bugle(
            "target", "defect", "m[001-101]", "--yes", "-o", "jsonl", code=None).rows()} - {"unchanged"}, set())


if __name__ == "__main__":
    main()
