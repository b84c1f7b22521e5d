"""Scenario: what people ask of the history while outcomes come in, with millions of rows behind it."""

import threading
import time

from . import ballast, checks
from .bench import PREFIX, id_bytes
from .kernel import utc_us
from .measures import percentile
from .questions import Questions

JOBS = 200  # over which the ballast is spread
RATE = 10_000  # outcomes a second meanwhile
SECONDS = 12
PAUSE = 0.01  # between two questions


def history(lab):
    """Questions of the CLI, timed in a connection that stays (a CLI's start alone takes 10 ms)."""
    rows = lab.options.rows
    lab.settle()
    if rows:
        fill(lab, rows)
    questions = Questions(lab.broker)
    try:
        job = f"history {JOBS // 2:04}" if rows else "lab 0"
        times = ask_while_ingesting(lab, questions, job)
    finally:
        questions.close()
    for name, samples in times.items():
        goal = "history" if name == "newest 50 of a job" else None
        lab.add(f"{name}: p99", "ms", percentile(samples, 99) / 1000, goal=goal,
                note=f"{lab.foreign_rows + lab.produced:,} rows, {len(samples)} questions")
        lab.add(f"{name}: median", "ms", percentile(samples, 50) / 1000)
        lab.add(f"{name}: longest", "ms", max(samples) / 1000)


def fill(lab, rows):
    """Jobs for one target, so that their names are known; then the broker stops, is filled, and starts again."""
    lab.broker.bugle("apply", "-f", "-", text="---\n".join(
        f"job: history {i:04}\ntargets: {{names: [{PREFIX}00001]}}\nsteps:\n  - {{name: s, run: [/bin/true]}}\n"
        for i in range(JOBS)))
    lab.check_start(lab.start("lab 0"))  # rows of which copies are made
    keys = [(id_bytes(row["key"]), name) for name, row in sorted(lab.jobs().items()) if name.startswith("history ")]
    lab.settle()
    lab.swarm.ask("reset")
    lab.broker.stop()
    begun = time.monotonic()
    own = checks_before_fill(lab)
    last = ballast.fill(lab.broker.store_path(), rows, keys)
    lab.foreign_rows = last
    size, _ = lab.broker.store_bytes()
    lab.say(f"{last - own:,} rows of history put into the store in {time.monotonic() - begun:.0f} s")
    lab.add("store with the history", "MiB", size / 2**20)
    lab.add("the same for each row", "B", size / last)
    begun_us = lab.broker.start()
    line = next(line for line in lab.broker.log_text().splitlines() if "broker ready" in line)
    lab.add("broker started with it -> ready", "s", (utc_us(line.split(" ", 1)[0]) - begun_us) / 1e6)
    lab.swarm.wait("current", 120)
    lab.settle()


def checks_before_fill(lab):
    """What was stored so far is counted now: later rows are told from the ballast by their place behind it."""
    lab.fault(*checks.store(lab.broker.store_path(), lab.expected, lab.foreign_rows, lab.produced))
    lab.expected.clear()
    lab.produced_before += lab.produced
    lab.produced = 0
    return checks.rows(lab.broker.store_path())


def ask_while_ingesting(lab, questions, job):
    """{question: [microseconds]} while the targets report at a fixed rate."""
    seconds = 3 if lab.is_quick else SECONDS
    rate = max(10, min(RATE, int(getattr(lab, "one_rate", RATE) / 2)))
    count = max(1, rate * seconds // lab.targets)
    kinds = [
        ("newest 50 of a job", "HISTORY_QUERY", {"job": job, "limit": 50}),
        ("newest 50 of a target", "HISTORY_QUERY", {"target": f"{PREFIX}00001", "limit": 50}),
        ("newest 50 of all", "HISTORY_QUERY", {"limit": 50}),
        ("what failed of a job", "HISTORY_QUERY", {"job": job, "states": [2, 3, 4], "limit": 50,
                                                   "since_us": time.time_ns() // 1000 - 86400 * 1_000_000}),
        ("executions", "EXEC_QUERY", {"limit": 50}),
        ("jobs with their last outcome", "JOB_QUERY", {"limit": 50}),
        ("targets", "TARGET_QUERY", {"limit": 50}),
        ("status", "STATUS_QUERY", {}),
    ]
    for _, kind, value in kinds:
        questions.time_us(kind, **value)  # the first of each reads pages from the disk
    times = {name: [] for name, _, _ in kinds}
    done = threading.Event()
    failed = []

    def work():
        try:
            made = lab.produce(count, 1, rate)
            lab.add("outcomes stored meanwhile", "1/s", made["outcomes"] * 1e6 / max(1, made["last_us"] - made["first_us"]))
            lab.add("their acknowledgement: p99", "ms", made["ack_p99_us"] / 1000)
        except Exception as err:  # told by the scenario's own thread
            failed.append(err)
        finally:
            done.set()
    thread = threading.Thread(target=work)
    thread.start()
    while not done.is_set():
        for name, kind, value in kinds:
            times[name].append(questions.time_us(kind, **value)[0])
            time.sleep(PAUSE)
    thread.join()
    if failed:
        raise failed[0]
    return times
