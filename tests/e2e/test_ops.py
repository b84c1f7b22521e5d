"""The download list as an operator uses it: op list, show, retry, skip, tail."""

import itertools
import json
import os
import select
import signal
import subprocess

from world import SharedWorldTest, WorldTest, main, wait_for

JOB = """
job: {name}
targets: {targets}
steps:
  - name: go
    run: [/bin/echo, "{text}"]
"""


def job(name, text="one", targets="{all: true}"):
    return JOB.format(name=name, text=text, targets=targets)


def rows(world, *arguments):
    return world.bugle("op", "list", "-o", "jsonl", *arguments).rows()


def wait_state(world, name, target, state):
    return wait_for(f"{name} is {state} on {target}", lambda: next(
        (row for row in rows(world, "--job", name, "--type", "job", "-t", target) if row["state"] == state), None))


class List(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.world.node("web01", "--group", "web", "--label", "role=front")
        cls.world.node("db01", "--group", "db", start=False)
        cls.world.apply(job("hello"))
        cls.world.apply(job("web-only", targets="{group: web}"))
        wait_state(cls.world, "hello", "web01", "applied")
        wait_state(cls.world, "web-only", "web01", "applied")
        cls.world.bugle("job", "start", "hello", "-q")
        cls.world.bugle("job", "disable", "web-only")

    def list(self, *arguments):
        return [(row["operation"], row["object"], row["target"], row["state"]) for row in rows(self.world, *arguments)]

    def test_each_filter(self):
        self.assertEqual(self.list("--job", "hello", "--type", "job"), [
            ("insert", "hello", "web01", "applied"), ("insert", "hello", "db01", "pending")])
        self.assertEqual(self.list("--job", "web-only", "--type", "switch")[0][:3], ("disable", "web-only", "web01"))
        self.assertEqual({row[2] for row in self.list("-g", "web")}, {"web01"})
        self.assertEqual({row[2] for row in self.list("-l", "role=front")}, {"web01"})
        self.assertEqual({row[2] for row in self.list("-t", "web01", "-t", "db01")}, {"web01", "db01"})
        self.assertEqual({row[0] for row in self.list("--operation", "start")}, {"start"})
        self.assertEqual({row[1] for row in self.list("--type", "membership")}, {"web01", "db01"})
        self.assertEqual(self.list("--errors"), [])
        self.assertIn(("insert", "hello", "db01", "pending"), self.list("--unread", "-t", "db01"))
        self.assertEqual({row[3] for row in self.list("--state", "pending")}, {"pending"})
        self.assertEqual(self.list("--since", "2099-01-01"), [])
        self.assertEqual(self.list("--until", "2020-01-01"), [])

    def test_a_small_limit_says_that_there_is_more(self):
        shown = self.world.bugle("op", "list", "--limit", "2")
        self.assertEqual(len(shown.out.splitlines()), 3)
        self.assertIn("--limit shows more", shown.err)

    def test_mistakes_are_told(self):
        self.assertIn("did you mean hello", self.world.bugle("op", "list", "--job", "helo", code=3).err)
        self.assertIn("failed", self.world.bugle("op", "list", "--state", "faild", code=2).err)
        self.world.bugle("op", "list", "-t", "nobody", code=3)
        self.world.bugle("op", "show", "nonsense", code=2)
        self.world.bugle("op", "show", "1-zzzzzzzz", code=3)
        self.world.bugle("op", "retry", code=2)
        self.world.bugle("op", "skip", "--errors", code=2)
        self.world.bugle("op", "retry", "--errors", code=3)

    def test_show_tells_everything_of_one(self):
        row = rows(self.world, "--job", "hello", "-t", "db01", "--type", "job")[0]
        shown = self.world.bugle("op", "show", row["id"], "-o", "json").json()
        self.assertEqual(shown["object"], "hello")
        self.assertEqual(shown["state"], "pending")
        self.assertEqual(shown["held_version"], None)
        self.assertIn("hello", self.world.bugle("op", "show", row["id"]).out)


class Change(WorldTest):
    def test_a_skipped_version_is_not_sent_and_a_newer_one_is(self):
        away = self.world.node("web01", start=False)
        self.world.apply(job("hello"))
        row = rows(self.world, "--job", "hello")[0]
        self.world.bugle("op", "skip", row["id"], "--reason", "not this one", "--dry-run")
        self.assertEqual(rows(self.world, "--job", "hello")[0]["state"], "pending")
        said = self.world.bugle("op", "skip", row["id"], "--reason", "not this one").out
        self.assertEqual(said, "skipped insert hello on web01\n")
        row = rows(self.world, "--job", "hello")[0]
        self.assertEqual((row["state"], row["reason"]), ("skipped", "not this one"))
        self.assertTrue(row["settled_by"])
        away.start()
        self.world.wait_connected(1)
        self.world.apply(job("other"))
        wait_state(self.world, "other", "web01", "applied")
        self.assertEqual(rows(self.world, "--job", "hello")[0]["state"], "skipped")
        # Nothing to skip any more.
        self.world.bugle("op", "skip", row["id"], "--reason", "again", code=None)
        # What was skipped can be had after all.
        self.assertEqual(self.world.bugle("op", "retry", "--job", "hello", "--state", "skipped").out,
                         "retried insert hello on web01\n")
        wait_state(self.world, "hello", "web01", "applied")
        counters = self.world.bugle("status", "-v", "-o", "json").json()["counters"]
        self.assertNotIn("digest-differs", [counter["name"] for counter in counters])

    def test_many_are_asked_about(self):
        self.world.node("web01", start=False)
        self.world.apply(job("one"))
        self.world.apply(job("two"))
        self.world.bugle("op", "skip", "--type", "job", "--unread", "--reason", "why", code=2)
        self.assertEqual({row["state"] for row in rows(self.world, "--type", "job")}, {"pending"})
        self.world.bugle("op", "skip", "--type", "job", "--unread", "--reason", "why", "--yes")
        self.assertEqual({row["state"] for row in rows(self.world, "--type", "job")}, {"skipped"})

    def test_an_order_that_is_skipped_never_starts(self):
        away = self.world.node("web01", start=False)
        self.world.apply(job("hello"))
        self.world.bugle("job", "start", "hello", "-q")
        order = rows(self.world, "--type", "order")[0]
        self.assertEqual((order["operation"], order["state"]), ("start", "pending"))
        self.world.bugle("op", "skip", order["id"], "--reason", "too late")
        self.assertEqual(rows(self.world, "--type", "order", "--state", "skipped")[0]["reason"], "too late")
        self.assertIn("is done once", self.world.bugle("op", "retry", order["id"], code=None).err)
        away.start()
        wait_state(self.world, "hello", "web01", "applied")
        self.assertEqual(self.world.history("hello"), [])
        self.assertEqual(self.world.bugle("exec", "list", "-o", "jsonl").rows()[0]["canceled"], 1)

    def test_facts_choose_rows(self):
        self.world.node("web01")
        self.world.wait_connected(1)
        arch = os.uname().machine
        self.assertTrue(rows(self.world, "-l", f"fact.arch={arch}"))
        self.world.bugle("op", "list", "-l", "fact.arch=pdp11", code=3)

    def test_a_membership_is_never_skipped(self):
        self.world.node("web01", start=False)
        row = rows(self.world, "--type", "authority")[0]
        self.assertIn("never skipped", self.world.bugle("op", "skip", row["id"], "--reason", "x", code=None).err)


class Tail(WorldTest):
    def follow(self, *arguments):
        child = subprocess.Popen(
            [self.world.program("bugle"), "op", "tail", *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.world.environment)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def change_heard_by(self, child):
        """What makes another change, and says whether the child says something then."""
        numbers = itertools.count(1)

        def heard():
            self.world.apply(job("hello", text=str(next(numbers))))
            return select.select([child.stdout], [], [], 0.5)[0]

        return heard

    def test_changes_come_as_they_happen(self):
        self.world.node("web01")
        self.world.wait_connected(1)
        self.world.apply(job("hello"))
        number = 0

        def first():
            nonlocal number
            number += 1
            self.world.apply(job("hello", text=str(number)))
            return child.poll() is not None

        child = self.follow("--job", "hello", "--limit", "2", "-o", "jsonl")
        wait_for("two changes are told", first)
        seen = [json.loads(line) for line in child.stdout.read().splitlines()]
        self.assertEqual(child.wait(), 0)
        self.assertEqual(len(seen), 2)
        self.assertEqual({row["target"] for row in seen}, {"web01"})
        self.assertTrue(all(row["state"] in ("pending", "applied") for row in seen))

    def test_a_broker_that_comes_back_is_followed_on(self):
        self.world.node("web01", start=False)
        child = self.follow("-o", "jsonl")
        heard = self.change_heard_by(child)
        wait_for("a change is told", heard)
        while select.select([child.stdout], [], [], 0)[0]:
            child.stdout.readline()
        self.world.stop_broker()
        self.world.start_broker()
        wait_for("a change is told again", heard)
        self.assertIsNone(child.poll())

    def test_ctrl_c_ends_it(self):
        self.world.node("web01", start=False)
        child = self.follow("-o", "jsonl")
        heard = self.change_heard_by(child)
        wait_for("a change is told", heard)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(10), 130)


if __name__ == "__main__":
    main()
