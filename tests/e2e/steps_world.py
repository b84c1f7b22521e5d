"""One machine with local jobs, for the tests of what steps do: a job is steps, and its outcome is one row.

What every run must leave behind is asked after each test: no process that carries the run's id or was marked, no file of a
run, and a supervisor that stayed small.
"""

import os
import pathlib
import unittest
import uuid

from world import Node, World, wait_for

import yaml

GROWTH_KIB = 2048  # of a supervisor, however much its step says or does


def processes(find):
    """Process ids for which find (pid, /proc directory) holds; those that go meanwhile do not count."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if find(int(entry.name), entry):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def is_gone(pid):
    """Also when somebody has yet to collect it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


class Machine:
    """A node with a bugle-exec in a home of its own."""

    def __init__(self, environment=None):
        self.world = World()
        self.node = Node(self.world, "box")
        self.node.start(environment)
        self.directory = self.world.directory
        self.marks = 0

    def close(self, keep):
        self.world.close(keep=keep)

    def local(self, *arguments, code=0, **more):
        return self.world.run("bugle-node", *arguments, "--home", str(self.node.home), code=code, **more)

    def apply(self, steps, **job):
        name = "j" + uuid.uuid4().hex[:12]
        self.local("job", "apply", "-", input=yaml.safe_dump({"job": name, "steps": steps, **job}))
        return name

    def rows(self, name):
        return self.local("history", name, "-v", "-o", "jsonl").rows()

    def over(self, name, count=1, deadline=60):
        """The newest run of the job once so many have ended."""
        def look():
            rows = [row for row in self.rows(name) if row["state"] not in ("running", "waiting")]
            return rows if len(rows) >= count else None
        return wait_for(f"{name} is over", look, deadline)[0]

    def start(self, steps, **job):
        name = self.apply(steps, **job)
        self.local("job", "start", name)
        return name

    def run(self, *steps, deadline=60, **job):
        """From the START to the outcome: the row of the run."""
        return self.over(self.start(list(steps), **job), deadline=deadline)

    def stop(self, name):
        self.local("job", "stop", name)

    # --- what goes on ---

    def supervisor(self, name):
        """The process that holds the job's run; waits until it is there."""
        def find():
            for row in self.rows(name):
                if row["state"] == "running":
                    run = row["run"].encode()
                    found = processes(lambda _, entry: (entry / "comm").read_text() == "bugle-exec run\n" and
                                      run in (entry / "cmdline").read_bytes())
                    return found[0] if found else None
            return None
        return wait_for(f"{name} has a supervisor", find)

    @staticmethod
    def most_memory(pid):
        """KiB that a process had at most so far."""
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise AssertionError("the kernel tells no VmHWM")

    def usual_memory(self):
        """What a supervisor has with a step that says nothing."""
        gate = self.fifo(f"gate-{uuid.uuid4().hex}")
        name = self.start([{"name": "quiet", "script": f"read line <{gate}"}])
        with open(gate, "w") as writer:
            kib = self.most_memory(self.supervisor(name))
            writer.write("\n")
        self.over(name)
        return kib

    # --- meeting points ---

    def fifo(self, name):
        path = self.directory / name
        os.mkfifo(path)
        return path

    def mark(self):
        """A number of seconds to sleep that nobody else sleeps: its processes are found by it."""
        self.marks += 1
        return f"{100000 + os.getpid()}.{self.marks:04d}"

    @staticmethod
    def marked(mark):
        return processes(lambda _, entry: mark.encode() in (entry / "cmdline").read_bytes().split(b"\0"))

    # --- afterwards ---

    def left_processes(self):
        """Those that steps were given the environment of, on this machine's runs."""
        home = str(self.node.home).encode()
        def is_step(_, entry):
            environment = (entry / "environ").read_bytes()
            return b"BUGLE_RUNID=" in environment and b"BUGLE_JOBID=" in environment and home in environment
        return processes(is_step)

    def run_files(self):
        return [path.name for path in (self.node.home / "exec" / "runs").iterdir() if path.name.endswith(".run")]


class StepsTest(unittest.TestCase):
    """Tests that share one machine. All steps get HOME_OF_TEST so that what they leave can be told from others."""

    maxDiff = None
    environment = None

    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(cls.environment)
        cls.directory = cls.machine.directory

    @classmethod
    def tearDownClass(cls):
        cls.machine.close(keep=bool(os.environ.get("BUGLE_TEST_KEEP")))

    def tearDown(self):
        wait_for("no file of a run is left", lambda: not self.machine.run_files())
        supervisors = processes(lambda _, entry: (entry / "comm").read_text() == "bugle-exec run\n" and
                                str(self.directory).encode() in (entry / "environ").read_bytes())
        self.assertEqual(supervisors, [])

    def run_steps(self, *steps, **more):
        return self.machine.run(*[{"name": f"s{i + 1}", **step} for i, step in enumerate(steps)], **more)

    def start_steps(self, *steps, **job):
        return self.machine.start([{"name": f"s{i + 1}", **step} for i, step in enumerate(steps)], **job)

    def run_script(self, script, **step):
        """A job of one step; gives the run and the step's result."""
        run = self.run_steps({"script": script, **step})
        return run, run["steps"][0]

    def output(self, script, **step):
        run, result = self.run_script(script, **step)
        self.assertEqual(run["state"], "succeeded", run)
        return result["output"]

    def assert_gone(self, mark):
        wait_for("nothing of it is left", lambda: not self.machine.marked(mark), 20)
