#!/usr/bin/python3
"""Polls and what goes with them: target poll, set-poll, resync, and the doctor that puts both sides side by side."""

import signal

from world import SharedWorldTest, WorldTest, main, wait_for

JOB = "job: {name}\ntargets: {{all: true}}\nsteps: [{{name: s, run: ['true']}}]\n"


class Healthy(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.world.node("a1", "--label", "role=db")
        cls.world.node("a2")
        cls.world.wait_connected(2)
        cls.world.apply(JOB.format(name="j"))
        cls.world.wait_applied("j", 2)

    def row(self, name):
        return self.world.bugle("target", "show", name, "-o", "json").json()

    def test_nothing_is_wrong(self):
        self.world.bugle("target", "confirm", "--all")
        wait_for("all is settled", lambda: self.row("a1")["membership_state"] == "applied")
        done = self.world.bugle("target", "doctor", "a1", "-o", "json").json()
        self.assertEqual((done["well"], done["answered"], done["findings"]), (True, True, []))
        sides = {side["what"]: side for side in done["sides"]}
        for what in ("name", "labels", "membership version", "authority version", "digest", "polls every (s)"):
            self.assertEqual(sides[what]["broker"], sides[what]["target"], what)
            self.assertTrue(sides[what]["same"])
        text = self.world.bugle("target", "doctor", "a1").out
        for word in ("BROKER", "TARGET", "digest", "nothing is wrong"):
            self.assertIn(word, text)
        self.assertNotIn("differs", text)
        self.assertTrue(text.startswith("a1\n  WHAT"), text)
        self.assertRegex(text, r"\n  polls every +1m00s +1m00s\n")
        self.assertRegex(text, r"\n  last poll +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+00:00 ")
        self.assertNotRegex(text, r"\d{4}T\d\d|e-\d\d")
        self.world.bugle("target", "doctor", "nope", code=3)

    def test_poll(self):
        before = self.row("a1")["last_poll"]
        self.world.bugle("target", "poll", "a1", "--wait")
        self.assertGreater(self.row("a1")["last_poll"], before)
        done = self.world.bugle("target", "poll", "--all", "--dry-run", "-o", "json").json()
        self.assertEqual((done["targets"], done["connected"], done["dry_run"]), (2, 2, True))
        exec_id = self.world.bugle("target", "poll", "-l", "role=db").out.strip()
        self.world.bugle("exec", "wait", exec_id)
        shown = self.world.bugle("exec", "show", exec_id, "-o", "json").json()
        self.assertEqual((shown["targets"], shown["succeeded"]), (1, 1))
        for words, code in (((), 2), (("a9",), 3), (("-g", "nope"), 3), (("a1", "--timeout", "3s"), 2)):
            self.world.bugle("target", "poll", *words, code=code)

    def test_set_poll(self):
        world = self.world
        world.bugle("target", "set-poll", "10s", "a1")
        wait_for("it is taken over", lambda: world.bugle("target", "list", "--poll", "10s", "-o", "name").out == "a1\n" and
                 self.row("a1")["unread"] == 0)
        sides = {side["what"]: side for side in world.bugle("target", "doctor", "a1", "-o", "json").json()["sides"]}
        self.assertEqual((sides["polls every (s)"]["broker"], sides["polls every (s)"]["target"]), (10, 10))
        self.assertIn("unchanged a1", world.bugle("target", "set-poll", "10s", "a1").out)
        self.assertIn("would be changed a[1-2]", world.bugle("target", "set-poll", "20s", "--all", "--dry-run").out)
        world.bugle("target", "set-poll", "default", "--all")
        self.assertEqual(self.row("a1")["poll_interval_s"], 60)
        for words in (("9s", "a1"), ("9h", "a1"), ("often", "a1"), ("30s",)):
            world.bugle("target", "set-poll", *words, code=2)

    def test_resync(self):
        world = self.world
        self.assertIn("would ask a[1-2]", world.bugle("target", "resync", "--all", "--dry-run").out)
        self.assertIn("asked a1", world.bugle("target", "resync", "a1").out)
        done = world.bugle("target", "resync", "a1", "a2", "--full", "-o", "json").json()
        self.assertEqual((done["targets"], done["names"], done["full"]), (2, ["a1", "a2"], True))
        wait_for("all is applied again", lambda: [self.row(name)["unread"] for name in ("a1", "a2")] == [0, 0])
        world.bugle("job", "start", "j", "--wait")
        world.bugle("target", "resync", code=2)
        world.bugle("target", "resync", "a9", code=3)


class Ill(WorldTest):
    def doctor(self, name, code=1):
        return self.world.bugle("target", "doctor", name, "-o", "json", code=code).json()

    def said(self, done):
        return " ".join(f"{found['what']} {found['cure'] or ''}" for found in done["findings"])

    def test_bugle_exec_is_away(self):
        node = self.world.node("a1")
        self.world.wait_connected(1)
        import os
        os.kill(node.process.part("bugle-exec"), signal.SIGSTOP)
        exec_pid = node.process.part("bugle-exec")
        try:
            self.world.apply(JOB.format(name="j"))
            done = self.doctor("a1", code=None)
            self.assertTrue(done["answered"])
        finally:
            os.kill(exec_pid, signal.SIGCONT)
        self.world.wait_applied("j", 1)

    def test_a_target_that_has_gone(self):
        world = self.world
        node = world.node("a1")
        world.wait_connected(1)
        node.stop()
        world.bugle("target", "defect", "a1", "--force", "--yes")
        done = self.doctor("a1")
        self.assertFalse(done["answered"])
        self.assertIn("left this broker", self.said(done))

    def test_a_policy_that_lets_nothing_start(self):
        world = self.world
        node = world.node("a1")
        world.wait_connected(1)
        policies = list(node.home.rglob("policy*"))
        self.assertTrue(policies, "the node has a policy file")
        node.stop()
        for policy in policies:
            policy.write_text("nonsense: [\n")
        node.start()
        wait_for("it says so", lambda: "policy" in self.said(self.doctor("a1", code=None)))
        self.assertFalse(self.doctor("a1")["well"])


if __name__ == "__main__":
    main()
