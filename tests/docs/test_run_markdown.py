#!/usr/bin/python3
"""The runner of Markdown: what it takes from a page, what counts as the same output, and that a wrong page fails."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_markdown

RUNNER = pathlib.Path(__file__).parent / "run_markdown.py"


def agree(expected, actual):
    return run_markdown.Match(expected.splitlines(), actual.splitlines()).is_same


class Match(unittest.TestCase):
    def test_what_varies_stands_for_its_kind(self):
        for expected, actual in (
                ("exec nxc9vkt7", "exec 0123abcd"),
                ("run 01m82n38tswcktk8jt1t3phyr3", "run 01m82n38tsw0000000000phyr3"),
                ("at 2026-11-22 22:12:46 +00:00 ok", "at 2031-01-02 03:04:05 +01:00 ok"),
                ("2026-11-22T22:12:46.123Z", "2027-01-01T00:00:00.000Z"),
                ("archive/2026-11-22T23-06-05Z.", "archive/2027-01-02T03-04-05Z."),
                ("took 2ms", "took 1.5s"), ("up 3 min", "up 2 h"), ("1m 5s", "59s"),
                ("12 MiB free", "3.5 GiB free"), ("bugle 0.1.0", "bugle 1.2.3"),
                ("code K7QM-2XWD-9FTA", "code 0000-AAAA-1111"),
                ("token bugle-t1.abc...", "token bugle-t1.0a1b2c3d"),
                ("key Ab0:defghijklmnopqrstuvwxyz.ABCDEFGHIJK9",
                 "key 9b0:defghijklmnopqrstuvwxyz.ABCDEFGHIJKz"),
                ("a   b", "a b"), ("pid 17", "pid 4711")):
            self.assertTrue(agree(expected, actual), (expected, actual))

    def test_everything_else_is_exact(self):
        for expected, actual in (
                ("web1", "web2"), ("1 ok", "2 ok"), ("succeeded", "failed"), ("reported", "canceled"), ("a b", "ab"),
                ("port 7411", "port 7412"), ("", "more"), ("line", ""), ("exec nxc9vkt7", "exec none"), ("a.b", "axb"),
                ("one\ntwo", "two\none"), ("exit code 5", "exit code 51")):
            self.assertFalse(agree(expected, actual), (expected, actual))

    def test_dots_stand_for_lines_or_for_a_part_of_one(self):
        self.assertTrue(agree("...", ""))
        self.assertTrue(agree("a\n...\nz", "a\nb\nc\nz"))
        self.assertTrue(agree("a\n...\nz", "a\nz"))
        self.assertTrue(agree("...\nb\n...\nb", "b\nb\nb"))
        self.assertTrue(agree("from ... to z", "from a to z"))
        self.assertFalse(agree("a\n...\nz", "a\nb"))


    def test_names_are_carried_on(self):
        found = run_markdown.Match(["...", "exec nxc9vkt7 with bugle-t1.abc...", "...", "took 2s"],
                                   ["x", "exec 0000aaaa with bugle-t1.0123", "y", "took 3s"])
        self.assertEqual(found.names, {"nxc9vkt7": "0000aaaa", "bugle-t1.abc...": "bugle-t1.0123"})


class Parse(unittest.TestCase):
    PAGE = """text
```console
$ cat > f <<'END'
$ not a prompt
END
web01$ bugle-node \\
> enlist
enlisted
```
<!-- run: skip: needs a printer -->
```console
$ lp
```
```yaml
$ no
```
<!-- run: exit 5 -->
```console
$ true
$ exit-with 5
no
```
<!-- run
await true
-->
"""

    def test_commands_places_and_expectations(self):
        found = [(one.line, one.machine, one.text, one.expected, one.exit, one.is_hidden)
                 for one in run_markdown.parse(self.PAGE)]
        self.assertEqual(found, [
            (3, "laptop", "cat > f <<'END'\n$ not a prompt\nEND", [], 0, False),
            (6, "web01", "bugle-node \\\nenlist", ["enlisted"], 0, False),
            (19, "laptop", "true", [], 0, False),
            (20, "laptop", "exit-with 5", ["no"], 5, False),
            (24, "laptop", "await true", [], 0, True)])

    def test_a_section_ends_at_the_next_heading_of_its_level(self):
        page = "# T\n```console\n$ a\n```\n## One\n```console\n$ b\n```\n### In\n```console\n$ c\n```\n## Two\n```console\n$ d\n```\n"
        found = run_markdown.section(run_markdown.parse(page), page, "One")
        self.assertEqual([command.text for command in found], ["b", "c"])
        with self.assertRaises(SystemExit):
            run_markdown.section([], page, "Three")

    def test_a_skip_without_reason_and_an_unknown_word_are_refused(self):
        for wrong in ("<!-- run: skip -->", "<!-- run: skip: -->", "<!-- run: later -->", "```console\n$ x", "```console\nx\n```"):
            with self.assertRaises(SystemExit):
                run_markdown.parse(wrong)


class Run(unittest.TestCase):
    def page(self, text, *options, code):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "page.md"
            path.write_text(text)
            environment = {key: value for key, value in os.environ.items() if key != "BUGLE_TEST_INSIDE"}
            done = subprocess.run([sys.executable, RUNNER, *options, path], capture_output=True, text=True, check=False,
                                  env=environment)
            if done.returncode == 77:
                self.skipTest(done.stderr.strip())
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            return done.stderr, path.read_text()

    def test_a_shell_stays_and_machines_are_apart(self):
        self.page("```console\n$ A=1; cd /tmp\n$ echo $A $PWD $(hostname) $(id -un)\n1 /tmp laptop me\n"
                  "web01$ echo $A $PWD $(hostname)\n/home/me web01\n$ sudo id -un\nroot\n```\n", code=0)

    def test_a_name_that_was_shown_is_taken_in_commands(self):
        self.page("```console\n$ head -c 3 /dev/urandom | od -An -tx1 | tr -dc a-f0-9 | sed 's/^/a1/'\na1b2c3d4\n"
                  "$ test a1b2c3d4 != a1''b2c3d4 && echo a1b2c3d4\na1b2c3d4\n```\n", code=0)

    def test_a_folded_prompt_is_each_of_several_machines(self):
        self.page("```console\nweb[08-10]$ echo $(hostname) > /dev/shm/of-$(hostname); echo done\ndone\n"
                  "web10$ ls /dev/shm | grep -c of-web\n3\n```\n", code=0)
        said, _ = self.page("```console\nweb[1-2]$ hostname\nweb1\n```\n", code=1)
        self.assertIn("web2$ hostname", said)

    def test_another_output_is_shown_with_its_line(self):
        said, _ = self.page("one\n\n```console\n$ echo same; echo other\nsame\nthis\n```\n", code=1)
        self.assertIn("page.md:4: laptop$ echo same; echo other", said)
        self.assertIn("-this", said)
        self.assertIn("+other", said)
        self.assertNotIn("-same", said)

    def test_output_where_none_is_expected_and_another_exit_code_fail(self):
        self.assertIn("+x", self.page("```console\n$ echo x\n```\n", code=1)[0])
        self.assertIn("ended with 1, not 0", self.page("```console\n$ false\n```\n", code=1)[0])
        self.page("<!-- run: exit 1 -->\n```console\n$ false\n```\n", code=0)
        self.assertIn("no example", self.page("nothing here\n", code=1)[0])

    def test_writing_puts_the_output_into_the_page(self):
        _, text = self.page("```console\n$ echo x\nold\nolder\n$ echo y\ny\n```\nend\n", "--write", code=0)
        self.assertEqual(text, "```console\n$ echo x\nx\n$ echo y\ny\n```\nend\n")


if __name__ == "__main__":
    unittest.main()
