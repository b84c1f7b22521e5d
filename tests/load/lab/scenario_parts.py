"""Scenario: the goals of parts that need neither broker nor swarm: schedules and the simulator."""

import re
import subprocess

QUESTIONS = 2001  # of each form, odd for a median
SIM_SEEDS = 40
# | cron `30 2 * * *` | Europe/Berlin | 0.18 | 0.29 |
SCHEDULE_ROW = re.compile(r"^\| (?P<form>.+?) +\| .*? +\| +(?P<median>[0-9.]+) \|", re.MULTILINE)
SIM_RATE = re.compile(r"^(?P<rate>[0-9]+) steps a second of one processor", re.MULTILINE)


def parts(lab):
    """Parts alone: the programs tests/schedule_bench and tests/bugle-sim --bench of the same build."""
    tests = lab.broker.programs.parent / "tests"
    text = output(lab, tests / "schedule_bench", QUESTIONS)
    medians = [float(row["median"]) for row in SCHEDULE_ROW.finditer(text)]
    if medians:
        lab.add("next occurrence of a schedule: median of the slowest form", "us", max(medians), goal="schedule",
                note=f"{len(medians)} forms")
    rate = SIM_RATE.search(output(lab, tests / "bugle-sim", "--bench", "--seeds", SIM_SEEDS))
    if rate:
        lab.add("simulator: steps a second of one processor", "1/s", float(rate["rate"]), goal="simulator")


def output(lab, program, *arguments):
    """What it printed; nothing, said aloud, when it is not there or fails."""
    if not program.exists():
        lab.say(f"there is no {program}: built without the tests")
        return ""
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        lab.fault(f"{program.name} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
        return ""
    return done.stdout
