"""Scenarios with real nodes: ten thousand scheduled jobs on one, and the figures of tests/load/first.

They need no swarm: broker and nodes of their own, begun after the swarm has ended.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import time

from .broker import wait_for
from .kernel import utc_us
from .fleet import Fleet
from .kernel import cpu_us, memory_kib, wake_ups
from .measures import percentile

FIRST = pathlib.Path(__file__).resolve().parents[1] / "first"
PER_APPLY = 1000
LATE_JOBS = 20  # due every LATE_EVERY seconds
LATE_EVERY = 5
SECONDS_OF_DAY = 86400


def sleeping_job(i, count):
    """Due once a day, at a time of its own, none within the next two hours."""
    now = time.gmtime()
    second = (now.tm_hour * 3600 + now.tm_min * 60 + 7200 + (SECONDS_OF_DAY - 10800) * i // count) % SECONDS_OF_DAY
    return (f"job: daily {i:05}\ntargets: {{all: true}}\nsteps:\n  - {{name: s, run: [/bin/true]}}\nschedules:\n"
            f"  - {{name: d, cron: '{second % 60} {second // 60 % 60} {second // 3600} * * *', zone: UTC}}\n")


def late_job(i):
    return (f"job: often {i:03}\ntargets: {{all: true}}\nsteps:\n  - {{name: s, run: [/bin/true]}}\nschedules:\n"
            f"  - {{name: o, cron: '*/{LATE_EVERY} * * * * *', zone: UTC}}\n")


def schedules(lab):
    """Ten thousand scheduled jobs on one node: memory, wake-ups, lateness."""
    count = 500 if lab.is_quick else 10_000
    fleet = Fleet(lab.broker.programs, 1)
    try:
        fleet.make()
        fleet.start_nodes()
        node, executor = fleet.pids["node"][0], fleet.pids["bugle-exec"][0]
        fleet.wait_quiet()
        empty = [memory_kib(pid)[0] for pid in (node, executor)]
        begun = time.monotonic()
        for first in range(0, count, PER_APPLY):
            apply(fleet, [sleeping_job(i, count) for i in range(first, min(count, first + PER_APPLY))])
        wait_read(fleet)
        lab.add(f"{count:,} jobs posted until the node holds all", "s", time.monotonic() - begun)
        fleet.wait_quiet()
        note_memory(lab, "node", memory_kib(node)[0], empty[0], count)
        note_memory(lab, "bugle-exec", memory_kib(executor)[0], empty[1], count)
        note_idle(lab, node, executor)
        note_lateness(lab, fleet)
    finally:
        fleet.close(lab.options.keep)


def apply(fleet, jobs):
    path = fleet.directory / "jobs.yaml"
    path.write_text("---\n".join(jobs), encoding="utf-8")
    fleet.run("bugle", "apply", "-f", path)


def wait_read(fleet):
    """Until the node has taken over all that the broker has for it."""
    wait_for("the node holds everything", lambda: not fleet.rows("target", "list")[0]["unread"], 120, 0.2)


def note_memory(lab, name, full, empty, count):
    lab.add(f"{name}: memory with the jobs", "KiB", full)
    lab.add(f"{name}: memory per job", "KiB", (full - empty) / count)


def note_idle(lab, node, executor):
    seconds = 3 if lab.is_quick else 20
    before = [(wake_ups(pid), cpu_us(pid)) for pid in (node, executor)]
    begun = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - begun
    for name, pid, (wakes, cpu) in zip(("node", "bugle-exec"), (node, executor), before):
        lab.add(f"{name}: wake-ups, none due", "1/s", (wake_ups(pid) - wakes) / passed)
        lab.add(f"{name}: CPU, none due", "us/s", (cpu_us(pid) - cpu) / passed)


def note_lateness(lab, fleet):
    """Some jobs more, due every few seconds all together: how late does each begin?"""
    apply(fleet, [late_job(i) for i in range(LATE_JOBS)])
    wait_read(fleet)
    wanted = LATE_JOBS * (2 if lab.is_quick else 4)

    def look():
        rows = [row for row in fleet.rows("job", "history", "--limit", "1000") if row["job"].startswith("often ")]
        return rows if len(rows) >= wanted else None
    rows = wait_for(f"{wanted} scheduled runs are in the history", look, 60, 0.5)
    occurrences = [(row["job"], row["nominal"]) for row in rows]
    if len(set(occurrences)) != len(occurrences):
        lab.fault(f"schedules: {len(occurrences) - len(set(occurrences))} occurrences ran more than once")
    wrong = [row for row in rows if row["state"] != "succeeded"]
    if wrong:
        lab.fault(f"schedules: {len(wrong)} of {len(rows)} occurrences did not succeed ({wrong[0]['reason']})")
    late = [utc_us(row["started"]) - utc_us(row["nominal"]) for row in rows if row["started"]]
    lab.add(f"lateness of {LATE_JOBS} jobs due at once: median", "ms", statistics.median(late) / 1000)
    lab.add(f"lateness of {LATE_JOBS} jobs due at once: p99", "ms", percentile(late, 99) / 1000)


# What tests/load/first calls them: goal, section, figure, factor to the goal's unit.
NODE_GOALS = [
    ("nodes-start", "START of /bin/true, 100 nodes: time", "issued -> last outcome stored", 1),
    ("node-start", "START of /bin/true, 1 node: time", "issued -> last outcome stored", 1),
    ("node-cpu", "START of /bin/true, 10 nodes: CPU for each node", "agent without the step: node, bugle-exec, supervisor", 0.001),
    ("node-pss", "Memory, 100 nodes, after one START", "node and bugle-exec: PSS", 1 / 1024),
    ("node-private", "Memory, 100 nodes, after one START", "node and bugle-exec: private dirty", 1 / 1024),
    ("nodes-connected", "Start-up until all are connected", "100 nodes", 0.001),
    ("runs", "Runs of one step per second", "5 STARTs at once, 100 nodes", 1),
]
UNITS = {"nodes-start": "ms", "node-start": "ms", "node-cpu": "ms", "node-pss": "MiB", "node-private": "MiB",
         "nodes-connected": "s", "runs": "1/s"}


def nodes(lab):
    """tests/load/first: 1, 10 and 100 real nodes."""
    path = lab.broker.directory / "first.json"
    done = subprocess.run([sys.executable, FIRST, "--bin", lab.broker.programs, "--runs", "3", "--json", path],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=400, check=False)
    if done.returncode != 0:
        lab.fault(f"tests/load/first ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        return
    found = json.loads(path.read_text(encoding="utf-8"))["figures"]
    for goal, section, name, factor in NODE_GOALS:
        row = found.get(section, {}).get(name)
        if row:
            lab.add(f"{section}: {name}", UNITS[goal], *(sample * factor for sample in row["samples"]), goal=goal)
    idle = next((rows for section, rows in found.items() if section.startswith("Idle")), None)
    if idle:
        lab.add("idle wake-ups of a node and its bugle-exec", "1/s", idle["node: wake-ups"]["median"]
                + idle["bugle-exec: wake-ups"]["median"], goal="node-wakes")
