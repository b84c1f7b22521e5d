"""What a target refuses is quarantined there alone, and tried again by itself when its inputs change."""

import os

from world import WorldTest, main, wait_for

JOB = """
job: {name}
targets: {{all: true}}
steps:
  - name: go
    run: [/bin/echo, "{text}"]
"""


class Quarantine(WorldTest):
    def setUp(self):
        super().setUp()
        self.node = self.world.node("web01")
        self.world.wait_connected(1)
        self.apply("good")
        self.wait("good", "applied")

    def apply(self, name, text="one"):
        self.world.apply(JOB.format(name=name, text=text))

    def row(self, name):
        return self.world.bugle("op", "list", "--job", name, "--type", "job", "-o", "jsonl").rows()[0]

    def wait(self, name, state):
        def look():
            row = self.row(name)
            return row if row["state"] == state else None
        return wait_for(f"{name} is {state}", look)

    def policy(self):
        return self.node.home / "etc" / "policy"

    def break_policy(self):
        whole = self.policy().read_text()
        self.policy().write_text("[default]\naccount = nobody-of-that-name\n")
        return whole

    def target(self):
        return self.world.bugle("target", "show", "web01", "-o", "json").json()

    def test_a_policy_that_is_mended_while_running_is_noticed(self):
        whole = self.break_policy()
        self.apply("bad")
        row = self.wait("bad", "failed")
        self.assertEqual(row["code"], "policy")
        self.assertIn("nobody-of-that-name", row["error"])
        self.assertGreaterEqual(row["attempts"], 1)
        self.assertIsNone(row["held_version"])
        # Alone: switches of other jobs and the jobs that are held go on.
        self.world.bugle("job", "disable", "good")
        wait_for("the switch is applied", lambda: self.world.bugle(
            "op", "list", "--job", "good", "--type", "switch", "--state", "applied", "-o", "jsonl").rows())
        self.assertEqual(self.row("good")["state"], "applied")
        self.assertEqual(self.target()["quarantined"], 1)
        # Nothing else happens on the target: it is the file that is noticed.
        self.policy().write_text(whole)
        self.wait("bad", "applied")
        self.assertEqual(self.target()["quarantined"], 0)

    def test_a_replaced_file_is_noticed_as_well(self):
        whole = self.break_policy()
        self.apply("bad")
        self.wait("bad", "failed")
        other = self.policy().with_suffix(".new")
        other.write_text(whole)
        other.chmod(0o600)
        os.rename(other, self.policy())
        self.wait("bad", "applied")

    def test_the_version_before_stays_in_force(self):
        whole = self.break_policy()
        self.apply("good", text="two")
        row = self.wait("good", "failed")
        self.assertEqual(row["held_version"], 1)
        shown = self.world.bugle("job", "show", "good").out
        self.assertIn("Versions on targets", shown)
        self.policy().write_text(whole)
        self.wait("good", "applied")
        self.assertNotIn("Versions on targets", self.world.bugle("job", "show", "good").out)

    def test_retry_counts_attempts_and_a_restart_tries_again(self):
        whole = self.break_policy()
        self.apply("bad")
        row = self.wait("bad", "failed")
        self.world.bugle("op", "retry", row["id"])
        wait_for("it was refused a second time", lambda: self.row("bad")["attempts"] >= 2)
        self.assertEqual(self.wait("bad", "failed")["code"], "policy")
        self.node.stop()
        self.policy().write_text(whole)
        self.node.start()
        self.wait("bad", "applied")

    def test_a_new_membership_is_an_input(self):
        self.break_policy()
        self.apply("bad")
        self.wait("bad", "failed")
        self.world.bugle("target", "label", "web01", "tier=front", "--yes")
        wait_for("it was tried again", lambda: self.row("bad")["attempts"] >= 2)
        self.assertEqual(self.row("bad")["state"], "failed")


if __name__ == "__main__":
    main()
