#!/usr/bin/python3
"""Compares what bugle-ics makes of random events with python3-dateutil.

    ics_rules.py BUGLE_ICS [--count N] [--seed S]

Events of all kinds (whole days, a wall's time, UTC, a zone) with random rules, exceptions and extra dates, many in one
file each way round: one event a file, so that every difference names its event. The rules are those that ctl/ics/rule.h
says are taken. Exits with 77 when dateutil is missing.
"""
import argparse
import datetime
import random
import subprocess
import sys

try:
    from dateutil.rrule import rrulestr
    from zoneinfo import ZoneInfo
except ImportError:
    print("python3-dateutil is not installed")
    sys.exit(77)

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Europe/Dublin", "Asia/Kolkata",
         "Pacific/Apia", "America/Santiago"]
EPOCH = datetime.datetime(1970, 1, 1)
UTC = datetime.timezone.utc
DAY = 86400
FROM, UNTIL = datetime.datetime(2024, 1, 1), datetime.datetime(2030, 1, 1)


def seconds(naive):
    return int((naive - EPOCH).total_seconds())


def some(chance, values, most):
    return ",".join(map(str, chance.sample(values, min(len(values), chance.randint(1, most)))))


def numbered(chance, top):
    numbers = [-1, -1, -2, *range(1, top)]
    return some(chance, [f"{chance.choice(numbers)}{day}" for day in DAYS], 3)


def parts_within_month(chance, freq, has_months, parts):
    """BYDAY, BYMONTHDAY, BYSETPOS of MONTHLY and YEARLY."""
    if chance.random() < 0.5:
        if chance.random() < 0.6:
            parts.append("BYDAY=" + numbered(chance, 5 if freq == "MONTHLY" or has_months else 53))
        else:
            parts.append("BYDAY=" + some(chance, DAYS, 4))
    if chance.random() < 0.35 and (freq == "MONTHLY" or has_months):
        parts.append("BYMONTHDAY=" + some(chance, [-1, -2, -5, *range(1, 32)], 4))
    elif len(parts) > 1 and chance.random() < 0.3 and any(part.startswith("BY") for part in parts):
        parts.append("BYSETPOS=" + some(chance, [-1, -2, 1, 2, 3], 2))


def random_rule(chance):
    freq = chance.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    parts = ["FREQ=" + freq]
    if chance.random() < 0.5:
        parts.append(f"INTERVAL={chance.choice([1, 2, 2, 3, 4, 5, 7, 13, 53])}")
    if chance.random() < 0.4:
        parts.append("WKST=" + chance.choice(DAYS))
    has_months = chance.random() < 0.4
    if has_months:
        parts.append("BYMONTH=" + some(chance, list(range(1, 13)), 3))
    if freq in ("MONTHLY", "YEARLY"):
        parts_within_month(chance, freq, has_months, parts)
    else:
        if chance.random() < 0.6:
            parts.append("BYDAY=" + some(chance, DAYS, 5))
        if freq == "DAILY" and chance.random() < 0.3:
            parts.append("BYMONTHDAY=" + some(chance, list(range(1, 32)), 4))
    return ";".join(parts)


class Event:
    """One random event: its text, and its ranges by dateutil and zoneinfo."""

    def __init__(self, chance):
        self.chance = chance
        self.kind = chance.choice(["date", "floating", "utc", "zone"])
        self.zone = ZoneInfo(chance.choice(ZONES)) if self.kind == "zone" else UTC
        self.rule = random_rule(chance)
        self.start = None
        while self.start is None:
            self.start = self.random_start()
        self.length_days, self.length_seconds, self.has_end = self.random_length()
        self.limit = self.random_limit()
        self.without = []
        self.extra = [self.near(chance.randint(0, 2000)) for _ in range(chance.choice([0, 0, 0, 1, 3]))]

    def random_start(self):
        base = datetime.datetime(self.chance.randint(2000, 2027), self.chance.randint(1, 12), self.chance.randint(1, 28))
        if self.kind != "date":
            base = base.replace(hour=self.chance.choice([0, 1, 2, 2, 3, 12, 23]), minute=self.chance.choice([0, 30, 15]))
        for tried, first in enumerate(rrulestr(self.rule, dtstart=base)):
            if first.year > 2029 or tried > 0:
                break
            again = next(iter(rrulestr(self.rule, dtstart=first)), None)
            return first if again == first else None
        self.rule = random_rule(self.chance)
        return None

    def random_length(self):
        if self.kind == "date":
            return self.chance.randint(1, 4), 0, self.chance.random() < 0.5
        if self.chance.random() < 0.5:
            return 0, self.chance.choice([900, 3600, 7200, 45000, 100000]), self.chance.random() < 0.5
        return self.chance.randint(1, 3), self.chance.choice([0, 3600]), False

    def random_limit(self):
        if self.chance.random() < 0.3:
            return f";COUNT={self.chance.choice([1, 2, 5, 40, 10**9])}"
        if self.chance.random() < 0.4:
            self.until = self.near(self.chance.randint(0, 3000))
            if self.kind == "zone":
                return f";UNTIL={self.until.replace(tzinfo=self.zone).astimezone(UTC):%Y%m%dT%H%M%SZ}"
            return f";UNTIL={self.text(self.until)}"
        return ""

    def near(self, days):
        return self.start + datetime.timedelta(days=days)

    def text(self, naive):
        if self.kind == "date":
            return f"{naive:%Y%m%d}"
        return f"{naive:%Y%m%dT%H%M%S}" + ("Z" if self.kind == "utc" else "")

    def instant(self, naive):
        """Of what no clock shows as by the offset before, of what it shows twice the first (RFC 5545 3.3.5)."""
        if self.kind != "zone":
            return seconds(naive)
        return seconds(naive.replace(tzinfo=self.zone, fold=0).astimezone(UTC).replace(tzinfo=None))

    def occurrences(self):
        """Naive times of the rule, COUNT and UNTIL observed."""
        count = int(self.limit[7:]) if self.limit.startswith(";COUNT") else None
        last = self.instant(self.until) if self.limit.startswith(";UNTIL") else None
        for number, naive in enumerate(rrulestr(self.rule, dtstart=self.start)):
            if naive >= UNTIL + datetime.timedelta(days=2) or (count is not None and number >= count):
                return
            if last is not None and self.instant(naive) > last:
                return
            yield naive

    def choose_exceptions(self, times):
        inside = [time for time in times if time.year >= 2023]
        if inside and self.chance.random() < 0.4:
            self.without = self.chance.sample(inside, min(len(inside), self.chance.randint(1, 5)))

    def end(self, naive):
        if self.has_end:
            first_end = self.start + datetime.timedelta(days=self.length_days, seconds=self.length_seconds)
            return self.instant(naive) + self.instant(first_end) - self.instant(self.start)
        return self.instant(naive + datetime.timedelta(days=self.length_days)) + self.length_seconds

    def ranges(self):
        times = list(self.occurrences())
        self.choose_exceptions(times)
        gone = {self.instant(time) for time in self.without}
        found = sorted((self.instant(time), self.end(time)) for time in times + self.extra if self.instant(time) not in gone)
        low, high = seconds(FROM), seconds(UNTIL)
        merged = []
        for begin, end in found:
            if end <= low or begin >= high or end <= begin:
                continue
            begin, end = max(begin, low), min(end, high)
            if merged and begin <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([begin, end])
        return merged

    def is_empty(self):
        """The clock was set forward over all of it: the days of its ends are in order, their instants are not."""
        first_end = self.start + datetime.timedelta(days=self.length_days, seconds=self.length_seconds)
        return self.has_end and self.instant(first_end) <= self.instant(self.start)

    def param(self):
        return {"date": ";VALUE=DATE", "zone": f";TZID={self.zone}"}.get(self.kind, "")

    def length_line(self):
        if self.has_end:
            end = self.start + datetime.timedelta(days=self.length_days, seconds=self.length_seconds)
            return f"DTEND{self.param()}:{self.text(end)}"
        exact = f"T{self.length_seconds}S" if self.length_seconds else ""
        days = f"{self.length_days}D" if self.length_days or not exact else ""
        return f"DURATION:P{days}{exact}"

    def file(self):
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:x", f"DTSTART{self.param()}:{self.text(self.start)}",
                 self.length_line(), f"RRULE:{self.rule}{self.limit}"]
        if self.without:
            lines.append(f"EXDATE{self.param()}:" + ",".join(map(self.text, self.without)))
        lines += [f"RDATE{self.param()}:{self.text(time)}" for time in self.extra]
        return "\r\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""])

    def word(self):
        return "local" if self.kind in ("date", "floating") else "utc"


def ask(program, text):
    days = [str(seconds(day) // DAY) for day in (FROM, UNTIL)]
    run = subprocess.run([program, *days], input=text.encode(), capture_output=True, check=True, timeout=30)
    return run.stdout.decode().splitlines()[1:-1]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--count", type=int, default=150)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    seed = given.seed or random.randrange(1, 1 << 31)
    print(f"seed {seed}")
    chance = random.Random(seed)
    wrong = 0
    for _ in range(given.count):
        event = Event(chance)
        wanted = [f"{event.word()} {begin} {end}" for begin, end in event.ranges()]
        text = event.file()
        got = ask(given.program, text)
        if event.is_empty() and len(got) == 1 and got[0].startswith("refused") and "DTEND" in got[0]:
            continue
        if got != wanted:
            wrong += 1
            if wrong <= 10:
                print(text.replace("\r", ""), "ours ", [line for line in got if line not in wanted][:3], "\ndateutil ",
                      [line for line in wanted if line not in got][:3], sep="")
    print(f"{given.count} events, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
