"""Rows R1 to R8: time, CPU and memory of fleets of real nodes; each function fills in its row of the findings."""

import concurrent.futures
import json
import os
import shutil
import subprocess
import time

from .kernel import collected_us, resident_kib, utc_us

RUNS = 5
WARM_UPS = 2
CPU_STARTS = 20  # ticks of 10 ms in a hundred bugle-execs want so many STARTs for their mean
SUBMITTERS = 4
IDLE_SECONDS = 30
SUBMITTED = 200
SETTLED_SECONDS = 6  # what only the start needed is given back after five

TRUE = """job: noop
targets: {all: true}
steps:
  - name: "true"
    run: [/bin/true]
"""


def all_cpu_us(fleet):
    """Broker and nodes; what bugle-exec has collected is in ticks of 10 ms."""
    cpu = fleet.cpu()
    return {"broker": cpu["front"] + cpu["core"] + cpu["broker parent"],
            "nodes": cpu["node"] + cpu["bugle-exec"] + cpu["node parent"],
            "children": sum(map(collected_us, fleet.pids["bugle-exec"]))}


def poll(fleet):
    """One POLL to all, waited for: wall of the whole command, CPU of broker and nodes, of the CLI, in us."""
    fleet.wait_quiet()
    before = all_cpu_us(fleet)
    out, wall_us, cli_us, _ = fleet.command("target", "poll", "--all", "--wait", "-o", "json")
    done = json.loads(out)
    fleet.wait_quiet()
    after = all_cpu_us(fleet)
    return done, wall_us, {kind: after[kind] - before[kind] for kind in before}, cli_us


def r1_and_r3(peers, count, suffix):
    fleet = peers.fleet(count)
    for _ in range(WARM_UPS):
        poll(fleet)
    for _ in range(RUNS):
        done, wall_us, cpu, cli_us = poll(fleet)
        if done["succeeded"] != count:
            peers.findings.lose("R1", f"{done['succeeded']} of {count} polled: {done['groups']}")
        peers.findings.add("R1", f"wall{suffix}", wall_us / 1e6)
        peers.findings.add("R1", f"CPU{suffix}", (cpu["broker"] + cpu["nodes"]) / 1e6)
        peers.findings.add("R1", f"CPU of the command alone{suffix}, s", cli_us / 1e6)
        if not suffix:
            peers.findings.add("R3", "CPU", cpu["broker"] / count / 1000)


def r1(peers):
    r1_and_r3(peers, 100, "")
    r1_and_r3(peers, 50, ", 50 nodes")


def r3(peers):
    if "R3" not in peers.findings.samples:
        r1_and_r3(peers, 100, "")


def pdsh_floor(peers):
    """The same machine's floor, where pdsh is installed: it forks and collects, no more."""
    if not shutil.which("pdsh"):
        peers.findings.remark("R2", "pdsh is not installed here, its recorded figure stands")
        return
    names = "n[001-100]"
    walls, cpus = [], []
    for _ in range(RUNS + 1):
        begun = time.monotonic()
        child = subprocess.Popen(["pdsh", "-R", "exec", "-f", "100", "-w", names, "true"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        usage = os.wait4(child.pid, 0)[2]
        child.returncode = 0
        walls.append(time.monotonic() - begun)
        cpus.append(usage.ru_utime + usage.ru_stime)
    peers.findings.add("R2", "pdsh in this run: wall, s", *walls[1:])
    peers.findings.add("R2", "pdsh in this run: CPU, s", *cpus[1:])
    bound = 2 * sorted(cpus[1:])[RUNS // 2]
    peers.findings.bound("R2", "CPU", bound, "pdsh in this run, twice; 0.55 s when recorded")


def r2(peers):
    fleet = peers.fleet(100)
    fleet.run("bugle", "apply", "-f", "-", text=TRUE)
    fleet.wait_quiet()
    pdsh_floor(peers)
    for _ in range(WARM_UPS):
        fleet.start_once("noop")
    before = all_cpu_us(fleet)
    for _ in range(RUNS):
        peers.findings.add("R2", "wall", fleet.start_once("noop")["command_us"] / 1e6)
    for _ in range(CPU_STARTS - RUNS):
        fleet.command("job", "start", "noop", "--all", "--wait", "-y", "-q")
    fleet.wait_quiet()
    after = all_cpu_us(fleet)
    for kind in before:
        peers.findings.add("R2", f"CPU of {kind}, s", (after[kind] - before[kind]) / CPU_STARTS / 1e6)
    peers.findings.add("R2", "CPU", sum(after[kind] - before[kind] for kind in before) / CPU_STARTS / 1e6)


def wait_done(fleet, ids):
    """Until these executions are done; what exec list says of each."""
    end = time.monotonic() + 30
    while True:
        rows = {row["id"]: row for row in fleet.rows("exec", "list", "--limit", str(len(ids) + 50)) if row["id"] in ids}
        if len(rows) == len(ids) and all(row["state"] == "done" for row in rows.values()):
            return rows
        if time.monotonic() > end:
            raise RuntimeError(f"{sum(row['state'] == 'done' for row in rows.values())} of {len(ids)} executions are done")
        time.sleep(0.05)


def check_done(peers, row, rows, targets):
    for one in rows.values():
        if one["succeeded"] != targets:
            peers.findings.lose(row, f"execution {one['id']}: {one['succeeded']} of {targets} succeeded")


def r4(peers):
    fleet = peers.fleet(10)
    poll(fleet)
    for _ in range(RUNS):
        fleet.wait_quiet()
        ids = {json.loads(fleet.command("target", "poll", "--all", "-o", "json")[0])["id"] for _ in range(20)}
        rows = wait_done(fleet, ids)
        check_done(peers, "R4", rows, 10)
        span_us = max(utc_us(row["done"]) for row in rows.values()) - min(utc_us(row["issued"]) for row in rows.values())
        peers.findings.add("R4", "rate", sum(row["succeeded"] for row in rows.values()) * 1e6 / span_us)


def submit(fleet, target):
    out = fleet.command("run", "-t", target, "--no-wait", "-o", "json", "--", "/bin/true")
    return json.loads(out[0])["id"], out[2]


def r5(peers):
    fleet = peers.fleet(10)
    submit(fleet, fleet.names[0])
    for _ in range(3):
        fleet.wait_quiet()
        targets = [fleet.names[i % 10] for i in range(SUBMITTED)]
        before = all_cpu_us(fleet)
        begun_us = time.time_ns() // 1000
        with concurrent.futures.ThreadPoolExecutor(SUBMITTERS) as pool:
            done = list(pool.map(lambda name: submit(fleet, name), targets))
        rows = wait_done(fleet, {one[0] for one in done})
        check_done(peers, "R5", rows, 1)
        fleet.wait_quiet()
        after = all_cpu_us(fleet)
        span_us = max(utc_us(row["done"]) for row in rows.values()) - begun_us
        peers.findings.add("R5", "rate", len(rows) * 1e6 / span_us)
        peers.findings.add("R5", "CPU of a command, ms", sum(one[1] for one in done) / SUBMITTED / 1000)
        for kind in before:
            peers.findings.add("R5", f"CPU of {kind} a job, ms", (after[kind] - before[kind]) / SUBMITTED / 1000)


def r6(peers):
    """A fleet of its own: the broker runs, keys and enlistments are part of what is timed. Listed is not enough for us: the
    nodes have to be connected on both sockets and in touch with their bugle-execs, by their own logs."""
    fleet = peers.fresh(100)
    token = fleet.make_broker()
    begun, begun_us = time.monotonic(), time.time_ns() // 1000
    for name in fleet.names:
        fleet.start_new_node(name, token)
    while len(fleet.rows("target", "list", "--limit", "1000")) < 100:
        if time.monotonic() - begun > 60:
            raise RuntimeError("not all nodes are listed after a minute")
        time.sleep(0.1)
    peers.findings.add("R6", "all listed as enlisted, s", time.monotonic() - begun)
    peers.findings.add("R6", "wall", (max(map(fleet.wait_connected, reversed(fleet.names))) - begun_us) / 1e6)
    fleet.settle()
    peers.findings.add("R6", "CPU of all processes that live, s", sum(fleet.cpu().values()) / 1e6)


def r7(peers):
    fleet = peers.fleet(100)
    fleet.wait_quiet()
    time.sleep(SETTLED_SECONDS)
    resident = {kind: [resident_kib(pid) for pid in fleet.pids[kind]] for kind in fleet.pids}
    for node, runner in zip(resident["node"], resident["bugle-exec"]):
        peers.findings.add("R7", "target", (node[0] + runner[0]) / 1024)
        peers.findings.add("R7", "target: of that node, MiB", node[0] / 1024)
        peers.findings.add("R7", "target: PSS, MiB", (node[1] + runner[1]) / 1024)
    broker = [resident[kind][0] for kind in ("front", "core")]
    peers.findings.add("R7", "broker", sum(one[0] for one in broker) / 1024)
    peers.findings.add("R7", "broker: PSS, MiB", sum(one[1] for one in broker) / 1024)
    peers.findings.remark("R7", "RSS counts a page of a library in every process that maps it; PSS (slurmd 1.2, Salt 76 MiB) "
                          "is what a target takes of the machine")


def r8(peers):
    fleet = peers.fleet(50)
    fleet.wait_quiet()
    time.sleep(SETTLED_SECONDS)
    before = all_cpu_us(fleet)
    seconds = IDLE_SECONDS if not peers.is_short else 10
    time.sleep(seconds)
    after = all_cpu_us(fleet)
    for kind in ("broker", "nodes"):
        peers.findings.add("R8", f"of that {kind}, s", (after[kind] - before[kind]) / 1e6 * IDLE_SECONDS / seconds)
    peers.findings.add("R8", "CPU", sum(after[kind] - before[kind] for kind in before) / 1e6 * IDLE_SECONDS / seconds)
    if peers.is_short:
        peers.findings.remark("R8", f"--short: {seconds} s, scaled to {IDLE_SECONDS}")
