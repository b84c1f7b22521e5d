"""What the kernel tells of processes: CPU, wake-ups, memory, descriptors, children; and times of RFC 3339 in
microseconds."""

import collections
import datetime
import os
import pathlib
import resource

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


def children_of():
    """Process ids of children by the id of their parent."""
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


def resident_kib(pid):
    """RSS, which counts shared pages in full, and PSS, which divides them by who shares them."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        rows = {line.split(":")[0]: int(line.split()[1]) for line in file if line.endswith("kB\n")}
    return rows["Rss"], rows["Pss"]


def utc_us(text):
    """Microseconds of an RFC 3339 time, exactly (a float of seconds would round)."""
    value = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


def descendants(pid):
    """A process and all below it."""
    tree = children_of()
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left += tree.get(found[-1], [])
    return found


def command_line(pid):
    """The arguments of a process; empty when it has ended."""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
    return [word.decode(errors="replace") for word in words if word]


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def loopback_bytes():
    """What has gone over the loopback device, in one direction."""
    with open("/proc/net/dev", encoding="ascii") as file:
        return next(int(line.split(":")[1].split()[0]) for line in file if line.strip().startswith("lo:"))


def raise_descriptors():
    """Raises the limit to what the system allows; gives it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
