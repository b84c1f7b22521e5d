#!/usr/bin/python3
"""Compares our schedules with oracles, on random schedules, zones and times from 1990 to 2100.

    schedules.py DRIVER [--only ORACLE] [--count N] [--seed S]

ORACLE is brute, croniter, dateutil or systemd; without --only all of them, each with its own count times N percent. What
each is asked stands in docs/reference/schedule-oracles.md. Exits with 77 when one was asked for alone and is missing.
"""
import argparse
import calendar
import datetime
import os
import random
import re
import shutil
import subprocess
import sys

from brute import Brute, Clock, Cron, date_of, days_of_month
from driver import BOTH, CRON, DAILY, EVERY, MONTHLY, ONCE, RELATIVE, UTC, WEEKLY, Driver, load_zone, naive, number, seconds
from driver import ZONE_DIR

DAY = datetime.timedelta(days=1)
SHOWN = 12
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
# Gaps and folds at midnight, half hours, negative saving, days left out or repeated, offsets changed for good.
ODD_ZONES = ["Europe/Berlin", "America/New_York", "Europe/Dublin", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Kolkata",
             "Pacific/Apia", "Pacific/Kwajalein", "America/Santiago", "America/Asuncion", "Asia/Beirut", "Asia/Gaza",
             "America/Sao_Paulo", "Africa/Cairo", "Asia/Tehran", "Europe/Moscow", "Europe/Istanbul", "Asia/Pyongyang",
             "America/Caracas", "America/Nuuk", "Antarctica/Troll", "Antarctica/Casey", "America/Ciudad_Juarez", "Asia/Amman",
             "Atlantic/Azores", "America/Scoresbysund", "Pacific/Norfolk", "Africa/Windhoek", "Asia/Dhaka", "UTC"]


class Zones:
    """Zones by name, with their jumps."""

    def __init__(self):
        self.loaded = {}
        with open(os.path.join(ZONE_DIR, "tzdata.zi"), encoding="ascii") as lines:
            self.names = [line.split()[1] for line in lines if line.startswith("Z ")]

    def pick(self, chance):
        name = chance.choice(ODD_ZONES if chance.random() < 0.6 else self.names)
        return name if os.path.exists(os.path.join(ZONE_DIR, name)) else "UTC"

    def get(self, name):
        if name not in self.loaded:
            self.loaded[name] = UTC if name == "UTC" else load_zone(name)
        return self.loaded[name]

    def jump_in(self, name, year, chance):
        """An instant of a jump in a year, or any instant."""
        clock = Clock(self.get(name))
        begin = seconds(datetime.datetime(year, 1, 1))
        marks = [begin + week * 7 * 86400 for week in range(54)]
        jumps = [(low, high) for low, high in zip(marks, marks[1:]) if clock.offset(low) != clock.offset(high)]
        if not jumps or chance.random() < 0.25:
            return chance.randrange(begin, begin + 365 * 86400)
        low, high = chance.choice(jumps)
        old = clock.offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            if clock.offset(middle) == old:
                low = middle
            else:
                high = middle
        return high


# ---- random schedules ----


def random_date(chance, low=1990, high=2099):
    return datetime.date(chance.randint(low, high), chance.randint(1, 12), chance.randint(1, 28))


def random_time(chance):
    hour = chance.choice([0, 0, 1, 2, 2, 3, 23, chance.randint(0, 23)])
    return hour * 3600 + chance.choice([0, 30, chance.randint(0, 59)]) * 60 + chance.choice([0, 0, chance.randint(0, 59)])


def add_policies(chance, fields):
    fields["gap"] = chance.randint(0, 2)
    fields["fold"] = chance.randint(0, 2)


def add_repeats(chance, fields):
    fields["repeat"] = chance.choice([10, 60, 300, 900, 1800, 2700, 3600, 5400, 7200, 14400, 43200, 86400, chance.randint(600, 86400)])
    fields["end"] = chance.choice([0, 86400, random_time(chance), random_time(chance), (fields["time"] + 1) % 86400])


def random_by_date(chance, near):
    """One of the forms by date; near is a date that its anchor lies about."""
    kind = chance.choice([ONCE, DAILY, WEEKLY, WEEKLY, MONTHLY, RELATIVE])
    fields = {"kind": kind, "time": random_time(chance)}
    add_policies(chance, fields)
    factor = chance.choice([0, 1, 1, 2, 3, 4, 12, 13, 99])
    anchor = near - chance.choice([0, 1, 3, 30, 400, 4000]) * DAY
    if kind == ONCE:
        fields["start_date"] = number(near + chance.randint(-2, 2) * DAY)
    elif kind == DAILY:
        fields["interval"] = chance.choice([1, 1, 2, 3, 7, 30, 365, 1000])
    elif kind == WEEKLY:
        fields.update(interval=chance.randint(1, 127), factor=factor)
    elif kind == MONTHLY:
        fields.update(interval=chance.choice([near.day, chance.randint(1, 31), 29, 30, 31]), factor=factor)
    else:
        fields.update(interval=chance.randint(1, 10), relative=chance.choice([1, 2, 4, 8, 16]), factor=factor)
    if kind != ONCE:
        needs = kind == DAILY and fields["interval"] > 1 or fields.get("factor", 1) > 1
        if needs or chance.random() < 0.3:
            fields["anchor"] = number(max(anchor, datetime.date(1990, 1, 1)))
        if chance.random() < 0.25:
            fields["start_date"] = number(max(near + chance.randint(-40, 5) * DAY, datetime.date(1990, 1, 1)))
        if chance.random() < 0.25:
            fields["end_date"] = number(max(near + chance.randint(-2, 60) * DAY, datetime.date(1990, 1, 1)))
    if kind != ONCE and chance.random() < 0.5:
        add_repeats(chance, fields)
    return fields


def random_items(chance, low, high, names=None, is_rich=True):
    items = []
    for _ in range(chance.randint(1, 3)):
        first = chance.randint(low, high)
        last = chance.randint(first, high)
        word = str if not names or chance.random() < 0.5 else lambda value: names[value - low]
        if chance.random() < 0.5 or first == last:
            items.append(word(first))
        else:
            items.append(f"{word(first)}-{word(last)}" + (f"/{chance.randint(1, min(high - low, 6))}" if is_rich and chance.random() < 0.5 else ""))
    return ",".join(items)


def random_field(chance, low, high, names=None, star=0.5):
    if chance.random() < star:
        return "*" if chance.random() < 0.7 else f"*/{chance.randint(2, high - low)}"
    return random_items(chance, low, high, names)


def random_day(chance):
    return chance.choice([lambda: "L", lambda: f"L-{chance.randint(1, 5)}", lambda: "LW", lambda: f"{chance.randint(1, 31)}W",
                          lambda: random_items(chance, 1, 31), lambda: random_items(chance, 1, 31) + ",L"])()


def random_weekday(chance):
    day = chance.choice([str(chance.randint(0, 7)), chance.choice(WEEKDAYS)])
    return chance.choice([lambda: f"{day}L", lambda: f"{day}#{chance.randint(1, 5)}", lambda: random_items(chance, 0, 6, WEEKDAYS),
                          lambda: random_items(chance, 0, 7, None)])()


def random_cron(chance):
    minute = chance.choice(["0", "30", str(chance.randint(0, 59)), random_items(chance, 0, 59), "*/15"])
    hour = chance.choice(["*", "0", "2", "1-3", random_field(chance, 0, 23)])
    days = "*" if chance.random() < 0.6 else random_day(chance)
    weekdays = "*" if chance.random() < 0.6 else random_weekday(chance)
    month = random_field(chance, 1, 12, MONTHS, 0.8)
    text = f"{minute} {hour} {days} {month} {weekdays}"
    if chance.random() < 0.2:
        text = chance.choice(["0", "30", "0,20,40"]) + " " + text
    return text


def random_schedule(chance, near):
    form = chance.random()
    if form < 0.3:
        fields = {"kind": CRON, "cron": random_cron(chance)}
        add_policies(chance, fields)
    elif form < 0.36:
        fields = {"kind": EVERY, "every_us": chance.choice([60, 90, 3600, 86400, chance.randint(60, 10**6)]) * 10**6}
    else:
        return random_by_date(chance, near)
    if chance.random() < 0.2:
        fields["start_date"] = number(max(near + chance.randint(-3, 3) * DAY, datetime.date(1990, 1, 1)))
    if chance.random() < 0.2:
        fields["end_date"] = number(near + chance.randint(3, 6) * DAY)
    return fields


def span_of(fields):
    """Seconds to look at on either side: fewer for what runs often."""
    if fields["kind"] in (CRON, EVERY):
        return 3 * 86400
    if fields.get("repeat"):
        return (1 if fields["repeat"] < 60 else 3) * 86400
    return {ONCE: 4, DAILY: 20, WEEKLY: 40, MONTHLY: 150, RELATIVE: 150}[fields["kind"]] * 86400


# ---- calendars ----


class Ranges:
    """A calendar: ranges of the wall clock or of UTC, and from when on nothing is known."""

    def __init__(self, chance, begin, end):
        self.horizon = chance.choice([end + 86400, end + 86400, chance.randrange(begin, end)])
        self.by_clock = {"local": self.random_ranges(chance, begin, end), "utc": self.random_ranges(chance, begin, end)}

    @staticmethod
    def random_ranges(chance, begin, end):
        marks = sorted(chance.sample(range(begin // 900, end // 900), 2 * chance.choice([0, 1, 2, 6])))
        pairs = list(zip(marks[::2], marks[1::2]))
        return [(low * 900, high * 900) for low, high in pairs]

    def text(self):
        words = [f"{clock}:{low}:{high}" for clock, ranges in self.by_clock.items() for low, high in ranges]
        return " ".join([f"horizon:{self.horizon}", *words])

    def covers(self, clock, instant):
        wall = seconds(clock.local(instant)[0])
        return instant < self.horizon and (any(low <= wall < high for low, high in self.by_clock["local"]) or
                                           any(low <= instant < high for low, high in self.by_clock["utc"]))


class Calendars:
    """Those of a schedule: some that keep it from running, some in which alone it does."""

    def __init__(self, driver, chance, begin, end):
        self.without = [Ranges(chance, begin, end) for _ in range(chance.choice([0, 0, 0, 1, 2]))]
        self.within = [Ranges(chance, begin, end) for _ in range(chance.choice([0, 0, 0, 1, 2]))]
        driver.ask("calendars")
        for word, ranges in [("except", item) for item in self.without] + [("within", item) for item in self.within]:
            answer = driver.ask(f"calendar {word} {ranges.text()}")
            assert answer == "ok", answer

    def is_open(self, clock, instant):
        if any(ranges.covers(clock, instant) for ranges in self.without):
            return False
        return not self.within or any(ranges.covers(clock, instant) for ranges in self.within)


# ---- comparing ----


class Report:
    def __init__(self, name):
        self.name, self.asked, self.refused, self.occurrences, self.wrong = name, 0, 0, 0, 0

    def differ(self, where, fields, ours, theirs):
        self.wrong += 1
        if self.wrong <= SHOWN:
            first = next((pair for pair in zip(ours + [None], theirs + [None]) if pair[0] != pair[1]), None)
            text = " ".join(f"{key}={value}" for key, value in fields.items())
            print(f"{self.name}: {where}: {text}\n    ours {show(first[0])}, {self.name} {show(first[1])}")

    def end(self):
        print(f"{self.name}: {self.asked} schedules ({self.refused} refused), {self.occurrences} occurrences, {self.wrong} differ")
        return self.wrong


def show(item):
    if item is None:
        return "nothing more"
    instant, *marks = item if isinstance(item, tuple) else (item,)
    return f"{naive(instant)}Z ({instant})" + (f" {marks}" if marks else "")


def marks_agree(ours, theirs):
    """Theirs has None where either is right."""
    return len(ours) == len(theirs) and all(
        mine[0] == other[0] and (other[1] is None or mine[1] == other[1]) and (other[2] is None or bool(mine[2]) == other[2])
        for mine, other in zip(ours, theirs))


def open_agree(ours, calendars, clock):
    """Whether what our calendars let through is what theirs do; of many occurrences some."""
    return all(bool(item[3]) == calendars.is_open(clock, item[0]) for item in ours[:: 1 + len(ours) // 200])


def compare_brute(driver, zones, chance, count, report):
    for _ in range(count):
        name = zones.pick(chance)
        zone = zones.get(name)
        at = zones.jump_in(name, chance.randint(1990, 2099), chance)
        near = Clock(zone).local(at)[0].date()
        fields = random_schedule(chance, near)
        driver.set_zone(name)
        report.asked += 1
        begin, end = at - span_of(fields), at + span_of(fields)
        calendars = Calendars(driver, chance, begin, end)
        theirs = Brute(fields, zone).window(begin, end)
        refusal = driver.set_schedule(fields)
        if refusal:
            report.refused += 1
            if theirs:
                print(f"brute: {name}: {fields}: {refusal}, but it runs")
                report.wrong += 1
            elif "never happens" not in refusal and "before" not in refusal:
                print(f"brute: {fields}: {refusal}")
                report.wrong += 1
            continue
        answer = driver.window(begin, end)
        ours = [item[:3] for item in answer]
        report.occurrences += len(theirs)
        if not open_agree(answer, calendars, Clock(zone)):
            report.wrong += 1
            print(f"brute: {name}: {fields}: the calendars let other occurrences through, first of {begin}")
        if not marks_agree(ours, theirs):
            report.differ(name, fields, [(item[0], item[1], bool(item[2])) for item in ours], theirs)


def compare_croniter(driver, _, chance, count, report):
    from croniter import croniter
    driver.set_zone("UTC")
    for _ in range(count):
        days = chance.choice(["*", "*", "L", random_items(chance, 1, 28)])
        weekdays = chance.choice(["*", "*", random_items(chance, 0, 6, WEEKDAYS), f"{chance.choice(WEEKDAYS)}#{chance.randint(1, 4)}"])
        if days == "L" and weekdays != "*" or "#" in weekdays and days != "*":
            weekdays = "*"
        if days != "*" and len(Cron(f"0 0 * * {weekdays}").every_weekday()) == 7:
            weekdays = "*"
        minute = chance.choice(["0", random_field(chance, 0, 59), random_items(chance, 0, 59)])
        text = f"{minute} {random_field(chance, 0, 23)} {days} {random_field(chance, 1, 12, MONTHS, 0.7)} {weekdays}"
        at = datetime.datetime.combine(random_date(chance), datetime.time(chance.randint(0, 23), chance.randint(0, 59)))
        fields = {"kind": CRON, "cron": text}
        report.asked += 1
        if driver.set_schedule(fields):
            report.refused += 1
            continue
        iterator = croniter(text, at)
        theirs = [seconds(iterator.get_next(datetime.datetime)) for _ in range(8)]
        ours = [item[0] for item in driver.window(seconds(at) + 1, theirs[-1] + 1)]
        report.occurrences += len(theirs)
        if ours != theirs:
            report.differ("UTC", fields, ours, theirs)


def dateutil_rule(fields):
    """The same dates as a rule of dateutil from the anchor's on."""
    from dateutil import rrule
    days = [rrule.SU, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA]
    start = datetime.datetime.combine(date_of(fields["anchor"]), datetime.time())
    time = {"byhour": fields["time"] // 3600, "byminute": fields["time"] // 60 % 60, "bysecond": fields["time"] % 60}
    if fields["kind"] == DAILY:
        return rrule.rrule(rrule.DAILY, dtstart=start, interval=fields["interval"], **time)
    if fields["kind"] == WEEKLY:
        chosen = [day for bit, day in enumerate(days) if fields["interval"] >> bit & 1]
        first = next(iter(rrule.rrule(rrule.DAILY, dtstart=start, byweekday=chosen)))
        return rrule.rrule(rrule.WEEKLY, dtstart=first, interval=fields["factor"], byweekday=chosen, wkst=rrule.SU, **time)
    start = start.replace(day=1)
    if fields["kind"] == MONTHLY:
        return rrule.rrule(rrule.MONTHLY, dtstart=start, interval=fields["factor"], bymonthday=fields["interval"], **time)
    chosen = {8: days, 9: days[1:6], 10: [days[6], days[0]]}.get(fields["interval"]) or [days[fields["interval"] - 1]]
    position = {1: 1, 2: 2, 4: 3, 8: 4, 16: -1}[fields["relative"]]
    return rrule.rrule(rrule.MONTHLY, dtstart=start, interval=fields["factor"], byweekday=chosen, bysetpos=position, **time)


def compare_dateutil(driver, _, chance, count, report):
    import dateutil.rrule
    assert dateutil.rrule
    driver.set_zone("UTC")
    for _ in range(count):
        anchor = random_date(chance, 1990, 2090)
        kind = chance.choice([DAILY, WEEKLY, MONTHLY, RELATIVE])
        fields = {"kind": kind, "time": random_time(chance), "anchor": number(anchor), "start_date": number(anchor)}
        if kind == DAILY:
            fields["interval"] = chance.randint(1, 1000)
        else:
            fields["factor"] = chance.randint(1, 99)
            fields["interval"] = {WEEKLY: chance.randint(1, 127), MONTHLY: chance.randint(1, 31), RELATIVE: chance.randint(1, 10)}[kind]
        if kind == RELATIVE:
            fields["relative"] = chance.choice([1, 2, 4, 8, 16])
        report.asked += 1
        start = datetime.datetime.combine(anchor, datetime.time())
        theirs = []
        for moment in dateutil_rule(fields):
            if moment >= start:
                theirs.append(seconds(moment))
            if len(theirs) == 12 or moment.year > 2190:
                break
        if driver.set_schedule(fields):
            report.refused += 1
            if theirs:
                report.differ("UTC", fields, [], theirs)
            continue
        ours = [item[0] for item in driver.window(seconds(start), theirs[-1] + 1)] if theirs else []
        report.occurrences += len(theirs)
        if ours != theirs:
            report.differ("UTC", fields, ours, theirs)


def systemd_text(fields):
    """The same schedule as a calendar event of systemd."""
    time = f"{fields['time'] // 3600:02}:{fields['time'] // 60 % 60:02}:{fields['time'] % 60:02}"
    if fields["kind"] == DAILY:
        return f"*-*-* {time}"
    if fields["kind"] == WEEKLY:
        chosen = [day for bit, day in enumerate(WEEKDAYS) if fields["interval"] >> bit & 1]
        return ",".join(chosen) + f" *-*-* {time}"
    if fields["kind"] == MONTHLY:
        return f"*-*-{fields['interval']} {time}"
    day = WEEKDAYS[fields["interval"] - 1] if fields["interval"] < 8 else ""
    if fields["interval"] == 8:
        nth = {1: "-1", 2: "-2", 4: "-3", 8: "-4", 16: "~1"}[fields["relative"]]
        return f"*-*{nth} {time}"
    first = {1: 1, 2: 8, 4: 15, 8: 22}.get(fields["relative"])
    return f"{day} *-*-{first}..{first + 6} {time}" if first else f"{day} *-*~1..7 {time}"


def systemd_next(text, zone, base, count):
    run = subprocess.run(["systemd-analyze", "calendar", f"--base-time=@{base}", f"--iterations={count}", text],
                         env={"TZ": f":{zone}", "PATH": os.environ["PATH"], "LC_ALL": "C"}, capture_output=True, text=True, check=True)
    lines = [line.strip().partition(": ") for line in run.stdout.splitlines()]
    # Where local time is UTC, by whatever name, there is no line of its own for it.
    labels = [label for label, _, _ in lines]
    wanted = "(in UTC)" if "(in UTC)" in labels else "N"
    values = [value for label, _, value in lines if label == wanted or (wanted == "N" and re.match(r"Next elapse|Iter\. #", label))]
    return [seconds(datetime.datetime.strptime(" ".join(value.split()[1:3]), "%Y-%m-%d %H:%M:%S")) for value in values]


def compare_systemd(driver, zones, chance, count, report):
    for _ in range(count):
        name = zones.pick(chance)
        clock = Clock(zones.get(name))
        kind = chance.choice([DAILY, WEEKLY, MONTHLY, RELATIVE])
        fields = {"kind": kind, "time": random_time(chance), "gap": 2, "fold": 0}
        fields["interval"] = {DAILY: 1, WEEKLY: chance.randint(1, 127), MONTHLY: chance.randint(1, 28), RELATIVE: chance.randint(1, 8)}[kind]
        if kind == RELATIVE:
            fields["relative"] = chance.choice([1, 2, 4, 8, 16])
        base = zones.jump_in(name, chance.randint(1990, 2098), chance) - chance.randint(0, 5 * 86400)
        report.asked += 1
        driver.set_zone(name)
        assert driver.set_schedule(fields) is None
        theirs = systemd_next(systemd_text(fields), name, base, 8)
        ours = [item[0] for item in driver.window(base + 1, theirs[-1] + 1)]
        # What systemd does about a time that is never shown, or shown twice, is not what we promise.
        both = [[at for at in side if not is_disputed(clock, at, fields["time"])] for side in (ours, theirs)]
        report.occurrences += len(both[0])
        if both[0] != both[1]:
            report.differ(name, fields, *both)


def is_disputed(clock, instant, time):
    """The date of an occurrence has no such time, or two."""
    wall = clock.local(instant)[0]
    for shift in (-1, 0, 1):
        asked = datetime.datetime.combine(wall.date() + shift * DAY, datetime.time()) + datetime.timedelta(seconds=time)
        if len(clock.instants(asked)) != 1:
            return True
    return False


def has_module(name):
    return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


# name, how many of 1,000, what it needs
ORACLES = {
    "brute": (compare_brute, 1000, lambda: os.path.exists(os.path.join(ZONE_DIR, "tzdata.zi"))),
    "croniter": (compare_croniter, 600, lambda: has_module("croniter")),
    "dateutil": (compare_dateutil, 600, lambda: has_module("dateutil")),
    "systemd": (compare_systemd, 100, lambda: shutil.which("systemd-analyze") is not None),
}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("driver")
    options.add_argument("--only", choices=ORACLES)
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    seed = given.seed or int(os.environ.get("BUGLE_SEED", "0")) or random.randrange(1, 1 << 31)
    print(f"seed {seed}")
    driver, zones = Driver(given.driver), Zones()
    wrong = 0
    for name, (compare, share, is_here) in ORACLES.items():
        if given.only and name != given.only:
            continue
        if not is_here():
            print(f"{name}: not on this machine")
            if given.only:
                return 77
            continue
        report = Report(name)
        compare(driver, zones, random.Random(f"{seed} {name}"), given.count if given.only else given.count * share // 1000, report)
        wrong += report.end()
    driver.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
