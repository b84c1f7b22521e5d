"""A broker in a directory of its own, and the CLI against it.

It listens on 127.0.0.1 with ports of its own choice; its processes are ended by their ids.
"""

import json
import os
import pathlib
import signal
import shutil
import subprocess
import sys
import tempfile
import time

from . import kernel
from .machine import environment

DEADLINE = 120
PARTS = ("front", "core")


class Failed(Exception):
    """A program did not do what it was asked; the text says what it said."""


class Broker:
    def __init__(self, directory_of_programs, keep=False):
        self.programs = pathlib.Path(directory_of_programs)
        self.keep = keep
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bugle-load."))
        self.home = self.directory / "broker"
        self.environment = environment(self.directory)
        self.child = None
        self.pids = {}
        self.starts = 0

    # --- programs ---

    def run(self, program, *arguments, text=None, codes=(0,), deadline=DEADLINE):
        done = subprocess.run([self.programs / program, *map(str, arguments)], input=text, capture_output=True, text=True,
                              timeout=deadline, env=self.environment, check=False)
        if done.returncode not in codes:
            raise Failed(f"{program} {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def bugle(self, *arguments, **more):
        return self.run("bugle", *arguments, **more)

    def json(self, *arguments, **more):
        return json.loads(self.bugle(*arguments, "-o", "json", **more))

    # --- life ---

    def make(self):
        self.bugle("init", "--home", self.home, "--name", "load", "--listen", "127.0.0.1:0")

    def log(self):
        return self.directory / f"broker{self.starts}.log"

    def start(self):
        """Until it is ready; gives the time just before (microseconds UTC)."""
        self.starts += 1
        begun_us = time.time_ns() // 1000
        with open(self.log(), "wb") as log:
            self.child = subprocess.Popen([self.programs / "bugle-broker", "--home", self.home], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.DEVNULL, stderr=log, env=self.environment, start_new_session=True)
        wait_for("the broker is ready", lambda: self.alive() and "broker ready" in self.log_text(), DEADLINE, 0.005)
        self.find_parts()
        return begun_us

    def alive(self):
        if self.child.poll() is not None:
            raise Failed(f"the broker ended with {self.child.returncode}:\n{self.log_text()[-2000:]}")
        return True

    def log_text(self):
        return self.log().read_text(encoding="utf-8", errors="replace")

    def find_parts(self):
        self.pids = {}
        for pid in kernel.children_of()[self.child.pid]:
            for part in PARTS:
                if part in kernel.command_line(pid):
                    self.pids[part] = pid
        if set(self.pids) != set(PARTS):
            raise Failed(f"of the broker's parts only {sorted(self.pids)} run")

    def stop(self):
        """Asks it to end; gives its exit code."""
        if self.child is None:
            return 0
        self.child.send_signal(signal.SIGTERM)
        return self.collect(30)

    def kill(self):
        """As when the power fails: parent and parts at once."""
        self.child.send_signal(signal.SIGSTOP)
        for pid in self.pids.values():
            os.kill(pid, signal.SIGKILL)
        self.child.kill()
        self.collect(10)

    def collect(self, seconds):
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            code = -signal.SIGKILL
        self.child, self.pids = None, {}
        return code

    def close(self):
        if self.child is not None and self.child.poll() is None:
            self.stop()
        if self.keep:
            print(f"kept for a look: {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    # --- what it costs ---

    def cpu_us(self):
        """CPU of each part so far."""
        return {part: kernel.cpu_us(pid) for part, pid in self.pids.items()}

    def memory_kib(self):
        """PSS of each part."""
        return {part: kernel.memory_kib(pid)[0] for part, pid in self.pids.items()}

    def descriptors(self):
        return {part: kernel.descriptors(pid) for part, pid in self.pids.items()}

    def store_path(self):
        return self.home / "broker" / "broker.db"

    def store_bytes(self):
        """(file, write-ahead log)"""
        log = self.store_path().with_name("broker.db-wal")
        return self.store_path().stat().st_size, log.stat().st_size if log.exists() else 0

    def complaints(self):
        """Lines of all its logs that tell an error."""
        found = []
        for log in sorted(self.directory.glob("broker*.log")):
            found += [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if " error " in line]
        return found


def wait_for(what, condition, seconds, pause=0.05):
    """Until the condition gives something that is true; gives that."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
