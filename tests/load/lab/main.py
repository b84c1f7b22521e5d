"""The command tests/load/run: which scenarios, in which order, and what is told of them."""

import argparse
import os
import pathlib
import signal
import sys
import tempfile

from . import goals, report
from .bench import Lab
from .broker import Failed
from .kernel import raise_descriptors
from .machine import TOP, build, machine
from .scenario_faults import churn, partition, restart
from .scenario_history import history
from .scenario_nodes import nodes, schedules
from .scenario_parts import parts
from .scenario_results import ack_latency, results_many, results_one
from .scenario_starts import burst, enlist, idle, job, start, starts

# In the order in which they run; enlist is always there, since all that follow need its targets.
SWARM = [("enlist", enlist), ("idle", idle), ("start", start), ("job", job), ("burst", burst), ("starts", starts),
         ("results-one", results_one), ("ack-latency", ack_latency), ("restart", restart), ("partition", partition),
         ("churn", churn), ("history", history), ("results-many", results_many)]
ALONE = [("schedules", schedules), ("nodes", nodes), ("parts", parts)]
NAMES = [name for name, _ in SWARM + ALONE]
QUICK_TARGETS = 300
QUICK = [name for name in NAMES if name not in ("nodes", "parts")]  # figures only, and tests/load/first takes minutes
TARGETS = ("bugle", "bugle-broker", "bugle-node", "bugle-exec", "bugle-swarm", "bugle-bare", "schedule_bench",
           "bugle-sim", "history_bench", "core_bench", "node_bench")
DESCRIPTORS_PER_TARGET, DESCRIPTORS_SPARE = 2, 200  # of the broker's front: a desk and an orders connection


def fitting_targets(limit):
    """So many targets the front can hold with this limit of descriptors, in hundreds."""
    return max(100, (limit - DESCRIPTORS_SPARE) // DESCRIPTORS_PER_TARGET // 100 * 100)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="tests/load/run", allow_abbrev=False, description="A broker and simulated targets on this machine: the standard "
        "scenarios, measured, beside the bare libraries. docs/load.md says what each means and how to read the report.",
        epilog="Exits 1 when anything was lost, doubled or leaked, or a scenario failed; a goal that was missed is told and "
        f"is no failure. Scenarios: {', '.join(NAMES)}.")
    parser.add_argument("--targets", type=int, metavar="N", help=f"how many (default: what fits, {goals.TARGETS:,} with "
                        f"20,000 descriptors; {QUICK_TARGETS} with --quick)")
    parser.add_argument("--quick", action="store_true", help="a small run of less than two minutes: what must hold, no goals")
    parser.add_argument("--only", metavar="NAMES", help="only these scenarios, with commas between; enlist is always first")
    parser.add_argument("--without", metavar="NAMES", help="all but these")
    parser.add_argument("--rows", type=int, metavar="N", help="rows of history put into the store before the scenarios history "
                        f"and results-many (default {goals.HISTORY_ROWS:,}; 0 with --quick)")
    parser.add_argument("--bin", metavar="DIR", help="the programs (default: built here, release preset)")
    parser.add_argument("--report", metavar="DIR", help="where report.json, report.md and the plots go (default: "
                        "build/load, with --quick a temporary directory)")
    parser.add_argument("--swarm", metavar="OPTION", action="append", default=[],
                        help="an option for bugle-swarm, as --swarm=--lag=5ms; may be repeated")
    parser.add_argument("--keep", action="store_true", help="keep the directory of the broker")
    given = parser.parse_args(arguments)
    given.only = names_of(parser, "--only", given.only) or (QUICK if given.quick else NAMES)
    left_out = names_of(parser, "--without", given.without)
    given.only = [name for name in given.only if name not in left_out]
    for name in ("targets", "rows"):
        if getattr(given, name) is not None and getattr(given, name) < (1 if name == "targets" else 0):
            parser.error(f"--{name} wants a larger number")
    if given.bin and not os.access(pathlib.Path(given.bin) / "bugle-swarm", os.X_OK):
        parser.error(f"{given.bin} has no bugle-swarm; name the directory bin/ of a build")
    if given.report:
        try:  # now, and not after a quarter of an hour
            pathlib.Path(given.report).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=given.report).close()
        except OSError as err:
            parser.error(f"--report: nothing can be written there: {err}")
    if given.rows is None:
        given.rows = 0 if given.quick else goals.HISTORY_ROWS
    return given


def names_of(parser, option, text):
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    for name in names:
        if name not in NAMES:
            parser.error(f"{option}: no scenario is called '{name}'; there are {', '.join(NAMES)}")
    return names


def run_scenarios(lab, scenarios):
    for name, scenario in scenarios:
        lab.scenario = name
        lab.say(f"{name}: {' '.join(scenario.__doc__.split(':')[0].split())}")
        scenario(lab)


def measure(lab, chosen):
    """All that was chosen; a scenario that fails ends the run, and what was measured is told."""
    try:
        swarm = [(name, scenario) for name, scenario in SWARM if name in chosen]
        if swarm:
            lab.bare.measure(["enlist", *chosen], lab.is_quick)
            lab.open()
            run_scenarios(lab, swarm if "enlist" in chosen else [("enlist", enlist), *swarm])
            lab.finish()
        run_scenarios(lab, [(name, scenario) for name, scenario in ALONE if name in chosen])
    except (Failed, RuntimeError, OSError, KeyError, ValueError) as err:
        lab.fault(f"{lab.scenario} did not come to its end: {type(err).__name__}: {err}")


def main(arguments=None):
    given = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    limit = raise_descriptors()
    fitting = fitting_targets(limit)
    targets = given.targets or (min(QUICK_TARGETS, fitting) if given.quick else min(goals.TARGETS, fitting))
    if targets > fitting:
        print(f"{targets:,} targets do not fit: {limit:,} descriptors are the limit of a process and the broker needs "
              f"{DESCRIPTORS_PER_TARGET} for each target; the run takes {fitting:,}. Raise it with 'ulimit -Hn' as root.")
        targets = fitting
    programs = pathlib.Path(given.bin).resolve() if given.bin else build(*TARGETS)
    facts = {"targets": targets, **machine(), "scenarios": " ".join(given.only)}
    os.sync()  # pages of a fresh build that are not on disk yet would be written meanwhile
    lab = Lab(programs, targets, given)
    try:
        measure(lab, given.only)
    finally:
        lab.close()
    return tell(lab, facts, given)


def tell(lab, facts, given):
    facts["load_after"] = machine()["load_before"]
    judged = goals.judge(lab.measures.by_goal())
    notes = [] if lab.targets >= goals.TARGETS else [f"the goals are stated for {goals.TARGETS:,}"]
    last_line = report.sentence(lab.targets, judged, lab.faults, notes)
    directory = given.report or (tempfile.mkdtemp(prefix="bugle-load-report.") if given.quick else TOP / "build" / "load")
    print(report.write(directory, facts, lab.measures, judged, lab.faults, lab.series, last_line))
    print(f"report: {directory}/report.json, report.md and plots")
    print(last_line)
    return 1 if lab.faults else 0
