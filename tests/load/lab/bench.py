"""One run of the lab: the broker, the swarm, what was measured, what was found wrong. The scenarios work on this."""

import sys
import threading
import time

from . import checks
from .bare import Bare
from .broker import Broker, Failed
from .measures import Measures
from .swarm import Swarm

PREFIX = "swarm-"
JOB = """job: {name}
targets: {{all: true}}
steps:
  - name: "true"
    run: [/bin/true]
"""
JOBS = 10  # as many STARTs may be out at once: of one job they would overlap where the first is not over
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
SAMPLE_SECONDS = 0.5


def id_bytes(text):
    """The 16 bytes of an id's 26 characters."""
    number = 0
    for character in text:
        number = number * 32 + BASE32.index(character)
    return number.to_bytes(16, "big")


class Lab:
    def __init__(self, programs, targets, options):
        self.targets, self.options = targets, options
        self.is_quick = options.quick
        self.began = time.monotonic()
        self.measures = Measures()
        self.faults = []
        self.series = {}
        self.expected = {}  # executions that every target has to have exactly once: id: (name, targets)
        self.starts = 0  # STARTs to all so far
        self.produced = 0  # outcomes that belong to no execution
        self.produced_before = 0  # the same, before the store was last counted
        self.foreign_rows = 0  # rows of history that were put into the store as ballast
        self.had = None  # memory and descriptors once all were connected
        self.scenario = "start"
        self.broker = Broker(programs, options.keep)
        self.bare = Bare(programs, targets, self.broker.directory, self.say)
        self.swarm = None
        self.sampler = None

    def say(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", file=sys.stderr)

    def add(self, name, unit, *samples, **more):
        return self.measures.add(self.scenario, name, unit, *samples, **more)

    def fault(self, *sentences):
        for sentence in sentences:
            self.say(f"WRONG: {sentence}")
            self.faults.append(sentence)

    # --- life ---

    def open(self):
        """A broker and its first jobs."""
        self.broker.make()
        self.broker.start()
        self.apply(*(f"lab {i}" for i in range(JOBS)))

    def open_swarm(self, *options):
        token = self.broker.bugle("token", "create", "--uses", str(self.targets), "--names", f"{PREFIX}*",
                                  "--expires", "1d").strip()
        self.swarm = Swarm(self.broker, self.targets, token, "--prefix", PREFIX, "--steps", "noop", *options)
        self.swarm.connect()
        self.sampler = Sampler(self)
        self.sampler.start()

    def close(self):
        if self.sampler is not None:
            self.sampler.stop()
        if self.swarm is not None and self.swarm.child.poll() is None:
            self.swarm.stop(10)
        self.broker.close()

    def note_footprint(self):
        """What all have cost in memory and descriptors, to compare with at the end."""
        self.had = self.footprint()

    def footprint(self):
        memory, files = self.broker.memory_kib(), self.broker.descriptors()
        found = {part: (memory[part], files[part]) for part in memory}
        found["swarm"] = (self.swarm.memory_kib(), self.swarm.descriptors())
        return found

    # --- the work that scenarios share ---

    def apply(self, *names):
        self.broker.bugle("apply", "-f", "-", text="---\n".join(JOB.format(name=name) for name in names))

    def jobs(self):
        return {row["name"]: row for row in self.broker.json("job", "list", "--limit", "100000")["items"]}

    def cost(self):
        """CPU so far: front, core, swarm; microseconds."""
        return dict(self.broker.cpu_us(), swarm=self.swarm.cpu_us())

    def settle(self, seconds=120):
        """Until no run is open, nothing waits to be reported, and the broker rests."""
        self.swarm.wait("quiet", seconds)
        end = time.monotonic() + 5
        last = sum(self.broker.cpu_us().values())
        while time.monotonic() < end:
            time.sleep(0.15)
            now = sum(self.broker.cpu_us().values())
            if now - last < 5000:
                return
            last = now

    def start(self, job, *options, wait=True):
        """A START to all; with wait until every target has reported. Gives what the CLI shows."""
        words = ("--wait", "--timeout", "120s") if wait else ()
        shown = self.broker.json("job", "start", job, "--all", "-y", *words, *options, codes=(0, 20, 21), deadline=150)
        self.starts += 1
        self.expected[id_bytes(shown["id"])] = (f"START {shown['id']} of {job}", self.targets)
        return shown

    def check_start(self, shown):
        """A START that is over: every target once, at the broker and in the swarm. Gives the swarm's times."""
        seen = self.swarm.execution(shown["id"])
        self.fault(*checks.execution(shown, self.targets))
        self.fault(*checks.swarm_execution(seen, f"START {shown['id']} of {shown['job']}", self.targets))
        return seen

    def follow(self, name, title, y_name, keys, done, seconds, pause=0.25):
        """Looks at the swarm's status until done(status); the keys become a plot over time."""
        one = self.series.setdefault(name, {"title": title, "x": "seconds", "y": y_name, "lines": {key: [] for key in keys}})
        begun = time.monotonic()
        while True:
            status = self.swarm.status()
            now = time.monotonic() - begun
            for key in keys:
                one["lines"][key].append((round(now, 3), status[key]))
            if done(status):
                return status
            if now > seconds:
                raise Failed(f"not within {seconds} s: {title} ({status})")
            time.sleep(pause)

    def produce(self, count, per, rate=None, plot=None, seconds=150):
        """Every target makes so many outcomes of its own; until all are acknowledged. Gives the swarm's figures of it."""
        self.swarm.ask("reset")
        before = self.swarm.status()["outcomes"]
        self.swarm.ask("produce", count, per, *([rate] if rate else []))
        self.produced += count * self.targets
        if plot:
            self.follow(*plot, ("outcomes",), lambda status: status["outcomes"] - before >= count * self.targets
                        and not status["outbox"], seconds)
        self.swarm.wait("quiet", seconds)
        made = self.swarm.ask("produced")
        if made["outcomes"] != count * self.targets:
            self.fault(f"{made['outcomes']} of {count * self.targets} outcomes were acknowledged")
        return made

    # --- the end ---

    def finish(self):
        """Everything ends; what must hold of a load whatever its speed."""
        self.scenario = "end"
        self.settle()
        status = self.swarm.status()
        self.fault(*checks.settled(status))
        has = self.footprint()
        runs = self.produced + self.produced_before + self.targets * self.starts
        documents = self.targets * len(self.jobs())
        for part, (memory, files) in has.items():
            if self.had:
                before_memory, before_files = self.had[part]
                self.add(f"{part}: memory once connected", "KiB", before_memory)
                self.add(f"{part}: memory at the end", "KiB", memory)
                self.add(f"{part}: the same for each target", "KiB", memory / self.targets)
                self.fault(*checks.growth(part, before_memory, memory, self.targets, runs, documents),
                           *checks.descriptors(part, before_files, files))
        self.sampler.stop()
        self.series.update(self.sampler.series())
        code, report = self.swarm.stop()
        if code != 0:
            self.fault(f"bugle-swarm ended with {code}: {self.swarm.log_text().strip()[-300:]}")
        if report and "verify" in report:
            self.say("signatures: {asked} checks asked for, {computed} computed in {n} processes".format(
                n=report.get("processes", "?"), **report["verify"]))
        code = self.broker.stop()
        if code != 0:
            self.fault(f"the broker ended with {code}")
        file_bytes, _ = self.broker.store_bytes()
        self.add("store of the broker", "MiB", file_bytes / 2**20)
        self.fault(*checks.store(self.broker.store_path(), self.expected, self.foreign_rows, self.produced))
        for line in self.broker.complaints()[:5]:
            self.fault(f"the broker's log: {line}")


class Sampler(threading.Thread):
    """CPU and resident memory of the broker's parts and of the swarm, twice a second, for the plots."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab = lab
        self.end = threading.Event()
        self.points = []

    def run(self):
        while not self.end.wait(SAMPLE_SECONDS):
            try:
                self.points.append((time.monotonic() - self.lab.began, self.lab.cost()))
            except OSError:
                continue  # a part is being restarted

    def stop(self):
        self.end.set()
        self.join()

    def series(self):
        """CPU in percent of one processor over the time of the run."""
        lines = {"front": [], "core": [], "swarm": []}
        for (before_at, before), (at, now) in zip(self.points, self.points[1:]):
            for part, points in lines.items():
                if part in before and part in now and now[part] >= before[part]:
                    points.append((round(at, 2), round((now[part] - before[part]) / (at - before_at) / 1e4, 1)))
        return {"cpu": {"title": "CPU of each part, percent of one processor", "x": "seconds since the run began", "y": "%",
                        "lines": lines}}
