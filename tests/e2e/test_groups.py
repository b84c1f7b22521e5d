#!/usr/bin/python3
"""Groups: who is in them, what is for them, and that joining and leaving brings and takes jobs at once, also under a
run."""

import pathlib
import sys

from world import WorldTest, main, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parent))


class Groups(WorldTest):
    def setUp(self):
        super().setUp()
        for name in ("a1", "a2", "a3"):
            self.world.node(name)
        self.world.wait_connected(3)

    def row(self, name):
        return self.world.bugle("target", "show", name, "-o", "json").json()

    def gated(self, group):
        gate = self.world.directory / f"gate-{group}"
        self.world.apply(f"job: for-{group}\ntargets: {{group: {group}}}\nsteps: [{{name: s, script: "
                         f"\"while [ ! -e {gate} ]; do sleep 0.02; done\"}}]\n")
        return gate

    def wait_current(self, *names):
        wait_for("memberships have arrived", lambda: all(
            self.row(name)["membership_state"] == "applied" for name in names))

    def test_add_show_remove(self):
        world = self.world
        self.gated("web")
        self.assertIn("added a[1-2] (2 targets)", world.bugle("group", "add", "web", "a[1-2]").out)
        self.assertIn("unchanged a2", world.bugle("group", "add", "WEB", "a2").out)
        rows = world.bugle("group", "list", "-o", "jsonl").rows()
        self.assertEqual([(row["name"], row["members"], row["connected"], row["jobs"]) for row in rows],
                         [("web", 2, 2, ["for-web"])])
        shown = world.bugle("group", "show", "Web", "-o", "json").json()
        self.assertEqual((shown["targets"], shown["jobs"]), (["a1", "a2"], ["for-web"]))
        self.assertIn("a[1-2]", world.bugle("group", "show", "web").out)
        world.wait_applied("for-web", 2)
        self.assertIn("removed a1", world.bugle("group", "remove", "web", "a1").out)
        self.assertIn("unchanged a1", world.bugle("group", "remove", "web", "a1").out)
        world.bugle("group", "add", "db", "-g", "web", "-t", "a3")
        self.assertEqual(self.row("a2")["groups"], ["web", "db"])
        self.assertIn("removed a2", world.bugle("group", "remove", "web", "--all", "-y").out)
        # The group is still there: a job is for it.
        self.assertEqual(world.bugle("group", "show", "web", "-o", "json").json()["members"], 0)

    def test_mistakes(self):
        bugle = self.world.bugle
        bugle("group", "add", "web", "a1")
        self.assertIn("did you mean web?", bugle("group", "show", "wbe", code=3).err)
        for words, code in ((("add", "a b", "a1"), 2), (("add", "web"), 2), (("add", "web", "a9"), 3), (("add", "all", "a1"), 2),
                            (("remove", "nope", "--all"), 3), (("show", "nope"), 3), (("remove", "web", "a1", "--all"), 2)):
            self.assertTrue(bugle("group", *words, code=code).err.startswith("error: "), words)
        self.assertIn("did you mean web?", bugle("target", "list", "-g", "wbe", code=3).err)
        before = self.row("a2")["membership_version"]
        self.assertIn("would be added a2", bugle("group", "add", "web", "a2", "--dry-run").out)
        self.assertEqual(self.row("a2")["membership_version"], before)

    def test_joining_brings_the_jobs_and_their_switches(self):
        world = self.world
        self.gated("web")
        world.bugle("job", "disable", "for-web")
        world.bugle("group", "add", "web", "a1")
        world.wait_applied("for-web", 1)
        deliveries = self.row("a1")["deliveries"]
        self.assertIn(("switch", "applied"), [(row["type"], row["state"]) for row in deliveries])

    def test_leaving_takes_the_job_after_the_run(self):
        world = self.world
        gate = self.gated("web")
        world.bugle("group", "add", "web", "a1", "a2")
        world.wait_applied("for-web", 2)
        world.bugle("job", "start", "for-web")
        wait_for("both run", lambda: [self.row(name)["running"] for name in ("a1", "a2")] == [1, 1])
        world.bugle("group", "remove", "web", "a1")
        self.wait_current("a1")
        self.assertEqual(self.row("a1")["running"], 1)
        gate.touch()
        world.wait_history("for-web", "both runs ended well",
                           lambda rows: [row["state"] for row in rows] == ["succeeded"] * 2)
        world.bugle("job", "start", "for-web", "--wait")
        rows = world.wait_history("for-web", "a third run", lambda rows: len(rows) >= 3)
        self.assertEqual(sorted(row["target"] for row in rows), ["a1", "a2", "a2"])
        # And back again: it is there at once, without waiting for a poll.
        world.bugle("group", "add", "web", "a1")
        self.wait_current("a1")
        world.bugle("job", "start", "for-web", "-t", "a1", "--wait")


if __name__ == "__main__":
    main()
