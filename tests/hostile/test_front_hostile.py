"""What bad input gets on every socket of the broker: refused and counted, the connection closed where nothing of ours would
send such a thing, and nobody else notices. After each attack a healthy login is served; at the end the counters show what
was refused. The seed of what is random is printed."""

import os
import pathlib
import random
import socket
import struct
import sys
import time
import unittest

import msgpack
import zmq
from nacl.signing import SigningKey
from zmq.utils import z85

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from broker_fixture import Broker, Peer, ask, header, next_authority, read_key, wait_for

PROGRAM, MAKE_BROKER = sys.argv[1:3]
SOCKETS = ("orders", "desk", "enlist", "ops")
ROUTERS = ("desk", "enlist", "ops")
ERROR, STATUS_QUERY, STATUS, POST, POSTED = 1, 82, 83, 86, 87
SEED = int(os.environ.get("BUGLE_TEST_SEED") or random.SystemRandom().getrandbits(32))


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"seed {SEED}", file=sys.stderr)
        cls.random = random.Random(SEED)
        cls.expected = {}
        cls.broker = Broker(PROGRAM, MAKE_BROKER)
        cls.broker.start()
        cls.context = zmq.Context()
        cls.login_keys = read_key(cls.broker.login_directory / "login.curve.key")
        cls.healthy = Peer(cls.context, cls.broker, "ops", cls.login_keys)
        cls.front = cls.broker.part("front")
        cls.core = cls.broker.part("core")

    @classmethod
    def tearDownClass(cls):
        cls.healthy.close()
        cls.context.term()
        code = cls.broker.stop()
        cls.broker.clean()
        assert code == 0

    def tearDown(self):
        """A healthy client is still served, by the same processes."""
        self.assertEqual(self.status()[1], "test")
        self.assertEqual(self.broker.parts(), {"front": self.front, "core": self.core})

    def status(self, verbose=False):
        kind, body = ask(self.healthy, STATUS_QUERY, {1: True} if verbose else {})
        self.assertEqual(kind, STATUS)
        return body

    def expect(self, name, count):
        """What the counters have to show at least, once all tests ran: the front tells them every 5 s only."""
        self.expected[name] = self.expected.get(name, 0) + count

    def test_zzz_the_counters_show_what_was_refused(self):
        def counters():
            return {item[1]: item[2] for item in self.status(verbose=True).get(16, [])}
        for name, count in self.expected.items():
            wait_for(f"{name} is at least {count}", lambda: counters().get(name, 0) >= count)

    def peer(self, where, keys=None, server=None):
        peer = Peer(self.context, self.broker, where, keys, server)
        self.addCleanup(peer.close)
        return peer

    def raw(self, where):
        host, port = self.broker.contact()[where][len("tcp://"):].rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), timeout=20)
        self.addCleanup(connection.close)
        return connection

    @staticmethod
    def closed(connection):
        """Reads until the other side closes."""
        try:
            while connection.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True

    # --- before authentication ---

    def test_garbage_bytes(self):
        for where in SOCKETS:
            connection = self.raw(where)
            connection.sendall(b"\x01" + bytes(self.random.getrandbits(8) for _ in range(4096)))
            self.assertTrue(self.closed(connection))

    def test_a_null_greeting(self):
        greeting = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
        for where in SOCKETS:
            connection = self.raw(where)
            connection.sendall(greeting + b"\x04\x26\x05READY")
            self.assertTrue(self.closed(connection))

    def test_a_gigabyte_announced_before_authentication(self):
        greeting = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"CURVE".ljust(20, b"\0") + b"\0" + bytes(31)
        for where in SOCKETS:
            connection = self.raw(where)
            connection.sendall(greeting + b"\x06" + struct.pack(">Q", 1 << 30))
            self.assertTrue(self.closed(connection))

    def test_the_wrong_server_key(self):
        wrong = zmq.curve_keypair()[0]
        for where in SOCKETS:
            peer = self.peer(where, server=wrong)
            peer.event(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)

    def test_an_unknown_key(self):
        for where in ("orders", "desk", "ops"):
            self.peer(where).event(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        self.expect("front.refused-key", 3)

    def test_a_login_is_no_target(self):
        for where in ("orders", "desk"):
            self.peer(where, self.login_keys).event(zmq.EVENT_HANDSHAKE_FAILED_AUTH)

    # --- after authentication; strangers on enlist have a key too ---

    def stranger(self):
        return self.peer("enlist")

    def refused(self, peer, *frames):
        """Sends, and is cut for it."""
        peer.send(*frames)
        peer.event(zmq.EVENT_DISCONNECTED)

    def test_too_few_and_too_many_frames(self):
        one = header(16, os.urandom(16))
        for frames in ([one], [one, b"x"], [one, b"", b"", b""], [b"x"] * 500):
            self.refused(self.stranger(), *frames)
        self.expect("front.frames", 4)

    def test_an_oversized_frame(self):
        self.refused(self.stranger(), header(16, os.urandom(16)), bytes(65 * 1024), b"")
        other = self.other_login()
        self.refused(other, header(STATUS_QUERY, os.urandom(16)), bytes(257 * 1024), b"")

    def test_oversized_header_and_signatures(self):
        self.refused(self.stranger(), bytes(5000), b"", b"")
        self.refused(self.stranger(), header(16, os.urandom(16)), b"", bytes(5000))
        self.expect("front.too-large", 2)

    def test_a_header_that_is_none(self):
        for frame in (b"", b"\xc1", b"\xdf\xff\xff\xff\xff", b"\x91" * 200, msgpack.packb({1: 16}), os.urandom(64)):
            self.refused(self.stranger(), frame, b"", b"")
        self.expect("front.malformed", 6)

    def errors(self, peer, kind, body):
        request = os.urandom(16)
        peer.send(header(kind, request), body, b"")
        frames = peer.receive()
        self.assertIsNotNone(frames, f"no answer to kind {kind}")
        got = msgpack.unpackb(frames[0], strict_map_key=False)
        self.assertEqual((got[1], got[3]), (ERROR, request))
        return msgpack.unpackb(frames[1], strict_map_key=False)[1]

    def test_bodies_that_are_no_messages(self):
        depth = b"\x81\x01" * 200 + b"\x00"
        for peer, kind in ((self.stranger(), 16), (self.healthy, STATUS_QUERY)):
            for body in (b"", b"\xc1", depth, b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff",
                         msgpack.packb({1: 1}) + b"\0", b"\x82\x01\x01\x01\x01"):
                self.assertIn(self.errors(peer, kind, body), ("malformed", "too-large", "invalid"))
        for _ in range(200):
            body = self.random.randbytes(self.random.randrange(1, 200))
            if body[0] != 0x80:  # an empty map is a good STATUS_QUERY
                self.healthy.send(header(STATUS_QUERY, os.urandom(16)), body, b"")
        while self.healthy.receive(0.2):
            pass

    def test_kinds_that_are_unknown_or_not_for_this_socket(self):
        for peer, kind in ((self.stranger(), STATUS_QUERY), (self.stranger(), 32), (self.healthy, 16), (self.healthy, 32),
                           (self.healthy, 9999), (self.healthy, STATUS), (self.healthy, 1003)):
            self.assertIn(self.errors(peer, kind, b"\x80"), ("unknown-kind", "not-allowed"))

    def test_a_level_of_the_future(self):
        request = os.urandom(16)
        self.healthy.send(header(STATUS_QUERY, request, level=99), b"\x80", b"")
        frames = self.healthy.receive()
        self.assertEqual(msgpack.unpackb(frames[1], strict_map_key=False)[1], "level")

    def test_a_message_replayed_many_times(self):
        body = msgpack.packb({1: 1, 2: 1, 3: bytes(32), 4: bytes(32), 5: "x", 6: bytes(16)})
        message = (header(16, os.urandom(16)), body, b"")
        stranger = self.stranger()
        for _ in range(20):
            stranger.send(*message)
        for _ in range(20):
            self.assertIsNotNone(stranger.receive())
        query = (header(STATUS_QUERY, os.urandom(16)), b"\x80", b"")
        for _ in range(20):
            self.healthy.send(*query)
        for _ in range(20):
            self.assertIsNotNone(self.healthy.receive())

    def test_a_flood_of_one_stranger_is_cut_off_by_its_budget(self):
        stranger = self.stranger()
        for _ in range(500):
            stranger.send(header(9999, os.urandom(16)), b"\x80", b"")
        self.expect("front.budget", 300)

    def test_a_penalised_key_is_not_listened_to_for_a_while(self):
        keys = zmq.curve_keypair()
        self.refused(self.peer("enlist", keys), b"one frame")
        again = self.peer("enlist", keys)
        again.send(header(16, os.urandom(16)), b"\x80", b"")
        self.expect("front.penalised", 1)
        self.assertIsNone(again.receive(0.5))

    def test_a_routing_id_cannot_be_taken_over(self):
        """Two logins with the same routing id: neither gets the other's answers."""
        self.other_login()
        contact = self.broker.contact()
        first, second = (self.context.socket(zmq.DEALER) for _ in range(2))
        for one, keys in ((first, self.login_keys), (second, self.other_keys)):
            self.addCleanup(one.close, 0)
            one.routing_id = b"same"
            one.ipv6 = True
            one.curve_serverkey = contact["broker-key"].encode()
            one.curve_publickey, one.curve_secretkey = keys
        first.connect(contact["ops"])
        first.send_multipart([header(STATUS_QUERY, b"1" * 16), b"\x80", b""])
        self.assertTrue(first.poll(20000))
        first.recv_multipart()
        second.connect(contact["ops"])
        second.send_multipart([header(STATUS_QUERY, b"2" * 16), b"\x80", b""])
        first.send_multipart([header(STATUS_QUERY, b"3" * 16), b"\x80", b""])
        self.assertTrue(first.poll(20000))
        self.assertEqual(msgpack.unpackb(first.recv_multipart()[0], strict_map_key=False)[3], b"3" * 16)
        self.assertFalse(first.poll(0))

    def test_one_login_in_several_commands_at_once(self):
        """Answers go to the connection that asked, whoever of the same login spoke last."""
        others = [self.peer("ops", self.login_keys) for _ in range(10)]
        requests = [os.urandom(16) for _ in others]
        for peer, request in zip(others, requests):
            peer.send(header(STATUS_QUERY, request), b"\x80", b"")
        for peer, request in zip(others, requests):
            self.assertEqual(msgpack.unpackb(peer.receive()[0], strict_map_key=False)[3], request)

    def test_silent_connections_do_no_harm(self):
        silent = [self.raw(where) for where in SOCKETS for _ in range(50)]
        self.assertEqual(len(silent), 200)
        self.assertTrue(self.status())

    # --- revocation ---

    def post_authority(self, change):
        return ask(self.healthy, POST, next_authority(self.broker, self.healthy, change))

    def other_login(self):
        """Another admin, made when first needed; a connection of it that has been answered."""
        if not hasattr(type(self), "other_keys"):
            keys = zmq.curve_keypair()
            login = {1: "other", 2: bytes(SigningKey.generate().verify_key), 3: z85.decode(keys[0]), 4: 4}
            kind, answer = self.post_authority(lambda body: body[2].append(login))
            self.assertEqual(kind, POSTED, answer)
            type(self).other_keys = keys
        peer = self.peer("ops", self.other_keys)
        self.assertEqual(ask(peer, STATUS_QUERY)[0], STATUS)
        return peer

    def test_zz_a_removed_login_is_cut_within_5_seconds(self):
        peers = [self.other_login(), self.other_login()]
        kind, answer = self.post_authority(lambda body: body.update({2: [body[2][0]]}))
        self.assertEqual(kind, POSTED, answer)
        posted = time.monotonic()
        for peer in peers:
            peer.event(zmq.EVENT_DISCONNECTED, deadline=5)
        self.assertLess(time.monotonic() - posted, 5)
        self.peer("ops", self.other_keys).event(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        del type(self).other_keys


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
