"""What the tests of the broker's processes share: a home made without the CLI, a running broker, and a login that talks to
it over CURVE. Processes are ended by their own ids; waiting is always for an event with a deadline."""

import hashlib
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import msgpack
import zmq
from nacl.signing import SigningKey
from zmq.utils import z85

import foreground
from foreground import Foreground

DEADLINE = 20


def wait_for(what, condition, deadline=DEADLINE):
    return foreground.wait_for(what, condition, deadline)


def read_key(path):
    """(public, secret) of a key file, as Z85."""
    fields = dict(line.split(": ", 1) for line in pathlib.Path(path).read_text().splitlines() if ": " in line)
    return fields["public"].encode(), fields["secret"].encode()


class Broker(Foreground):
    """A home of its own and, once started, a process."""

    name = "the broker"
    deadline = DEADLINE

    def __init__(self, program, make_broker, port=0):
        self.program, self.make_broker = program, make_broker
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bugle-broker-test."))
        self.home = self.directory / "home"
        self.login_directory = self.directory / "login"
        self.child = None
        self.lines = []
        self.environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        self.make(self.home, port)

    def make(self, home, port):
        return subprocess.run(
            [self.make_broker, str(home), str(port), str(self.login_directory)], check=True, capture_output=True, text=True)

    def command(self, *arguments):
        return [self.program, *arguments, "--home", str(self.home)]

    def run(self, *arguments, deadline=DEADLINE):
        """To its end: exit code and stderr."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=deadline,
                              stdin=subprocess.DEVNULL, env=self.environment, check=False)
        return done.returncode, done.stderr

    def spawn(self, *arguments):
        self.watch(subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, env=self.environment, start_new_session=True))
        return self

    def start(self, *arguments):
        self.spawn(*arguments)
        self.wait_line(" ready ")
        return self

    def stop(self, signal_number=signal.SIGTERM, deadline=12):
        if self.child.poll() is None:
            self.child.send_signal(signal_number)
        self.wait(deadline)
        bad = [line for line in self.lines if "Sanitizer" in line or "runtime error" in line]
        assert not bad, "\n".join(self.lines[-60:])
        return self.child.returncode

    def parts(self):
        """{"front": pid, "core": pid} of the children that are alive."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(fields[1]) == self.child.pid and fields[0] != "Z" and len(command) > 1:
                found[command[1].decode()] = int(entry.name)
        return found

    def part(self, name, other_than=None):
        return wait_for(f"a part {name}", lambda: (lambda pid: pid if pid != other_than else None)(self.parts().get(name)))

    def contact(self):
        """The lines of run/endpoints as a dictionary."""
        lines = (self.home / "run" / "endpoints").read_text().splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def clean(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        if self.child and self.child.stderr:
            self.child.stderr.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Peer:
    """A CURVE client of one of the sockets."""

    def __init__(self, context, broker, where, keys=None, server=None):
        contact = broker.contact()
        self.socket = context.socket(zmq.SUB if where == "orders" else zmq.DEALER)
        self.socket.linger = 0
        self.socket.ipv6 = True
        self.socket.reconnect_ivl = 50
        self.socket.sndtimeo = 5000
        self.socket.curve_serverkey = server or contact["broker-key"].encode()
        self.public, self.secret = keys or zmq.curve_keypair()
        self.socket.curve_publickey, self.socket.curve_secretkey = self.public, self.secret
        self.monitor = self.socket.get_monitor_socket()
        self.socket.connect(contact[where])

    def close(self):
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        self.socket.close()

    def send(self, *frames):
        self.socket.send_multipart(frames, copy=True)

    def receive(self, deadline=DEADLINE):
        """The frames of the next message, or None."""
        return self.socket.recv_multipart() if self.socket.poll(deadline * 1000) else None

    def event(self, wanted, deadline=DEADLINE):
        """Waits for one of the monitor's events."""
        from zmq.utils.monitor import recv_monitor_message
        end = time.monotonic() + deadline
        while True:
            left = end - time.monotonic()
            assert left > 0 and self.monitor.poll(left * 1000), f"no event {wanted}"
            if recv_monitor_message(self.monitor)["event"] & wanted:
                return


def header(kind, request, level=1, session=None):
    fields = {1: kind, 2: level, 3: request}
    if session:
        fields[4] = session
    return msgpack.packb(fields)


def ask(peer, kind, body=None, deadline=DEADLINE):
    """Sends a request and gives (kind, body) of its answer; other answers are skipped. None when there is none."""
    request = os.urandom(16)
    try:
        peer.send(header(kind, request), msgpack.packb(body or {}), b"")
    except zmq.Again:
        return None
    end = time.monotonic() + deadline
    while (left := end - time.monotonic()) > 0:
        frames = peer.receive(left)
        if frames is None:
            return None
        got = msgpack.unpackb(frames[0], strict_map_key=False)
        if got.get(3) == request:
            return got[1], msgpack.unpackb(frames[1], strict_map_key=False)
    return None


def newest_authority(peer):
    """(version, installation, body) of the newest one."""
    _, answer = ask(peer, 84, {1: 0})
    document = msgpack.unpackb(answer[1][-1][2], strict_map_key=False)
    return document[5], document[3], msgpack.unpackb(document[8], strict_map_key=False)


def next_authority(broker, peer, change):
    """The body of a POST: the newest authority with change (body) applied, signed by the first login."""
    version, installation, body = newest_authority(peer)
    change(body)
    key = SigningKey(z85.decode(read_key(broker.login_directory / "login.sign.key")[1]))
    document = msgpack.packb({1: 1, 2: 1, 3: installation, 4: bytes(16), 5: version + 1,
                              8: msgpack.packb(dict(sorted(body.items())))})
    preimage = b"bugle-v1\0authority\0" + installation + struct.pack(">Q", len(document)) + document
    key_id = hashlib.blake2b(bytes(key.verify_key), digest_size=8).digest()
    signed = {1: 1, 2: document, 3: [{1: key_id, 2: key.sign(preimage).signature}]}
    return {1: [{1: signed, 2: version}]}
