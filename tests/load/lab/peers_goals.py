"""The rows R1 to R13: what other schedulers took for the same work on such a machine, and the bound to beat.

The peers were measured on 2026-11-22 on 2 cores with 24 GiB, Debian 12, master and targets on the same machine: Salt 3006,
Slurm 22.05 without accounting, Flux 0.88 without encryption and durability, pdsh 2.34 and clush without network, Cronicle
0.9.60, Debian's cron. CPU compares across machines, wall time less so. A bound is a number as recorded, or a factor of what
a peer takes in the same run where that peer is installed.
"""

import collections

# work: what is done, and until when the clock runs. bounds: figure: (unit, bound, the peer's figure and where the bound is from).
Row = collections.namedtuple("Row", "work note bounds")

ROWS = {
    "R1": Row(
        "one no-op to 100 nodes until all results are fsynced at the broker",
        "the no-op is a signed POLL: each node checks it, polls, commits and acknowledges; no process is begun",
        {"wall": ("s", 0.45, "Salt test.ping 4.48 s, not fsynced; a tenth"),
         "CPU": ("s", 0.44, "Salt 8.8 s; a twentieth"),
         "CPU, 50 nodes": ("s", 0.194, "Salt without a process for each job 1.94 s; a tenth"),
         "wall, 50 nodes": ("s", 0.094, "the same 0.94 s; a tenth")}),
    "R2": Row(
        "true on 100 nodes, each with its exit status stored",
        "job start --all --wait of a job with the step /bin/true; supervisors and steps are in the CPU",
        {"wall": ("s", 0.56, "Salt 4.51 s, an eighth; srun 1.31 s, half: 0.66; Flux exec 0.24 s, unstored"),
         "CPU": ("s", 1.10, "pdsh 0.55 s here, which only forks; twice that")}),
    "R3": Row(
        "CPU of the broker for each stored result of R1",
        "front and core, divided by 100",
        {"CPU": ("ms", 0.25, "Salt's master 2.5-3.3 ms; a tenth")}),
    "R4": Row(
        "20 no-ops back to back to 10 nodes until 200 results are stored",
        "20 commands target poll one after the other; from the first issue to the last result",
        {"rate": ("results/s", 420, "Salt 21 results/s; 20 times")}),
    "R5": Row(
        "200 independent jobs of true, each for one of 10 nodes, from the first command until all are stored",
        "200 commands bugle run --no-wait, four at a time; each is a program, a handshake, a signature and a job of its own",
        {"rate": ("jobs/s", 135, "Flux 27/s, 5 times; Cronicle 17/s, Slurm 7/s")}),
    "R6": Row(
        "launch 100 nodes with fresh keys until the broker lists all as enlisted",
        "per node bugle-node enlist and then bugle-node, all at once; the clock stops later than asked: when all nodes are connected on both sockets, too",
        {"wall": ("s", 3.57, "Slurm with one shared key 2.38 s, 1.5 times; Salt 72 s, a twentieth: 3.6")}),
    "R7": Row(
        "RSS of an idle target, and of the broker with 100",
        "a target is node and bugle-exec, enlisted and connected, before its first run; the broker is front and core",
        {"target": ("MiB", 5.3, "slurmd 5.3, Flux rank 12.3, Salt 112"),
         "broker": ("MiB", 19.4, "slurmctld 9.7, twice; Flux rank 0 55, Salt 835")}),
    "R8": Row(
        "CPU of 50 idle nodes and the broker in 30 s",
        "all processes, after everything has settled",
        {"CPU": ("s", 0.092, "Salt 0.92 s; a tenth. Slurm 0.02 s for 100, at 10 ms resolution")}),
    "R9": Row(
        "kill a node, issue, start it again: exactly once, within 2 s of its start",
        "SIGKILL of all its processes; Salt never delivers, Slurm runs it 2 s after the node is back",
        {"stored after the start": ("s", 2, "Slurm 2 s; Salt never")}),
    "R10": Row(
        "SIGKILL the broker, 8 s later start it and issue as soon as it accepts: all of 6 nodes, three times",
        "from the broker's listening to the last outcome stored; what a refused command left behind would show as doubled",
        {"slowest": ("s", 2, "Salt 8.4-12.6 s, and its first job reached 3 to 5 of 6"),
         "reached": ("of 6", 6, "Salt 3 to 5")}),
    "R11": Row(
        "10 jobs accepted, SIGKILL of the broker within 1 s, start it: none lost",
        "each is an effect counted on the node and an outcome in the history",
        {"lost": ("of 10", 0, "Slurm lost 9")}),
    "R12": Row(
        "a run in flight on 6 nodes and a schedule of 3 s, broker away for 240 s: all stored within 10 s of its return",
        "SIGKILL of the broker; what ran is counted on the node and compared with the history",
        {"stored after the return": ("s", 10, "Salt stored 0 of 6 and lost about 61 of 78 scheduled results"),
         "lost": ("results", 0, "Salt 6 and about 61")}),
    "R13": Row(
        "50 jobs due at the same minute, for 6 minutes: how late the processes start, none missed",
        "one node; start of the step as its supervisor recorded it, less the nominal time",
        {"p99": ("s", 0.25, "cron 1.1-2.7 s late, spread 0.13-0.60 s"),
         "missed": ("starts", 0, "cron 0")}),
}

# More is better for these; for all others less is.
MORE_IS_BETTER = {("R4", "rate"), ("R5", "rate"), ("R10", "reached")}


def is_met(row, figure, value, bound):
    return value >= bound if (row, figure) in MORE_IS_BETTER else value <= bound


def ratio(row, figure, value, bound):
    """How often our figure fits into the bound: from 1 on it is met. None where one of them is nothing."""
    if not value or not bound:
        return None
    return value / bound if (row, figure) in MORE_IS_BETTER else bound / value
