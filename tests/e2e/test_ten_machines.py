#!/usr/bin/python3
"""Ten machines and a broker, each with a root directory, an address and a host name of its own. They are made by the very
commands of the README's block "Ten machines"; then a cable is pulled, a machine loses its power, and ways to the broker are
closed, each told by name.

Where the kernel gives no namespaces, ten homes on the loopback address stand in (class Loopback).
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "docs"))
import machines
import run_markdown
from foreground import wait_for
from world import PROGRAMS, Node, World

TARGETS = [f"web{number:02}" for number in range(1, 11)]
README = pathlib.Path(__file__).parents[2] / "README.md"
DEADLINE = 60
NO_NAMESPACES = machines.why_not() if "BUGLE_TEST_INSIDE" not in os.environ else None


@unittest.skipIf(NO_NAMESPACES, NO_NAMESPACES)
class TenMachines(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.network = machines.Network(PROGRAMS)
        cls.runner = run_markdown.Runner(cls.network)
        for command in run_markdown.read(README, "Ten machines"):
            complaint, _ = run_markdown.try_one(README.name, command, cls.runner)
            if complaint:
                raise AssertionError(complaint)
        cls.broker = cls.network.machine("broker")
        cls.web = {name: cls.network.machine(name) for name in TARGETS}
        cls.token = cls.runner.names["bugle-t1.0g2kq..."]

    @classmethod
    def tearDownClass(cls):
        cls.runner.close()

    def bugle(self, arguments, code=0):
        return self.broker.sh(f"bugle {arguments}", code=code)

    def rows(self, arguments):
        done = subprocess.run(self.broker.command("bash", "-c", f"bugle {arguments} -o jsonl"), capture_output=True, text=True,
                              timeout=DEADLINE, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def apply(self, name, script):
        self.broker.sh(f"bugle apply -f - <<'END'\njob: {name}\ntargets: {{group: web}}\n"
                       f"steps:\n  - {{name: s, script: '{script}'}}\nEND")
        wait_for(f"{name} is on all ten", lambda: any(
            row["name"] == name and row["applied"] == 10 for row in self.rows("job list")), DEADLINE)

    def history(self, job):
        return {row["target"]: row["state"] for row in self.rows(f"job history {job} --limit 100")}

    def wait_outcomes(self, job, states):
        wait_for(f"outcomes of {job}", lambda: self.history(job) == states, DEADLINE)

    def connected(self, name):
        return any(row["name"] == name and row["connected"] for row in self.rows("target list"))

    # --- the fleet ---

    def test_each_machine_is_itself(self):
        self.apply("who", "uname -n; cat /etc/hostname")
        self.bugle("job start who --wait")
        for row in self.rows("job history who -v --limit 100"):
            text = row["steps"][0]["output"]
            self.assertEqual(text.split(), [row["target"]] * 2)
        self.assertEqual(self.history("who"), {name: "succeeded" for name in TARGETS})

    def test_the_same_line_again_changes_nothing(self):
        out = self.web["web02"].sh(f"bugle-node enlist --token {self.token}")
        self.assertIn("already enlisted: nothing changed for web02", out)

    def test_a_cable_out_and_in_loses_no_outcome(self):
        self.apply("pulled", "true")
        machine = self.web["web03"]
        machine.cable(False)
        started = self.bugle("job start pulled --wait --timeout 1s", code=21)
        self.assertIn("web03", started)
        machine.cable(True)
        self.wait_outcomes("pulled", {name: "succeeded" for name in TARGETS})

    def test_a_machine_without_power_comes_back_and_tells_what_happened(self):
        self.apply("slow", "test $(uname -n) != web07 || sleep 600")
        self.bugle("job start slow")
        wait_for("the step runs on web07", lambda: "sleep 600" in self.web["web07"].processes(), DEADLINE)
        before = self.web["web07"].sh("cat /proc/sys/kernel/random/boot_id")
        self.web["web07"].reboot()
        self.assertNotEqual(self.web["web07"].sh("cat /proc/sys/kernel/random/boot_id"), before)
        wait_for("all ten have an outcome", lambda: len(self.history("slow")) == 10, DEADLINE)
        states = self.history("slow")
        self.assertNotIn(states.pop("web07"), ("succeeded", "running"))
        self.assertEqual(states, {name: "succeeded" for name in TARGETS if name != "web07"})
        self.apply("after", "true")
        self.bugle("job start after --wait")

    # --- ways to the broker ---

    def enlist(self, machine, arguments="", code=5):
        return machine.sh(f"bugle-node enlist --timeout 1s {arguments} --token {self.token}", code=code)

    def stranger(self):
        machine = self.network.machine("web11")
        machine.sh("apt install ./bugle-node_1.deb")
        return machine

    def check(self, machine, arguments, code=1):
        out = machine.sh(f"bugle-node check --timeout 500ms {arguments}", code=code)
        return re.sub(r"\n *-> ", " -> ", out)

    def test_ways_that_are_closed_are_told_apart(self):
        machine = self.stranger()
        broker = self.broker.address
        self.assertRegex(self.check(machine, f"--token {self.token}"), "problem  token +the token is used up")

        # What comes from this machine is dropped on the broker's: no answer ever comes back.
        self.broker.sh(f"ip route add blackhole {machine.address}")
        out = self.enlist(machine)
        self.assertRegex(out, rf"error: {broker} port 7413 did not answer within [\d.]+ s: a firewall drops it")
        self.assertIn("let TCP 7411 (orders), 7412 (desk), 7413 (enlist) in on the broker's machine", out)
        self.assertRegex(self.check(machine, "--broker broker"), rf"problem  desk +broker \({broker}\) port 7412 did not answer")
        self.broker.sh(f"ip route delete blackhole {machine.address}")

        machine.sh(f"ip route add prohibit {broker}")
        self.assertRegex(self.check(machine, "--broker broker"), "problem  enlist +this machine does not let connections out")
        machine.sh(f"ip route delete prohibit {broker}; ip route add unreachable {broker}")
        self.assertRegex(self.check(machine, "--broker broker"), "problem  enlist .*no route leads there")
        machine.sh(f"ip route delete unreachable {broker}; ip route add blackhole {broker}")
        self.assertRegex(self.check(machine, "--broker broker"), "problem  enlist .*no route leads there")
        machine.sh(f"ip route delete blackhole {broker}")

        self.assertRegex(self.check(machine, "--broker web01"), r"problem  enlist +web01 \(.*\) port 7413 refused")
        self.assertRegex(self.check(machine, "--broker nobody.example"), "nobody.example (does not|could not be) resolve")
        self.assertRegex(self.check(machine, f"--broker broker --broker-key {'z' * 39}0"), "with another key than the one expected")
        key = re.search(r"Broker key: +(\S{40})", self.bugle("broker status"))[1]
        self.assertIn("its key is right", self.check(machine, f"--broker broker --broker-key '{key}'", code=0))

    def test_a_part_that_does_not_run_is_a_problem(self):
        machine = self.stranger()
        machine.sh("systemctl stop bugle-exec")
        self.assertRegex(self.check(machine, ""), "problem  parts +bugle-exec does not run -> type: systemctl start")
        machine.sh("systemctl start bugle-exec")
        self.assertRegex(self.check(machine, "", code=0), "ok       parts +node and bugle-exec run")

    def test_a_broker_that_stands_still_is_refused_and_then_waited_for(self):
        machine = self.stranger()
        self.broker.sh("systemctl stop bugle-broker")
        try:
            self.assertIn("port 7413 refused the connection: nobody listens there", self.enlist(machine))
            self.assertRegex(self.bugle("status", code=5), "refused the connection: .*\n +start bugle-broker on this machine")
        finally:
            self.broker.sh("systemctl start bugle-broker")
        wait_for("all ten are back", lambda: all(self.connected(name) for name in TARGETS), DEADLINE)


@unittest.skipUnless(NO_NAMESPACES, "machines of their own can be made here")
class Loopback(unittest.TestCase):
    """The same with homes and one address, for who may make no namespaces."""

    def test_ten_homes_enlist_with_one_token_and_run_a_job(self):
        world = World()
        try:
            world.init()
            world.start_broker()
            token = world.token("--uses", "10", "--names", "web[01-10]", "--group", "web")
            nodes = [Node(world, name) for name in TARGETS]
            for node in nodes:
                node.enlist(token)
                node.start()
            world.wait_connected(10)
            world.apply("job: hello\ntargets: {group: web}\nsteps: [{name: s, run: [uname, -n]}]\n")
            self.assertIn("web[01-10]", world.bugle("job", "start", "hello", "--wait").out)
        finally:
            world.close(keep=False)


if __name__ == "__main__":
    if not NO_NAMESPACES:
        machines.enter()
    unittest.main(verbosity=2)
