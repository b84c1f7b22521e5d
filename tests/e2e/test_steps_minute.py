#!/usr/bin/python3
"""A step whose process does not come to its program within a minute has failed, whatever its timeout. Waits for that minute."""

import os
import sys

from steps_world import StepsTest
from world import main

SHIM = os.environ.get("BUGLE_HANG_CHDIR", "")


class Minute(StepsTest):
    hanging = "/tmp/bugle-hangs"
    environment = {"LD_PRELOAD": SHIM, "BUGLE_HANG_DIR": hanging}

    def test_a_step_that_never_begins_fails_and_the_flow_goes_on(self):
        run = self.run_steps({"run": ["true"], "directory": self.hanging, "on_failure": "next"}, {"run": ["echo", "after"]},
                             deadline=100)
        self.assertEqual([step["state"] for step in run["steps"]], ["failed", "succeeded"])
        self.assertEqual(run["steps"][0]["message"],
                         f"the step did not begin: it was still changing to the directory {self.hanging} after a minute")


if __name__ == "__main__":
    if not os.path.exists(SHIM):
        print("SKIP: the library that plays a directory that hangs (BUGLE_HANG_CHDIR) was not built")
        sys.exit(77)
    main()
