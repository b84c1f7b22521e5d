#!/usr/bin/python3
"""The way a run takes through its steps, and that STOP, time and the end of bugle-exec find it anywhere on that way: before a
step's program has begun, within it, and between two attempts."""

import os
import pathlib
import pwd
import signal
import unittest

from steps_world import StepsTest, is_gone
from world import main, wait_for

SHIM = os.environ.get("BUGLE_HANG_CHDIR", "")


class Flow(StepsTest):
    def test_retries_wait_their_interval_and_the_last_attempt_counts(self):
        made = self.directory / "tries"
        run, step = self.run_script(f"date +%s.%N >>{made}; test $(wc -l <{made}) = 3", retry={"attempts": 4, "every": "1s"})
        times = [float(line) for line in made.read_text().split()]
        self.assertEqual((run["state"], step["attempts"], len(times)), ("succeeded", 3, 3))
        for first, second in zip(times, times[1:]):
            self.assertGreaterEqual(second - first, 0.99)

    def test_a_stop_between_two_attempts_cancels(self):
        made = self.directory / "tried"
        name = self.start_steps({"script": f"echo x >>{made}; exit 1", "retry": {"attempts": 9, "every": "1h"}})
        wait_for("the first attempt is over", made.exists)
        supervisor = self.machine.supervisor(name)
        self.machine.stop(name)
        run = self.machine.over(name)
        self.assertEqual((run["state"], run["reason"], made.read_text()), ("canceled", "stop", "x\n"))
        self.assertTrue(is_gone(supervisor))

    def test_a_stop_ends_a_step_with_its_grace(self):
        ready = self.machine.fifo("ready")
        name = self.start_steps({
            "script": f"trap 'echo cleaned up; exit 0' TERM\necho >{ready}\nwhile :; do sleep 0.05; done", "grace": "20s"},
            {"run": ["true"]})
        ready.read_text()
        self.machine.stop(name)
        run = self.machine.over(name)
        self.assertEqual((run["state"], len(run["steps"]), run["steps"][0]["state"]), ("canceled", 1, "canceled"))
        self.assertIn("cleaned up\n", run["steps"][0]["output"])

    def test_timeout_and_grace(self):
        run, step = self.run_script("trap 'echo ending; exit 0' TERM\nwhile :; do sleep 0.05; done", timeout="1s", grace="20s")
        self.assertEqual((run["state"], step["state"], step["timed_out"]), ("failed", "failed", True))
        self.assertIn("ending\n", step["output"])

    def test_a_supervisor_that_is_told_to_end_interrupts_its_run(self):
        mark = self.machine.mark()
        name = self.start_steps({"run": ["sleep", mark], "grace": "1s"})
        supervisor = self.machine.supervisor(name)
        wait_for("the step runs", lambda: self.machine.marked(mark))
        os.kill(supervisor, signal.SIGTERM)
        run = self.machine.over(name)
        self.assertEqual((run["state"], run["steps"][0]["state"]), ("interrupted", "interrupted"))
        self.assert_gone(mark)

    def test_a_supervisor_that_is_killed_leaves_an_interrupted_run_and_no_process(self):
        mark = self.machine.mark()
        name = self.start_steps({"script": f"(setsid sleep {mark} &); sleep {mark}"})
        supervisor = self.machine.supervisor(name)
        wait_for("both run", lambda: len(self.machine.marked(mark)) == 2)
        os.kill(supervisor, signal.SIGKILL)
        self.assertEqual(self.machine.over(name)["state"], "interrupted")
        self.assert_gone(mark)

    def test_a_loop_without_an_end_is_ended(self):
        run = self.run_steps({"run": ["true"], "on_success": "goto s1"}, deadline=100)
        self.assertEqual((run["state"], len(run["steps"])), ("failed", 128))
        self.assertIn("1,000 steps", run["message"])

    def test_a_run_begins_at_the_start_step(self):
        run = self.run_steps({"run": ["echo", "1"]}, {"run": ["echo", "2"]}, {"run": ["echo", "3"]}, start={"step": "s2"})
        self.assertEqual([step["output"] for step in run["steps"]], ["2\n", "3\n"])


@unittest.skipUnless(os.path.exists(SHIM), "the library that plays a directory that hangs (BUGLE_HANG_CHDIR) was not built")
class Hanging(StepsTest):
    """Under bugle-exec with a working directory that never answers."""

    @classmethod
    def setUpClass(cls):
        cls.hanging = "/tmp/bugle-hangs"
        cls.environment = {"LD_PRELOAD": SHIM, "BUGLE_HANG_DIR": cls.hanging}
        super().setUpClass()

    def child(self, supervisor):
        def find():
            found = pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
            return int(found[0]) if found else None
        return wait_for("the step's process is there", find)

    def test_its_timeout_ends_the_step(self):
        run, step = self.run_script("echo never", directory=self.hanging, timeout="1s")
        self.assertEqual((run["state"], step["timed_out"], step["output"]), ("failed", True, ""))
        self.assertIn(f"the step did not begin: it was still changing to the directory {self.hanging}", step["message"])

    def test_a_stop_ends_it_at_once(self):
        name = self.start_steps({"script": "echo never", "directory": self.hanging, "grace": "1h"})
        child = self.child(self.machine.supervisor(name))
        self.machine.stop(name)
        run = self.machine.over(name)
        self.assertEqual((run["state"], run["steps"][0]["state"]), ("canceled", "canceled"))
        self.assertTrue(is_gone(child))

    def test_it_holds_no_file_of_ours_and_dies_with_its_supervisor(self):
        name = self.start_steps({"script": "echo never", "directory": self.hanging})
        supervisor = self.machine.supervisor(name)
        child = self.child(supervisor)
        wait_for("it hangs", lambda: pathlib.Path(f"/proc/{child}/syscall").read_text().startswith("34 ") or
                 "pause" in pathlib.Path(f"/proc/{child}/wchan").read_text())
        links = [os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")]
        self.assertFalse([link for link in links if str(self.directory) in link], links)
        os.kill(supervisor, signal.SIGKILL)
        self.assertEqual(self.machine.over(name)["state"], "interrupted")
        self.assertTrue(is_gone(child))


@unittest.skipUnless(os.path.exists(SHIM), "the library that plays a directory that hangs (BUGLE_HANG_CHDIR) was not built")
class HangingHome(StepsTest):
    """A home that never answers, of a step that names no directory."""

    @classmethod
    def setUpClass(cls):
        cls.hanging = pwd.getpwuid(os.geteuid()).pw_dir
        cls.environment = {"LD_PRELOAD": SHIM, "BUGLE_HANG_DIR": cls.hanging}
        super().setUpClass()

    def test_it_holds_up_nothing_but_the_step(self):
        run, step = self.run_script("echo never", timeout="1s")
        self.assertEqual((run["state"], step["timed_out"], step["output"]), ("failed", True, ""))
        self.assertIn(f"it was still changing to the directory {self.hanging}", step["message"])


if __name__ == "__main__":
    main()
