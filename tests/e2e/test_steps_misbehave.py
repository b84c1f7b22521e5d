#!/usr/bin/python3
"""Steps that do what they should not: the outcome is right, the supervisor stays small, and nothing of them is left."""

from steps_world import StepsTest
from world import main, wait_for

# Two forks and a session of its own in between, as daemons do; without a trace in the environment.
ESCAPE = """
/usr/bin/python3 - <<'END'
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "%s"], {})
    os._exit(0)
os.wait()
END
"""


class Misbehave(StepsTest):
    def test_processes_that_escape_their_group_are_ended_with_the_step(self):
        mark = self.machine.mark()
        run, step = self.run_script(ESCAPE % mark + "true", grace="1s")
        self.assertEqual((run["state"], step["exit_code"]), ("succeeded", 0))
        self.assertIn("1 process left running by the step was ended", step["message"])
        self.assert_gone(mark)

    def test_escaped_processes_that_ignore_term_are_killed(self):
        mark = self.machine.mark()
        run, step = self.run_script("trap '' TERM\n" + ESCAPE % mark + "exit 3", grace="1s")
        self.assertEqual((run["state"], step["exit_code"]), ("failed", 3))
        self.assert_gone(mark)

    def test_a_step_that_ignores_term_is_killed_after_its_grace(self):
        mark = self.machine.mark()
        run, step = self.run_script(f"trap '' TERM\nsleep {mark} & sleep {mark}\nsleep {mark}", timeout="1s", grace="1s")
        self.assertEqual((run["state"], step["signal"], step["timed_out"]), ("failed", 9, True))
        self.assert_gone(mark)

    def test_a_step_that_stops_itself_still_ends(self):
        run, step = self.run_script("kill -STOP $$", timeout="1s", grace="20s")
        self.assertEqual((run["state"], step["timed_out"]), ("failed", True))
        self.assertEqual(step["signal"], 15)

    def test_a_flood_does_not_keep_the_timeout_away(self):
        run, step = self.run_script("yes", timeout="1s", grace="1s")
        self.assertEqual((run["state"], step["timed_out"], step["signal"]), ("failed", True, 15))

    def test_a_step_that_closes_its_output_goes_on(self):
        made = self.directory / "later"
        run, step = self.run_script(f"echo first\nexec >&- 2>&-\nsleep 0.3\ntouch {made}\nexit 0")
        self.assertEqual((run["state"], step["output"]), ("succeeded", "first\n"))
        self.assertTrue(made.exists())

    def test_grandchildren_that_hold_the_output_do_not_hold_the_run(self):
        mark = self.machine.mark()
        run, step = self.run_script(f"(setsid sleep {mark} &) ; sleep {mark} & echo said; exit 0", grace="1s", timeout="60s")
        self.assertEqual((run["state"], step["output"], step["timed_out"]), ("succeeded", "said\n", False))
        self.assertRegex(step["message"], "2 processes left running by the step were ended")
        self.assert_gone(mark)

    def test_processes_that_go_on_forking_come_to_an_end(self):
        mark = self.machine.mark()
        chain = f"import os,time\nwhile True:\n if os.fork(): os._exit(0)\n os.setsid(); time.sleep(0.002) # {mark}"
        run, step = self.run_script(f"/usr/bin/python3 -c '{chain}' &\nsleep 0.2", grace="1s")
        self.assertEqual(run["state"], "succeeded")
        wait_for("the chain is broken", lambda: not self.machine.marked(chain), 20)

    def test_bytes_that_are_no_text_come_through(self):
        made = self.directory / "kept.bin"
        run, step = self.run_script(f"printf 'a\\000b\\377\\376c' | tee {made}")
        self.assertEqual((run["state"], step["output_bytes"]), ("succeeded", 6))
        self.assertEqual(made.read_bytes(), b"a\0b\xff\xfec")
        self.assertEqual(step["output"], "a?b\ufffd\ufffdc")

    def test_what_is_used_is_told(self):
        run, step = self.run_script("head -c 30000000 /dev/zero | sha256sum; head -c 50000000 /dev/zero | tail -c 50000000 | wc -c")
        self.assertEqual(run["state"], "succeeded")
        self.assertGreater(step["cpu_us"], 10000)
        self.assertGreater(step["memory_bytes"], 45000000)
        self.assertTrue(step["account"])


if __name__ == "__main__":
    main()
