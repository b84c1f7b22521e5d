"""Scenarios: enlistment from cold, idle cost, STARTs, documents."""

import time

from .bench import JOBS
from .kernel import loopback_bytes, utc_us

ALL_SECONDS = 240


def note_phase(lab, what, before, after):
    for part in after:
        lab.add(f"{part}: CPU of {what}, each target", "us", (after[part] - before[part]) / lab.targets)


def enlist(lab):
    """All targets from cold, in two parts: enlisting with a token (one handshake, the target stored), and connecting (two
    more handshakes and the first poll), which begins for all at once when the last one is enlisted."""
    begun_us = time.time_ns() // 1000
    alone = lab.broker.memory_kib()
    cold = dict(lab.broker.cpu_us(), swarm=0)
    lab.open_swarm("--hold", *lab.options.swarm)
    first_line = lab.swarm.first_line()
    if first_line:
        lab.say(first_line)
    enlisted = lab.swarm.wait("enlisted", ALL_SECONDS)
    between = lab.cost()
    note_phase(lab, "enlisting", cold, between)
    healed_us = time.time_ns() // 1000
    lab.swarm.ask("heal")
    connected = lab.swarm.wait("connected", ALL_SECONDS)
    current = lab.swarm.wait("current", ALL_SECONDS)
    lab.settle()
    note_phase(lab, "connecting", between, lab.cost())
    seconds = (enlisted["last_us"] - begun_us) / 1e6
    lab.add("enlistments, from the swarm's start to the last", "1/s", lab.targets / seconds, goal="enlist",
            bare=lab.bare.figure("handshakes", "handshakes_per_second"))
    lab.add("first enlisted", "s", (enlisted["first_us"] - begun_us) / 1e6)
    lab.add("last enlisted", "s", seconds)
    lab.add("from then until the last is connected", "s", (connected["last_us"] - healed_us) / 1e6)
    lab.add("from then until the last has polled", "s", (current["last_us"] - healed_us) / 1e6)
    lab.add("both parts", "s", seconds + (current["last_us"] - healed_us) / 1e6)
    lab.note_footprint()
    memory = lab.broker.memory_kib()
    grown = sum(memory.values()) - sum(alone.values())
    lab.add("memory of the broker per enlisted, connected target", "KiB", grown / lab.targets, goal="memory",
            bare=lab.bare.figure("memory", "server_kib_per_target"))
    for part, kib in memory.items():
        lab.add(f"{part}: memory", "KiB", kib)
    lab.add("swarm: memory per target", "KiB", lab.swarm.memory_kib() / lab.targets)


def idle(lab):
    """What they cost while nothing is to do: beacons, heartbeats, polls."""
    lab.settle()
    seconds = 2 if lab.is_quick else 35  # a whole heartbeat interval and a bit
    before, sent = lab.cost(), loopback_bytes()
    begun = time.monotonic()
    time.sleep(seconds)
    after, passed, sent = lab.cost(), time.monotonic() - begun, loopback_bytes() - sent
    for part in before:
        lab.add(f"{part}: CPU per target and second", "us", (after[part] - before[part]) / lab.targets / passed)
    lab.add("network, both ways, per target and second", "B", sent / lab.targets / passed)


def note_start(lab, shown, seen):
    issued = utc_us(shown["issued"])
    lab.add("issued -> begun: first", "ms", (seen["first_us"] - issued) / 1000)
    lab.add("issued -> begun: median", "ms", (seen["p50_us"] - issued) / 1000,
            bare=lab.bare.figure("start", "received_p50_us", 0.001))
    lab.add("issued -> begun: p99", "ms", (seen["p99_us"] - issued) / 1000, goal="start-begun",
            bare=lab.bare.figure("start", "received_p99_us", 0.001))
    lab.add("issued -> begun: last", "ms", (seen["last_us"] - issued) / 1000,
            bare=lab.bare.figure("start", "received_last_us", 0.001))
    lab.add("issued -> last outcome stored", "ms", (utc_us(shown["done"]) - issued) / 1000, goal="start-stored",
            bare=lab.bare.figure("start", "last_us", 0.001))


def start(lab):
    """One START to all, several times, each when everything rests."""
    rounds = 2 if lab.is_quick else 5
    lab.check_start(lab.start("lab 0"))  # the first touches what was never used
    for _ in range(rounds):
        lab.settle()
        before, sent = lab.cost(), loopback_bytes()
        shown = lab.start("lab 0")
        lab.settle()
        after, sent = lab.cost(), loopback_bytes() - sent
        seen = lab.check_start(shown)
        if shown["succeeded"] != lab.targets:
            continue
        note_start(lab, shown, seen)
        cpu = {part: (after[part] - before[part]) / lab.targets for part in before}
        lab.add("broker: CPU per target of a START with its outcome", "us", cpu["front"] + cpu["core"], goal="start-cpu",
                bare=lab.bare.figure("start", "server_cpu_us_per_message"))
        lab.add("network, both ways, per target of a START with its outcome", "B", sent / lab.targets)
        for part, value in cpu.items():
            lab.add(f"{part}: CPU per target of a START with its outcome", "us", value)


def job(lab):
    """One new job to all: posted, until the last target holds it and has acknowledged it."""
    for i in range(1 if lab.is_quick else 3):
        lab.settle()
        before = lab.cost()
        name = f"new-{i}"
        lab.apply(name)
        posted = lab.jobs()[name]
        held = wait_held(lab, name, posted["document_version"])
        lab.settle()
        after = lab.cost()
        begun = utc_us(posted["posted"])
        for words, key in (("median", "p50_us"), ("p99", "p99_us"), ("last", "last_us")):
            lab.add(f"posted -> held: {words}", "ms", (held[key] - begun) / 1000,
                    bare=lab.bare.figure("fanout", key, 0.001))
        lab.add("broker: CPU per target of a document with its acknowledgement", "us",
                (after["front"] + after["core"] - before["front"] - before["core"]) / lab.targets)
        wait_acknowledged(lab, [name])


def wait_held(lab, name, version, seconds=60):
    end = time.monotonic() + seconds
    while True:
        held = lab.swarm.held(name, version)
        if held["count"] >= lab.targets:
            return held
        if time.monotonic() > end:
            lab.fault(f"{held['count']} of {lab.targets} targets hold '{name}' after {seconds} s")
            return held
        time.sleep(0.1)


def wait_acknowledged(lab, names, seconds=60):
    """Every acknowledgement is at the broker: a document that a target holds and the broker believes is pending is lost."""
    end = time.monotonic() + seconds
    while True:
        jobs = lab.jobs()
        missing = [f"{jobs[name]['applied']} of {lab.targets} for '{name}'" for name in names
                   if jobs[name]["applied"] != lab.targets]
        if not missing:
            return
        if time.monotonic() > end:
            lab.fault(f"acknowledgements at the broker after {seconds} s: {', '.join(missing[:3])}")
            return
        time.sleep(0.1)


def burst(lab):
    """Documents back to back, in one `bugle apply`: how many deliveries a second."""
    count = 5 if lab.is_quick else 20
    for i in range(1 if lab.is_quick else 2):
        lab.settle()
        names = [f"burst-{i}-{k:02}" for k in range(count)]
        before = lab.cost()
        lab.apply(*names)
        jobs = lab.jobs()
        held = [wait_held(lab, name, jobs[name]["document_version"]) for name in names]
        begun = min(utc_us(jobs[name]["posted"]) for name in names)
        last = max(one["last_us"] for one in held)
        lab.add("deliveries: received, verified and taken", "1/s", count * lab.targets * 1e6 / (last - begun),
                goal="documents", bare=lab.bare.figure("burst", "per_second"))
        wait_acknowledged(lab, names)
        lab.settle()
        after = lab.cost()
        for part in before:
            lab.add(f"{part}: CPU of a delivery with its acknowledgement", "us",
                    (after[part] - before[part]) / lab.targets / count)


def starts(lab):
    """STARTs back to back, none waits for the one before."""
    count = 3 if lab.is_quick else JOBS
    lab.settle()
    begun = [lab.start(f"lab {i}", wait=False) for i in range(count)]
    lab.settle()
    shown = [lab.broker.json("exec", "show", one["id"]) for one in begun]
    for one in shown:
        lab.check_start(one)
    if all(one["done"] for one in shown):
        span = max(utc_us(one["done"]) for one in shown) - min(utc_us(one["issued"]) for one in shown)
        lab.add(f"outcomes stored, {count} STARTs back to back", "1/s", count * lab.targets * 1e6 / span)
