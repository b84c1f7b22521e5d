"""Versions of a job: which target holds which, what there was, and going back."""

from world import WorldTest, main, wait_for

JOB = """
job: nightly
targets: {all: true}
steps:
  - name: go
    run: [/bin/echo, "%s"]
"""


class Versions(WorldTest):
    def apply(self, text):
        self.world.apply(JOB % text)

    def holders(self):
        shown = self.world.bugle("job", "show", "nightly", "-o", "json").json()
        return [(row["version"], row["state"], row["targets"]) for row in shown["holders"]]

    def versions(self):
        return [(row["version"], row["what"], row["held"], row["current"])
                for row in self.world.bugle("job", "versions", "nightly", "-o", "jsonl").rows()]

    def text(self):
        return self.world.bugle("job", "show", "nightly", "-o", "yaml").out

    def test_who_holds_what(self):
        web = self.world.node("web01")
        away = self.world.node("web02")
        self.world.wait_connected(2)
        self.apply("one")
        self.world.wait_applied("nightly", 2)
        self.assertEqual(self.holders(), [(1, "applied", ["web01", "web02"])])
        away.stop()
        self.apply("two")
        self.world.wait_applied("nightly", 1)
        self.apply("three")
        self.world.wait_applied("nightly", 1)
        self.assertEqual(self.holders(), [(3, "applied", ["web01"]), (1, "pending", ["web02"])])
        self.assertEqual(self.versions(), [
            (3, "posted", 1, True), (2, "posted", 0, False), (1, "posted", 1, False)])
        # The memory is durable.
        self.world.stop_broker()
        self.world.start_broker()
        self.assertEqual(self.holders(), [(3, "applied", ["web01"]), (1, "pending", ["web02"])])
        away.start()
        self.world.wait_applied("nightly", 2)
        self.assertEqual(self.holders(), [(3, "applied", ["web01", "web02"])])
        web.stop()

    def test_going_back(self):
        self.world.node("web01")
        self.world.wait_connected(1)
        self.apply("one")
        self.apply("two")
        first = self.world.bugle("job", "revert", "nightly", "--dry-run")
        self.assertIn("two", first.out)
        self.assertIn("would revert nightly to v1 (v3) -> 1 target", first.out)
        self.assertIn("two", self.text())
        self.assertEqual(self.world.bugle("job", "revert", "nightly").out, "reverted nightly to v1 (v3) -> 1 target\n")
        self.assertIn("one", self.text())
        self.world.wait_applied("nightly", 1)
        self.assertEqual(self.world.bugle("job", "revert", "nightly", "--to", "v2").out,
                         "reverted nightly to v2 (v4) -> 1 target\n")
        self.assertIn("two", self.text())
        again = self.world.bugle("job", "revert", "nightly", "--to", "2", "-o", "json").json()
        self.assertEqual((again["outcome"], again["version"]), ("unchanged", 4))

    def test_what_was_deleted_comes_back(self):
        self.apply("one")
        self.world.bugle("job", "delete", "nightly", "--yes")
        self.assertIn("--to", self.world.bugle("job", "revert", "nightly", code=2).err)
        self.assertIn("deleted", self.world.bugle("job", "revert", "nightly", "--to", "2", code=None).err)
        self.world.bugle("job", "revert", "nightly", "--to", "1")
        self.assertIn("one", self.text())
        self.assertEqual([row[1] for row in self.versions()], ["posted", "deleted", "posted"])

    def test_mistakes_are_told(self):
        self.apply("one")
        self.assertIn("only one version", self.world.bugle("job", "revert", "nightly", code=3).err)
        self.assertIn("no version v9", self.world.bugle("job", "revert", "nightly", "--to", "9", code=3).err)
        self.world.bugle("job", "revert", "nightly", "--to", "first", code=2)
        self.assertIn("did you mean nightly", self.world.bugle("job", "versions", "nigtly", code=3).err)
        self.assertIn("did you mean nightly", self.world.bugle("job", "revert", "nigtly", code=3).err)


if __name__ == "__main__":
    main()
