"""bugle-swarm as a child, and its control socket: one line in, one line of JSON out."""

import json
import os
import signal
import socket
import subprocess
import time

from . import kernel
from .broker import Failed, wait_for

ANSWER_SECONDS = 30  # beyond what the swarm itself was told to wait


class Swarm:
    def __init__(self, broker, targets, token, *options):
        self.broker, self.asked = broker, targets
        self.control = broker.directory / "swarm.sock"
        self.report_file = broker.directory / "swarm.json"
        self.log = broker.directory / "swarm.log"
        self.begun_us = time.time_ns() // 1000
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                [broker.programs / "bugle-swarm", "--targets", str(targets), "--control", self.control, "--report",
                 self.report_file, *map(str, options)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=dict(broker.environment, BUGLE_TOKEN=token), start_new_session=True)
        self.socket = None
        self.lines = None

    # --- the control socket ---

    def connect(self):
        def try_it():
            if self.child.poll() is not None:
                raise Failed(f"bugle-swarm ended with {self.child.returncode}:\n{self.log_text()[-2000:]}")
            found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                found.connect(str(self.control))
            except OSError:
                found.close()
                return None
            return found
        self.socket = wait_for("bugle-swarm listens on its control socket", try_it, 60)
        self.lines = self.socket.makefile("rb")

    def ask(self, *words, seconds=0):
        """One command; gives its answer."""
        self.socket.settimeout(seconds + ANSWER_SECONDS)
        command = " ".join(map(str, words))
        try:
            self.socket.sendall(command.encode() + b"\n")
            line = self.lines.readline()
        except socket.timeout as err:
            raise Failed(f"bugle-swarm did not answer '{command}' within {seconds + ANSWER_SECONDS:g} s:\n"
                         f"{self.log_text()[-2000:]}") from err
        except OSError:
            line = b""
        if not line:
            raise Failed(f"bugle-swarm hung up at '{command}':\n{self.log_text()[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"bugle-swarm at '{command}': {answer['error']}")
        return answer

    def status(self):
        return self.ask("status")

    def wait(self, what, seconds):
        """Until all targets are enlisted, connected, current or quiet; gives when they got there."""
        answer = self.ask("wait", what, int(seconds), seconds=seconds)
        if not answer["ok"]:
            raise Failed(f"not within {seconds:g} s: the targets are {what} ({answer.get('count')} of {self.asked}; "
                         f"{json.dumps(self.status())})")
        return answer

    def execution(self, text):
        return self.ask("exec", text)

    def held(self, name, version):
        return self.ask("held", name, version)

    # --- life ---

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def first_line(self):
        return self.log_text().split("\n", 1)[0]

    def pids(self):
        return kernel.descendants(self.child.pid)

    def cpu_us(self):
        return sum(kernel.cpu_us(pid) for pid in self.pids())

    def memory_kib(self):
        return sum(kernel.memory_kib(pid)[0] for pid in self.pids())

    def descriptors(self):
        return sum(kernel.descriptors(pid) for pid in self.pids())

    def stop(self, seconds=60):
        """Asks it to end; gives (exit code, its report or None)."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            code = self.child.wait()
        if self.socket is not None:
            self.lines.close()
            self.socket.close()
            self.socket = None
        report = json.loads(self.report_file.read_text(encoding="utf-8")) if self.report_file.exists() else None
        return code, report
