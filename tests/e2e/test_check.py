#!/usr/bin/python3
"""bugle-node check: what it finds, what it says to do, and that it changes nothing."""

import json
import os
import re
import shutil
import socket
import threading
import time

import msgpack
import zmq
from world import Node, World, WorldTest, main, wait_for


ENLIST_PENDING = 21


class OtherBroker:
    """Sockets of a broker on three ports in a row; what its core says to a stranger is up to the test."""

    def __init__(self, answer):
        self.answer, self.context = answer, zmq.Context()
        self.public, self.secret = zmq.curve_keypair()
        self.sockets, self.is_over = [], threading.Event()
        while len(self.sockets) < 3:
            self.bind()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def bind(self):
        """The highest port first; anew when one of the three is taken."""
        for socket_ in self.sockets:
            socket_.close(0)
        self.sockets, self.port = [], 0
        for below in range(3):
            one = self.context.socket(zmq.ROUTER)
            one.curve_server, one.curve_publickey, one.curve_secretkey = True, self.public, self.secret
            try:
                if below == 0:
                    self.port = one.bind_to_random_port("tcp://127.0.0.1")
                else:
                    one.bind(f"tcp://127.0.0.1:{self.port - below}")
            except zmq.ZMQError:
                one.close(0)
                return
            self.sockets.append(one)

    def serve(self):
        while not self.is_over.is_set():
            if not self.sockets[0].poll(20):
                continue
            peer, header, _, _ = self.sockets[0].recv_multipart()
            request = msgpack.unpackb(header, strict_map_key=False)[3]
            if self.answer:
                kind, body = self.answer()
                self.sockets[0].send_multipart(
                    [peer, msgpack.packb({1: kind, 2: 1, 3: request}), msgpack.packb(body), b""])

    def close(self):
        self.is_over.set()
        self.thread.join()
        for socket_ in self.sockets:
            socket_.close(0)
        self.context.term()


class Asked(WorldTest):
    """What another broker says."""

    with_broker = False

    def rows(self, answer, code):
        other = OtherBroker(answer)
        try:
            done = self.world.run("bugle-node", "check", "--home", self.world.directory / "n", "--broker",
                                  f"127.0.0.1:{other.port}", "--broker-key", other.public.decode(), "--timeout", "2s",
                                  "-o", "jsonl", code=code)
        finally:
            other.close()
        return {row["name"]: row for row in done.rows() if row["area"] == "broker"}

    @staticmethod
    def pending(offset_s):
        return lambda: (ENLIST_PENDING, {1: b"i" * 16, 2: "other", 3: b"h" * 32, 4: b"n" * 16, 6: 2000000,
                                         8: int((time.time() + offset_s) * 1e6), 9: 1})

    def test_clocks_apart_are_measured(self):
        row = self.rows(self.pending(0), 0)["clock"]
        self.assertEqual((row["state"], row["found"][:15]), ("ok", "as the broker's"))
        row = self.rows(self.pending(20), 0)["clock"]
        self.assertEqual(row["state"], "warning")
        self.assertRegex(row["found"], r"this machine's clock is (19|20)\.\d s behind the broker's")
        row = self.rows(self.pending(-300), 1)["clock"]
        self.assertRegex(row["found"], r"30\d\.\d s ahead of the broker's")
        self.assertIn("timedatectl", row["advice"])

    def test_a_broker_without_its_core_is_told(self):
        row = self.rows(None, 1)["answer"]
        self.assertIn("takes connections and does not answer", row["found"])
        self.assertIn("log of bugle-broker", row["advice"])


class Check(WorldTest):
    def setUp(self):
        super().setUp()
        self.home = self.world.directory / "n"
        self.endpoints = dict(
            line.split(" ", 1) for line in (self.world.home / "run" / "endpoints").read_text().splitlines())
        self.port = self.endpoints["enlist"].rsplit(":", 1)[1]

    def check(self, *arguments, code=0, home=None):
        """Rows by name; the worst of several."""
        done = self.world.run("bugle-node", "check", "--home", home or self.home, "-o", "jsonl", *arguments, code=code)
        order = ["ok", "warning", "problem"]
        rows = {}
        for row in done.rows():
            if row["name"] not in rows or order.index(row["state"]) > order.index(rows[row["name"]]["state"]):
                rows[row["name"]] = row
        self.assertEqual(code == 1, any(row["state"] == "problem" for row in rows.values()), done.out)
        return rows

    def test_a_fit_machine_ends_with_0_and_nothing_is_made(self):
        rows = self.check()
        self.assertFalse(self.home.exists())
        for name in ("versions", "account", "home", "policy", "clock", "zone", "disk", "parts", "broker"):
            self.assertIn(name, rows)
            self.assertNotEqual(rows[name]["state"], "problem", rows[name])
        self.assertEqual(set(rows["zone"]), {"schema", "state", "area", "name", "found", "advice"})

    def test_a_token_is_proved_and_not_used_up(self):
        token = self.world.directory / "token"
        token.write_text(self.world.token("--names", "web[1-3]") + "\n")
        self.assertRegex(self.check("--token", f"@{token}", code=1)["token"]["found"], "name")
        (self.home / "etc").mkdir(parents=True, mode=0o700)
        self.home.chmod(0o700)
        (self.home / "etc" / "node.yaml").write_text("name: web2\n")
        for _ in range(2):
            rows = self.check("--token", f"@{token}")
            for name in ("enlist", "desk", "orders"):
                self.assertIn("its key is right", rows[name]["found"])
            self.assertEqual(rows["token"]["state"], "ok", rows["token"])
            self.assertIn("as the broker's", rows["clock"]["found"] + self.clock(f"@{token}"))
            self.assertIn("level 1", rows["level"]["found"])
        self.world.run("bugle-node", "enlist", "--home", self.home, "--token", f"@{token}")
        self.assertEqual(self.check("--token", f"@{token}", code=1)["token"]["state"], "problem")

    def clock(self, token):
        done = self.world.run("bugle-node", "check", "--home", self.home, "--token", token, "-o", "jsonl")
        return " ".join(row["found"] for row in done.rows() if row["name"] == "clock")

    def test_a_broker_by_name_with_and_without_its_key(self):
        for text in (f"127.0.0.1:{self.port}", f"tcp://127.0.0.1:{self.port}"):
            rows = self.check("--broker", text)
            self.assertEqual([rows[name]["state"] for name in ("enlist", "desk", "orders")], ["ok"] * 3)
            self.assertIn("--broker-key", rows["key"]["found"])
        rows = self.check("--broker", f"127.0.0.1:{self.port}", "--broker-key", self.endpoints["broker-key"])
        self.assertIn("its key is right", rows["enlist"]["found"])
        self.assertEqual((rows["level"]["state"], rows["level"]["area"]), ("ok", "broker"))
        self.assertEqual(self.world.bugle("target", "pending", "-o", "name").out, "")
        rows = self.check("--broker", f"127.0.0.1:{self.port}", "--broker-key", "z" * 39 + "0", code=1)
        self.assertIn("another key", rows["desk"]["found"])
        self.assertIn("bugle broker status", rows["desk"]["advice"])

    def test_every_way_of_not_reaching_it_is_told_apart(self):
        rows = self.check("--broker", "no-such-host.invalid", code=1)
        self.assertIn("resolve", rows["enlist"]["found"])
        self.assertNotIn("desk", rows)
        self.world.stop_broker()
        rows = self.check("--broker", f"127.0.0.1:{self.port}", code=1)
        self.assertIn("refused", rows["orders"]["found"])
        self.assertIn("start bugle-broker", rows["orders"]["advice"])
        with socket.create_server(("127.0.0.1", 0)) as silent:
            rows = self.check("--broker", f"127.0.0.1:{silent.getsockname()[1]}", "--timeout", "300ms", code=1)
            self.assertIn("says nothing", rows["enlist"]["found"])

    def test_a_bad_token_is_refused_with_its_reason(self):
        token = self.world.token()
        Node(self.world, "a1").enlist(token)
        self.assertIn("used", self.check("--token", token, code=1)["token"]["found"])

    def test_policy_zone_and_configuration(self):
        node = Node(self.world, "a1")
        node.enlist(self.world.token())
        policy = node.home / "etc" / "policy"
        self.assertIn("steps run as", self.check(home=node.home)["policy"]["found"])
        policy.chmod(0o666)
        row = self.check(home=node.home, code=1)["policy"]
        self.assertIn("others may write", row["found"] + row["advice"])
        policy.chmod(0o600)
        good = policy.read_text()
        policy.write_text("[default]\nacount = x\n")
        self.assertIn("policy:2", self.check(home=node.home, code=1)["policy"]["found"])
        policy.write_text(re.sub(r"account = .*", "account = nobody-of-that-name", good))
        self.assertIn("no account nobody-of-that-name", self.check(home=node.home, code=1)["policy"]["found"])
        policy.write_text(good)
        (node.home / "etc" / "node.yaml").write_text("zone: Europe/Nowhere\n")
        self.assertIn("Europe/Nowhere", self.check(home=node.home, code=1)["zone"]["found"])
        (node.home / "etc" / "node.yaml").write_text("zone: Asia/Tokyo\n")
        self.assertIn("Asia/Tokyo", self.check(home=node.home)["zone"]["found"])
        (node.home / "etc" / "node.yaml").write_text("zoen: Asia/Tokyo\n")
        self.assertEqual(self.check(home=node.home, code=1)["config"]["state"], "problem")

    def test_directories_and_disk(self):
        self.home.mkdir(mode=0o755)
        (self.home / "x").write_text("")
        self.assertIn("chmod", self.check(code=1)["home"]["advice"])
        rows = self.check(home="/proc/nothing-here", code=1)
        self.assertEqual(rows["disk"]["state"], "problem")

    def test_running_parts_are_seen(self):
        node = self.world.node("a1")
        self.assertIn("node and bugle-exec run", self.check(home=node.home)["parts"]["found"])
        node.stop()
        self.assertIn("do not run", self.check(home=node.home)["parts"]["found"])

    def test_an_enlisted_machine_looks_at_its_own_broker(self):
        node = self.world.node("a1")
        wait_for("the node is connected", lambda: json.loads(self.world.run(
            "bugle-node", "status", "--home", node.home, "-o", "json", code=None).out)["connected"])
        rows = self.check(home=node.home)
        self.assertEqual([rows[name]["state"] for name in ("enlist", "desk", "orders", "enlisted")], ["ok"] * 4)
        self.assertIn("with broker test, and connected", rows["enlisted"]["found"])
        self.world.stop_broker()
        def lost():
            rows = self.check(home=node.home, code=1)
            return rows if "not connected" in rows["enlisted"]["found"] else None
        rows = wait_for("the node has lost it", lost)
        self.assertIn("refused", rows["desk"]["found"])

    def test_versions_of_the_parts_have_to_agree(self):
        programs = self.world.directory / "bin"
        programs.mkdir()
        shutil.copy(World.program("bugle-node"), programs)
        exec_ = programs / "bugle-exec"
        exec_.write_text("#!/bin/sh\necho bugle-exec 0.0.1\n")
        exec_.chmod(0o755)
        done = self.world.run(str(programs / "bugle-node"), "check", "--home", self.home, "-o", "jsonl", code=1)
        row = next(row for row in done.rows() if row["name"] == "versions")
        self.assertIn("bugle-exec 0.0.1", row["found"])

    def test_forms_and_usage(self):
        out = self.world.run("bugle-node", "check", "--home", self.home, "--broker", f"127.0.0.1:{self.port}").out
        self.assertRegex(out, r"(?m)^ok       enlist    127\.0\.0\.1 port \d+ answers$")
        found = json.loads(self.world.run("bugle-node", "check", "--home", self.home, "-o", "json").out)
        self.assertEqual((found["schema"], found["kind"]), (1, "checks"))
        self.assertIn("WHAT TO DO", self.world.run("bugle-node", "check", "--home", self.home, "-o", "wide").out)
        for wrong in (("--broker", "a b"), ("--broker", "a:0"), ("--broker", "a:x"), ("--broker", "a", "--broker-key", "x"),
                      ("--broker-key", "z" * 40), ("--broker", "a", "--token", "x"), ("--force",)):
            self.world.run("bugle-node", "check", "--home", self.home, *wrong, code=2)

    def test_the_system_without_the_package_says_what_is_missing(self):
        if os.path.exists("/etc/bugle"):
            self.skipTest("Bugle is installed on this machine")
        done = self.world.run("bugle-node", "check", "-o", "jsonl", code=1)
        missing = {row["name"]: row for row in done.rows() if row["state"] == "problem"}
        self.assertIn("bugle-target", missing["account"]["found"])
        self.assertIn("/etc/bugle", missing["home"]["found"])
        self.assertIn("package bugle-node", missing["home"]["advice"])


if __name__ == "__main__":
    main()
