#!/usr/bin/python3
"""Steps in control groups of their own, where bugle-exec was given some: nothing escapes, and the group goes with the step.

What needs controllers (memory, pids, cpu) is skipped by name where version 2 has none."""

import os
import pathlib
import sys
import unittest
import uuid

from steps_world import Machine, StepsTest
from world import main, wait_for

PLACES = [pathlib.Path(place) for place in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")]
MOUNT = next((place for place in PLACES if (place / "cgroup.subtree_control").exists()), None)


def make():
    """A group for the test, with a group exec in it; None where that cannot be."""
    if os.geteuid() != 0 or not MOUNT:
        return None
    group = MOUNT / f"bugle-test-{uuid.uuid4().hex[:12]}"
    try:
        (group / "exec").mkdir(parents=True)
        for controller in (MOUNT / "cgroup.controllers").read_text().split():
            if controller in ("memory", "pids", "cpu"):
                (MOUNT / "cgroup.subtree_control").write_text(f"+{controller}")
    except OSError:
        return group if (group / "exec").exists() else None
    return group


GROUP = make()
CONTROLLERS = (GROUP / "cgroup.controllers").read_text().split() if GROUP else []


def tearDownModule():
    if GROUP:
        for path in sorted(GROUP.rglob("*"), reverse=True):
            if path.is_dir():
                wait_for(f"{path} is empty", lambda: not (path / "cgroup.procs").read_text())
                path.rmdir()
        GROUP.rmdir()


@unittest.skipUnless(GROUP, "no control groups of version 2 can be made here")
class Groups(StepsTest):
    @classmethod
    def setUpClass(cls):
        """All of the node is born in the group exec."""
        home = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
        own = MOUNT / next(line for line in home if line.startswith("0::"))[3:].lstrip("/")
        (GROUP / "exec" / "cgroup.procs").write_text(str(os.getpid()))
        try:
            cls.machine = Machine()
        finally:
            (own / "cgroup.procs").write_text(str(os.getpid()))
        cls.directory = cls.machine.directory

    def groups(self):
        return [path.name for path in GROUP.iterdir() if path.name.startswith("run-")]

    def tearDown(self):
        super().tearDown()
        wait_for("no group of a step is left", lambda: not self.groups())

    def test_a_step_and_all_it_starts_are_in_its_group(self):
        run, step = self.run_script("cat /proc/self/cgroup; (setsid cat /proc/self/cgroup)")
        lines = [line for line in step["output"].splitlines() if line.startswith("0::")]
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertTrue(line.endswith(f"/{GROUP.name}/run-{run['run']}"), line)

    def test_what_forks_without_end_is_ended_at_once(self):
        mark = self.machine.mark()
        chain = f"import os\nwhile True:\n if os.fork(): os._exit(0)\n os.setsid() # {mark}"
        run, _ = self.run_script(f"/usr/bin/python3 -c '{chain}' &\nsleep 0.2", grace="1s")
        self.assertEqual(run["state"], "succeeded")
        self.assertFalse(self.machine.marked(chain))

    def test_the_group_of_a_killed_supervisor_is_emptied(self):
        """A process that dropped its environment, too."""
        mark = self.machine.mark()
        name = self.start_steps({"script": f"(setsid env -i sleep {mark} &); sleep {mark}"})
        supervisor = self.machine.supervisor(name)
        wait_for("both run", lambda: len(self.machine.marked(mark)) == 2)
        os.kill(supervisor, 9)
        self.assertEqual(self.machine.over(name)["state"], "interrupted")
        self.assert_gone(mark)

    @unittest.skipUnless("memory" in CONTROLLERS, "no memory controller of version 2 here")
    def test_memory_is_that_of_all_processes_together(self):
        grab = "/usr/bin/python3 -c 'x = bytearray(60 << 20); import time; time.sleep(20)'"
        run, step = self.run_script(f"{grab} & {grab} & wait", limits={"memory": "100MiB"}, timeout="30s")
        self.assertEqual(run["state"], "failed")
        self.assertIn("bytes of memory", step["message"])

    @unittest.skipUnless("pids" in CONTROLLERS, "no pids controller of version 2 here")
    def test_processes_are_those_of_the_step(self):
        run, step = self.run_script("for i in 1 2 3 4 5 6 7 8; do sleep 0.1 & done; wait", limits={"processes": 4})
        self.assertRegex(step["output"], "(?i)fork")

    @unittest.skipUnless("cpu" in CONTROLLERS, "no cpu controller of version 2 here")
    def test_a_share_of_the_processors_is_kept(self):
        run, step = self.run_script("timeout 2 sh -c 'while :; do :; done'; true", limits={"cpu": "20%"})
        self.assertLess(step["cpu_us"], 1000000)
        self.assertIsNone(step["message"])


if __name__ == "__main__":
    if not GROUP:
        print("SKIP: control groups of version 2 cannot be made here (needs root, and version 2 mounted writable)")
        sys.exit(77)
    main()
