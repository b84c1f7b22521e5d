#!/usr/bin/python3
"""Removing many targets: by group, labels and all; at once or when they come; absent ones; and forgetting."""

from world import WorldTest, main, wait_for


class Many(WorldTest):
    def setUp(self):
        super().setUp()
        self.nodes = {name: self.world.node(name, "--group", group)
                      for name, group in (("a1", "east"), ("a2", "east"), ("b1", "west"))}
        self.world.wait_connected(3)

    def names(self, *arguments, code=0):
        return self.world.bugle("target", "list", "-o", "name", *arguments, code=code).out.split()

    def test_a_group_leaves_and_the_rest_stays(self):
        world = self.world
        self.assertIn("would be defected a[1-2]", world.bugle("target", "defect", "-g", "east", "--dry-run").out)
        refused = world.bugle("target", "defect", "-g", "east", code=2)
        self.assertIn("2 targets", refused.err)
        rows = world.bugle("target", "defect", "-g", "east", "--yes", "-o", "jsonl").rows()
        self.assertEqual([(row["name"], row["outcome"]) for row in rows], [("a1", "defected"), ("a2", "defected")])
        for name in ("a1", "a2"):
            self.nodes[name].process.wait_line("defected")
        self.assertEqual(self.names(), ["b1"])
        wait_for("their keys are refused", lambda: all(
            row["key_refused"] for row in world.bugle("target", "list", "--defected", "-o", "jsonl").rows()
            if row["name"] != "b1"))
        self.assertEqual(self.names("--state", "defected"), ["a1", "a2"])

    def test_all(self):
        world = self.world
        world.bugle("target", "defect", "--all", "a1", code=2)
        world.bugle("target", "defect", code=2)
        world.bugle("target", "defect", "--all", "--yes")
        for node in self.nodes.values():
            node.process.wait_line("defected")
        self.assertEqual(self.names(), [])

    def test_an_absent_target_is_told_later_or_never(self):
        world = self.world
        for name in ("a1", "a2"):
            self.nodes[name].stop()
        world.bugle("target", "defect", "a1", "--yes")
        world.bugle("target", "defect", "a2", "--force", "--yes")
        rows = {row["name"]: row for row in world.bugle("target", "list", "--defected", "-o", "jsonl").rows()}
        self.assertEqual((rows["a1"]["key_refused"], rows["a2"]["key_refused"]), (False, True))
        self.nodes["a1"].start()
        self.nodes["a1"].process.wait_line("defected")
        self.nodes["a2"].start()
        self.nodes["a2"].process.wait_line("refused the connection")

    def test_no_post_cuts_at_once_and_the_name_is_free(self):
        world = self.world
        world.bugle("target", "defect", "b1", "--no-post", "--yes")
        self.nodes["b1"].process.wait_line("refused the connection")
        self.nodes["b1"].stop()
        world.node("b1x")
        world.bugle("target", "rename", "b1x", "b1")
        self.assertIn("b1", self.names())

    def test_forgotten_targets_leave_the_lists(self):
        world = self.world
        self.nodes["a1"].stop()
        world.apply("job: j\ntargets: {all: true}\nsteps: [{name: s, run: ['true']}]\n")
        world.wait_applied("j", 2)
        world.bugle("job", "start", "j", "-t", "a2", "--wait")
        self.assertIn("would be forgotten a1", world.bugle("target", "forget", "a1", "--dry-run").out)
        self.assertIn("--yes", world.bugle("target", "forget", "a1", code=2).err)
        self.assertIn("no target is that silent", world.bugle("target", "forget", "--offline-for", "30d").err)
        self.assertIn("forgotten a[1-2]", world.bugle("target", "forget", "a1", "a2", "--yes").out)
        self.assertEqual(self.names(), ["b1"])
        self.assertEqual(self.names("--defected"), ["b1"])
        self.nodes["a2"].process.wait_line("refused the connection")
        self.assertEqual([row["target"] for row in world.history("j")], ["a2"])
        # One that left before can be forgotten too.
        world.bugle("target", "defect", "b1", "--yes")
        self.nodes["b1"].process.wait_line("defected")
        self.assertEqual(self.names("--defected"), ["b1"])
        world.bugle("target", "forget", "b1", "--yes")
        self.assertEqual(self.names("--defected"), [])
        world.bugle("target", "forget", "nope", "--yes", code=3)


if __name__ == "__main__":
    main()
