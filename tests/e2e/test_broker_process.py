"""bugle-broker as real processes: ready, end, parts that are killed, who holds what, ports that stay."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from broker_fixture import Broker, Peer, ask, next_authority, read_key, wait_for

PROGRAM, MAKE_BROKER, FULL_STORE = sys.argv[1:4]
ERROR, STATUS_QUERY, STATUS, POST, POSTED = 1, 82, 83, 86, 87


class BrokerProcess(unittest.TestCase):
    def setUp(self):
        self.broker = Broker(PROGRAM, MAKE_BROKER)
        self.addCleanup(self.broker.clean)

    def peer(self, where="ops", keys=None):
        if not hasattr(self, "context"):
            self.context = zmq.Context()
            self.addCleanup(self.context.destroy, 0)
        peer = Peer(self.context, self.broker, where, keys or read_key(self.broker.login_directory / "login.curve.key"))
        self.addCleanup(peer.close)
        return peer

    def status(self, peer, deadline=2):
        answer = ask(peer, STATUS_QUERY, deadline=deadline)
        return answer[1] if answer and answer[0] == STATUS else None

    def test_answers_once_it_says_ready(self):
        self.broker.start()
        self.assertEqual(self.status(self.peer())[1], "test")
        contact = self.broker.contact()
        self.assertEqual(set(contact), {"orders", "desk", "enlist", "ops", "broker-key"})

    def test_ends_on_sigterm_and_sigint_with_0(self):
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            self.broker.start()
            parts = self.broker.parts()
            self.assertEqual(set(parts), {"front", "core"})
            began = time.monotonic()
            self.assertEqual(self.broker.stop(signal_number), 0)
            self.assertLess(time.monotonic() - began, 10)
            for pid in parts.values():
                self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())

    def test_a_killed_front_is_back_within_a_second(self):
        self.broker.start()
        peer = self.peer()
        self.assertTrue(self.status(peer))
        for _ in range(3):
            seen = len(self.broker.lines)
            front = self.broker.part("front")
            killed = time.monotonic()
            os.kill(front, signal.SIGKILL)
            self.broker.wait_line("part-back part=front", after=seen)
            self.assertLess(time.monotonic() - killed, 1)
            self.broker.part("front", other_than=front)
        wait_for("the old connection answers again", lambda: self.status(peer, deadline=0.5))

    def test_a_killed_core_recovers_while_peers_stay(self):
        self.broker.start()
        peer = self.peer()
        self.assertTrue(self.status(peer))
        seen = len(self.broker.lines)
        core = self.broker.part("core")
        os.kill(core, signal.SIGKILL)
        self.broker.wait_line("part-back part=core", after=seen)
        self.broker.part("core", other_than=core)
        wait_for("an answer over the same connection", lambda: self.status(peer, deadline=0.5))
        self.assertFalse(peer.monitor.poll(0) and self.was_cut(peer))

    @staticmethod
    def was_cut(peer):
        from zmq.utils.monitor import recv_monitor_message
        while peer.monitor.poll(0):
            if recv_monitor_message(peer.monitor)["event"] & zmq.EVENT_DISCONNECTED:
                return True
        return False

    def test_parts_end_when_the_parent_is_killed(self):
        self.broker.start()
        parts = self.broker.parts()
        self.broker.child.kill()
        self.broker.child.wait()
        for name, pid in parts.items():
            wait_for(f"{name} ends", lambda pid=pid: not pathlib.Path(f"/proc/{pid}").exists())
        self.broker.start()

    def test_a_second_broker_on_the_home_names_the_first(self):
        self.broker.start()
        code, text = self.broker.run()
        self.assertEqual(code, 1)
        self.assertIn(f"bugle-broker (pid {self.broker.child.pid})", text)
        for part in ("front", "core"):
            code, text = self.broker.run(part)
            self.assertEqual(code, 1)
            self.assertIn(f"bugle-broker-{part} (pid {self.broker.parts()[part]})", text)
        self.assertTrue(self.status(self.peer()))

    def test_a_held_port_names_its_holder(self):
        self.broker.start()
        self.assertEqual(self.broker.stop(), 0)
        port = int(self.broker.contact()["enlist"].rsplit(":", 1)[1])
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", port))
            holder.listen()
            code, text = self.broker.run()
        self.assertEqual(code, 1)
        self.assertIn(f":{port}", text)
        self.assertIn(f"(pid {os.getpid()}) listens there", text)
        self.assertIn("another port", text)

    def test_two_brokers_on_one_port(self):
        self.broker.start()
        first = int(self.broker.contact()["orders"].rsplit(":", 1)[1])
        other = Broker(PROGRAM, MAKE_BROKER, port=first)
        self.addCleanup(other.clean)
        code, text = other.run()
        self.assertEqual(code, 1)
        self.assertIn(f"bugle-broker (pid {self.broker.parts()['front']})", text)

    def test_chosen_ports_stay(self):
        low, high = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
        self.broker.start()
        first = self.broker.contact()
        for which in ("orders", "desk", "enlist", "ops"):
            self.assertFalse(low <= int(first[which].rsplit(":", 1)[1]) <= high)
        self.assertEqual(self.broker.stop(), 0)
        self.broker.start()
        self.assertEqual(self.broker.contact(), first)

    def test_without_init_the_hint_says_so(self):
        done = subprocess.run([PROGRAM, "--home", str(self.broker.directory / "nowhere")], capture_output=True, text=True,
                              check=False, timeout=20)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no broker in", done.stderr)
        self.assertIn("bugle init --home", done.stderr)

    def refused(self, name, content, *words):
        """A start with this file broken: a sentence that names it; then it is as before."""
        path = self.broker.home / name
        before = path.read_bytes()
        path.write_bytes(content)
        code, text = self.broker.run()
        path.write_bytes(before)
        self.assertEqual(code, 1, text)
        for word in (str(path), *words):
            self.assertIn(word, text)

    def test_broken_and_foreign_files_are_named(self):
        self.refused("broker/broker.db", b"hello" * 1000)
        self.refused("broker/broker.sign.key", b"hello")
        self.refused("broker/broker.curve.key", b"bugle-key 1\ntype: curve25519\n")
        self.refused("etc/broker.yaml", b"name: test\nporrt: 1\n", ":2:1", "did you mean")
        other = Broker(PROGRAM, MAKE_BROKER)
        self.addCleanup(other.clean)
        for name in ("broker/broker.sign.key", "broker/broker.curve.key"):
            self.refused(name, (other.home / name).read_bytes(), "installation's authority")
        key = self.broker.home / "broker" / "broker.sign.key"
        key.chmod(0o644)
        code, text = self.broker.run()
        self.assertEqual(code, 1)
        self.assertIn("chmod", text)
        key.chmod(0o600)
        (self.broker.home / "run" / "core.sock").write_text("in the way")
        code, text = self.broker.run()
        self.assertEqual(code, 1)
        self.assertIn("core.sock", text)
        (self.broker.home / "run" / "core.sock").unlink()
        self.broker.start()

    def test_a_long_path_works(self):
        self.broker.home = self.broker.directory / ("long" * 30)
        self.broker.make(self.broker.home, 0)
        self.broker.start()
        self.assertTrue(self.status(self.peer()))

    def test_a_full_disk_is_told_and_ends(self):
        full = self.broker.directory / "full"
        self.broker.environment.update(
            LD_PRELOAD=FULL_STORE, BUGLE_TEST_FULL=str(full), ASAN_OPTIONS="verify_asan_link_order=0")
        self.broker.start()
        peer = self.peer()
        post = next_authority(self.broker, peer, lambda body: body.update({1: "renamed"}))
        full.touch()
        # The first one finds it out and is told as those after it are.
        for _ in range(2):
            kind, answer = ask(peer, POST, post)
            self.assertEqual((kind, answer[1]), (ERROR, "storage-full"))
        self.broker.wait_line("storage-full")
        self.assertIn("storage-full", [item[1] for item in self.status(peer)[17]])
        full.unlink()
        self.broker.wait_line("storage-recovered")
        self.assertEqual(ask(peer, POST, post)[0], POSTED)
        self.assertNotIn("storage-full", [item[1] for item in self.status(peer).get(17, [])])
        self.assertEqual(self.broker.stop(), 0)

    def test_parts_run_alone(self):
        self.broker.spawn("core")
        core = self.broker.child
        self.addCleanup(lambda: core.poll() is None and core.kill())
        self.broker.wait_line(" ready ")
        held = core.stderr
        self.broker.start("front")
        self.assertTrue(self.status(self.peer()))
        self.assertEqual(self.broker.stop(), 0)
        core.terminate()
        self.assertEqual(core.wait(timeout=12), 0)
        held.close()

    def test_ready_reaches_systemd_and_logs_may_be_json(self):
        path = self.broker.directory / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(path))
            listener.settimeout(20)
            self.broker.environment["NOTIFY_SOCKET"] = str(path)
            self.broker.spawn("--log-json")
            self.assertIn(b"READY=1", listener.recv(4096))
            self.broker.wait_line('"event":"ready"')
        self.assertEqual(self.broker.stop(), 0)
        for line in self.broker.lines:
            self.assertIn("event", json.loads(line))

    def test_help_version_configuration(self):
        for option, word in (("--help", "Examples:"), ("--version", "bugle-broker "), ("--print-config", "listen:")):
            done = subprocess.run(self.broker.command(option), capture_output=True, text=True, check=False, timeout=20)
            self.assertEqual(done.returncode, 0)
            self.assertIn(word, done.stdout)
        for wrong in (["nonsense"], ["--nonsense"], ["--log-level", "loud"]):
            code, text = self.broker.run(*wrong)
            self.assertEqual(code, 2)
            self.assertIn("--help", text)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
