"""Our schedules, asked through the driver (driver.c); zones and civil dates as Python has them."""
import datetime
import os
import subprocess
from zoneinfo import ZoneInfo

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
EPOCH_UTC = EPOCH.replace(tzinfo=UTC)
ZONE_DIR = "/usr/share/zoneinfo"

CRON, EVERY, ONCE, DAILY, WEEKLY, MONTHLY, RELATIVE = range(1, 8)
EDGE, SHIFT, SKIP = range(3)
FIRST, SECOND, BOTH = range(3)


def seconds(naive):
    """Of a date and time without a zone, since 1970-01-01 00:00:00 of the same clock."""
    delta = naive - EPOCH
    return delta.days * 86400 + delta.seconds


def naive(count):
    return EPOCH + datetime.timedelta(seconds=count)


def number(date):
    return date.year * 10000 + date.month * 100 + date.day


def zone_path(name):
    return os.path.join(ZONE_DIR, name)


def load_zone(name):
    """The zone from the same file that ours is read from."""
    with open(zone_path(name), "rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.zone = None

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the driver ended at: {line}")
        return answer.rstrip("\n")

    def set_zone(self, name):
        if name != self.zone:
            answer = self.ask(f"zone {name} {'-' if name == 'UTC' else zone_path(name)}")
            assert answer == "ok", answer
            self.zone = name

    def set_schedule(self, fields):
        """None when it is taken, else the sentence."""
        text = " ".join(f"{key}={value}" for key, value in fields.items() if key != "cron")
        if "cron" in fields:
            text += f" cron={fields['cron']}"
        answer = self.ask(f"schedule {text}")
        return None if answer == "ok" else answer

    def window(self, begin, end, most=100000):
        """Occurrences as (seconds, pass, is_shifted, is_open); pass is 1 or 2 in a fold, else 0."""
        answer = self.ask(f"window {begin} {end} {most}")
        return [tuple(map(int, item.split(":"))) for item in answer.split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
