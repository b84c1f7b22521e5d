"""bugle-bare: what the bare libraries do with the same sockets, keys, sizes and counts, in the same run."""

import json
import subprocess

DEADLINE = 180

# Modes that each scenario's figures stand beside. They run before the swarm is there, in one process after the other.
MODES = {
    "enlist": ("handshakes", "memory"), "start": ("fanout", "start"), "job": ("fanout",), "burst": ("burst",),
    "results-one": ("ingest",), "restart": ("storm",),
}
HALF_LOAD = 10_000  # messages a second, half of the goal for outcomes one a message
STORE_ROWS = 500_000


class Bare:
    def __init__(self, programs, targets, directory, say):
        self.program = programs / "bugle-bare"
        self.targets, self.directory, self.say = targets, directory, say
        self.results = {}

    def measure(self, scenarios, is_quick):
        """Runs the modes that these scenarios' figures stand beside."""
        if not self.program.exists():
            self.say("no bugle-bare among the programs: no bare figures beside ours")
            return
        modes = list(dict.fromkeys(mode for name in scenarios for mode in MODES.get(name, ())))
        if modes:
            self.run("--targets", self.targets, "--rounds", 3 if is_quick else 7, *modes)
        if "ack-latency" in scenarios:
            self.run("--targets", self.targets, "--rate", HALF_LOAD, "--window", 1, "ingest", name="half")
        if "results-many" in scenarios:
            self.run("--store", self.directory / "bare.db", "--rows", STORE_ROWS // (50 if is_quick else 1), "rows")
        for path in self.directory.glob("bare.db*"):
            path.unlink()

    def run(self, *arguments, name=None):
        command = [self.program, *map(str, arguments)]
        self.say(f"bare libraries: {' '.join(command[1:])}")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
        except subprocess.TimeoutExpired:
            self.say(f"bugle-bare did not end within {DEADLINE} s")
            return
        if done.returncode != 0:
            self.say(f"bugle-bare ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        for line in done.stdout.splitlines():
            one = json.loads(line)
            self.results[name or one["mode"]] = one

    def figure(self, mode, key, factor=1.0):
        """(name, value) of one of a mode's figures, for Measures.add; None without it."""
        value = self.results.get(mode, {}).get(key)
        return None if value is None else (f"{mode}: {key}", value * factor)
