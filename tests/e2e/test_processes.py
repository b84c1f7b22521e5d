#!/usr/bin/python3
"""The programs as processes: when they say ready, how they end, who holds a home, parts that are killed or run alone, and
what they say to broken and foreign files below --home.

What concerns the broker alone is in test_broker_process.py.
"""

import os
import pathlib
import select
import signal
import socket
import time

from world import Node, Process, World, WorldTest, main, wait_for

QUICK = 'job: quick\ntargets: {all: true}\nsteps: [{name: s, run: ["true"]}]\n'


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Notify:
    """What a service manager hears."""

    def __init__(self, directory):
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def wait(self, text, deadline=20):
        end = time.monotonic() + deadline
        heard = []
        while time.monotonic() < end:
            if select.select([self.socket], [], [], 0.5)[0]:
                heard.append(self.socket.recv(4096).decode())
                if text in heard[-1]:
                    return
        raise AssertionError(f"nobody said {text}: {heard}")

    def close(self):
        self.socket.close()
        os.unlink(self.path)


class Ready(WorldTest):
    def start(self, name, *arguments, environment=None):
        return Process(self.world, name, list(arguments), environment)

    def test_each_program_and_part_says_ready_and_ends_on_sigterm_and_sigint_with_0(self):
        world = self.world
        node = world.node("a1", start=False)
        world.stop_broker()
        home, broker = str(node.home), str(world.home)
        for arguments in (("bugle-broker",), ("bugle-broker", "core"), ("bugle-node",), ("bugle-exec",),
                          ("bugle-node", "node")):
            for number in (signal.SIGTERM, signal.SIGINT):
                notify = Notify(world.directory)
                where = broker if arguments[0] == "bugle-broker" else home
                process = self.start("-".join(arguments), *arguments, "--home", where,
                                     environment={"NOTIFY_SOCKET": notify.path})
                notify.wait("READY=1")
                parts = process.children()
                began = time.monotonic()
                self.assertEqual(process.stop(number), 0, arguments)
                self.assertLess(time.monotonic() - began, 10)
                notify.close()
                for pid in parts:
                    wait_for("its parts are gone", lambda pid=pid: not alive(pid), 5)

    def test_node_and_bugle_exec_run_alone_side_by_side(self):
        world = self.world
        node = world.node("a1", start=False)
        world.apply(QUICK)
        lonely = self.start("node", "bugle-node", "node", "--home", str(node.home))
        lonely.wait_line("ready")
        world.wait_connected(1)
        # Without bugle-exec nothing is taken over; it is there later.
        executor = self.start("exec", "bugle-exec", "--home", str(node.home))
        executor.wait_line(" ready ")
        world.bugle("job", "start", "quick", "--wait")
        self.assertEqual(executor.stop(), 0)
        executor = self.start("exec2", "bugle-exec", "--home", str(node.home))
        executor.wait_line(" ready ")
        world.bugle("job", "start", "quick", "--wait")
        self.assertEqual(lonely.stop(), 0)
        self.assertEqual(executor.stop(), 0)

    def test_front_and_core_run_alone_side_by_side(self):
        world = self.world
        node = world.node("a1")
        world.apply(QUICK)
        world.stop_broker()
        front = self.start("front", "bugle-broker", "front", "--home", str(world.home))
        began = time.monotonic()
        world.bugle("status", code=5)
        self.assertLess(time.monotonic() - began, 4)
        core = self.start("core", "bugle-broker", "core", "--home", str(world.home))
        core.wait_line(" ready ")
        wait_for("the broker answers", lambda: world.bugle("status", code=None).code == 0)
        world.bugle("job", "start", "quick", "--wait", "--timeout", "40s")
        self.assertEqual(core.stop(), 0)
        core = self.start("core2", "bugle-broker", "core", "--home", str(world.home))
        world.bugle("job", "start", "quick", "--wait", "--timeout", "40s")
        self.assertEqual(front.stop(), 0)
        self.assertEqual(core.stop(), 0)
        self.assertEqual(node.stop(), 0)

    def test_the_broker_ends_with_nodes_connected_and_somebody_waiting(self):
        world = self.world
        world.node("a1")
        world.node("a2")
        world.apply('job: long\ntargets: {all: true}\nsteps: [{name: s, run: [sleep, "100"]}]\n')
        waiting = Process(world, "cli", ["bugle", "job", "start", "long", "--wait"])
        waiting.wait_line("starting long")
        wait_for("both run", lambda: len(world.history("long", "--state", "running")) == 2)
        began = time.monotonic()
        self.assertEqual(world.stop_broker(), 0)
        self.assertLess(time.monotonic() - began, 10)
        waiting.wait_line("waiting for it")
        self.assertEqual(waiting.stop(signal.SIGINT), 130)

    def test_a_step_survives_the_end_of_its_node(self):
        world = self.world
        node = world.node("a1")
        gate = world.directory / "gate"
        world.apply(f"""
job: gated
targets: {{all: true}}
steps: [{{name: s, script: "trap '' TERM; echo $$ > {gate}.pid; while [ ! -e {gate} ]; do sleep 0.02; done"}}]
""")
        world.bugle("job", "start", "gated")
        pid = int(wait_for("the step runs", lambda: (gate.with_suffix(".pid").exists()
                                                     and gate.with_suffix(".pid").read_text().strip())))
        began = time.monotonic()
        self.assertEqual(node.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.assertTrue(alive(pid))
        gate.touch()
        wait_for("the step ends", lambda: not alive(pid))
        node.start()
        rows = world.wait_history("gated", "its outcome", lambda rows: rows and rows[0]["state"] == "succeeded")
        self.assertEqual(len(rows), 1)

    def test_parts_end_when_their_program_is_killed(self):
        world = self.world
        node = world.node("a1", start=False)
        process = self.start("a1", "bugle-node", "--home", str(node.home))
        process.wait_line(" ready ")
        parts = process.children()
        self.assertEqual(len(parts), 2)
        os.kill(process.pid, signal.SIGKILL)
        process.child.wait()
        for pid, command in parts.items():
            wait_for(f"{command} has ended", lambda pid=pid: not alive(pid), 10)
        node.start()

    def test_killed_parts_of_a_node_are_back_within_a_second(self):
        world = self.world
        node = world.node("a1")
        world.apply(QUICK)
        for word in ("bugle-exec", "bugle-node"):
            before = node.process.part(word)
            seen = len(node.process.lines)
            os.kill(before, signal.SIGKILL)
            killed = time.monotonic()
            node.process.wait_line("part-ended", after=seen)
            wait_for("another one", lambda word=word, before=before: node.process.part(word) != before, 1)
            self.assertLess(time.monotonic() - killed, 1)
            world.bugle("job", "start", "quick", "--wait", "--timeout", "30s")

    def test_a_second_one_on_the_home_is_refused_and_names_the_first(self):
        world = self.world
        node = world.node("a1")
        executor, part = node.process.part("bugle-exec"), node.process.part("bugle-node")
        for arguments, holder in ((("bugle-node",), f"bugle-exec (pid {executor})"),
                                  (("bugle-exec",), f"bugle-exec (pid {executor})"),
                                  (("bugle-node", "node"), f"bugle-node (pid {part})")):
            refused = world.run(arguments[0], *arguments[1:], "--home", node.home, code=1)
            self.assertIn(holder, refused.err, arguments)
            self.assertIn(str(node.home), refused.err)
        refused = world.run("bugle-broker", "--home", world.home, code=1)
        self.assertIn(f"(pid {world.broker.pid})", refused.err)
        world.apply(QUICK)
        world.bugle("job", "start", "quick", "--wait")

    def test_both_sides_in_one_home(self):
        world = self.world
        node = Node(world, "a1")
        node.home = world.home
        node.enlist(world.token())
        node.start()
        world.apply(QUICK)
        world.bugle("job", "start", "quick", "--wait")
        self.assertEqual(node.stop(), 0)


class CommandLines(WorldTest):
    with_broker = False

    def test_help_version_and_wrong_usage(self):
        for program in ("bugle-broker", "bugle-node", "bugle-exec"):
            self.assertIn("--home", self.world.run(program, "--help").out)
            self.assertRegex(self.world.run(program, "--version").out, rf"^{program} \d+\.\d+\.\d+\n$")
            for wrong in (["--nonsense"], ["nonsense"], ["--home"]):
                self.assertIn("help", self.world.run(program, *wrong, code=2).err)
            refused = self.world.run(program, "--home", self.world.directory / "x", "--log-level", "loud", code=None)
            self.assertNotEqual(refused.code, 0)
            self.assertIn("loud", refused.err)
            self.assertIn("debug", refused.err)

    def test_configuration_is_printed_with_what_is_in_force(self):
        world = self.world
        world.init()
        self.assertIn("listen: ", world.run("bugle-broker", "--home", world.home, "--print-config").out)
        node = Node(world, "a1", zone="Asia/Tokyo")
        done = world.run("bugle-node", "--home", node.home, "--print-config")
        self.assertIn('zone: "Asia/Tokyo"', done.out)
        self.assertEqual(done.err, "")

    def test_mistakes_in_configuration_are_shown_all_at_once(self):
        world = self.world
        world.init()
        node = Node(world, "a1", zone="Asia/Tokyo")
        for program, path, text in (
                ("bugle-broker", world.home / "etc" / "broker.yaml", "name: test\nlisten: [a]\nporrt: 1\n"),
                ("bugle-node", node.home / "etc" / "node.yaml", "log: {level: [x]}\nzoen: UTC\n")):
            path.write_text(text)
            refused = world.run(program, "--home", path.parents[1], code=1)
            self.assertIn(f"{path}:", refused.err)
            self.assertIn("2 errors", refused.err)
            self.assertIn("did you mean", refused.err)
            self.assertIn("^", refused.err)
        (node.home / "etc" / "node.yaml").write_text("zone: Nowhere/Land\n")
        self.assertIn("Nowhere/Land", world.run("bugle-node", "--home", node.home, code=1).err)

    def test_a_home_that_cannot_be_is_named(self):
        world = self.world
        path = world.directory / "file"
        path.write_text("mine")
        for program in ("bugle-node", "bugle-exec", "bugle-broker"):
            refused = world.run(program, "--home", path, code=None)
            self.assertNotEqual(refused.code, 0)
            self.assertIn(str(path), refused.err)
        self.assertEqual(path.read_text(), "mine")


class Files(WorldTest):
    """Broken and foreign files of a node: each gets a sentence that names it and says what to do."""

    def setUp(self):
        super().setUp()
        self.world.apply(QUICK)
        self.node = self.world.node("a1")
        self.world.wait_applied("quick", 1)
        self.node.stop()

    def refused(self, name, *words, content=None, mode=None, remove=False, program="bugle-node"):
        """A start with this file so: refused with the words; then it is as before."""
        path = self.node.home / name
        before, before_mode = path.read_bytes(), path.stat().st_mode & 0o777
        if remove:
            path.unlink()
        if content is not None:
            path.write_bytes(content)
        if mode is not None:
            path.chmod(mode)
        done = self.world.run(program, "--home", self.node.home, code=1, deadline=15)
        path.write_bytes(before)
        path.chmod(before_mode)
        for word in (str(path), *words):
            self.assertIn(word, done.err)
        self.assertNotIn("assert", done.err.lower())

    def works(self):
        self.node.start()
        self.world.bugle("job", "start", "quick", "--wait", "--timeout", "30s")
        self.assertEqual(self.node.stop(), 0)

    def test_the_store(self):
        other = (self.world.home / "broker" / "broker.db").read_bytes()
        whole = (self.node.home / "node" / "node.db").read_bytes()
        self.refused("node/node.db", "move it away", content=b"hello" * 1000)
        self.refused("node/node.db", "move it away", content=other)
        self.refused("node/node.db", "chmod", mode=0o644)
        # Another format, and one from the future.
        self.refused("node/node.db", content=whole[:60] + (99).to_bytes(4, "big") + whole[64:])
        self.works()

    def test_keys(self):
        other = World()
        try:
            other.init()
            other.start_broker()
            foreign = other.node("a1", start=False)
            for name in ("node.sign.key", "node.curve.key"):
                path = f"node/{name}"
                self.refused(path, "key file", content=b"hello")
                self.refused(path, "key file", content=b"")
                self.refused(path, "chmod", mode=0o640)
                self.refused(path, "is missing", "defect --force", remove=True)
                self.refused(path, "another key", "defect --force", content=(foreign.home / path).read_bytes())
        finally:
            other.close(keep=False)
        self.works()

    def test_without_its_keys_a_node_says_so_and_can_leave(self):
        for name in ("node.sign.key", "node.curve.key"):
            (self.node.home / "node" / name).unlink()
        self.node.start()
        self.node.process.wait_line("no-keys")
        self.assertIn("node.sign.key", "\n".join(self.node.process.lines))
        self.node.stop()
        self.node.defect("--force")
        self.world.bugle("target", "defect", "a1", "--yes")
        self.node.enlist(self.world.token())
        self.works()

    def test_the_log_of_bugle_exec(self):
        whole = (self.node.home / "exec" / "log").read_bytes()
        self.refused("exec/log", "move", content=b"garbage" * 300)
        self.refused("exec/log", "chmod", mode=0o644)
        self.refused("exec/log", "move", content=whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
        # What a power cut may leave behind is no fault: the end is cut off.
        for content in (whole[:-3], whole + b"\0\0\0", whole + b"\0\0\1\0garbage"):
            (self.node.home / "exec" / "log").write_bytes(content)
            self.works()
        # Without any of it the node tells bugle-exec anew.
        (self.node.home / "exec" / "log").unlink()
        self.works()

    def test_files_in_the_way(self):
        for name in ("node.sock", "exec.sock", "supervisor.sock"):
            path = self.node.home / "run" / name
            path.unlink(missing_ok=True)
            path.write_text("mine")
            self.refused(f"run/{name}", "in the way")
            self.assertEqual(path.read_text(), "mine")
            path.unlink()
        self.works()

    def test_open_directories(self):
        for path in (self.node.home, self.node.home / "node", self.node.home / "exec"):
            path.chmod(0o755)
            done = self.world.run("bugle-node", "--home", self.node.home, code=1)
            self.assertIn(str(path), done.err)
            self.assertIn("chmod", done.err)
            path.chmod(0o700)
        self.works()

    def test_without_a_usable_policy_nothing_starts_and_the_reason_is_told(self):
        path = self.node.home / "etc" / "policy"
        before = path.read_text()
        for content, mode, words in (
                ("[default]\naccont = root\n", 0o600, [":2:", "accont"]), ("\0", 0o600, ["NUL"]), ("", 0o600, ["[default]"]),
                (before, 0o666, ["chmod"]), (None, None, ["no policy"])):
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_text(content)
                path.chmod(mode)
            self.node.start()
            number = self.node.process.wait_line("starts nothing")
            for word in [str(path), *words]:
                self.assertIn(word, self.node.process.lines[number - 1])
            self.world.bugle("job", "start", "quick", "--wait", "--timeout", "30s", code=20)
            row = self.world.history("quick", "--limit", "1")[0]
            self.assertEqual((row["state"], row["reason"]), ("not-run", "policy"))
            if mode == 0o666:
                # Corrected while it runs: from then on it counts.
                path.chmod(0o600)
                wait_for("it starts again", lambda: self.world.bugle(
                    "job", "start", "quick", "--wait", "--timeout", "30s", code=None).code == 0)
            self.assertEqual(self.node.stop(), 0)
        path.write_text(before)
        path.chmod(0o600)
        self.works()


class BrokerFiles(WorldTest):
    """Files of the broker that test_broker_process.py does not break."""

    def test_ports_endpoints_and_authority(self):
        world = self.world
        world.stop_broker()

        def refused(name, content, *words):
            path = world.home / name
            before = path.read_bytes()
            path.write_bytes(content)
            done = world.run("bugle-broker", "--home", world.home, code=1)
            path.write_bytes(before)
            for word in (str(path), *words):
                self.assertIn(word, done.err)

        refused("broker/ports", b"hello\n", "remove it")
        refused("broker/ports", b"orders 70000\n", "remove it")
        refused("broker/ports", b"orders 20000\n", "remove it")
        whole = (world.home / "broker" / "broker.db").read_bytes()
        refused("broker/broker.db", whole[:60] + (99).to_bytes(4, "big") + whole[64:])
        # What is written anew at each start may be anything.
        endpoints = world.home / "run" / "endpoints"
        endpoints.write_text("garbage\n")
        self.assertIn(str(endpoints), world.bugle("status", code=1).err)
        world.start_broker()
        world.bugle("status")
        self.assertEqual(world.stop_broker(), 0)
        for name in ("broker.db", "broker.sign.key", "broker.curve.key"):
            path = world.home / "broker" / name
            path.rename(f"{path}.away")
            done = world.run("bugle-broker", "--home", world.home, code=1)
            self.assertIn(str(path), done.err)
            self.assertIn("missing", done.err)
            pathlib.Path(f"{path}.away").rename(path)
        world.home.chmod(0o755)
        self.assertIn("chmod", world.run("bugle-broker", "--home", world.home, code=1).err)
        world.home.chmod(0o700)
        world.start_broker()


if __name__ == "__main__":
    main()
