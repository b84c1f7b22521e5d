#!/usr/bin/python3
"""Limits of a step's processes, kept by the kernel's resource limits (control groups: test_steps_cgroup.py)."""

import os

from steps_world import StepsTest
from world import main


class Limits(StepsTest):
    def test_memory(self):
        run, step = self.run_script("exec /usr/bin/python3 -c 'x = bytearray(600 << 20); print(len(x))'",
                                    limits={"memory": "256MiB"})
        self.assertEqual(run["state"], "failed")
        self.assertIn("MemoryError", step["output"])
        self.assertEqual(self.output("exec /usr/bin/python3 -c 'print(1)'", limits={"memory": "256MiB"}), "1\n")

    def test_cpu_time(self):
        run, step = self.run_script("while :; do :; done", limits={"cpu_time": "1s"}, timeout="50s")
        self.assertEqual((run["state"], step["timed_out"], step["signal"]), ("failed", False, 24))
        self.assertIn("it used up its limit of 1.0 s of CPU time", step["message"])
        self.assertGreater(step["cpu_us"], 500000)

    def test_cpu_time_also_of_those_that_ignore_the_signal(self):
        run, step = self.run_script("trap '' XCPU; while :; do :; done", limits={"cpu_time": "1s"}, timeout="50s")
        self.assertEqual((run["state"], step["signal"]), ("failed", 9))
        self.assertIn("CPU time", step["message"])

    def test_open_files(self):
        self.assertEqual(self.output("ulimit -n", limits={"open_files": 17}), "17\n")

    def test_file_size(self):
        path = self.directory / "large"
        run, step = self.run_script(f"exec head -c 100000 /dev/zero >{path}", limits={"file_size": "64KiB"})
        self.assertEqual((run["state"], step["signal"], path.stat().st_size), ("failed", 25, 65536))
        self.assertIn("it wrote a file larger than its limit of 65536 bytes", step["message"])

    def test_processes(self):
        """By account, and not for root: what the kernel was told is read here, what it does in test_steps_account.py."""
        self.assertEqual(self.output("ulimit -u" if os.path.realpath("/bin/sh").endswith("bash") else "ulimit -p",
                                     limits={"processes": 3000}), "3000\n")

    def test_no_step_leaves_a_core(self):
        self.assertEqual(self.output("ulimit -c"), "0\n")

    def test_a_share_of_the_processors_that_nothing_can_keep_is_told(self):
        run, step = self.run_script("true", limits={"cpu": "50%"})
        self.assertEqual(run["state"], "succeeded")
        self.assertIn("its limit cpu is not kept", step["message"])

    def test_the_supervisor_itself_has_no_limit(self):
        gate = self.machine.fifo("gate")
        name = self.start_steps({"script": f"read line <{gate}", "limits": {"memory": "64MiB", "open_files": 16, "cpu_time": "5s"}})
        with open(gate, "w") as writer:
            supervisor = self.machine.supervisor(name)
            with open(f"/proc/{supervisor}/limits") as file:
                own = file.read()
            with open("/proc/self/limits") as file:
                ours = file.read()
            for word in ("Max cpu time", "Max address space"):
                pick = [line for text in (own, ours) for line in text.splitlines() if line.startswith(word)]
                self.assertEqual(*pick)
            writer.write("\n")
        self.assertEqual(self.machine.over(name)["state"], "succeeded")


if __name__ == "__main__":
    main()
