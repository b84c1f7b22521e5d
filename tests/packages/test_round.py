"""The ways into the system's installation that test_layout.py leaves out: without a token, and without a broker."""

import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import machine
from machine import Machine, wait_for
from test_layout import install, rows

LOCAL = """
job: tidy
steps:
  - {name: who, run: [id, -un]}
"""


class Round(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        install(self.machine)

    def bugle(self, *arguments, **more):
        return self.machine.run("bugle", *arguments, **more)

    def targets(self):
        return rows(self.bugle("target", "list", "-o", "jsonl", code=None))

    def test_a_node_that_is_restarted_while_it_asks_is_enlisted_all_the_same(self):
        """Only root pins the broker in bugle-exec: the enlist command does, and the pin outlives it."""
        self.bugle("init", "--name", "plant", "--listen", "127.0.0.1")
        self.machine.services.start("bugle-broker.service")
        self.machine.services.start("bugle-node.service")
        key = json.loads(self.bugle("broker", "status", "-o", "json").out)["broker_key"]
        asking = subprocess.Popen(
            self.machine.command(["bugle-node", "enlist", "--broker", "127.0.0.1", "--broker-key", key, "--name", "here",
                                  "--wait", "1m"]),
            env=self.machine.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        self.addCleanup(asking.kill)
        lines = []
        while not (lines and "waiting" in lines[-1]):
            line = asking.stdout.readline()
            self.assertNotEqual(line, "", "".join(lines))
            lines.append(line)
        self.machine.services.restart("bugle-node.service")
        said = "".join(lines) + asking.communicate(timeout=60)[0]
        self.assertNotEqual(asking.returncode, 0, said)
        self.assertIn("asks on by itself", said)
        code = rows(self.bugle("target", "pending", "-o", "jsonl"))[0]["code"]
        self.assertIn(code, said)
        self.bugle("target", "approve", code)
        wait_for("the target is there", lambda: [row for row in self.targets() if row["connected"]])
        self.bugle("apply", "-f", "-", input="job: who\ntargets: {all: true}\n" + LOCAL.split("\n", 2)[2])
        self.bugle("job", "start", "who", "--wait", "--timeout", "30s")

    def test_a_machine_without_a_broker_runs_jobs_of_its_own(self):
        self.machine.services.start("bugle-node.service")
        self.machine.path("/root/tidy.yaml").write_text(LOCAL)
        self.machine.run("bugle-node", "job", "apply", "/root/tidy.yaml")
        self.assertIn("account = bugle-job\n", self.machine.path("/etc/bugle/policy").read_text())
        self.assertEqual(self.machine.names("/var/lib/bugle/exec/local.key"), "root root 0600")
        done = self.machine.run("bugle-node", "job", "start", "tidy", "--wait")
        self.assertIn("bugle-job", done.out)
        self.machine.services.restart("bugle-exec.service")
        self.machine.services.restart("bugle-node.service")
        self.machine.run("bugle-node", "job", "start", "tidy", "--wait")
        self.assertEqual(len(rows(self.machine.run("bugle-node", "history", "-o", "jsonl"))), 2)

    def test_only_root_asks_the_node_of_the_machine(self):
        self.machine.services.start("bugle-node.service")
        as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]
        for command in (["status"], ["job", "list"], ["defect"]):
            refused = self.machine.run(*as_nobody, "bugle-node", *command, code=None)
            self.assertEqual(refused.code, 4, refused.err)
            self.assertIn("sudo", refused.err)


if __name__ == "__main__":
    machine.enter_namespaces()
    unittest.main(verbosity=2)
