"""Scenarios: durable outcomes at full rate, one and many a message, and how long an acknowledgement takes."""

ONE_TOTAL = 200_000  # outcomes of a scenario over all targets
MANY_TOTAL = 1_000_000
MANY = 64  # of them in a message
LATENCY_SECONDS = 10
PROVEN_RATE = 20_000  # the goal's rate; half of it when full rate was not measured in this run


def rate_of(made):
    return made["outcomes"] * 1e6 / max(1, made["last_us"] - made["first_us"])


def note_cpu(lab, before, count):
    after = lab.cost()
    for part in before:
        lab.add(f"{part}: CPU of an outcome", "us", (after[part] - before[part]) / count / lab.targets)


def results_one(lab):
    """Outcomes as fast as they are taken, one in each message; each stored before it is acknowledged."""
    count = 10 if lab.is_quick else max(1, ONE_TOTAL // lab.targets)
    lab.settle()
    before = lab.cost()
    made = lab.produce(count, 1, plot=("results-one", "outcomes acknowledged, one per message", "outcomes"))
    note_cpu(lab, before, count)
    lab.one_rate = rate_of(made)
    lab.add("outcomes stored and acknowledged, one a message", "1/s", lab.one_rate, goal="results-one",
            bare=lab.bare.figure("ingest", "results_per_second"))
    for words, key in (("median", "ack_p50_us"), ("p99", "ack_p99_us"), ("longest", "ack_max_us")):
        lab.add(f"acknowledgement at full rate: {words}", "ms", made[key] / 1000)


def results_many(lab):
    """The same with up to 64 in a message."""
    count = MANY if lab.is_quick else max(MANY, MANY_TOTAL // lab.targets)
    lab.settle()
    before = lab.cost()
    made = lab.produce(count, MANY, plot=("results-many", "outcomes acknowledged, 64 per message", "outcomes"))
    note_cpu(lab, before, count)
    lab.add("outcomes stored and acknowledged, 64 a message", "1/s", rate_of(made), goal="results-many",
            bare=lab.bare.figure("rows", "per_second"),
            note=f"{lab.foreign_rows + lab.produced:,} rows of history")
    lab.add("acknowledgement: p99", "ms", made["ack_p99_us"] / 1000)


def ack_latency(lab):
    """How long after its REPORT a target has the acknowledgement, at half of the full rate."""
    rate = max(10, int(getattr(lab, "one_rate", PROVEN_RATE) / 2))
    seconds = 2 if lab.is_quick else LATENCY_SECONDS
    lab.settle()
    made = lab.produce(max(1, rate * seconds // lab.targets), 1, rate)
    lab.add("acknowledgement at half load: p99", "ms", made["ack_p99_us"] / 1000, goal="ack-latency",
            bare=lab.bare.figure("half", "p99_us", 0.001),
            note=f"{rate:,} outcomes a second were asked for, {rate_of(made):,.0f} came")
    lab.add("acknowledgement at half load: median", "ms", made["ack_p50_us"] / 1000)
    lab.add("acknowledgement at half load: longest", "ms", made["ack_max_us"] / 1000)
