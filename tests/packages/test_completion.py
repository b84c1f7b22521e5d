"""What Tab offers, in a real bash on a terminal with the script that `bugle completion bash` prints."""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from world import PROGRAMS, SharedWorldTest, World

LIBRARY = "/usr/share/bash-completion/bash_completion"

JOB = """
job: {name}
targets: {{all: true}}
steps:
  - {{name: only, run: ["true"]}}
"""


class Shell:
    """An interactive bash without anybody's configuration."""

    def __init__(self, world, library=True):
        self.master, slave = pty.openpty()
        environment = {**world.environment, "PS1": "READY>", "TERM": "dumb", "INPUTRC": "/dev/null", "HISTFILE": ""}
        self.child = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], stdin=slave, stdout=slave, stderr=slave, env=environment,
            cwd=world.directory, start_new_session=True)
        os.close(slave)
        self.count = 0
        self.line("bind 'set enable-bracketed-paste off'; bind 'set completion-query-items 0'; "
                  "bind 'set page-completions off'; bind 'set show-all-if-ambiguous on'; bind 'set bell-style none'")
        if library:
            self.line(f". {LIBRARY}")
        self.line("source <(bugle completion bash); source <(bugle-node completion bash)")

    def until(self, text, deadline=20):
        seen, end = "", time.monotonic() + deadline
        while text not in seen:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"the shell did not show {text!r} but:\n{seen}")
            seen += os.read(self.master, 65536).decode(errors="replace")
        return seen

    def do(self, keys):
        """Types the keys, and a line after them whose output marks the end of all that they showed."""
        self.count += 1
        os.write(self.master, keys + f"echo 'END'{self.count}.\n".encode())
        return self.until(f"END{self.count}.\r\nREADY>")

    def line(self, text):
        return self.do(text.encode() + b"\n")

    def tab(self, text):
        """What the line is after Tab, and the words offered below it."""
        # Ctrl-A and a colon make a line of it that does nothing, Ctrl-E and a mark show where it ends.
        seen = self.do(text.encode() + b"\t\x01: \x05#MARK\n")
        seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen).replace("\x07", "")
        lines = seen.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        line = next(line for line in lines if line.endswith("#MARK")).removeprefix("READY>: ").removesuffix("#MARK")
        return line.rstrip(), [word for line in lines[1:] if "READY>" not in line and "END" not in line
                               for word in line.split()]

    def close(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        os.close(self.master)


class Static(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.shell = Shell(cls.world)

    @classmethod
    def tearDownClass(cls):
        cls.shell.close()
        cls.world.close(keep=False)

    def complete(self, *words):
        done = self.world.bugle("__complete", *words)
        self.assertEqual(done.err, "")
        kind, *rows = done.out.splitlines()
        return kind, [row.split("\t")[0] for row in rows]

    def test_nouns_and_commands(self):
        self.assertEqual(self.shell.tab("bugle conte")[0], "bugle context")
        self.assertIn("job", self.shell.tab("bugle ")[1])

    def test_verbs_also_after_an_alias(self):
        self.assertEqual(sorted(self.shell.tab("bugle jobs st")[1])[:2], ["start", "stop"])

    def test_options_of_the_command(self):
        line, _ = self.shell.tab("bugle job list --no-h")
        self.assertEqual(line, "bugle job list --no-header")
        self.assertNotIn("--token", self.complete("job", "list", "--")[1])

    def test_choices_behind_a_blank_and_an_equals_sign(self):
        self.assertEqual(self.shell.tab("bugle status -o js")[1], ["json", "jsonl"])
        self.assertEqual(self.shell.tab("bugle status --output=ya")[0], "bugle status --output=yaml")

    def test_files_and_directories(self):
        (self.world.directory / "some-job.yaml").touch()
        (self.world.directory / "some-dir").mkdir(exist_ok=True)
        self.assertEqual(self.shell.tab("bugle apply -f some-j")[0], "bugle apply -f some-job.yaml")
        self.assertEqual(self.shell.tab("bugle init --home some-")[0], "bugle init --home some-dir/")

    def test_the_node_has_its_own_table(self):
        self.assertEqual(self.shell.tab("bugle-node enl")[0], "bugle-node enlist")

    def test_what_is_no_command_completes_to_nothing(self):
        self.assertEqual(self.complete("nonsense", ""), ("words", []))
        self.assertEqual(self.complete("job", "nonsense", ""), ("words", []))
        self.assertEqual(self.complete(), ("words", self.complete("")[1]))

    def test_without_the_library_it_works_too(self):
        shell = Shell(self.world, library=False)
        self.addCleanup(shell.close)
        self.assertEqual(shell.tab("bugle token cre")[0], "bugle token create")
        self.assertEqual(shell.tab("bugle status --output=ya")[0], "bugle status --output=yaml")

    def test_each_shell_has_a_script(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
            text = self.world.bugle("completion", shell).out
            self.assertIn("__complete", text)
            if shutil.which(check[0]):
                path = self.world.directory / f"script.{shell}"
                path.write_text(text)
                done = subprocess.run([*check, str(path)], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("bash, zsh or fish", self.world.bugle("completion", "csh", code=2).err)


class Names(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.world.node("db01")
        for name in ("nightly-backup", "nightly-report", "other"):
            cls.world.apply(JOB.format(name=name))
        cls.shell = Shell(cls.world)

    @classmethod
    def tearDownClass(cls):
        cls.shell.close()
        super().tearDownClass()

    def complete(self, *words):
        return self.world.bugle("__complete", *words).out.splitlines()

    def wait(self, words, expected):
        """A broker on a busy machine may miss the 300 ms: Tab is pressed again."""
        end = time.monotonic() + 20
        while (found := self.complete(*words)) != expected and time.monotonic() < end:
            pass
        self.assertEqual(found, expected)

    def test_jobs(self):
        self.wait(("job", "show", "night"), ["words", "nightly-backup", "nightly-report"])
        self.wait(("job", "show", "x"), ["words"])
        end = time.monotonic() + 20
        while (line := self.shell.tab("bugle job show ot")[0]) != "bugle job show other" and time.monotonic() < end:
            pass
        self.assertEqual(line, "bugle job show other")

    def test_targets_as_the_value_of_an_option(self):
        self.wait(("job", "start", "other", "-t", ""), ["words", "db01"])
        self.wait(("job", "start", "other", "--target=d"), ["words", "--target=db01"])

    def test_contexts_without_a_broker(self):
        self.wait(("context", "use", ""), ["words", "test"])

    def test_names_of_another_context(self):
        self.assertEqual(self.complete("-c", "nowhere", "job", "show", ""), ["words"])

    def test_a_broker_that_does_not_answer_costs_little_and_says_nothing(self):
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            key = self.world.bugle("context", "list", "-o", "jsonl").rows()[0]["broker_key"]
            self.world.bugle("context", "add", "deaf", "--endpoint", f"tcp://127.0.0.1:{deaf.getsockname()[1]}",
                             "--broker-key", key, "--authority", "0" * 64)
            try:
                begin = time.monotonic()
                done = self.world.bugle("__complete", "-c", "deaf", "job", "show", "")
                took = time.monotonic() - begin
            finally:
                self.world.bugle("context", "use", "test")
                self.world.bugle("context", "remove", "deaf")
        self.assertIn(done.out, ("", "words\n"))
        self.assertEqual(done.err, "")
        self.assertLess(took, 1.5)  # 0.3 s of its own; the rest is for a busy machine


if __name__ == "__main__":
    if not os.path.exists(LIBRARY):
        print("SKIP: bash-completion is not installed")
        sys.exit(77)
    assert os.access(os.path.join(PROGRAMS, "bugle"), os.X_OK)
    unittest.main(verbosity=2)
