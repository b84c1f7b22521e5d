"""bugle-bare: what the bare libraries do with the same sockets, keys, sizes and counts, in the same run."""

import json
import subprocess

DEADLINE = 120


class Bare:
    """Runs the programs' modes when a figure wants one; a mode with the same arguments is run once."""

    def __init__(self, programs, targets, say):
        self.program = programs / "bugle-bare"
        self.targets = targets
        self.say = say
        self.results = {}
        self.is_off = not self.program.exists()
        if self.is_off:
            say("no bugle-bare among the programs: no bare figures beside ours")

    def mode(self, mode, *options, again=0):
        """What the mode printed, or None. again: a number that tells further runs of the same apart."""
        key = (mode, *map(str, options), again)
        if key not in self.results and not self.is_off:
            self.results[key] = self.run(mode, *map(str, options))
        return self.results.get(key)

    def run(self, mode, *options):
        command = [self.program, mode, "--targets", str(self.targets), *options]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
        except subprocess.TimeoutExpired:
            self.say(f"bugle-bare {mode} did not end within {DEADLINE} s")
            return None
        if done.returncode != 0:
            self.say(f"bugle-bare {mode} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
            return None
        return json.loads(done.stdout.strip().splitlines()[-1])

    def figure(self, key, mode, *options, factor=1.0, again=0):
        """(name, value) of one of the mode's figures, for Figures.add; None without it."""
        result = self.mode(mode, *options, again=again)
        if result is None or result.get(key) is None:
            return None
        return f"{mode}: {key}", result[key] * factor
