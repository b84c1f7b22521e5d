#!/usr/bin/python3
"""The commands of bugle as a person or a script types them: forms of output, words it understands, what it refuses.

Starting, stopping and waiting are in test_cli_orders.py, init and contexts in test_init.py.
"""

import json
import pathlib
import re
import subprocess

import yaml

from world import SharedWorldTest, Terminal, WorldTest, main

CTL = pathlib.Path(__file__).parents[2] / "ctl"
TABLES = [CTL / "commands.def", *sorted((CTL / "commands").glob("*.def"))]
HELLO = """
job: hello
description: says hello
targets: {group: web}
schedules: [{name: nightly, cron: "30 2 * * *", zone: Europe/Berlin}]
steps: [{name: greet, script: "echo hello from $BUGLE_TARGET"}]
"""
FAILS = 'job: fails\ntargets: {names: [db1]}\nsteps: [{name: s, script: "echo no space; exit 3"}]\n'


def commands():
    """(noun, verb, {option: kind}, arguments) of each command, and the options of all, read from the one table."""
    text = re.sub(r"/\*.*?\*/", "", "".join(table.read_text() for table in TABLES), flags=re.DOTALL)
    options = {}
    for kind in ("GLOBAL", "OPTION"):
        for match in re.finditer(
                rf'CTL_{kind} \((\w+), "([\w-]+)", (0|\'.\'), (\w+),\s+(NULL|"[^"]*")', text):
            options[match[1]] = (match[2], match[3].strip("'"), match[4], match[5].strip('"'), kind == "GLOBAL")
    found = []
    for block in re.finditer(r"CTL_COMMAND \((\w+), (.*?)CTL_END \(\1\)", text, re.DOTALL):
        noun, verb, arguments = re.match(r'"(\w*)", "([\w-]+)", "([^"]*)"', block[2]).groups()
        takes = re.findall(r"CTL_TAKES \((\w+),", block[2])
        examples = re.findall(r'CTL_EXAMPLE \("([^"]*)"', block[2])
        found.append((noun, verb, arguments, takes, examples))
    return found, options


COMMANDS, OPTIONS = commands()
GOOD = {"FLAG": None, "TEXT": "text", "LIST": "text", "NUMBER": "3", "DURATION": "90s", "TIME": "2h"}


class Words(WorldTest):
    """What is understood without a broker: nothing here makes anything."""

    with_broker = False

    def bugle(self, *arguments, **more):
        return self.world.bugle(*arguments, **more)

    def test_the_table_was_read(self):
        self.assertGreater(len(COMMANDS), 25)
        self.assertIn(("job", "start"), [command[:2] for command in COMMANDS])
        self.assertEqual(OPTIONS["FILE"][:3], ("filename", "f", "LIST"))

    def test_each_command_has_help_with_its_options_and_examples(self):
        for noun, verb, arguments, takes, examples in COMMANDS:
            words = [word for word in (noun, verb) if word]
            done = self.bugle(*words, "--help")
            self.assertEqual(done.err, "")
            self.assertEqual(done.out, self.bugle("help", *words).out)
            self.assertEqual(done.out, self.bugle(*words, "-h").out)
            for option in takes:
                self.assertIn("--" + OPTIONS[option][0], done.out, words)
            for example in examples:
                self.assertIn(example, done.out)
            self.assertIn(arguments, done.out)
        for noun in {command[0] for command in COMMANDS if command[0]}:
            self.assertIn(f"bugle {noun} ", self.bugle("help", noun).out)
            self.assertEqual(self.bugle(noun, "--help").out, self.bugle("help", noun).out)
        for code in ("0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "20 ", "21 ", "130 "):
            self.assertIn("\n  " + code, self.bugle("help").out)

    def test_each_option_of_each_command_is_taken_in_both_forms_and_no_other(self):
        for number, (noun, verb, _, takes, _) in enumerate(COMMANDS):
            words = [word for word in (noun, verb) if word]
            for place, (name, (word, letter, kind, choices, is_global)) in enumerate(OPTIONS.items()):
                value = choices.split("|")[0] if kind == "CHOICE" else GOOD[kind]
                forms = [[f"--{word}"] if value is None else [f"--{word}={value}"]]
                if letter != "0":
                    forms.append([f"-{letter}"] if value is None else [f"-{letter}", value])
                if is_global or name in takes:
                    for form in forms:
                        self.bugle(*words, *form, "--help")
                elif (number + place) % 4 == 0:
                    # Each option is refused by some commands, each command refuses some; all pairs would take long.
                    refused = self.bugle(*words, *forms[0], code=2)
                    self.assertIn("--" + word, refused.err)

    def test_wrong_values_are_told_with_what_is_right(self):
        for arguments, words in (
                (("job", "list", "-o", "jsn"), ["table|wide|json|jsonl|yaml|name", "did you mean json?"]),
                (("job", "list", "--limit", "0"), ["--limit", "1 to 1000000", "'0'"]),
                (("job", "list", "--limit", "ten"), ["'ten'"]), (("job", "list", "--limit"), ["needs a value"]),
                (("job", "list", "--limit="), ["--limit"]), (("job", "list", "--quiet=yes"), ["takes no value"]),
                (("status", "--timeout", "soon"), ["--timeout", "90s"]), (("status", "--timeout", "8d"), ["7d"]),
                (("job", "history", "x", "--since", "yesterdy"), ["--since"]),
                (("job", "history", "x", "--state", "suceeded"), ["did you mean succeeded?"]),
                (("job", "start", "x", "--expires", "0s"), ["--expires"]), (("job", "start", ""), ["empty"]),
                (("job", "start", "x", "--timeout", "1m"), ["--wait"]),
                (("job", "start", "x", "--reason", "\x1b[2J"), ["--reason"]),
                (("token", "create", "--uses", "0"), ["--uses"]), (("token", "create", "--uses", "2"), ["--names"]),
                (("token", "create", "--label", "role"), ["KEY=VALUE"]),
                (("token", "create", "--names", "a["), ["a["]), (("token", "create", "--group", "no/group!"), ["group"]),
                (("job", "start"), ["NAME"]), (("job", "show"), ["NAME"]), (("job", "show", "a", "b"), ["'b'"]),
                (("exec", "show", "abc"), ["at least 6"]), (("target", "defect"), ["name them", "--all"]), (("apply",), ["-f"]),
                (("job", "start", "x", "-l", "role=="), ["-l 'role=='", "character"]),
                (("job", "start", "x", "-t", "a[1-"), ["a[1-"]), (("job", "start", "x", "--all", "-g", "web"), ["--all"])):
            refused = self.bugle(*arguments, code=None)
            self.assertIn(refused.code, (1, 2), (arguments, refused.err))
            self.assertEqual(refused.out, "")
            for word in words:
                self.assertIn(word, refused.err, arguments)

    def test_mistyped_words_are_answered_with_the_nearest(self):
        for arguments, right in (
                (("jbo", "list"), "bugle job?"), (("job", "lsit"), "bugle job list?"), (("stauts",), "bugle status?"),
                (("token", "creat"), "bugle token create?"), (("job", "list", "--limt", "3"), "--limit?"),
                (("job", "start", "x", "--wiat"), "--wait?"), (("aply", "-f", "x"), "bugle apply?")):
            refused = self.bugle(*arguments, code=2)
            self.assertIn(f"did you mean {right}", refused.err)
        self.assertIn("see: bugle help", self.bugle("xyzzy", code=2).err)

    def test_half_a_command_is_wrong_usage_with_help(self):
        self.assertIn("bugle job start", self.bugle("job", code=2).err)
        self.assertIn("bugle init --home", self.bugle(code=2).err)

    def test_plural_and_short_nouns(self):
        for noun in ("jobs", "execs", "targets", "tg", "tokens", "keys", "contexts", "ctx", "executions"):
            self.assertIn("Usage:", self.bugle(noun, "--help").out)

    def test_version(self):
        text = self.bugle("version").out
        self.assertRegex(text, r"^bugle \d+\.\d+\.\d+\n$")
        self.assertEqual(self.bugle("--version").out, text)

    def test_results_that_cannot_be_written_are_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([self.world.program("bugle"), "help"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  env=self.world.environment, check=False, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)


class Mistakes(WorldTest):
    """Files of jobs with mistakes: all at once, nothing posted. No broker is needed to find them."""

    with_broker = False
    WRONG = """\
job: nightly
targets: {grop: web}
schedules:
  - {name: s, cron: "61 2 * * *"}
steps:
  - name: one
    runn: [echo, hello]
    timeout: 5 parsecs
    on_failure: goto tow
  - name: two
    run: ["true"]
"""

    GOLDEN = """\
FILE:2:11: unknown key "grop"
    2 | targets: {grop: web}
      |           ^
  did you mean "group"?
FILE:4:22: cron: the minute 61 is outside 0 to 59
    4 |   - {name: s, cron: "61 2 * * *"}
      |                      ^
FILE:6:5: a step has nothing to do; write run: [program, argument] or script: ...
    6 |   - name: one
      |     ^
FILE:7:5: unknown key "runn"
    7 |     runn: [echo, hello]
      |     ^
  did you mean "run"?
FILE:8:14: timeout: this unit of time is not known; write durations as 90s, 5m, 2h, 7d or 1h30m
    8 |     timeout: 5 parsecs
      |              ^
FILE:9:22: there is no step "tow" in this job
    9 |     on_failure: goto tow
      |                      ^
  did you mean "two"?
error: 6 errors in FILE
       nothing was posted
"""

    def test_each_with_file_line_column_caret_and_the_nearest_word(self):
        path = self.world.directory / "wrong.yaml"
        path.write_text(self.WRONG)
        refused = self.world.bugle("apply", "-f", path, code=1)
        self.assertEqual(refused.out, "")
        self.assertEqual(refused.err.replace(str(path), "FILE"), self.GOLDEN)

    def test_all_files_are_read_before_anything_is_said(self):
        directory = self.world.directory / "jobs"
        directory.mkdir()
        (directory / "a.yaml").write_text("job: a\n")
        (directory / "b.yml").write_text("job: b\ntargets: 7\n")
        (directory / "c.txt").write_text("not read")
        (directory / ".d.yaml").write_text("not read")
        (directory / "e.yaml").mkdir()
        refused = self.world.bugle("apply", "-f", directory, "-f", self.world.directory / "none.yaml", code=1)
        for name in ("a.yaml", "b.yml", "none.yaml"):
            self.assertIn(name, refused.err)
        self.assertNotIn("not read", refused.err)
        self.assertLess(refused.err.index("a.yaml"), refused.err.index("b.yml"))

    def test_what_is_no_job_file_is_named(self):
        world = self.world
        (world.directory / "empty").mkdir()
        self.assertIn("*.yaml", world.bugle("apply", "-f", world.directory / "empty", code=3).err)
        for text in ("\x00\x01\x02", "{[}", "a: b: c", "- 1\n", "job: a\njob: b\n", "&a [*a]", "x: !!python/object:o {}\n"):
            refused = world.bugle("apply", "-f", "-", input=text, code=1)
            self.assertIn("stdin:1:" if text[0] not in "j" else "stdin:2:", refused.err, text)
            self.assertEqual(refused.out, "")
        self.assertIn("stdin", world.bugle("apply", "-f", "-", input="", code=1).err)
        big = "job: a\n#" + "x" * (5 << 20)
        self.assertNotEqual(world.bugle("apply", "-f", "-", input=big, code=None).code, 0)


class Forms(SharedWorldTest):
    """One broker, three targets and some history, looked at in all ways."""

    @classmethod
    def prepare(cls):
        cls.world.node("web1", "--group", "web", "--label", "role=front")
        cls.world.node("web2", "--group", "web", "--label", "role=back")
        cls.world.node("db1", "--group", "db", "--label", "role=db", zone="Asia/Tokyo")
        cls.world.apply(HELLO)
        cls.world.apply(FAILS)
        cls.world.bugle("job", "start", "hello", "--wait")
        cls.world.bugle("job", "start", "fails", "--wait", "--reason", "to see it fail", code=20)
        cls.world.bugle("job", "start", "hello", "-t", "web2", "--wait")
        rows = cls.world.bugle("exec", "list", "-o", "jsonl").rows()
        cls.execs = [row["id"] for row in rows]

    def lists(self):
        return [(("job", "list"), "name"), (("target", "list"), "name"), (("exec", "list"), "id"),
                (("job", "history", "hello"), "run"), (("context", "list"), "name")]

    def objects(self):
        return [(("status",), "broker"), (("job", "show", "hello"), "name"), (("target", "show", "web1"), "name"),
                (("exec", "show", self.execs[0]), "id"), (("exec", "wait", self.execs[0]), "id"), (("key", "show"), "public")]

    def test_lists_say_the_same_in_each_form(self):
        for command, key in self.lists():
            whole = self.world.bugle(*command, "-o", "json").json()
            self.assertEqual(whole["schema"], 1)
            self.assertTrue(whole["items"], command)
            rows = self.world.bugle(*command, "-o", "jsonl").rows()
            self.assertEqual([row.pop("schema") for row in rows], [1] * len(rows))
            names = [row[key] for row in whole["items"]]
            self.assertEqual([row[key] for row in rows], names)
            self.assertEqual(self.world.bugle(*command, "-o", "name").out.split("\n"), [*names, ""])
            from_yaml = yaml.safe_load(self.world.bugle(*command, "-o", "yaml").out)
            self.assertEqual([row[key] for row in from_yaml["items"]], names)
            self.assertEqual(set(from_yaml["items"][0]), set(whole["items"][0]))
            table = self.world.bugle(*command).out.splitlines()
            self.assertEqual(len(table), len(names) + 1, command)
            wide = self.world.bugle(*command, "-o", "wide").out.splitlines()
            self.assertGreater(len(wide[0]), len(table[0]))
            self.assertEqual(self.world.bugle(*command, "--no-header").out.splitlines(), table[1:])
            for line in table + wide:
                self.assertEqual(line, line.rstrip())

    def test_objects_say_the_same_in_each_form(self):
        for command, key in self.objects():
            whole = self.world.bugle(*command, "-o", "json").json()
            line = self.world.bugle(*command, "-o", "jsonl").out
            self.assertEqual(line.count("\n"), 1)
            self.assertEqual(set(json.loads(line)), set(whole))
            self.assertEqual(self.world.bugle(*command, "-o", "name").out, whole[key] + "\n")
            from_yaml = yaml.safe_load(self.world.bugle(*command, "-o", "yaml").out)
            self.assertEqual(from_yaml["job" if command[:2] == ("job", "show") else key], whole[key])
            for form in ("table", "wide"):
                text = self.world.bugle(*command, "-o", form).out
                self.assertTrue(text.strip())
                self.assertNotIn("\033", text)

    def test_the_environment_chooses_a_form_and_the_option_wins(self):
        form = {"BUGLE_OUTPUT": "name"}
        self.assertEqual(self.world.bugle("status", environment=form).out, "test\n")
        self.assertIn("{", self.world.bugle("status", "-o", "json", environment=form).out)
        self.assertIn("BUGLE_OUTPUT", self.world.bugle("status", environment={"BUGLE_OUTPUT": "xml"}, code=2).err)

    def test_options_may_stand_anywhere(self):
        expected = self.world.bugle("job", "list", "-o", "name").out
        for arguments in (("-o", "name", "job", "list"), ("job", "-oname", "list"), ("job", "list", "--output=name"),
                          ("jobs", "list", "-qo", "name")):
            self.assertEqual(self.world.bugle(*arguments).out, expected)

    def test_quiet_and_verbose_are_about_stderr(self):
        cut = self.world.bugle("job", "history", "hello", "--limit", "1")
        self.assertIn("--limit", cut.err)
        quiet = self.world.bugle("job", "history", "hello", "--limit", "1", "-q")
        self.assertEqual((quiet.err, quiet.out), ("", cut.out))
        self.assertIn("tcp://127.0.0.1", self.world.bugle("status", "-v").err)
        self.assertTrue(self.world.bugle("status", "-v", "-o", "json").json()["counters"])

    def test_times_are_local_for_people_and_utc_when_asked(self):
        zone = {"TZ": "Asia/Kolkata"}
        self.assertIn("+05:30", self.world.bugle("status", environment=zone).out)
        self.assertNotIn("+05:30", self.world.bugle("status", "--utc", environment=zone).out)
        self.assertRegex(self.world.bugle("status", "-o", "json", environment=zone).json()["time"], r"Z$")

    def test_color_only_on_a_terminal(self):
        command = ("job", "history", "hello")
        code, text = Terminal(self.world, "bugle", *command).wait()
        self.assertEqual(code, 0)
        self.assertIn("\033[", text)
        for more, environment in (((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), (("--no-color",), {})):
            code, text = Terminal(self.world, "bugle", *command, *more, environment=environment).wait()
            self.assertEqual(code, 0)
            self.assertNotIn("\033[", text)
            self.assertIn("succeeded", text)

    def test_targets_are_chosen_by_name_group_and_label(self):
        def names(*arguments):
            return self.world.bugle("target", "list", "-o", "name", *arguments).out.split()
        self.assertEqual(sorted(names()), ["db1", "web1", "web2"])
        self.assertEqual(sorted(names("-t", "web[1-2]")), ["web1", "web2"])
        self.assertEqual(names("-g", "db"), ["db1"])
        self.assertEqual(names("-l", "role=front"), ["web1"])
        self.assertEqual(sorted(names("-l", "role!=front")), ["db1", "web2"])
        self.assertEqual(sorted(names("--job", "hello")), ["web1", "web2"])
        self.assertEqual(names("-g", "web", "-l", "role=back"), ["web2"])
        listed = self.world.directory / "names"
        listed.write_text("# two\nweb1 db1\n\n")
        self.assertEqual(sorted(names("-t", f"@{listed}")), ["db1", "web1"])
        from_stdin = self.world.bugle("target", "list", "-o", "name", "-t", "-", input="web2\n")
        self.assertEqual(from_stdin.out, "web2\n")
        self.assertEqual(len(names("--limit", "2")), 2)
        self.assertIn("2 of 3", self.world.bugle("target", "list", "--limit", "2").err)

    def test_what_matches_nothing_is_an_error_never_all(self):
        for arguments, word in (
                (("target", "list", "-g", "wbe"), "wbe"), (("target", "list", "-l", "role=wbe"), "role=wbe"),
                (("target", "list", "-t", "web9"), "web9"), (("target", "list", "--job", "helo"), "hello?"),
                (("target", "show", "web9"), "web9"), (("job", "show", "helo"), "hello?"),
                (("job", "history", "helo"), "helo"), (("job", "history", "hello", "-t", "web9"), "web9"),
                (("job", "start", "helo"), "hello?"), (("job", "start", "hello", "-g", "wbe"), "wbe"),
                (("job", "start", "hello", "-l", "role=wbe"), "role=wbe"), (("job", "start", "hello", "-t", "web9"), "web9"),
                (("job", "start", "hello", "-t", "db1"), "db1"), (("job", "stop", "helo"), "hello?"),
                (("job", "enable", "helo"), "hello?"), (("job", "disable", "helo"), "hello?"),
                (("job", "delete", "helo", "--yes"), "hello?"), (("exec", "show", "zzzzzzzz"), "zzzzzzzz"),
                (("exec", "wait", "zzzzzzzz"), "zzzzzzzz"), (("exec", "list", "--job", "helo"), "helo"),
                (("target", "defect", "web1", "web9", "--yes"), "web9"),
                (("job", "history", "hello", "--exec", "zzzzzzzz"), "zzzzzzzz")):
            refused = self.world.bugle(*arguments, code=3)
            self.assertIn(word, refused.err, arguments)
            self.assertEqual(refused.out, "", arguments)
        for arguments in (("-g", ""), ("-l", ""), ("-t", "")):
            self.world.bugle("job", "start", "hello", *arguments, code=2)
            self.world.bugle("target", "list", *arguments, code=2)
        self.world.bugle("target", "list", "-t", "-", input="# nobody\n", code=2)
        self.assertEqual(len(self.world.bugle("target", "list", "-o", "name").out.split()), 3)

    def test_history_is_filtered_and_newest_first(self):
        def runs(job, *arguments):
            return self.world.bugle("job", "history", job, "-o", "jsonl", *arguments).rows()
        rows = runs("hello")
        self.assertEqual(len(rows), 3)
        self.assertEqual(rows, sorted(rows, key=lambda row: row["started"], reverse=True))
        self.assertEqual({row["target"] for row in runs("hello", "-t", "web2")}, {"web2"})
        self.assertEqual(len(runs("hello", "--limit", "1")), 1)
        self.assertEqual(runs("hello", "--failed"), [])
        self.assertEqual([row["state"] for row in runs("fails", "--failed")], ["failed"])
        self.assertEqual(len(runs("hello", "--state", "succeeded")), 3)
        self.assertEqual(runs("hello", "--state", "not-run"), [])
        self.assertEqual([row["target"] for row in runs("hello", "--exec", self.execs[0])], ["web2"])
        self.assertEqual(len(runs("hello", "--exec", self.execs[-1][-8:])), 2)
        self.assertEqual(len(runs("hello", "--since", "1h")), 3)
        self.assertEqual(runs("hello", "--until", "1h"), [])
        self.assertEqual(runs("hello", "--since", "2020-01-01", "--until", "2020-01-02T12:00+02:00"), [])
        middle = rows[1]["started"]
        self.assertEqual(len(runs("hello", "--since", middle)) + len(runs("hello", "--until", middle)), 3)

    def test_history_shows_output_when_asked(self):
        self.assertNotIn("hello from web1", self.world.bugle("job", "history", "hello").out)
        self.assertIn("hello from web1", self.world.bugle("job", "history", "hello", "-v").out)
        self.assertIn("exit code 3", self.world.bugle("job", "history", "fails").out)
        self.assertIn("no space", self.world.bugle("job", "history", "fails", "-v").out)

    def test_a_failing_job_is_explained(self):
        text = self.world.bugle("job", "show", "fails").out
        for word in ("Last failure", "exit code 3", "no space", "db1"):
            self.assertIn(word, text)

    def test_executions_are_found_by_either_end_of_their_id(self):
        whole = self.execs[0]
        for piece in (whole, whole[-8:], whole[-6:], whole[:22], whole.upper()):
            self.assertEqual(self.world.bugle("exec", "show", piece, "-o", "name").out.strip(), whole)
        self.assertIn("beginning or end of 3", self.world.bugle("exec", "show", whole[:6], code=1).err)

    def test_executions_are_listed_newest_first_and_filtered(self):
        rows = self.world.bugle("exec", "list", "-o", "jsonl").rows()
        self.assertEqual([row["job"] for row in rows], ["hello", "fails", "hello"])
        self.assertEqual(rows[1]["reason"], "to see it fail")
        self.assertEqual(self.world.bugle("exec", "list", "--job", "fails", "-o", "name").out.split(), [self.execs[1]])
        self.assertEqual(self.world.bugle("exec", "list", "--running", "-o", "name").out, "")
        self.assertEqual(self.world.bugle("exec", "list", "--limit", "2", "-o", "name").out.split(), self.execs[:2])

    def test_exec_wait_gives_the_outcome_of_what_is_over(self):
        self.world.bugle("exec", "wait", self.execs[0])
        self.assertIn("exit 3", self.world.bugle("exec", "wait", self.execs[1], code=20).out)
        self.assertEqual(self.world.bugle("exec", "show", self.execs[1]).code, 0)

    def test_job_show_as_a_file_changes_nothing_when_applied(self):
        for name in ("hello", "fails"):
            text = self.world.bugle("job", "show", name, "-o", "yaml").out
            self.assertIn(f"unchanged {name} (v1)", self.world.apply(text).out)

    def test_a_target_shows_its_download_list(self):
        shown = self.world.bugle("target", "show", "web1", "-o", "json").json()
        self.assertEqual(shown["groups"], ["web"])
        self.assertEqual(shown["labels"], {"role": "front"})
        states = {row["name"]: row["state"] for row in shown["deliveries"]}
        self.assertEqual(states["hello"], "applied")
        self.assertNotIn("fails", states)
        self.assertIn("Download list", self.world.bugle("target", "show", "WEB1").out)
        self.assertEqual(self.world.bugle("target", "show", "db1", "-o", "json").json()["zone"], "Asia/Tokyo")

    def test_tokens_in_each_form(self):
        world = self.world
        done = world.bugle("token", "create", "--group", "web", "--label", "a=b", "--label", "c=d", "--uses", "3",
                           "--names", "new[1-3]", "--expires", "2h", "-o", "json")
        made = done.json()
        self.assertEqual([made[key] for key in ("uses", "names", "groups", "labels")],
                         [3, "new[1-3]", ["web"], {"a": "b", "c": "d"}])
        self.assertTrue(made["token"].startswith("bugle-t1."))
        dry = world.bugle("token", "create", "--dry-run")
        self.assertEqual(dry.out, "")
        self.assertIn("would", dry.err)
        self.assertIsNone(world.bugle("token", "create", "--dry-run", "-o", "json").json()["token"])
        self.assertEqual(world.bugle("token", "create", "-q").err, "")


if __name__ == "__main__":
    main()
