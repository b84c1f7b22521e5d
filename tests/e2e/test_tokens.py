#!/usr/bin/python3
"""Tokens: what they say, how they are listed and revoked, and taking over the name of a machine that is gone."""

from world import Node, SharedWorldTest, main


def tokens(world, *arguments):
    return world.bugle("token", "list", "-o", "jsonl", *arguments).rows()


class Tokens(SharedWorldTest):
    def test_states_in_words(self):
        world = self.world
        used, late = world.token("--names", "s-used"), world.token("--names", "s-late", "--expires", "1s")
        world.token("--names", "s-free", "--location", "hall 3", "--group", "web")
        Node(world, "s-used").enlist(used)
        Node(world, "s-late").enlist(late, code=None)
        world.bugle("token", "revoke", next(
            row["id"][-8:] for row in tokens(world) if row["names"] == "s-free"))

        def states():
            return {row["names"]: row["state"] for row in tokens(world, "--all") if row["names"].startswith("s-")}
        self.assertEqual(states()["s-used"], "used up")
        self.assertEqual(states()["s-free"], "revoked")
        row = next(row for row in tokens(world, "--all") if row["names"] == "s-free")
        self.assertEqual((row["location"], row["groups"], row["uses"], row["used"]), ("hall 3", ["web"], 1, 0))
        self.assertNotIn("s-used", [row["names"] for row in tokens(world)])

    def test_the_location_reaches_the_target(self):
        Node(self.world, "there").enlist(self.world.token("--location", "rack 7"))
        row = next(row for row in self.world.bugle("target", "list", "-o", "jsonl").rows() if row["name"] == "there")
        self.assertEqual(row["location"], "rack 7")

    def test_a_revoked_token_is_refused_and_says_so(self):
        world = self.world
        token = world.token("--names", "gone")
        row = next(row for row in tokens(world) if row["names"] == "gone")
        dry = world.bugle("token", "revoke", row["id"][-8:], "--dry-run")
        self.assertEqual(dry.err, "dry run: nothing was changed\n")
        self.assertIn("would be revoked", dry.out)
        world.bugle("token", "revoke", row["id"][-8:].upper())
        self.assertIn("revoked", Node(world, "gone").enlist(token, code=4).err)
        self.assertIn("unchanged", world.bugle("token", "revoke", row["id"]).out)

    def test_what_cannot_be_revoked(self):
        self.world.bugle("token", "revoke", code=2)
        self.world.bugle("token", "revoke", "zzzzzzzz", code=3)
        self.world.bugle("token", "revoke", "0", code=3)
        self.world.bugle("token", "revoke", "--all", "zzzz", code=2)
        self.world.token("--names", "asked")
        self.world.bugle("token", "revoke", "--all", code=2)
        self.assertIn("asked", [row["names"] for row in tokens(self.world)])

    def test_replace_takes_the_name_over_and_the_old_machine_is_cut(self):
        world = self.world
        world.node("place", start=False)
        self.assertIn("--replace PLACE", Node(world, "PLACE").enlist(world.token(), code=1).err)
        world.bugle("token", "create", "--replace", "nobody", code=3)
        world.bugle("token", "create", "--replace", "place", "--names", "p*", code=2)
        token = world.token("--replace", "place", "--group", "new")
        # An unused token has replaced nobody.
        self.assertEqual(len(world.bugle("target", "list", "-t", "place", "-o", "jsonl").rows()), 1)
        fresh = Node(world, "place")
        fresh.home = world.directory / "place-again"
        fresh.enlist(token)
        row = world.bugle("target", "list", "-t", "place", "-o", "jsonl").rows()[0]
        self.assertEqual((row["groups"], row["number"] > 1), (["new"], True))
        self.assertIn("used up", Node(world, "place2").enlist(token, code=4).err)


if __name__ == "__main__":
    main()
