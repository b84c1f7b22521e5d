"""What the kernel tells of processes: CPU, wake-ups, memory, children; and times of RFC 3339 as microseconds."""

import collections
import datetime
import os
import pathlib

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


def children_of():
    found = collections.defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            found[int(stat.rsplit(")", 1)[1].split()[1])].append(int(entry))
    return found


def cpu_us(pid):
    """CPU of all threads of a process that lives."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1000


def collected_us(pid):
    """CPU of the children that a process has collected, and of theirs; in ticks."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) * TICK_US


def wake_ups(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))
    return total


def memory_kib(pid):
    """PSS and what is the process's own: dirty, and dirty with clean."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        rows = {line.split(":")[0]: int(line.split()[1]) for line in file if line.endswith("kB\n")}
    return rows["Pss"], rows["Private_Dirty"]


def utc_us(text):
    """Microseconds of an RFC 3339 time, exactly (a float of seconds would round)."""
    value = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)

