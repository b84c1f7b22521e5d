"""Scenarios: the broker is killed and started again, a third of the targets is cut off, one percent restarts all the time."""

import time

from .bench import JOBS
from .kernel import utc_us

BACK_SECONDS = 120
PARTITION_PERCENT = 33


def restart(lab):
    """The broker dies as by a power failure, and comes back: everybody is back and has polled, by itself."""
    lab.settle()
    lab.swarm.ask("reset")
    shown = lab.start("lab 1", wait=False)  # some of it is under way
    lab.broker.kill()
    lab.follow("restart", "targets connected and current after the broker's death", "targets", ("connected", "current"),
               lambda status: status["connected"] == 0, BACK_SECONDS)
    begun_us = lab.broker.start()
    lab.follow("restart", "", "", ("connected", "current"),
               lambda status: status["current"] >= lab.targets, BACK_SECONDS)
    current = lab.swarm.wait("current", BACK_SECONDS)
    lab.add("started again -> ready", "s", (time_of_ready(lab) - begun_us) / 1e6)
    for words, key in (("first", "first_us"), ("median", "p50_us"), ("p99", "p99_us")):
        lab.add(f"started again -> back and polled: {words}", "s", (current[key] - begun_us) / 1e6)
    lab.add("started again -> back and polled: last", "s", (current["last_us"] - begun_us) / 1e6, goal="restart",
            bare=lab.bare.figure("storm", "last_us", 1e-6))
    lab.settle()
    lab.check_start(finished(lab, shown["id"]))


def time_of_ready(lab):
    line = next(line for line in lab.broker.log_text().splitlines() if "broker ready" in line)
    return utc_us(line.split(" ", 1)[0])


def finished(lab, execution, seconds=60):
    """What `exec show` says once the execution is over, or at the end of the patience."""
    end = time.monotonic() + seconds
    while True:
        shown = lab.broker.json("exec", "show", execution)
        if shown["done"] or time.monotonic() > end:
            return shown
        time.sleep(0.2)


def partition(lab):
    """A third cannot be reached while a job starts; healed, they do what they missed, once."""
    lab.settle()
    lab.swarm.ask("cut", PARTITION_PERCENT)
    away = lab.targets - lab.follow("partition", "outcomes of a START, a third of the targets away until healed", "targets",
                                    ("connected",), lambda status: status["connected"] < lab.targets, 30)["connected"]
    shown = lab.start("lab 2", wait=False)
    end = time.monotonic() + 60
    while lab.swarm.execution(shown["id"])["over"] < lab.targets - away and time.monotonic() < end:
        time.sleep(0.1)
    seen = lab.swarm.execution(shown["id"])
    if seen["over"] != lab.targets - away:
        lab.fault(f"partition: {seen['over']} runs are over with {away} of {lab.targets} targets away")
    healed_us = time.time_ns() // 1000
    lab.swarm.ask("heal")
    over = finished(lab, shown["id"], BACK_SECONDS)
    lab.settle()
    lab.check_start(over)
    lab.add("targets away", "1", away)
    if over["done"]:
        lab.add("healed -> last outcome stored", "s", (utc_us(over["done"]) - healed_us) / 1e6)


def churn(lab):
    """One percent of the targets restarts every second or more rarely, while one START follows the other: each runs once on each."""
    lab.settle()
    rounds = 3 if lab.is_quick else 10
    before = lab.cost()
    begun = time.monotonic()
    shown = []
    for i in range(rounds):
        lab.swarm.ask("restart", 1)
        shown.append(lab.start(f"lab {i % JOBS}"))
        time.sleep(max(0, begun + i + 1 - time.monotonic()))
    lab.swarm.wait("current", BACK_SECONDS)
    lab.settle()
    after, passed = lab.cost(), time.monotonic() - begun
    for one in shown:
        over = finished(lab, one["id"])
        lab.check_start(over)
        if over["done"]:
            lab.add("START under churn: last outcome stored", "ms", (utc_us(over["done"]) - utc_us(over["issued"])) / 1000)
    lab.add("broker: processors in use", "1", sum(after[part] - before[part] for part in ("front", "core")) / passed / 1e6)
