#!/usr/bin/python3
"""What a person is told about runs that went wrong or never began."""

from world import Terminal, WorldTest, main

BROKEN = """
job: broken
targets: {all: true}
steps:
  - {name: nowhere, run: [pwd], directory: /no/such/place, on_failure: next}
  - {name: leaves one, script: "sleep 300 & echo left", on_failure: next}
  - {name: absent, run: [no-such-program, now]}
"""

UMLAUT = """
job: umlaut
targets: {all: true}
steps: [{name: s, script: "echo Röhre kaputt; exit 4"}]
"""

PULSE = """
job: pulse
targets: {all: true}
schedules: [{name: beat, every: 1s}]
steps: [{name: s, run: ["true"]}]
"""

INTERPRETER = """
job: wrong
targets: {all: true}
steps:
  - name: s
    script: |
      #!/usr/bin/python3
      print("hello")
"""


class Explained(WorldTest):
    def test_a_program_or_directory_that_is_not_there_is_named(self):
        self.world.node("a1")
        self.world.apply(BROKEN)
        done = self.world.bugle("job", "start", "broken", "--wait", code=20)
        self.assertIn("no-such-program is not found in PATH", done.out)
        table = self.world.bugle("job", "history", "broken").out
        self.assertIn("absent: exit code 127: the program no-such-program is not found", table)
        text = self.world.bugle("job", "history", "broken", "-v").out
        self.assertIn("exit code 127: cannot change to the directory /no/such/place", text)
        self.assertIn("1 process left running by the step was ended", text)

    def test_the_sample_of_a_summary_keeps_its_letters(self):
        self.world.node("a1")
        self.world.apply(UMLAUT)
        self.assertIn('"Röhre kaputt"', self.world.bugle("job", "start", "umlaut", "--wait", code=20).out)

    def test_what_is_due_while_a_job_is_disabled_is_recorded(self):
        self.world.node("a1")
        self.world.apply(PULSE)
        self.world.wait_history("pulse", "a run", lambda rows: any(row["state"] == "succeeded" for row in rows))
        self.world.bugle("job", "disable", "pulse", "--until", "1h", "--reason", "moving")
        shown = self.world.bugle("job", "show", "pulse").out
        self.assertRegex(shown, r"State: +disabled until 20.*: moving")
        rows = self.world.wait_history(
            "pulse", "two that did not run", lambda rows: sum(row["reason"] == "disabled" for row in rows) >= 2)
        off = [row for row in rows if row["reason"] == "disabled"]
        self.assertEqual({row["state"] for row in off}, {"not-run"})
        self.assertEqual(len({row["nominal"] for row in rows}), len(rows))
        self.world.bugle("job", "enable", "pulse")
        last = max(row["nominal"] for row in off)
        self.world.wait_history("pulse", "a run afterwards", lambda rows: any(
            row["state"] == "succeeded" and row["nominal"] > last for row in rows))

    def test_ctrl_c_at_a_question_says_that_nothing_was_changed(self):
        self.world.node("a1")
        self.world.apply(UMLAUT)
        terminal = Terminal(self.world, "bugle", "job", "delete", "umlaut")
        terminal.read_until("[y/N]")
        terminal.type("\x03")
        code, text = terminal.wait()
        self.assertEqual(code, 130)
        self.assertIn("error: interrupted; nothing was changed", text)
        self.assertIn("umlaut", self.world.bugle("job", "list").out)

    def test_a_script_for_another_interpreter_is_refused_with_the_shell_to_write(self):
        done = self.world.apply(INTERPRETER, code=1)
        self.assertIn("shell: [/usr/bin/python3]", done.err)
        self.assertIn(":6:", done.err)


if __name__ == "__main__":
    main()
