#!/usr/bin/python3
"""Jobs that wait for idle processors, with counters of the kernel that are made up."""

import subprocess
import time

from test_node_time import ByItselfTest, job
from world import Process, main, wait_for

STAT = "cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\n"


class Idle(ByItselfTest):
    """In a mount namespace of the node's own."""

    def test_idle_processors_start_what_waits_for_them(self):
        """The kernel's counters are made up, in a mount namespace of the node's own."""
        stat = self.world.directory / "stat"
        stat.write_text(STAT.format(busy=100, idle=100))
        probe = subprocess.run(["/usr/bin/unshare", "-m", "mount", "--bind", str(stat), "/proc/stat"], capture_output=True,
                               check=False)
        if probe.returncode:
            self.skipTest("needs root: " + probe.stderr.decode().strip())
        (self.node.home / "etc").mkdir(parents=True, mode=0o700)
        self.node.home.chmod(0o700)
        (self.node.home / "etc" / "node.yaml").write_text("idle: {below: 20, for: 2s}\n")
        program = self.world.directory / "bugle-node"
        program.write_text(f"#!/bin/sh\nmount --bind {stat} /proc/stat && exec {self.world.program('bugle-node')} \"$@\"\n")
        program.chmod(0o755)
        child = Process(self.world, "box", ["/usr/bin/unshare", "-m", str(program), "--home", str(self.node.home)])
        child.wait_line(" ready ")
        self.apply(job("tidy", "{name: quiet, when: idle}"))
        busy = idle = 100

        def pass_time(used):
            nonlocal busy, idle
            busy, idle = busy + used, idle + 100 - used
            with open(stat, "r+", encoding="ascii") as file:  # in place: it is mounted
                file.write(STAT.format(busy=busy, idle=idle))

        def runs():
            pass_time(self.used)
            return len(self.history("tidy"))
        self.used = 90
        end = time.monotonic() + 3
        while time.monotonic() < end:
            self.assertEqual(runs(), 0)
        self.used = 5
        wait_for("it runs when it is idle", lambda: runs() == 1)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            self.assertEqual(runs(), 1)  # once
        self.used = 90
        end = time.monotonic() + 3
        while time.monotonic() < end:
            self.assertEqual(runs(), 1)
        self.used = 5
        wait_for("it runs again", lambda: runs() == 2)


if __name__ == "__main__":
    main()
