#!/usr/bin/python3
"""bugle broker dismantle: its targets leave, who does not answer is listed, the store is archived, and nothing is changed any
more."""

import pathlib

from world import WorldTest, main


class Dismantle(WorldTest):
    def test_targets_leave_the_store_is_archived_and_only_questions_are_answered(self):
        nodes = {name: self.world.node(name) for name in ("n1", "n2", "away")}
        self.world.wait_connected(3)
        self.world.apply("job: tick\ntargets: {all: true}\nsteps:\n  - name: say\n    run: [/bin/echo, hi]\n")
        self.world.wait_applied("tick", 3)
        self.world.bugle("job", "start", "tick", "--wait")
        nodes["away"].stop()
        # The name of the broker is asked for, and nothing happens without it.
        for arguments in ((), ("--confirm", "other"), ("--confirm", "Test")):
            self.assertIn("--confirm test", self.world.bugle("broker", "dismantle", *arguments, code=2).err)
        self.assertIn("would remove", self.world.bugle("broker", "dismantle", "--dry-run").err)
        done = self.world.bugle("broker", "dismantle", "--confirm", "test", "--dry-run")
        self.assertIn("would remove away,n[1-2]", done.err)
        self.assertEqual(len(self.world.bugle("target", "list", "-o", "jsonl").rows()), 3)

        done = self.world.bugle("broker", "dismantle", "--confirm", "test", "--timeout", "6s", "-o", "json", code=21)
        said = done.json()
        self.assertEqual((said["removed"], said["answered"], said["silent"]), (3, 2, ["away"]))
        self.assertIn("bugle-node defect --force", done.err)
        archive = pathlib.Path(said["archive"])
        self.assertEqual(archive.parent.name, "archive")
        self.world.bugle("broker", "verify", archive)

        status = self.world.bugle("broker", "status", "-o", "json").json()
        self.assertTrue(status["dismantled"])
        self.assertIn("dismantled", self.world.bugle("broker", "status").out)
        for arguments in (("token", "create"), ("broker", "set", "heartbeat", "10s"), ("job", "delete", "tick", "--yes")):
            refused = self.world.bugle(*arguments, code=1)
            self.assertIn("was dismantled", refused.err)
        self.assertEqual(len(self.world.history("tick")), 3, "what was stays to be read")
        self.assertIn("already", self.world.bugle("broker", "dismantle", "--confirm", "test", code=1).err)
        # Who comes late is still told, also by a broker that was started again.
        self.world.stop_broker()
        self.world.start_broker()
        nodes["away"].start()
        nodes["away"].process.wait_line("defected")
        self.world.bugle("token", "create", code=1)

    def test_a_broker_without_targets_is_dismantled_too(self):
        done = self.world.bugle("broker", "dismantle", "--confirm", "test")
        self.assertIn("can be stopped", done.err)
        # Its archive makes a broker again.
        archive = next((self.world.home / "broker" / "archive").iterdir())
        self.world.stop_broker()
        self.world.bugle("broker", "restore", archive, "--home", self.world.home, "--aside", "--yes")
        self.world.start_broker()
        self.world.bugle("broker", "restore", "--resume", "--yes")
        self.world.token()


if __name__ == "__main__":
    main()
