"""When a schedule runs, found by looking at every day and every time of it.

Written from what docs say (the reference's schedule model, job-fields and schedule rules), not from our C: no search, no
arithmetic of cycles, only questions "is this one?" over a window. Zones are Python's zoneinfo.
"""
import calendar
import datetime

from driver import BOTH, CRON, DAILY, EDGE, EVERY, FIRST, MONTHLY, ONCE, RELATIVE, SECOND, SHIFT, SKIP, UTC, WEEKLY
from driver import EPOCH_UTC, number, seconds

DAY = datetime.timedelta(days=1)
WORKDAYS, WEEKEND = range(0, 5), range(5, 7)


def date_of(value):
    return datetime.date(value // 10000, value // 100 % 100, value % 100)


def sunday_number(date):
    """0 Sunday to 6 Saturday."""
    return (date.weekday() + 1) % 7


def week_of(date):
    """The Sunday that begins its week."""
    return date - sunday_number(date) * DAY


def days_of_month(date):
    last = calendar.monthrange(date.year, date.month)[1]
    return [datetime.date(date.year, date.month, day) for day in range(1, last + 1)]


def months_between(first, second):
    return (second.year - first.year) * 12 + second.month - first.month


class Clock:
    """What a wall clock of a zone shows, and when."""

    def __init__(self, zone):
        self.zone = zone

    def local(self, instant):
        """The naive time shown, and whether it is the second time that it is shown."""
        moment = (EPOCH_UTC + datetime.timedelta(seconds=instant)).astimezone(self.zone)
        return moment.replace(tzinfo=None, fold=0), moment.fold

    def offset(self, instant):
        return int((EPOCH_UTC + datetime.timedelta(seconds=instant)).astimezone(self.zone).utcoffset().total_seconds())

    def instants(self, wall):
        """Every instant at which the clock shows a time: none, one or two, ascending."""
        found = set()
        for fold in (0, 1):
            instant = seconds(wall) - int(wall.replace(tzinfo=self.zone, fold=fold).utcoffset().total_seconds())
            if self.local(instant)[0] == wall:
                found.add(instant)
        return sorted(found)

    def gap(self, wall):
        """Of a time that is never shown: the instant of the jump, and the time as by the offset before."""
        before = int(wall.replace(tzinfo=self.zone, fold=0).utcoffset().total_seconds())
        shifted = seconds(wall) - before
        low, high = shifted - 2 * 86400, shifted
        while high - low > 1:
            middle = (low + high) // 2
            if self.local(middle)[0] > wall:
                high = middle
            else:
                low = middle
        return high, shifted

    def times_shown(self, instant):
        """0 when the time shown then is shown once, else 1 or 2 for the first or second time."""
        wall, _ = self.local(instant)
        shown = self.instants(wall)
        return 0 if len(shown) == 1 else shown.index(instant) + 1


class Cron:
    """An expression, as sets of values and questions about days."""

    NAMES = {name: value for value, name in enumerate("sun mon tue wed thu fri sat".split())}
    MONTHS = {name: value for value, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}

    def __init__(self, text):
        fields = text.split()
        if len(fields) == 5:
            fields.insert(0, "0")
        self.seconds = self.values(fields[0], 0, 59)
        self.minutes = self.values(fields[1], 0, 59)
        self.hours = self.values(fields[2], 0, 23)
        self.days = fields[3].lower()
        self.months = self.values(fields[4].lower(), 1, 12, self.MONTHS)
        self.weekdays = fields[5].lower()
        self.is_repetition = len(self.hours) == 24

    def values(self, field, low, high, names=None):
        found = set()
        for item in field.split(","):
            span, _, step = item.partition("/")
            if span in ("*", "?"):
                first, last = low, high
            elif "-" in span:
                first, last = (self.value(word, names) for word in span.split("-"))
            else:
                first = last = self.value(span, names)
            found.update(range(first, last + 1, int(step or 1)))
        return found

    @staticmethod
    def value(word, names):
        return names[word] if names and word in names else int(word)

    def fits_day_item(self, item, date):
        month = days_of_month(date)
        last = month[-1]
        if item == "lw":
            return date == max(day for day in month if day.weekday() in WORKDAYS)
        if item.startswith("l"):
            return date == last - int(item[2:] or 0) * DAY
        if item.endswith("w"):
            return self.is_nearest_workday(int(item[:-1]), date, month)
        return date.day in self.values(item, 1, 31)

    @staticmethod
    def is_nearest_workday(wanted, date, month):
        if wanted > len(month):
            return False
        asked = month[wanted - 1]
        workdays = [day for day in month if day.weekday() in WORKDAYS]
        return date == min(workdays, key=lambda day: (abs((day - asked).days), day > asked))

    def fits_weekday_item(self, item, date):
        day = sunday_number(date)
        if "#" in item:
            wanted, count = item.split("#")
            return day == self.value(wanted, self.NAMES) % 7 and (date.day - 1) // 7 + 1 == int(count)
        if item.endswith("l") and item != "l":
            last_such = (date + 7 * DAY).month != date.month
            return day == self.value(item[:-1], self.NAMES) % 7 and last_such
        return day in {value % 7 for value in self.values(item, 0, 6 if item.startswith("*") else 7, self.NAMES)}

    def fits(self, date):
        if date.month not in self.months:
            return False
        by_day = any(self.fits_day_item(item, date) for item in self.days.split(","))
        by_weekday = any(self.fits_weekday_item(item, date) for item in self.weekdays.split(","))
        if self.days[0] not in "*?" and self.weekdays[0] not in "*?":
            return by_day or by_weekday
        return by_day and by_weekday

    def every_weekday(self):
        """The days of one week that fit, month and day of the month aside."""
        week = [datetime.date(2023, 1, 1) + count * DAY for count in range(7)]
        return [date for date in week if any(self.fits_weekday_item(item, date) for item in self.weekdays.split(","))]

    def times(self):
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                for second in sorted(self.seconds):
                    yield datetime.time(hour, minute, second)


class Brute:
    """A schedule (the driver's fields) in a zone."""

    def __init__(self, fields, zone):
        self.fields = fields
        self.clock = Clock(zone)
        self.kind = fields["kind"]
        self.gap = fields.get("gap", EDGE)
        self.fold = fields.get("fold", FIRST)
        self.first = date_of(fields["start_date"]) if fields.get("start_date") else datetime.date.min
        self.last = date_of(fields["end_date"]) if fields.get("end_date") else datetime.date.max
        anchor = fields.get("anchor") or fields.get("start_date")
        self.anchor = date_of(anchor) if anchor else None
        self.cron = Cron(fields["cron"]) if self.kind == CRON else None

    # ---- which dates ----

    def is_weekday(self, date):
        return bool(self.fields["interval"] >> sunday_number(date) & 1)

    def fits_weekly(self, date):
        factor = self.fields.get("factor") or 1
        if factor == 1:
            return self.is_weekday(date)
        first = self.anchor
        while not self.is_weekday(first):
            first += DAY
        return self.is_weekday(date) and (week_of(date) - week_of(first)).days // 7 % factor == 0

    def fits_relative(self, date):
        wanted = self.fields["interval"]
        if wanted <= 7:
            such = [day for day in days_of_month(date) if sunday_number(day) == wanted - 1]
        else:
            weekdays = {8: range(7), 9: WORKDAYS, 10: WEEKEND}[wanted]
            such = [day for day in days_of_month(date) if day.weekday() in weekdays]
        index = {1: 0, 2: 1, 4: 2, 8: 3, 16: -1}[self.fields["relative"]]
        return date == such[index]

    def fits_months(self, date):
        factor = self.fields.get("factor") or 1
        return factor == 1 or months_between(self.anchor, date) % factor == 0

    def fits(self, date):
        if not self.first <= date <= self.last:
            return False
        if self.kind == CRON:
            return self.cron.fits(date)
        if self.kind == ONCE:
            return date == self.first
        if self.kind == DAILY:
            interval = self.fields["interval"]
            return interval == 1 or (date - self.anchor).days % interval == 0
        if self.kind == WEEKLY:
            return self.fits_weekly(date)
        if self.kind == MONTHLY:
            return date.day == self.fields["interval"] and self.fits_months(date)
        return self.fits_relative(date) and self.fits_months(date)

    # ---- which instants ----

    def at(self, wall, gap, fold):
        """Instants of a time asked for, each with whether a gap moved it."""
        shown = self.clock.instants(wall)
        if not shown:
            edge, shifted = self.clock.gap(wall)
            return {EDGE: [(edge, True)], SHIFT: [(shifted, True)], SKIP: []}[gap]
        if len(shown) == 2 and fold != BOTH:
            shown = [shown[0] if fold == FIRST else shown[1]]
        return [(instant, False) for instant in shown]

    def of_cron(self, date):
        gap, fold = (SKIP, BOTH) if self.cron.is_repetition else (self.gap, self.fold)
        for time in self.cron.times():
            yield from self.at(datetime.datetime.combine(date, time), gap, fold)

    def close(self, date):
        end = self.fields.get("end") or 86400
        day = date if end > self.fields.get("time", 0) else date + DAY
        wall = datetime.datetime.combine(day, datetime.time()) + datetime.timedelta(seconds=end)
        shown = self.clock.instants(wall)
        if not shown:
            return self.clock.gap(wall)[0], wall
        return (shown[0] if self.fold == FIRST else shown[-1]), wall

    def opening(self, date, repeat):
        wall = datetime.datetime.combine(date, datetime.time()) + datetime.timedelta(seconds=self.fields.get("time", 0))
        if self.gap == SKIP and not self.clock.instants(wall):
            close = self.close(date)[0]
            while True:
                wall += datetime.timedelta(seconds=repeat)
                shown = self.clock.instants(wall)
                if shown:
                    return (shown[0], False) if shown[0] < close else None
        found = self.at(wall, self.gap, FIRST if self.fold == BOTH else self.fold)
        return found[0]

    def of_repeats(self, date, repeat):
        opening = self.opening(date, repeat)
        if opening is None:
            return
        yield opening
        close = self.close(date)[0]
        instant = opening[0] + repeat
        while instant < close:
            yield instant, False
            instant += repeat

    def of_date(self, date):
        if self.kind == CRON:
            yield from self.of_cron(date)
        elif self.fields.get("repeat"):
            yield from self.of_repeats(date, self.fields["repeat"])
        else:
            wall = datetime.datetime.combine(date, datetime.time()) + datetime.timedelta(seconds=self.fields.get("time", 0))
            yield from self.at(wall, self.gap, self.fold)

    def of_interval(self, begin, end):
        every = self.fields["every_us"]
        count = -(-begin * 10**6 // every)
        while count * every < end * 10**6:
            instant = count * every // 10**6
            if self.first <= self.clock.local(instant)[0].date() <= self.last:
                yield instant
            count += 1

    def window(self, begin, end):
        """(seconds, pass, is_shifted) from begin to just before end; is_shifted is None where a moved and an unmoved time
        fall on one instant."""
        if self.kind == EVERY:
            return [(instant, None, False) for instant in self.of_interval(begin, end)]
        found = {}
        date = self.clock.local(begin)[0].date() - 4 * DAY
        last = self.clock.local(end)[0].date() + 4 * DAY
        while date <= last:
            if self.fits(date):
                for instant, is_shifted in self.of_date(date):
                    if begin <= instant < end:
                        known = found.get(instant, is_shifted)
                        found[instant] = is_shifted if known == is_shifted else None
            date += DAY
        return [(instant, self.clock.times_shown(instant), found[instant]) for instant in sorted(found)]
