#!/usr/bin/python3
"""After a restore: a target that was enlisted after the backup claims its place, and has it again."""

from test_restore import RestoreTest
from world import main, wait_for


class Unknown(RestoreTest):
    def test_a_target_that_the_backup_does_not_know_comes_back_by_itself(self):
        self.world.node("n1")
        self.world.wait_connected(1)
        path = self.backup()
        self.world.node("late", "-g", "web")
        self.world.wait_connected(2)
        self.world.bugle("target", "confirm", "--all", "--yes")
        self.world.apply("job: web\ntargets: {group: web}\nsteps:\n  - name: say\n    run: [/bin/echo, hi]\n")
        self.world.wait_applied("web", 1)
        before = self.world.bugle("target", "show", "late", "-o", "json").json()
        self.world.stop_broker()
        self.restore(path, "--aside", "--yes")
        self.world.start_broker()
        self.world.bugle("target", "show", "late", code=3)
        wait_for("the target is known again", lambda: any(
            row["name"] == "late" for row in self.world.bugle("target", "list", "-o", "jsonl").rows()))
        after = self.world.bugle("target", "show", "late", "-o", "json").json()
        for key in ("id", "number", "groups"):
            self.assertEqual(after[key], before[key], key)
        wait_for("its job is there again", lambda: "web" in self.jobs())
        self.world.bugle("broker", "restore", "--resume", "--yes")
        self.world.wait_connected(2)
        self.run_once("web")
        self.assertEqual(self.world.history("web")[0]["target"], "late")


if __name__ == "__main__":
    main()
