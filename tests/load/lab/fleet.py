"""A broker and enlisted nodes as real processes in a directory of their own; what they cost, and commands of the CLI."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from .kernel import children_of, cpu_us, utc_us
from .machine import environment

DEADLINE = 60
WORKING = ("front", "core", "node", "bugle-exec")
KINDS = (*WORKING, "broker parent", "node parent")


class Fleet:
    """A broker and so many enlisted nodes in a directory of their own."""

    def __init__(self, programs, count):
        self.programs = programs
        self.count = count
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bugle-load."))
        self.home = self.directory / "broker"
        self.names = [f"n{i:03d}" for i in range(1, count + 1)]
        self.environment = environment(self.directory)
        self.parents = {}  # name: Popen
        self.pids = {kind: [] for kind in KINDS}

    def run(self, program, *arguments, text=None):
        done = subprocess.run([f"{self.programs}/{program}", *map(str, arguments)], input=text, capture_output=True, text=True,
                              timeout=DEADLINE, env=self.environment, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{program} {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def rows(self, *arguments):
        return [json.loads(line) for line in self.run("bugle", *arguments, "-o", "jsonl").splitlines()]

    def make_broker(self):
        """A broker that runs; gives a token for all nodes."""
        self.run("bugle", "init", "--home", self.home, "--name", "load", "--listen", "127.0.0.1:0")
        self.start_broker()
        return self.run("bugle", "token", "create", "--uses", self.count, "--names", "n*").strip()

    def make(self):
        token = self.make_broker()

        def enlist(name):
            self.run("bugle-node", "enlist", "--home", self.directory / name, "--name", name, "--token", token)
        with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
            list(pool.map(enlist, self.names))

    def log(self, name):
        return self.directory / f"{name}.log"

    def spawn(self, name, *command, **environment):
        with open(self.log(name), "wb") as log:
            self.parents[name] = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                env={**self.environment, **environment}, start_new_session=True)

    def wait_log(self, name, *texts):
        """Until the lines with all texts are in the log; gives the time that the last of them carries."""
        end = time.monotonic() + DEADLINE
        while True:
            lines = self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()
            times = [next((line.split(" ", 1)[0] for line in lines if text in line), None) for text in texts]
            if all(times):
                return max(map(utc_us, times))
            if time.monotonic() > end:
                raise RuntimeError(f"{name} did not say {texts} within {DEADLINE} s:\n" + "\n".join(lines[-10:]))
            time.sleep(0.01)

    def wait_connected(self, name):
        """Until a node is connected on both sockets and its bugle-exec is there; gives the time, in us."""
        return self.wait_log(name, "node connected", "link=orders state=up", "parts=2")

    def spawn_broker(self):
        self.spawn("broker", f"{self.programs}/bugle-broker", "--home", self.home)

    def start_broker(self):
        self.spawn_broker()
        self.wait_log("broker", "broker ready")

    def start_nodes(self):
        """Milliseconds from before the first is started until the last is connected on both sockets, by their own logs."""
        begun_us = time.time_ns() // 1000
        for name in self.names:
            self.start_node(name)
        # Looking at a hundred files takes CPU from those that start: first only at the last.
        connected = [self.wait_connected(name) for name in reversed(self.names)]
        self.find_processes()
        return (max(connected) - begun_us) / 1000

    def start_node(self, name):
        self.spawn(name, f"{self.programs}/bugle-node", "--home", self.directory / name)

    def start_new_node(self, name, token):
        """Enlists and then is the node: one process from the first key to the end."""
        line = '"$0" enlist -q --home "$1" --name "$2" && exec "$0" --home "$1"'
        self.spawn(name, "/bin/sh", "-c", line, f"{self.programs}/bugle-node", self.directory / name, name, BUGLE_TOKEN=token)

    def kill(self, name):
        """Power fails for a broker or a node: all of its processes at once. Supervisors have sessions of their own and stay."""
        parent = self.parents.pop(name)
        parent.send_signal(signal.SIGSTOP)  # it must not start its parts again
        for pid in children_of()[parent.pid]:
            os.kill(pid, signal.SIGKILL)
        parent.kill()
        parent.wait()

    def find_processes(self):
        tree = children_of()
        self.pids = {kind: [] for kind in KINDS}
        for name, parent in self.parents.items():
            self.pids["broker parent" if name == "broker" else "node parent"].append(parent.pid)
            for pid in tree[parent.pid]:
                command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                word = os.path.basename(command[0]).decode()
                self.pids[word if word == "bugle-exec" else command[1].decode()].append(pid)
        expected = {"front": 1, "core": 1, "broker parent": 1}
        for kind in KINDS:
            if len(self.pids[kind]) != expected.get(kind, self.count):
                raise RuntimeError(f"{len(self.pids[kind])} processes are a {kind}")

    def settle(self):
        """After something was started again: until its processes are there and quiet."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                self.find_processes()
                break
            except (RuntimeError, OSError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.wait_quiet()

    def stop(self):
        """Nodes first; each by its process id, hard when it does not end."""
        for names in ([name for name in self.parents if name != "broker"], ["broker"]):
            mine = [self.parents.pop(name) for name in names if name in self.parents]
            for parent in mine:
                parent.send_signal(signal.SIGTERM)
            end = time.monotonic() + 15
            for parent in mine:
                try:
                    parent.wait(max(0.1, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    os.killpg(parent.pid, signal.SIGKILL)
                    parent.wait()

    def close(self, keep):
        self.stop()
        if keep:
            print(f"kept for a look: {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    # --- measuring ---

    def cpu(self):
        return {kind: sum(map(cpu_us, pids)) for kind, pids in self.pids.items()}

    def wait_quiet(self):
        """Until acknowledgements and deletions are through: no CPU used for a while."""
        end = time.monotonic() + 5
        last = sum(self.cpu().values())
        while time.monotonic() < end:
            time.sleep(0.15)
            now = sum(self.cpu().values())
            if now - last < 100 * len(self.parents):
                return
            last = now

    def command(self, *arguments):
        """Runs the CLI; gives its output, wall and CPU in us and the time of its end."""
        with tempfile.TemporaryFile(dir=self.directory) as out, open(self.directory / "cli.log", "ab") as log:
            begun = time.monotonic_ns()
            child = subprocess.Popen([f"{self.programs}/bugle", *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                     env=self.environment)
            _, status, usage = os.wait4(child.pid, 0)
            ended_us = time.time_ns() // 1000
            wall_us = (time.monotonic_ns() - begun) / 1000
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode != 0:
                raise RuntimeError(f"bugle {' '.join(arguments)} ended with {child.returncode}")
            out.seek(0)
            return out.read(), wall_us, (usage.ru_utime + usage.ru_stime) * 1e6, ended_us

    def start_once(self, job):
        """One START of a job on all nodes, waited for; everything that is measured of it."""
        self.wait_quiet()
        before = self.cpu()
        out, wall_us, cli_us, ended_us = self.command("job", "start", job, "--all", "--wait", "-y", "-o", "json")
        execution = json.loads(out)
        self.wait_quiet()
        cpu = {kind: after - before[kind] for kind, after in self.cpu().items()}
        rows = self.rows("job", "history", job, "--exec", execution["id"], "--limit", str(self.count + 1))
        if len(rows) != self.count or any(row["state"] != "succeeded" for row in rows):
            raise RuntimeError(f"{len(rows)} runs of {self.count}, not all succeeded")
        return {"execution": execution, "rows": rows, "cpu": cpu, "cli_us": cli_us, "command_us": wall_us,
                "ended_us": ended_us}
