"""What must hold after a load whatever its speed: nothing lost, nothing doubled, nothing leaked.

Pure functions over what was counted; each gives a list of sentences, empty when all is well.
"""

import contextlib
import sqlite3

# What a long run may add to a process beyond what it had once all were connected: heap that is fragmented, queues that were
# longer, and at the core the cache of pages of its store. A leak per message or per run would be many times that.
MEMORY_SHARE = 0.30
MEMORY_KIB = {"front": 48 * 1024, "core": 128 * 1024, "swarm": 64 * 1024}
# libzmq keeps for each pipe a chunk of 256 messages, 16 KiB, once more than that have waited in it; a target has three.
PIPES_KIB = 3 * 16 + 16
# What a simulated target keeps on purpose, as a real one does on its disk: its own history, and the documents it holds.
KEPT_RUN_KIB = 1
KEPT_DOCUMENT_KIB = 8
DESCRIPTORS = 64


def execution(shown, targets):
    """shown: `exec show -o json` of a START that every one of so many targets should have run well."""
    faults = []
    name = f"START {shown['id']} of {shown['job']}"
    if shown["targets"] != targets:
        faults.append(f"{name}: {shown['targets']} targets instead of {targets}")
    if shown["succeeded"] != targets:
        rest = ", ".join(f"{shown[key]} {key}" for key in (
            "pending", "running", "failed", "canceled", "interrupted", "not_run", "silent", "waiting") if shown[key])
        faults.append(f"{name}: {shown['succeeded']} of {targets} succeeded ({rest or 'the rest is not told'})")
    return faults


def swarm_execution(seen, name, targets):
    """seen: the swarm's own count of a START."""
    return [f"{name}: the targets have {word} it {seen[word]} times instead of {targets}"
            for word in ("begun", "over") if word in seen and seen[word] != targets]


def settled(status):
    """status: the swarm's, when it should be quiet."""
    return [f"swarm: {status[key]} {words}" for key, words in (
        ("outbox", "outcomes still wait to be reported"), ("open_runs", "runs are still open"),
        ("refused_items", "outcomes were refused by the broker"), ("doubled", "runs began twice"),
        ("store_failures", "commits of targets failed")) if status.get(key)]


def growth(name, before_kib, after_kib, targets=0, runs=0, documents=0):
    """Memory of a part, once all were connected and at the end; with how many runs and documents its targets may keep."""
    bound = before_kib * (1 + MEMORY_SHARE) + MEMORY_KIB[name]
    if name in ("front", "swarm"):
        bound += targets * PIPES_KIB
    if name == "swarm":
        bound += runs * KEPT_RUN_KIB + documents * KEPT_DOCUMENT_KIB
    return [] if after_kib <= bound else [
        f"{name}: {after_kib:,.0f} KiB at the end, {before_kib:,.0f} when all were connected: over the bound of {bound:,.0f}"]


def descriptors(name, before, after):
    return [] if after <= before + DESCRIPTORS else [f"{name}: {after} descriptors at the end, {before} when all were connected"]


def store(path, expected, rows_before=0, produced=0):
    """Counts in the file of a stopped broker: exactly one row of history for each target of each START, every run once,
    no run open. expected: {execution id as 16 bytes: (name, targets)}; rows_before: rows that were put there by others;
    produced: outcomes that belong to no START, in all."""
    faults = []
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        found = {row[0]: row[1:] for row in db.execute(
            "SELECT exec, count(*), count(DISTINCT number) FROM run WHERE row > ? AND exec IS NOT NULL GROUP BY exec",
            (rows_before,))}
        for key, (name, targets) in expected.items():
            rows, distinct = found.pop(key, (0, 0))
            if distinct < targets:
                faults.append(f"{name}: {targets - distinct} of {targets} outcomes are not in the history")
            if rows > distinct:
                faults.append(f"{name}: {rows - distinct} outcomes are in the history more than once")
        faults += [f"the history has {rows} outcomes of an execution that nobody started" for rows, _ in found.values()]
        rows, distinct = db.execute("SELECT count(*), count(DISTINCT run) FROM run WHERE row > ?", (rows_before,)).fetchone()
        if rows != distinct:
            faults.append(f"{rows - distinct} runs are in the history under the id of another one")
        alone, = db.execute("SELECT count(*) FROM run WHERE row > ? AND exec IS NULL", (rows_before,)).fetchone()
        if alone != produced:
            faults.append(f"{alone} outcomes without a START are in the history, {produced} were acknowledged")
        still_open, = db.execute("SELECT count(*) FROM open_run").fetchone()
        if still_open:
            faults.append(f"{still_open} runs are open at the broker")
    return faults


def rows(path):
    """The highest row of history that the file has, 0 for none."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute("SELECT coalesce(max(row), 0) FROM run").fetchone()[0]
