#!/usr/bin/python3
"""Output files of steps: whole, appended or anew, and never anything but a regular file."""

import os
import unittest
import uuid

from steps_world import StepsTest
from world import main

SHIM = os.environ.get("BUGLE_ENOSPC", "")


class Files(StepsTest):
    def write(self, text, path, code="succeeded", **output):
        run, step = self.run_script(f"printf '%s' '{text}'", output={"file": str(path), **output})
        self.assertEqual(run["state"], code, run)
        return step

    def test_a_file_is_overwritten_or_appended_to(self):
        path = self.directory / "log"
        self.write("first, the longer one", path)
        self.write("second", path)
        self.assertEqual(path.read_text(), "second")
        self.write(" third", path, append=True)
        self.assertEqual(path.read_text(), "second third")

    def test_a_file_gets_what_the_history_leaves_out(self):
        path = self.directory / "all"
        run, step = self.run_script("seq 1 100000; printf '\\000\\377'", output={"file": str(path)})
        expected = "".join(f"{i}\n" for i in range(1, 100001)).encode() + b"\0\xff"
        self.assertEqual(path.read_bytes(), expected)
        self.assertEqual(step["output_bytes"], len(expected))

    def test_two_steps_and_each_attempt_append_in_order(self):
        path = self.directory / "both"
        again = {"file": str(path), "append": True}
        self.run_steps(
            {"script": "echo $BUGLE_ATTEMPT; test $BUGLE_ATTEMPT = 2", "retry": {"attempts": 1, "every": "1s"}, "output": dict(again)},
            {"run": ["echo", "two"], "output": dict(again)})
        self.assertEqual(path.read_text(), "1\n2\ntwo\n")

    def test_a_link_leads_to_its_file(self):
        real, link = self.directory / "real", self.directory / "link"
        link.symlink_to(real)
        self.write("through", link)
        self.assertEqual(real.read_text(), "through")
        self.assertTrue(link.is_symlink())

    def test_what_is_no_regular_file_is_refused_and_nothing_runs(self):
        os.mkfifo(self.directory / "fifo")
        os.mkdir(self.directory / "dir")
        (self.directory / "to-device").symlink_to("/dev/null")
        for name in ("fifo", "dir", "to-device"):
            made = self.directory / f"ran-{name}"
            run, step = self.run_script(f"touch {made}", output={"file": str(self.directory / name)})
            self.assertEqual((run["state"], step["exit_code"]), ("failed", 126), name)
            self.assertIn("is no regular file", step["message"])
            self.assertFalse(made.exists())
        self.assertIn("no regular file", self.write("x", "/dev/full", "failed")["message"])

    def test_files_of_the_kernel_are_not_written_to(self):
        # Whoever writes there is asked, and that would be the supervisor.
        for path in (f"/proc/{os.getpid()}/oom_score_adj", "/proc/self/oom_score_adj", "/proc/self/mem"):
            before = open(f"/proc/{os.getpid()}/oom_score_adj").read()
            self.assertIn("no regular file", self.write("7", path, "failed")["message"])
            self.assertEqual(open(f"/proc/{os.getpid()}/oom_score_adj").read(), before)

    def test_a_place_that_is_not_there_or_not_ours_is_told(self):
        step = self.write("x", self.directory / "no" / "such" / "place", "failed")
        self.assertIn("No such file or directory", step["message"])
        if os.geteuid() != 0:
            self.assertIn("Permission denied", self.write("x", "/etc/not-ours", "failed")["message"])

    def test_the_flow_goes_on_after_a_file_that_cannot_be_written(self):
        run = self.run_steps({"run": ["true"], "output": {"file": "/no/such/place"}, "on_failure": "next"},
                             {"run": ["echo", "after"]})
        self.assertEqual([step["state"] for step in run["steps"]], ["failed", "succeeded"])

    def test_a_file_ends_at_the_steps_limit_for_files(self):
        path = self.directory / "limited"
        run, step = self.run_script("seq 1 100000", output={"file": str(path)}, limits={"file_size": "4KiB"})
        self.assertEqual((run["state"], path.stat().st_size), ("succeeded", 4096))
        self.assertIn("its output file ends at its limit of 4096 bytes", step["message"])


@unittest.skipUnless(os.path.exists(SHIM), "the library that plays a full disk (BUGLE_ENOSPC) was not built")
class NearlyFull(StepsTest):
    """On a disk that says that it has no room left."""

    @classmethod
    def setUpClass(cls):
        cls.flag = f"/tmp/bugle-nearly-full-{uuid.uuid4().hex}"
        cls.environment = {"LD_PRELOAD": SHIM, "BUGLE_NEARLY_FULL": cls.flag}
        super().setUpClass()

    def kept_bytes(self):
        output = {"keep": "1GiB", "head": 100, "tail": 100}
        run, step = self.run_script("head -c 5000000 /dev/zero", output=output)
        self.assertEqual((run["state"], step["output_bytes"]), ("succeeded", 5000000))
        runs = self.machine.node.home / "exec" / "runs"
        return sum(path.stat().st_size for path in runs.iterdir() if run["run"] in path.name and path.name.endswith(".out"))

    def test_kept_output_does_not_take_the_last_of_the_disk(self):
        self.assertGreaterEqual(self.kept_bytes(), 5000000)
        with open(self.flag, "w"):
            self.addCleanup(os.unlink, self.flag)
        self.assertLess(self.kept_bytes(), 1000)


if __name__ == "__main__":
    main()
