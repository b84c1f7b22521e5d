"""The goals in numbers: the one table of them. A row of the design is reached when all its bounds are."""

import collections

# key: row and part. sign: what the figure has to be against the bound. times_bare: the bound is a multiple of the bare
# program's figure in the same run.
Goal = collections.namedtuple("Goal", "key row text sign bound unit times_bare", defaults=(False,))

GOALS = [
    Goal("start-begun", 1, "START to all: verified and begun, p99", "<=", 350, "ms"),
    Goal("start-begun-bare", 1, "the same against the bare probe", "<=", 2, "times", True),
    Goal("start-stored", 2, "START to all: last outcome stored and acknowledged", "<=", 1200, "ms"),
    Goal("start-cpu", 3, "broker CPU per target for one START with its outcome", "<=", 80, "us"),
    Goal("documents", 4, "job documents back to back: deliveries", ">=", 100_000, "1/s"),
    Goal("results-one", 5, "durable acknowledged outcomes, one per message", ">=", 20_000, "1/s"),
    Goal("results-many", 6, "the same, batched, on a large history, sustained", ">=", 40_000, "1/s"),
    Goal("ack-latency", 7, "acknowledgement after commit at half load, p99", "<=", 50, "ms"),
    Goal("enlist", 8, "enlistments with token, durable", ">=", 500, "1/s"),
    Goal("restart", 9, "broker restart: all targets back and polled", "<=", 20, "s"),
    Goal("memory", 10, "broker memory per enlisted, connected target", "<=", 100, "KiB"),
    Goal("nodes-start", 11, "100 real nodes: START of /bin/true to last outcome stored", "<=", 200, "ms"),
    Goal("node-start", 12, "one real node: the same", "<=", 10, "ms"),
    Goal("node-cpu", 12, "one real node: CPU of the agent without the step", "<=", 2, "ms"),
    Goal("node-pss", 13, "node and bugle-exec, PSS with 100 on one machine", "<=", 1.75, "MiB"),
    Goal("node-private", 13, "the same, private", "<=", 1.5, "MiB"),
    Goal("nodes-connected", 14, "100 nodes started until all are connected", "<=", 1.5, "s"),
    Goal("node-wakes", 15, "idle wake-ups of a node", "<=", 1, "1/s"),
    Goal("runs", 16, "runs of one captured step on one machine", ">=", 500, "1/s"),
    Goal("history", 17, "large history: newest 50 of a job, p99", "<=", 20, "ms"),
    Goal("schedule", 18, "next occurrence of a schedule, median", "<=", 10, "us"),
    Goal("simulator", 19, "simulator, per core with in-memory stores", ">=", 300_000, "1/s"),
]

ROWS = max(goal.row for goal in GOALS)

# Sizes that a goal is stated for; a figure of a smaller run is told, and is not its proof.
TARGETS = 9900
HISTORY_ROWS = 10_000_000
BY_KEY = {goal.key: goal for goal in GOALS}


def met(goal, figure):
    """True or False; None when the goal speaks of a bare figure that this run has not."""
    value = figure.ratio if goal.times_bare else figure.median
    if value is None:
        return None
    return value <= goal.bound if goal.sign == "<=" else value >= goal.bound


def judge(by_goal):
    """[(goal, figure or None, met or None)] for all goals; by_goal: figures by key. A goal in times of the bare figure looks
    at the figure of its row's first goal."""
    judged = []
    first = {}
    for goal in GOALS:
        first.setdefault(goal.row, goal.key)
        figure = by_goal.get(first[goal.row] if goal.times_bare else goal.key)
        judged.append((goal, figure, met(goal, figure) if figure else None))
    return judged


def rows_reached(judged):
    """(rows reached, rows measured). A row counts as measured when one of its figures was, and as reached when all that were
    measured are within their bounds."""
    verdicts = collections.defaultdict(list)
    for goal, _, is_met in judged:
        if is_met is not None:
            verdicts[goal.row].append(is_met)
    return sum(all(verdict) for verdict in verdicts.values()), len(verdicts)
