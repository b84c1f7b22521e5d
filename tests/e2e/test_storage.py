#!/usr/bin/python3
"""A full disk under the broker, under a node's store and under bugle-exec: nothing is acknowledged that is not stored,
what can be read is read, and all goes on without a restart once there is space.

No file system is mounted: tests/faults/enospc.c is preloaded into the programs and lets writes below one directory fail
as long as a file exists.
"""

import os
import signal
import unittest

from world import Node, WorldTest, main, wait_for

SHIM = os.environ.get("BUGLE_ENOSPC", "")
TICK = """
job: tick
targets: {{all: true}}
schedules: [{{name: s, every: 1s}}]
steps: [{{name: beat, script: "echo x >> {beats}"}}]
"""
QUICK = 'job: quick\ntargets: {all: true}\nsteps: [{name: s, run: ["true"]}]\n'


@unittest.skipUnless(os.path.exists(SHIM), "the library that plays a full disk (BUGLE_ENOSPC) was not built")
class Storage(WorldTest):
    with_broker = False
    broker_is_full = False

    def setUp(self):
        super().setUp()
        world = self.world
        self.flag = world.directory / "full"
        self.beats = world.directory / "beats"
        world.init()
        world.start_broker(self.environment(world.home) if self.broker_is_full else None)

    def environment(self, directory):
        # A sanitizer wants to be the first library; it works behind this one as well.
        options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        return {"LD_PRELOAD": SHIM, "BUGLE_FULL_DIR": str(directory), "BUGLE_FULL_FLAG": str(self.flag),
                "ASAN_OPTIONS": options}

    def count(self):
        return len(self.beats.read_text().splitlines()) if self.beats.exists() else 0

    def fill(self):
        self.flag.touch()

    def make_space(self):
        self.flag.unlink()

    def node(self, directory=None):
        """An enlisted node, running; below the directory of its home its disk may be full."""
        node = Node(self.world, "a1")
        node.enlist(self.world.token())
        return node.start(self.environment(node.home / directory) if directory is not None else None)

    def each_outcome_once(self):
        """Every beat is one succeeded run of the broker's history, and no occurrence is there twice."""
        ran = self.count()
        rows = self.world.wait_history(
            "tick", "all that ran", lambda rows: sum(row["state"] == "succeeded" for row in rows) >= ran, "--limit", "1000")
        nominal = [row["nominal"] for row in rows if row["nominal"]]
        self.assertEqual(len(nominal), len(set(nominal)))
        self.assertEqual(len({row["run"] for row in rows}), len(rows))
        return rows


class Broker(Storage):
    broker_is_full = True

    def warnings(self):
        return [row["name"] for row in self.world.bugle("status", "-o", "json").json()["warnings"]]

    def test_it_reads_on_acknowledges_nothing_and_recovers(self):
        world = self.world
        self.node()
        world.apply(TICK.format(beats=self.beats))
        world.apply(QUICK)
        world.wait_history("tick", "it runs", lambda rows: any(row["state"] == "succeeded" for row in rows))
        before = world.bugle("job", "list", "-o", "name").out
        self.fill()
        # The first one finds it out; none of them is told that it was done.
        for arguments, text in (
                (("apply", "-f", "-"), QUICK.replace("quick", "other")), (("job", "start", "quick"), None),
                (("job", "disable", "quick"), None), (("job", "delete", "quick", "--yes"), None),
                (("target", "defect", "a1", "--yes"), None), (("token", "create"), None)):
            refused = world.bugle(*arguments, input=text, code=1)
            self.assertIn("disk is full", refused.err, arguments)
            self.assertIn("space", refused.err)
            self.assertEqual(refused.out, "", arguments)
        self.assertEqual(self.warnings(), ["storage-full"])
        self.assertIn("storage-full", world.bugle("status").out)
        # Reading goes on.
        self.assertEqual(world.bugle("job", "list", "-o", "name").out, before)
        seen = len(world.history("tick"))
        for arguments in (("job", "show", "tick"), ("target", "list"), ("target", "show", "a1"), ("exec", "list"),
                          ("apply", "-f", "-", "--dry-run")):
            world.bugle(*arguments, input=QUICK if arguments[0] == "apply" else None)
        # The node runs its schedule; what it reports is not stored and stays with it.
        ran = self.count()
        wait_for("the node goes on", lambda: self.count() >= ran + 2)
        self.assertEqual(len(world.history("tick")), seen)
        self.make_space()
        wait_for("the broker is well", lambda: not self.warnings())
        self.assertIn("created other", world.apply(QUICK.replace("quick", "other")).out)
        world.bugle("job", "start", "quick", "--wait")
        rows = self.each_outcome_once()
        self.assertEqual({row["state"] for row in rows} - {"succeeded", "running"}, set())

    def test_killed_while_it_is_full_nothing_acknowledged_is_lost(self):
        world = self.world
        self.node()
        world.apply(TICK.format(beats=self.beats))
        world.wait_history("tick", "it runs", lambda rows: any(row["state"] == "succeeded" for row in rows))
        self.fill()
        world.apply(QUICK, code=1)
        seen = [row["run"] for row in world.history("tick") if row["state"] == "succeeded"]
        world.stop_broker(signal.SIGKILL)
        ran = self.count()
        wait_for("the node goes on", lambda: self.count() >= ran + 1)
        self.make_space()
        world.start_broker(self.environment(world.home))
        rows = self.each_outcome_once()
        self.assertLessEqual(set(seen), {row["run"] for row in rows})

    def test_started_on_a_full_disk_it_says_so(self):
        world = self.world
        world.apply(QUICK)
        world.stop_broker()
        self.fill()
        world.start_broker(self.environment(world.home))
        wait_for("it knows", lambda: world.apply(QUICK.replace("quick", "other"), code=None).code == 1)
        self.assertEqual(self.warnings(), ["storage-full"])
        self.assertEqual(world.bugle("job", "list", "-o", "name").out, "quick\n")
        self.make_space()
        wait_for("the broker is well", lambda: not self.warnings())
        world.apply(QUICK.replace("quick", "other"))


class TargetSide(Storage):
    def drive(self, directory):
        """A node whose disk is full for a while; gives its rows of tick afterwards."""
        world = self.world
        node = self.node(directory)
        gate = world.directory / "gate"
        world.apply(TICK.format(beats=self.beats))
        world.apply(QUICK)
        world.apply(f'job: gated\ntargets: {{all: true}}\nsteps: [{{name: s, script: "while [ ! -e {gate} ]; do sleep 0.02; '
                    'done"}]\n')
        world.bugle("job", "start", "gated")
        world.wait_history("gated", "it runs", lambda rows: rows and rows[0]["state"] == "running")
        wait_for("the schedule runs", lambda: self.count() >= 1)
        # Between two beats: a run that cannot write its end stays open, and what is due meanwhile is an overlap.
        world.wait_history("tick", "a beat is over", lambda rows: rows and rows[0]["state"] == "succeeded")
        self.fill()
        node.process.wait_line("storage-full")
        # Nothing new starts from here on; what runs goes on, and ends.
        started = self.count()
        gate.touch()
        world.bugle("job", "start", "quick", "--wait", "--timeout", "3s", code=None)
        self.assertNotIn("succeeded", [row["state"] for row in world.history("quick")])
        self.assertLessEqual(self.count(), started + 1)
        self.assertIsNone(node.process.child.poll())
        self.make_space()
        world.wait_history("gated", "its end is reported", lambda rows: rows[0]["state"] == "succeeded")
        self.assertEqual(len(world.history("gated")), 1)
        wait_for("it starts again", lambda: world.bugle(
            "job", "start", "quick", "--wait", "--timeout", "30s", code=None).code == 0)
        after = self.count()
        wait_for("the schedule goes on", lambda: self.count() > after)
        rows = self.each_outcome_once()
        missed = [row for row in rows if row["state"] == "not-run"]
        self.assertTrue(missed)
        self.assertEqual({row["reason"].split(":")[0] for row in missed}, {"storage"})
        return rows

    def test_the_store_of_the_node(self):
        self.drive("node")

    def test_the_log_of_bugle_exec(self):
        rows = self.drive("exec")
        self.assertTrue(all(row["state"] in ("succeeded", "not-run", "running") for row in rows))

    def test_the_whole_disk(self):
        self.drive("")

    def test_started_on_a_full_disk_the_node_stays_and_recovers(self):
        world = self.world
        node = self.node("")
        world.apply(QUICK)
        world.wait_applied("quick", 1)
        node.stop()
        self.fill()
        node.start(self.environment(node.home))
        world.bugle("job", "start", "quick", "--wait", "--timeout", "1s", code=None)
        self.assertNotIn("succeeded", [row["state"] for row in world.history("quick")])
        self.make_space()
        wait_for("it starts again", lambda: world.bugle(
            "job", "start", "quick", "--wait", "--timeout", "30s", code=None).code == 0)

    def test_enlisting_on_a_full_disk_is_told_and_leaves_nothing(self):
        world = self.world
        node = Node(world, "a1")
        self.fill()
        token = world.token()
        refused = world.run("bugle-node", "enlist", "--home", node.home, "--name", "a1", "--token", token, "--timeout", "3s",
                            code=None, environment=self.environment(node.home))
        self.assertNotEqual(refused.code, 0)
        self.assertIn("pace", refused.err)
        self.assertEqual(world.bugle("target", "list", "-o", "name").out, "")
        self.make_space()
        node.enlist(token)
        node.start()
        world.apply(QUICK)
        world.bugle("job", "start", "quick", "--wait")


if __name__ == "__main__":
    main()
