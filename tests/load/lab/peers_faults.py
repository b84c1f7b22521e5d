"""Rows R9 to R13: deaths of nodes and of the broker, and schedules; what was lost or doubled goes into the findings."""

import collections
import json
import subprocess
import time

from .kernel import utc_us
from .peers_cron import cron_lateness

AWAY_SECONDS, AWAY_SHORT = 240, 15
MINUTES, MINUTES_SHORT = 6, 2
ENTRIES = 50

TICK = """job: tick
targets: {names: [%s]}
schedules:
  - {name: often, every: 3s}
steps:
  - name: count
    script: echo "$BUGLE_RUNID" >> %s
"""

ENTRY = """job: entry %d
targets: {all: true}
schedules:
  - {name: minute, cron: "* * * * *"}
steps:
  - name: date
    run: [/bin/date]
"""


def effect(fleet, label):
    """A command that leaves one line on its node each time it runs, and the file of all such lines."""
    path = fleet.directory / f"effect.{label}"
    return path, ["--", "/bin/sh", "-c", f'echo "$BUGLE_TARGET" >> {path}']


def count_effects(path):
    return collections.Counter(path.read_text(encoding="utf-8").split()) if path.exists() else collections.Counter()


def issue(fleet, choice, command):
    return json.loads(fleet.run("bugle", "run", *choice, "--no-wait", "-y", "-o", "json", *command))["id"]


def wait_stored(fleet, wanted, seconds):
    """Until these executions have a history row for each of their targets: {id: targets}; gives the rows, all that came."""
    end = time.monotonic() + seconds
    while True:
        rows = {exec_id: fleet.rows("job", "history", "--exec", exec_id, "--limit", "100") for exec_id in wanted}
        if all(len(rows[exec_id]) >= count for exec_id, count in wanted.items()) or time.monotonic() > end:
            return rows
        time.sleep(0.05)


def judge(peers, row, what, rows, effects, names):
    """Each of these nodes has exactly one outcome, succeeded, and one effect."""
    outcomes = collections.Counter(one["target"] for one in rows)
    for name in names:
        states = [one["state"] for one in rows if one["target"] == name]
        if outcomes[name] != 1 or effects[name] != 1 or states != ["succeeded"]:
            peers.findings.lose(row, f"{what}, {name}: {outcomes[name]} outcomes ({', '.join(states)}), {effects[name]} effects")


def last_stored_us(rows):
    return max(utc_us(one["stored"]) for one in rows)


def r9(peers):
    fleet = peers.fleet(6)
    name = fleet.names[0]
    for i in range(3):
        fleet.kill(name)
        path, command = effect(fleet, f"r9.{i}")
        exec_id = issue(fleet, ["-t", name], command)
        time.sleep(1 if peers.is_short else 5)  # the recorded case: away for some seconds
        begun_us = time.time_ns() // 1000
        fleet.start_node(name)
        rows = wait_stored(fleet, {exec_id: 1}, 60)[exec_id]
        fleet.settle()
        judge(peers, "R9", f"round {i + 1}", rows, count_effects(path), [name])
        if rows:
            peers.findings.add("R9", "stored after the start", (last_stored_us(rows) - begun_us) / 1e6)


def insist(fleet, choice, command):
    """Issues until the broker accepts; gives the id and the number of refusals."""
    end = time.monotonic() + 60
    for refused in range(1000):
        try:
            return issue(fleet, choice, command), refused
        except (RuntimeError, subprocess.TimeoutExpired):
            if time.monotonic() > end:
                raise
    raise RuntimeError("the broker refused a thousand times")


def r10(peers):
    """Judged by the worst of the rounds."""
    fleet = peers.fleet(6)
    reached, took = [], []
    for i in range(3):
        fleet.kill("broker")
        time.sleep(8)  # as recorded; nodes greet within five seconds of the break, so less would measure that
        fleet.spawn_broker()
        path, command = effect(fleet, f"r10.{i}")
        exec_id, refused = insist(fleet, ["--all"], command)
        up_us = fleet.wait_log("broker", "broker ready")
        rows = wait_stored(fleet, {exec_id: 6}, 60)[exec_id]
        fleet.settle()
        judge(peers, "R10", f"round {i + 1}", rows, count_effects(path), fleet.names)
        reached.append(len(rows))
        if rows:
            took.append((last_stored_us(rows) - up_us) / 1e6)
        if refused:
            peers.findings.remark("R10", f"round {i + 1}: {refused} commands were refused before")
    peers.findings.add("R10", "reached", min(reached))
    peers.findings.add("R10", "slowest", max(took, default=float("inf")))
    peers.findings.add("R10", "each round, s", *took)


def r11(peers):
    fleet = peers.fleet(6)
    for i in range(3):
        issued = []
        for k in range(10):
            path, command = effect(fleet, f"r11.{i}.{k}")
            name = fleet.names[k % 6]
            issued.append((issue(fleet, ["-t", name], command), name, path))
        fleet.kill("broker")
        fleet.start_broker()
        rows = wait_stored(fleet, {exec_id: 1 for exec_id, _, _ in issued}, 60)
        fleet.settle()
        for exec_id, name, path in issued:
            judge(peers, "R11", f"round {i + 1}", rows[exec_id], count_effects(path), [name])
        peers.findings.add("R11", "lost", sum(not rows[exec_id] for exec_id, _, _ in issued))


def wait_effects(path, count, seconds=30):
    end = time.monotonic() + seconds
    while sum(count_effects(path).values()) < count:
        if time.monotonic() > end:
            raise RuntimeError(f"{path.name} has no {count} lines after {seconds} s")
        time.sleep(0.02)


def tick_rows(fleet):
    return fleet.rows("job", "history", "tick", "--limit", "1000")


def compare_ticks(peers, fleet, ran):
    """Every run that left its id on the node is in the history, once, and nothing else is."""
    rows = tick_rows(fleet)
    stored = collections.Counter(row["run"] for row in rows if row["state"] == "succeeded")
    odd = [row for row in rows if row["state"] != "succeeded" and row["reason"] != "disabled"]
    lost = sum(1 for run in ran if run not in stored)
    doubled = sum(1 for run in {**ran, **stored} if ran[run] > 1 or stored[run] > 1)
    unknown = sum(1 for run in stored if run not in ran)
    if lost or doubled or unknown or odd:
        peers.findings.lose("R12", f"schedule: {lost} results lost, {doubled} doubled, {unknown} without effect, "
                            f"{len(odd)} otherwise ({odd[:1]})")
    return lost, rows


def r12(peers):
    """The schedule ends by disabling it, so that both sides can be compared when it is still."""
    fleet = peers.fleet(6)
    away = AWAY_SHORT if peers.is_short else AWAY_SECONDS
    ticks = fleet.directory / "effect.tick"
    fleet.run("bugle", "apply", "-f", "-", text=TICK % (fleet.names[0], ticks))
    wait_effects(ticks, 1)
    path = fleet.directory / "effect.flight"
    begun = fleet.directory / "effect.begun"
    flight = issue(fleet, ["--all"], [
        "--", "/bin/sh", "-c", f'echo "$BUGLE_TARGET" >> {begun}; sleep 3; echo "$BUGLE_TARGET" >> {path}'])
    wait_effects(begun, 6)
    fleet.kill("broker")
    ticks_before = sum(count_effects(ticks).values())
    time.sleep(away)
    ran_away = sum(count_effects(ticks).values()) - ticks_before
    away_ran = count_effects(ticks)
    fleet.start_broker()
    up_us = fleet.wait_log("broker", "broker ready")
    rows = wait_stored(fleet, {flight: 6}, 60)[flight]
    end = time.monotonic() + 60
    while True:
        stored = {row["run"]: row for row in tick_rows(fleet) if row["state"] == "succeeded"}
        if all(run in stored for run in away_ran) or time.monotonic() > end:
            break
        time.sleep(0.1)
    fleet.run("bugle", "job", "disable", "tick")
    time.sleep(4)  # one more occurrence than could have begun
    fleet.settle()
    judge(peers, "R12", "in flight", rows, count_effects(path), fleet.names)
    late = [utc_us(stored[run]["stored"]) for run in away_ran if run in stored] + [utc_us(row["stored"]) for row in rows]
    lost, _ = compare_ticks(peers, fleet, count_effects(ticks))
    peers.findings.add("R12", "lost", lost + 6 - len(rows))
    if late:
        peers.findings.add("R12", "stored after the return", max(0, (max(late) - up_us) / 1e6))
    peers.findings.remark("R12", f"{ran_away} scheduled runs ran while the broker was away for {away} s"
                          + (" (--short)" if peers.is_short else ""))
    expected = away // 3
    if ran_away < expected - 1:
        peers.findings.lose("R12", f"only {ran_away} of {expected} scheduled runs ran while the broker was away")


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def r13(peers):
    fleet = peers.fleet(1)
    minutes = MINUTES_SHORT if peers.is_short else MINUTES
    fleet.run("bugle", "apply", "-f", "-", text="---\n".join(ENTRY % i for i in range(ENTRIES)))
    with cron_lateness(ENTRIES) as cron:
        first = int(time.time() // 60 + 1) * 60
        if first - time.time() < 3:  # the jobs have to be there
            first += 60
        time.sleep(first + 60 * (minutes - 1) + 8 - time.time())
        late_of_cron = cron.starts(first, minutes)
    nominal = {(first + 60 * i) * 1_000_000 for i in range(minutes)}
    rows = [row for row in fleet.rows("job", "history", "--limit", "1000") if row["nominal"] and utc_us(row["nominal"]) in nominal]
    started = [row for row in rows if row["steps"]]
    late = [(utc_us(row["steps"][0]["started"]) - utc_us(row["nominal"])) / 1e6 for row in started]
    runs = collections.Counter((row["job"], row["nominal"]) for row in started)
    peers.findings.add("R13", "missed", ENTRIES * minutes - len(runs))
    if ENTRIES * minutes != len(runs) or any(count > 1 for count in runs.values()):
        peers.findings.lose("R13", f"{len(runs)} of {ENTRIES * minutes} starts, {sum(runs.values()) - len(runs)} doubled")
    if late:
        peers.findings.add("R13", "p99", percentile(late, 0.99))
        peers.findings.add("R13", "median, s", percentile(late, 0.5))
        peers.findings.add("R13", "last, s", max(late))
    if late_of_cron:
        peers.findings.add("R13", "cron beside it in this run: p99, s", percentile(late_of_cron, 0.99))
        peers.findings.add("R13", "cron beside it in this run: first, s", min(late_of_cron))
    else:
        peers.findings.remark("R13", "no cron could be run beside it, its recorded figure stands")
    if peers.is_short:
        peers.findings.remark("R13", f"--short: {minutes} minutes of {MINUTES}")
