"""A program of ours in the foreground, as the tests of real processes see it: its stderr is kept line by line and can be
waited on. Waiting is always for an event or a condition with a deadline, never for time."""

import os
import select
import threading
import time

_pause = threading.Event()


def wait_for(what, condition, deadline):
    """Until condition() gives something true, which is returned; fails with the text after the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        _pause.wait(0.01)


class Foreground:
    """Wraps a subprocess.Popen whose stderr is a pipe of bytes."""

    name = "the program"
    deadline = 20

    def watch(self, child, log=None):
        """From now on it is this child; what it writes is also copied into log."""
        self.child = child
        self.log = log
        self.lines, self.pending = [], b""

    @property
    def pid(self):
        return self.child.pid

    def read(self, seconds):
        """Takes what was written to stderr, waiting up to so long for something. False at its end."""
        descriptor = self.child.stderr.fileno()
        if not select.select([descriptor], [], [], seconds)[0]:
            return True
        data = os.read(descriptor, 65536)
        if self.log:
            self.log.write(data)
            self.log.flush()
        *whole, self.pending = (self.pending + data).split(b"\n")
        self.lines += [line.decode(errors="replace") for line in whole]
        return bool(data)

    def last_lines(self):
        return "\n".join(self.lines[-30:])

    def wait_line(self, text, deadline=None, after=0):
        """Until a line with the text was written; gives its number plus one, for the next search."""
        end = time.monotonic() + (deadline or self.deadline)
        while True:
            for number, line in enumerate(self.lines[after:], after):
                if text in line:
                    return number + 1
            left = end - time.monotonic()
            if left <= 0 or not self.read(left):
                raise AssertionError(f"{self.name} did not say '{text}':\n" + self.last_lines())

    def wait(self, deadline=None):
        """Until it has ended; gives the exit code."""
        deadline = deadline or self.deadline
        end = time.monotonic() + deadline
        while self.child.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"{self.name} did not end within {deadline:g} s:\n" + self.last_lines())
            self.read(0.02)
        if not self.child.stderr.closed:
            while select.select([self.child.stderr.fileno()], [], [], 0)[0] and self.read(0):
                pass
            self.child.stderr.close()
        return self.child.returncode
