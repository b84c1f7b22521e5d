#!/usr/bin/python3
"""Orphans: a target that its broker has removed or replaced finds out by itself, and says what to do."""

from world import Node, WorldTest, main

JOB = 'job: here\ntargets: {all: true}\nsteps: [{name: s, run: ["true"]}]\n'


class Claims(WorldTest):
    def test_a_broker_of_an_older_state_takes_a_target_back(self):
        world = self.world
        world.stop_broker()
        saved = {path: path.read_bytes() for path in world.home.rglob("*.db")}
        world.start_broker()
        node = world.node("late")
        world.wait_connected(1)
        world.stop_broker()
        for path, bytes_ in saved.items():
            for rest in path.parent.glob(path.name + "-*"):
                rest.unlink()
            path.write_bytes(bytes_)
        world.start_broker()
        # Refused at first, it shows its membership, and the broker that lost it takes it in again.
        world.broker.wait_line(" target-adopted ")
        world.wait_connected(1)
        node.stop()

    def test_removed_without_a_word_or_replaced(self):
        world = self.world
        world.apply(JOB)
        cut, kept, away = world.node("cut"), world.node("kept"), world.node("away")
        world.wait_applied("here", 3)
        away.stop()

        # The name of one is taken over, the others are removed: none of them is told.
        fresh = Node(world, "kept")
        fresh.home = world.directory / "kept-again"
        fresh.enlist(world.token("--replace", "kept"))
        world.bugle("target", "defect", "cut", "--no-post", "--yes")
        world.bugle("target", "defect", "away", "--force", "--yes")
        away.start()

        # An administrator signed the end of two of them: they leave, also the one that was away.
        for node in cut, away:
            node.process.wait_line(" defected broker=test jobs=1")
            self.assertIn("not enlisted", node.defect(code=1).err)

        # Nobody signed the end of the third: it goes on, and says what to do.
        kept.process.wait_line(" unknown-target ")
        self.assertIn("defect --force", world.run("bugle-node", "status", "--home", kept.home, code=1).out)
        kept.defect("--force")
        kept.stop()
        kept.name = "kept2"
        kept.enlist(world.token())
        kept.start()
        world.wait_connected(1)


if __name__ == "__main__":
    main()
