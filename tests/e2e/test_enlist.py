#!/usr/bin/python3
"""Enlisting and defecting, and what they refuse."""

import json
import shutil
import subprocess

from world import DEADLINE, Node, World, WorldTest, main, wait_for


class Enlist(WorldTest):
    def test_the_token_is_alone_on_stdout(self):
        done = self.world.bugle("token", "create", "--group", "web", "--label", "role=front")
        self.assertEqual(len(done.out.splitlines()), 1)
        self.assertTrue(done.out.startswith("bugle-t1."))
        self.assertNotIn("bugle-t1.", done.err)

    def test_more_than_one_use_needs_a_pattern(self):
        refused = self.world.bugle("token", "create", "--uses", "3", code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertEqual(refused.out, "")
        self.assertIn("--names", refused.err)

    def test_token_from_file_stdin_argument_and_environment(self):
        world = self.world
        path = world.directory / "token"
        path.write_text(world.token() + "\n")
        Node(world, "f1").enlist(f"@{path}")
        world.run("bugle-node", "enlist", "--home", world.directory / "n-f2", "--name", "f2", "--token", "-",
                  input=world.token() + "\n")
        Node(world, "f3").enlist(world.token())
        world.run("bugle-node", "enlist", "--home", world.directory / "n-f4", "--name", "f4",
                  environment={"BUGLE_TOKEN": world.token()})
        names = world.bugle("target", "list", "-o", "name").out.split()
        self.assertEqual(sorted(names), ["f1", "f2", "f3", "f4"])

    def test_ends_with_what_was_downloaded_and_the_next_run(self):
        self.world.apply('job: nightly\ntargets: {group: web}\nschedules: [{name: s, cron: "30 2 * * *"}]\n'
                         'steps: [{name: s, run: ["true"]}]\n')
        done = Node(self.world, "web1", "Asia/Tokyo").enlist(self.world.token("--group", "web"))
        self.assertIn("nightly", done.out)
        self.assertRegex(done.out, r"next run: nightly at .* 02:30:00 \+09:00 \(Asia/Tokyo\)")

    def test_again_with_the_same_broker_and_name_changes_nothing(self):
        node = Node(self.world, "a1")
        node.enlist(self.world.token())
        self.assertIn("already enlisted", node.enlist(self.world.token()).out)
        self.assertEqual(self.world.bugle("target", "list", "-o", "name").out.split(), ["a1"])

    def test_another_name_is_refused_until_defection(self):
        node = Node(self.world, "a1")
        node.enlist(self.world.token())
        node.name = "b1"
        refused = node.enlist(self.world.token(), code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("defect", refused.err)
        node.defect()
        node.enlist(self.world.token())
        rows = self.world.bugle("target", "list", "--defected", "-o", "jsonl").rows()
        self.assertEqual(sorted(row["name"] for row in rows), ["a1", "b1"])

    def test_another_broker_is_refused(self):
        other = World()
        try:
            other.init()
            other.start_broker()
            node = Node(self.world, "a1")
            node.enlist(self.world.token())
            refused = node.enlist(other.token(), code=None)
            self.assertNotEqual(refused.code, 0)
            self.assertIn("defect", refused.err)
        finally:
            other.close(keep=False)

    def test_a_taken_name_a_used_token_and_a_wrong_name_are_refused(self):
        token = self.world.token()
        Node(self.world, "a1").enlist(token)
        self.assertIn("used", Node(self.world, "a2").enlist(token, code=4).err)
        twin = Node(self.world, "a1")
        twin.home = self.world.directory / "twin"
        refused = twin.enlist(self.world.token(), code=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("a1", refused.err)
        pattern = self.world.token("--names", "db[1-3]", "--uses", "3")
        Node(self.world, "db2").enlist(pattern)
        self.assertNotEqual(Node(self.world, "web1").enlist(pattern, code=None).code, 0)

    def test_an_expired_token_is_refused(self):
        token = self.world.token("--expires", "1s", "--uses", "1000", "--names", "late*")

        def refused():
            node = Node(self.world, "late")
            done = node.enlist(token, code=None)
            if done.code == 0:
                node.defect()
                return None
            return done
        self.assertIn("expired", wait_for("the token expires", refused).err)

    def test_damaged_tokens_are_told_apart_from_no_token(self):
        node = Node(self.world, "a1")
        token = self.world.token()
        self.assertIn("not an enlistment token", node.enlist("hello", code=4).err)
        damaged = token[:-3] + ("aaa" if not token.endswith("aaa") else "bbb")
        self.assertIn("damaged", node.enlist(damaged, code=4).err)
        self.assertEqual(node.enlist(f"@{self.world.directory}/none", code=None).code != 0, True)

    def test_a_broker_that_is_away_is_said_and_nothing_is_half_done(self):
        token = self.world.token()
        self.world.stop_broker()
        node = Node(self.world, "a1")
        refused = node.enlist(token, "--timeout", "2s", code=5)
        self.assertRegex(refused.err, r"127\.0\.0\.1 port \d+ refused the connection: nobody listens there")
        self.assertIn("start bugle-broker on this machine", refused.err)
        self.assertNotIn("not reached yet", refused.err)
        self.world.start_broker()
        node.enlist(token)

    def test_a_broker_that_comes_back_in_time_is_waited_for(self):
        token = self.world.token()
        self.world.stop_broker()
        node = Node(self.world, "a1")
        child = subprocess.Popen(
            [self.world.program("bugle-node"), "enlist", "--home", str(node.home), "--name", "a1", "--token", token],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.world.environment)
        said = child.stderr.readline()
        self.world.start_broker()
        out, _ = child.communicate(timeout=DEADLINE)
        self.assertRegex(said, r"not reached yet: 127\.0\.0\.1 port \d+ refused .*trying for another \d+ s")
        self.assertEqual(child.returncode, 0, out)
        self.assertIn("enlisted a1", out)

    def test_ports_that_are_closed_after_enlistment_are_warned_of(self):
        """Only enlist is open: the broker knows the target, which hears nothing of it."""
        world = World()
        try:
            world.init("--address", "127.0.0.1")
            config = world.home / "etc" / "broker.yaml"
            config.write_text(config.read_text() + "endpoints:\n  desk: tcp://127.0.0.2:0\n")
            world.start_broker()
            done = Node(world, "a1").enlist(world.token(), "--timeout", "2s")
            self.assertRegex(done.out, r"warning: 127\.0\.0\.1 port \d+ refused the connection: .* \(desk\)")
            self.assertNotIn("(orders)\n", done.out)
        finally:
            world.close(keep=False)

    def test_a_broker_made_anew_is_told_at_once(self):
        token = self.world.token()
        self.world.stop_broker()
        kept = self.world.home / "broker" / "ports"
        ports = kept.read_text()
        shutil.rmtree(self.world.home)
        self.world.init()
        kept.write_text(ports)
        self.world.start_broker()
        refused = Node(self.world, "a1").enlist(token, code=5)
        self.assertIn("another key than the one expected", refused.err)
        self.assertIn("bugle broker status", refused.err)

    def test_a_running_node_is_asked(self):
        node = Node(self.world, "a1")
        node.start()
        node.enlist(self.world.token())
        self.world.wait_connected(1)
        self.assertIn("0 jobs", node.defect().out)
        self.assertEqual(node.stop(), 0)

    def test_targets_are_provisional_and_shown_with_what_they_are(self):
        self.world.node("web1", "--group", "web", "--label", "role=front", zone="Europe/Berlin")
        self.world.wait_connected(1)
        row = json.loads(self.world.bugle("target", "list", "-o", "jsonl").out)
        self.assertEqual((row["name"], row["groups"], row["zone"]), ("web1", ["web"], "Europe/Berlin"))
        self.assertTrue(row["provisional"])
        self.assertIn("role=front", self.world.bugle("target", "show", "web1").out)


class Defect(WorldTest):
    JOB = 'job: here\ntargets: {all: true}\nsteps: [{name: s, run: ["true"]}]\n'

    def test_defect_removes_jobs_and_says_how_many(self):
        self.world.apply(self.JOB)
        node = self.world.node("a1")
        self.world.wait_applied("here", 1)
        node.stop()
        self.assertIn("1 job removed", node.defect().out)
        self.assertEqual(self.world.bugle("target", "list", "-o", "name").out, "")
        self.assertNotEqual(node.defect(code=None).code, 0)

    def test_force_works_without_the_broker(self):
        self.world.apply(self.JOB)
        node = self.world.node("a1")
        self.world.wait_applied("here", 1)
        node.stop()
        self.world.stop_broker()
        self.assertEqual(node.defect("--timeout", "1s", code=None).code, 5)
        self.assertIn("1 job removed", node.defect("--force").out)
        self.world.start_broker()
        self.world.bugle("target", "defect", "a1", "--yes")
        node.enlist(self.world.token())

    def test_defect_by_the_cli_reaches_the_target(self):
        self.world.apply(self.JOB)
        node = self.world.node("a1")
        self.world.wait_applied("here", 1)
        self.world.bugle("target", "defect", "a1", "--yes")
        wait_for("the node has left", lambda: node.defect(code=None).code == 1)
        self.assertEqual(self.world.bugle("target", "list", "-o", "name").out, "")
        self.assertIn("unchanged", self.world.bugle("target", "defect", "a1", "--yes").out)


if __name__ == "__main__":
    main()
