#!/usr/bin/python3
"""Proxies: what the machine's own policy lets steps run as, and the commands that change it."""

import os
import pwd
import threading

from world import Node, WorldTest, main, wait_for

OWN = pwd.getpwuid(os.geteuid()).pw_name
ADD = ["--account", OWN] + (["--root", "yes", "--yes"] if os.geteuid() == 0 else [])

JOB = """
job: dump
steps:
  - {name: plain, run: [/usr/bin/id, -un], on_failure: next}
  - {name: dump, run: [/usr/bin/id, -un], as: postgres, on_failure: next}
  - {name: after, run: [/bin/true]}
"""


class Proxies(WorldTest):
    with_broker = False

    def setUp(self):
        super().setUp()
        self.node = Node(self.world, "box")
        self.local("job", "apply", "-", input=JOB)  # makes the policy
        self.policy = self.node.home / "etc" / "policy"

    def local(self, *arguments, code=0, **more):
        return self.world.run("bugle-node", *arguments, "--home", str(self.node.home), code=code, **more)

    def proxies(self):
        return {row["proxy"]: row for row in self.local("proxy", "list", "-o", "jsonl").rows()}

    def outcome(self):
        """Steps of the newest run by name."""
        self.local("job", "start", "local/dump", "--wait", "1m")
        row = self.local("history", "local/dump", "-o", "json").json()["items"][0]
        return {step["name"]: step for step in row["steps"]}

    def test_a_step_runs_as_the_proxy_or_fails_with_what_would_allow_it(self):
        self.node.start()
        steps = self.outcome()
        self.assertEqual(steps["plain"]["state"], "succeeded")
        self.assertEqual(steps["dump"]["state"], "failed")
        self.assertIn("proxy postgres is not in", steps["dump"]["message"])
        self.assertIn(str(self.policy), steps["dump"]["message"])
        self.assertIn("bugle-node proxy add postgres --account ACCOUNT", steps["dump"]["message"])
        self.assertEqual(steps["after"]["state"], "succeeded")
        done = self.local("proxy", "add", "postgres", *ADD)
        self.assertEqual(done.out, "added proxy postgres\n")
        self.assertEqual(self.outcome()["dump"]["state"], "succeeded")
        self.assertEqual(self.local("proxy", "disable", "postgres").out, "disabled proxy postgres\n")
        steps = self.outcome()
        self.assertIn(f"({self.policy}:", steps["dump"]["message"])
        self.assertIn("is disabled; allow it with: bugle-node proxy enable postgres", steps["dump"]["message"])
        self.local("proxy", "enable", "Postgres")
        self.local("proxy", "add", "postgres", "--kinds", "script")
        self.assertIn("is not for steps of kind run", self.outcome()["dump"]["message"])

    def test_changes_keep_everything_else_of_the_file(self):
        before = self.policy.read_text() + "# the end\n"
        self.policy.write_text(before)
        mode = self.policy.stat().st_mode
        self.local("proxy", "add", "one", *ADD, "--logins", "anna, ben")
        row = self.proxies()["one"]
        self.assertEqual((row["account"], row["logins"], row["enabled"], row["problem"]), (OWN, ["anna", "ben"], True, None))
        self.assertTrue(self.policy.read_text().startswith(before))
        self.assertEqual(self.policy.stat().st_mode, mode)
        self.local("proxy", "disable", "one")
        self.assertEqual(self.proxies()["one"]["problem"], "disabled")
        again = self.local("proxy", "disable", "one")
        self.assertEqual(again.out, "unchanged proxy one\n")
        self.local("proxy", "remove", "one", "--yes")
        self.assertEqual(self.policy.read_text().rstrip("\n"), before.rstrip("\n"))
        self.assertEqual(self.proxies(), {})

    def test_dry_runs_change_nothing(self):
        self.local("proxy", "add", "one", *ADD)
        before = self.policy.read_text()
        for words in (["add", "two", *ADD], ["add", "one", "--kinds", "run"], ["disable", "one"], ["remove", "one"]):
            done = self.local("proxy", *words, "--dry-run")
            self.assertTrue(done.out.startswith("would be "), done.out)
            self.assertIn("nothing was changed", done.err)
        self.assertEqual(self.policy.read_text(), before)

    def test_mistakes_are_refused_with_what_to_do(self):
        rows = [
            (2, ["add", "new"], "needs an account"),
            (1, ["add", "new", "--account", "no-such-account-here"], "no account no-such-account-here"),
            (1, ["add", "new", *ADD, "--kinds", "sql"], "run and script"),
            (1, ["add", "bad name", *ADD], "character 4 does not fit the name"),
            (3, ["remove", "gone", "--yes"], "there is no proxy 'gone'"),
            (3, ["enable", "gone"], "there is no proxy 'gone'"),
        ]
        before = self.policy.read_text()
        for code, words, said in rows:
            with self.subTest(words=words):
                done = self.local("proxy", *words, code=None)
                self.assertEqual(done.code, code, done.err)
                self.assertIn(said, done.err)
        self.assertEqual(self.policy.read_text(), before)
        if os.geteuid() == 0:
            done = self.local("proxy", "add", "boss", "--account", "root", code=None)
            self.assertIn("--root yes", done.err)
            done = self.local("proxy", "add", "boss", "--account", "root", "--root", "yes", "--no-input", code=None)
            self.assertNotEqual(done.code, 0)
            self.assertEqual(self.policy.read_text(), before)

    def test_two_at_once_lose_nothing(self):
        threads = [threading.Thread(target=self.local, args=("proxy", "add", f"p{number}", *ADD)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(self.proxies()), [f"p{number}" for number in range(8)])


if __name__ == "__main__":
    main()
