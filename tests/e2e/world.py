"""A broker and nodes of real processes, in a directory of their own, for the end-to-end tests.

Everything listens on 127.0.0.1 with ports that the broker chose, or on Unix sockets below the directory. Processes are
ended by their own process ids. Waiting is always for an event or a condition with a deadline, never for time.
"""

import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import foreground
from foreground import Foreground

DEADLINE = float(os.environ.get("BUGLE_TEST_DEADLINE", "60"))
PROGRAMS = os.environ.get("BUGLE_BIN") or str(pathlib.Path(__file__).parents[2] / "build" / "dev" / "bin")


def wait_for(what, condition, deadline=DEADLINE):
    return foreground.wait_for(what, condition, deadline)


class Process(Foreground):
    """A program of ours in the foreground; its stderr is kept and can be waited on."""

    deadline = DEADLINE

    def __init__(self, world, name, arguments, environment=None):
        self.name = name
        self.program = arguments[0]
        self.world = world
        env = dict(world.environment, **(environment or {}))
        child = subprocess.Popen(
            [world.program(arguments[0]), *arguments[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=env, start_new_session=True)
        self.watch(child, open(world.directory / f"{name}.log", "ab"))
        world.processes.append(self)

    def stop(self, signal_number=signal.SIGTERM, deadline=15):
        """Sends the signal and waits for the end; gives the exit code. SIGKILL goes to the parts as well: power fails for
        all of a program at once. Supervisors have sessions of their own and stay."""
        if self.child.poll() is None:
            if signal_number == signal.SIGKILL:
                self.child.send_signal(signal.SIGSTOP)
                if self.program != "bugle-exec":
                    for part in self.children():
                        os.kill(part, signal.SIGKILL)
                self.child.kill()
            else:
                self.child.send_signal(signal_number)
        return self.wait(deadline)

    def children(self):
        """Process ids of direct children by their command line."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                status = (entry / "stat").read_text()
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(status.rsplit(")", 1)[1].split()[1]) == self.pid:
                found[int(entry.name)] = [part.decode() for part in command if part]
        return found

    def part(self, word):
        """The process id of a part: a child whose command line has the word; waits until it is there."""
        def find():
            for pid, command in self.children().items():
                if any(word in argument for argument in command):
                    return pid
            return None
        return wait_for(f"{self.name} has a part {word}", find)


class Node:
    """One target: its home, and its process while it runs."""

    def __init__(self, world, name, zone=None):
        self.world = world
        self.name = name
        self.home = world.directory / f"n-{name}"
        self.process = None
        if zone:
            (self.home / "etc").mkdir(parents=True, mode=0o700)
            self.home.chmod(0o700)
            (self.home / "etc" / "node.yaml").write_text(f"zone: {zone}\n")

    def enlist(self, token, *arguments, code=0):
        return self.world.run("bugle-node", "enlist", "--home", str(self.home), "--name", self.name, "--token", token,
                              *arguments, code=code)

    def defect(self, *arguments, code=0):
        return self.world.run("bugle-node", "defect", "--home", str(self.home), *arguments, code=code)

    def start(self, environment=None):
        self.process = Process(self.world, self.name, ["bugle-node", "--home", str(self.home)], environment)
        self.process.wait_line(" ready ")
        return self

    def stop(self, signal_number=signal.SIGTERM):
        code = self.process.stop(signal_number)
        self.process = None
        return code


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)

    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]


class World:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bugle-e2e."))
        self.directory.chmod(0o700)
        self.home = self.directory / "broker"
        self.environment = {
            key: value for key, value in os.environ.items()
            if not key.startswith(("BUGLE_", "XDG_", "SUDO_")) and key not in ("NOTIFY_SOCKET", "TZ")}
        self.environment.update(
            BUGLE_CONFIG_DIR=str(self.directory / "config"), PATH=f"{PROGRAMS}:{os.environ['PATH']}", LC_ALL="C.UTF-8")
        self.processes = []
        self.broker = None

    # --- running programs ---

    @staticmethod
    def program(name):
        return os.path.join(PROGRAMS, name)

    def run(self, program, *arguments, code=0, input=None, environment=None, deadline=DEADLINE):
        """Runs to its end and compares the exit code (None: any)."""
        done = subprocess.run(
            [self.program(program), *map(str, arguments)], input=input, capture_output=True, text=True, timeout=deadline,
            env=dict(self.environment, **(environment or {})),
            **({} if input is not None else {"stdin": subprocess.DEVNULL}), check=False)
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"{program} {' '.join(map(str, arguments))}\nended with {done.returncode}, not {code}\n"
                f"{done.stdout}{done.stderr}")
        return Result(done.returncode, done.stdout, done.stderr)

    def bugle(self, *arguments, code=0, **more):
        return self.run("bugle", *arguments, code=code, **more)

    # --- broker ---

    def init(self, *arguments):
        return self.bugle("init", "--home", self.home, "--name", "test", "--listen", "127.0.0.1:0", *arguments)

    def start_broker(self, environment=None):
        self.broker = Process(self, "broker", ["bugle-broker", "--home", str(self.home)], environment)
        self.broker.wait_line(" ready ")
        return self.broker

    def stop_broker(self, signal_number=signal.SIGTERM):
        code = self.broker.stop(signal_number)
        self.broker = None
        return code

    # --- nodes ---

    def token(self, *arguments):
        return self.bugle("token", "create", *arguments).out.strip()

    def node(self, name, *token_arguments, zone=None, start=True):
        """An enlisted node, running."""
        node = Node(self, name, zone)
        node.enlist(self.token(*token_arguments))
        return node.start() if start else node

    def wait_connected(self, count):
        return wait_for(f"{count} targets are connected", lambda: sum(
            1 for row in self.bugle("target", "list", "-o", "jsonl").rows() if row["connected"]) >= count)

    # --- jobs ---

    def apply(self, text, *arguments, code=0):
        return self.bugle("apply", "-f", "-", *arguments, input=text, code=code)

    def wait_applied(self, job, count):
        """Until so many targets have taken the newest version over."""
        return wait_for(f"{job} is applied on {count} targets", lambda: any(
            row["name"] == job and row["applied"] >= count
            for row in self.bugle("job", "list", "-o", "jsonl").rows()))

    def history(self, job, *arguments):
        return self.bugle("job", "history", job, "-o", "jsonl", *arguments).rows()

    def wait_history(self, job, what, condition, *arguments, deadline=DEADLINE):
        def look():
            rows = self.history(job, *arguments)
            return rows if condition(rows) else None
        return wait_for(f"history of {job}: {what}", look, deadline)

    # --- end ---

    def close(self, keep):
        for process in self.processes:
            if process.child.poll() is None:
                process.child.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(12)
            except AssertionError:
                process.child.kill()
                process.child.wait()
            process.log.close()
        self.end_supervisors()
        if keep:
            print(f"kept for a look: {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def end_supervisors(self):
        """Runs outlive their node on purpose; those below our directory end with the test."""
        mark = str(self.directory).encode()
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark in environment and b"bugle-exec" in command:
                try:
                    os.kill(int(entry.name), signal.SIGKILL)
                except ProcessLookupError:
                    pass


class WorldTest(unittest.TestCase):
    """A test with a fresh world; with_broker: initialised and running."""

    with_broker = True
    maxDiff = None

    def setUp(self):
        self.world = World()
        if self.with_broker:
            self.world.init()
            self.world.start_broker()

    def tearDown(self):
        outcome = self._outcome
        result = getattr(outcome, "result", None)
        failed = bool(result and any(
            test is self for test, _ in list(result.failures) + list(result.errors)))
        if not failed and result is None:
            failed = any(error for _, error in outcome.errors)
        self.world.close(keep=failed or bool(os.environ.get("BUGLE_TEST_KEEP")))


class SharedWorldTest(unittest.TestCase):
    """Tests that share one world, because they leave it as it was: a broker, and what prepare() adds."""

    maxDiff = None
    world = None

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        try:
            cls.world.init()
            cls.world.start_broker()
            cls.prepare()
        except BaseException:
            cls.world.close(keep=True)
            raise

    @classmethod
    def prepare(cls):
        """Nodes and jobs for all of the class."""

    @classmethod
    def tearDownClass(cls):
        cls.world.close(keep=bool(os.environ.get("BUGLE_TEST_KEEP")))


class Terminal:
    """A program on a pseudo terminal: stdin, stdout and stderr are its only end."""

    def __init__(self, world, program, *arguments, columns=100, environment=None):
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.text = ""
        env = {**world.environment, "TERM": "xterm", **(environment or {})}
        self.child = subprocess.Popen(
            [world.program(program), *map(str, arguments)], stdin=slave, stdout=slave, stderr=slave, env=env,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def read_until(self, text, deadline=DEADLINE):
        """Until the text was shown; gives all that was shown so far."""
        end = time.monotonic() + deadline
        while text not in self.text:
            left = end - time.monotonic()
            if left <= 0 or not self.read(left):
                raise AssertionError(f"the terminal did not show '{text}' but:\n{self.text}")
        return self.text

    def read(self, seconds):
        """False at the end."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:  # nobody has the other side any more
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def type(self, text):
        os.write(self.master, text.encode())

    def wait(self, deadline=DEADLINE):
        """Until it ended; gives exit code and all that was shown."""
        end = time.monotonic() + deadline
        while self.read(max(0, end - time.monotonic())):
            if time.monotonic() > end:
                self.child.kill()
                raise AssertionError(f"did not end within {deadline:g} s:\n{self.text}")
        code = self.child.wait(max(1, end - time.monotonic()))
        os.close(self.master)
        return code, self.text.replace("\r\n", "\n")


def main():
    unittest.main(verbosity=2)
