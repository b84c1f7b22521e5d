#!/usr/bin/python3
"""Enlisting without a token: a code on both sides, approved or rejected, over restarts of everything."""

import re
import signal
import subprocess

from world import Node, SharedWorldTest, World, WorldTest, main, wait_for

CODE = r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b"


def way(world):
    """What a machine has to be told: --broker ... --broker-key ..."""
    said = world.bugle("target", "pending", "-v").err
    endpoint, key = re.search(r"--broker (\S+) --broker-key '(.+)'", said).groups()
    return ["--broker", endpoint, "--broker-key", key]


def ask(world, node, *arguments, code=0, wait="0s", to=None):
    done = world.run("bugle-node", "enlist", "--home", node.home, "--name", node.name, *(to or way(world)),
                     "--wait", wait, *arguments, code=code)
    return re.search(CODE, done.out).group(0) if code == 0 else done


def pending(world):
    return world.bugle("target", "pending", "-o", "jsonl").rows()


class Waiting:
    """The enlist command while it waits."""

    def __init__(self, world, node):
        self.child = subprocess.Popen(
            [world.program("bugle-node"), "enlist", "--home", str(node.home), "--name", node.name, *way(world)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=world.environment)
        wait_for(f"{node.name} asks", lambda: any(row["name"] == node.name for row in pending(world)))

    def end(self):
        out, err = self.child.communicate(timeout=60)
        return self.child.returncode, out, err


class Pending(WorldTest):
    def test_the_same_code_on_both_sides_is_approved_and_the_waiting_ends(self):
        world = self.world
        world.apply('job: here\ntargets: {group: web}\nsteps: [{name: s, run: ["true"]}]\n')
        node = Node(world, "web1").start()
        waiting = Waiting(world, node)
        row = pending(world)[0]
        self.assertEqual((row["name"], row["address"], row["name_taken"]), ("web1", "127.0.0.1", False))
        world.bugle("target", "approve", row["code"].lower().replace("-", " "), "-g", "web", "--label", "a=b",
                    "--location", "rack 3")
        code, out, _ = waiting.end()
        self.assertEqual(code, 0)
        self.assertIn(row["code"], out)
        self.assertIn("here", out)
        world.wait_connected(1)
        target = world.bugle("target", "list", "-o", "jsonl").rows()[0]
        self.assertEqual((target["groups"], target["labels"], target["location"], target["provisional"]),
                         (["web"], {"a": "b"}, "rack 3", False))
        self.assertEqual(pending(world), [])

    def test_it_goes_on_over_restarts_of_node_and_broker(self):
        world = self.world
        node = Node(world, "web1")
        code = ask(world, node)
        world.stop_broker()
        node.start()
        world.start_broker()
        self.assertEqual([row["code"] for row in pending(world)], [code])
        node.stop()
        node.start()
        world.bugle("target", "approve", code)
        world.wait_connected(1)
        node.stop()
        node.start()
        world.wait_connected(1)

    def test_approved_before_it_asks_again(self):
        world = self.world
        node = Node(world, "web1")
        world.bugle("target", "approve", ask(world, node))
        self.assertEqual(world.bugle("target", "list", "-o", "jsonl").rows()[0]["state"], "never seen")
        node.start()
        world.wait_connected(1)

    def test_ctrl_c_ends_the_waiting_and_not_the_asking(self):
        world = self.world
        node = Node(world, "web1").start()
        waiting = Waiting(world, node)
        waiting.child.send_signal(signal.SIGINT)
        code, _, err = waiting.end()
        self.assertEqual(code, 130)
        self.assertIn("asks on", err)
        world.bugle("target", "approve", "web1", "--yes")
        world.wait_connected(1)

    def test_a_rejected_machine_is_told_and_may_ask_anew(self):
        world = self.world
        node = Node(world, "web1").start()
        waiting = Waiting(world, node)
        first = pending(world)[0]["code"]
        self.assertIn("rejected", world.bugle("target", "reject", first).out)
        code, _, err = waiting.end()
        self.assertEqual(code, 4)
        self.assertIn("rejected", err)
        self.assertEqual(pending(world), [])
        self.assertNotEqual(ask(world, node), first)

    def test_another_name_given_by_the_administrator_is_taken_over(self):
        world = self.world
        node = Node(world, "web1").start()
        waiting = Waiting(world, node)
        world.bugle("target", "approve", pending(world)[0]["code"], "--name", "front1")
        code, out, _ = waiting.end()
        self.assertEqual(code, 0)
        self.assertIn("front1", out)
        world.wait_connected(1)

    def test_a_token_is_the_faster_way(self):
        world = self.world
        node = Node(world, "web1").start()
        ask(world, node)
        node.enlist(world.token())
        world.wait_connected(1)
        self.assertEqual(pending(world), [])

    def test_defect_stops_the_asking(self):
        world = self.world
        node = Node(world, "web1").start()
        first = ask(world, node)
        status = world.run("bugle-node", "status", "--home", node.home, "-o", "json").json()
        self.assertEqual((status["pending"], status["code"], status["name"]), (True, first, "web1"))
        self.assertIn("stopped asking", node.defect().out)
        self.assertNotEqual(node.defect(code=None).code, 0)
        self.assertNotEqual(ask(world, node), first)

    def test_a_wrong_key_and_a_silent_broker_are_said(self):
        world = self.world
        other = World()
        try:
            other.init()
            other.start_broker()
            node = Node(world, "web1")
            to = way(world)
            refused = ask(world, node, "--timeout", "2s", code=5, to=[*to[:3], way(other)[3]])
            self.assertIn("key", refused.err)
            world.stop_broker()
            self.assertIn("127.0.0.1", ask(world, node, "--timeout", "2s", code=5, to=to).err)
        finally:
            other.close(keep=False)


class Choosing(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.codes = {name: ask(cls.world, Node(cls.world, name)) for name in ("db1", "db2", "db3", "web1")}
        twin = Node(cls.world, "web1")
        twin.home = cls.world.directory / "twin"
        cls.codes["twin"] = ask(cls.world, twin)

    def test_1_who_asks_twice_under_one_name_is_told_apart_by_code_only(self):
        refused = self.world.bugle("target", "approve", "web1", "--yes", code=6)
        self.assertIn("code", refused.err)
        self.world.bugle("target", "reject", "web1", "--yes", code=6)
        done = self.world.bugle("target", "reject", "--all", "--dry-run", "-o", "jsonl")
        self.assertEqual(len(done.rows()), 5)
        self.world.bugle("target", "reject", self.codes["twin"])

    def test_2_names_are_asked_about(self):
        refused = self.world.bugle("target", "approve", "db*", code=2)
        self.assertIn("db[1-3]", refused.err)
        self.assertIn("db[1-3]", self.world.bugle("target", "reject", "--all", code=2).err)
        self.assertEqual(len(pending(self.world)), 4)

    def test_3_nothing_named_is_a_mistake_and_an_unknown_code_is_told(self):
        self.world.bugle("target", "approve", code=2)
        self.assertIn("ABCD-EFGH-JKMN", self.world.bugle("target", "approve", "ABCD-EFGH-JKMN", code=3).err)
        self.world.bugle("target", "reject", "nobody", code=3)

    def test_4_dry_run_changes_nothing(self):
        done = self.world.bugle("target", "approve", "--all", "--dry-run", "-o", "jsonl")
        self.assertEqual([row["outcome"] for row in done.rows()], ["approved"] * 4)
        self.assertIn("would be rejected", self.world.bugle("target", "reject", "--all", "--dry-run").out)
        self.assertEqual(len(pending(self.world)), 4)

    def test_5_a_file_of_codes_with_one_that_nobody_shows(self):
        path = self.world.directory / "codes"
        path.write_text(f"# the databases\n{self.codes['db1']} db1\n\n{self.codes['db2']}\nABCD-EFGH-JKMN\n")
        done = self.world.bugle("target", "approve", "--codes", path, "-g", "db", code=3)
        self.assertIn("ABCD-EFGH-JKMN", done.err)
        rows = self.world.bugle("target", "list", "-g", "db", "-o", "name").out.split()
        self.assertEqual(rows, ["db1", "db2"])

    def test_6_a_taken_name_is_left_out_and_said(self):
        twin = Node(self.world, "db1")
        twin.home = self.world.directory / "twin-db1"
        code = ask(self.world, twin)
        done = self.world.bugle("target", "approve", code, self.codes["db3"], code=6)
        self.assertIn("taken", done.out)
        self.assertIn("db3", self.world.bugle("target", "list", "-o", "name").out.split())
        self.world.bugle("target", "approve", code, "--name", "db9")
        self.assertIn("db9", self.world.bugle("target", "list", "-o", "name").out.split())


if __name__ == "__main__":
    main()
