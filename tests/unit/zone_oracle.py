"""Compares our zones with Python's zoneinfo, over all zones of the system.

Usage: zone_oracle.py DRIVER [--full]

The driver is zone_oracle.c. For every distinct zone file: the offsets of sampled instants from
1970 to 2100, just around every clock change in that time, and the local times around each change.
Exits with 77 when there is nothing to compare.
"""
import datetime
import os
import random
import subprocess
import sys

try:
    from zoneinfo import ZoneInfo
except ImportError:
    sys.exit (77)

ROOT = "/usr/share/zoneinfo"
UTC = datetime.timezone.utc
EPOCH = datetime.datetime (1970, 1, 1)
EPOCH_UTC = EPOCH.replace (tzinfo=UTC)
DAY = 86400
BEGIN = DAY
END = int ((datetime.datetime (2101, 1, 1) - EPOCH).total_seconds ())
NOT_ZONES = {"right", "posix", "posixrules", "localtime", "Factory"}


def distinct_zones ():
    """Name and path of every zone file; of files with the same bytes the first."""
    seen = set ()
    for folder, folders, files in os.walk (ROOT):
        folders[:] = sorted (f for f in folders if folder != ROOT or f not in NOT_ZONES)
        for file in sorted (files):
            path = os.path.join (folder, file)
            name = os.path.relpath (path, ROOT)
            if name in NOT_ZONES:
                continue
            with open (path, "rb") as stream:
                data = stream.read ()
            if data[:4] == b"TZif" and data not in seen:
                seen.add (data)
                yield name, path


def load (name, path):
    with open (path, "rb") as stream:
        return ZoneInfo.from_file (stream, key=name)


def offset_at (zone, utc):
    moment = EPOCH_UTC + datetime.timedelta (seconds=utc)
    return int (moment.astimezone (zone).utcoffset ().total_seconds ())


def changes (zone, step):
    """Instants at which the offset changes, found by sampling and halving."""
    found = []
    last, last_offset = BEGIN, offset_at (zone, BEGIN)
    for at in range (BEGIN + step, END, step):
        offset = offset_at (zone, at)
        if offset != last_offset:
            low, high = last, at
            while high - low > 1:
                middle = (low + high) // 2
                if offset_at (zone, middle) == last_offset:
                    low = middle
                else:
                    high = middle
            found.append (high)
        last, last_offset = at, offset
    return found


def local_answer (zone, local):
    naive = EPOCH + datetime.timedelta (seconds=local)
    both = (naive.replace (tzinfo=zone, fold=fold) for fold in (0, 1))
    early, late = (int (moment.utcoffset ().total_seconds ()) for moment in both)
    if early == late:
        return f"unique {local - early}"
    if early > late:
        return f"fold {local - early} {local - late}"
    low, high = local - late - 1, local - early
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at (zone, middle) == offset_at (zone, local - early):
            high = middle
        else:
            low = middle
    return f"gap {high} {local - early}"


def questions (zone, step, samples, chance):
    for _ in range (samples):
        at = chance.randrange (BEGIN, END)
        yield f"offset {at}", str (offset_at (zone, at))
    for change in changes (zone, step):
        before, after = offset_at (zone, change - 1), offset_at (zone, change)
        yield f"offset {change - 1}", str (before)
        yield f"offset {change}", str (after)
        low, high = sorted ((change + before, change + after))
        for local in (low - 1, low, (low + high) // 2, high - 1, high):
            yield f"local {local}", local_answer (zone, local)


def main ():
    is_full = "--full" in sys.argv
    step = (5 if is_full else 20) * DAY
    seed = int (os.environ.get ("BUGLE_SEED", "0")) or random.randrange (1, 1 << 31)
    print (f"seed {seed}")
    chance = random.Random (seed)
    zones = list (distinct_zones ())
    if not zones:
        print (f"no zone files in {ROOT}")
        sys.exit (77)
    lines, wanted = [], []
    for name, path in zones:
        lines.append (f"zone {name} {path}")
        wanted.append ("ok")
        for question, answer in questions (load (name, path), step, 200 if is_full else 40, chance):
            lines.append (question)
            wanted.append (answer)
    text = "\n".join (lines) + "\n"
    run = subprocess.run ([sys.argv[1]], input=text, capture_output=True, text=True, check=True)
    answers = run.stdout.splitlines ()
    assert len (answers) == len (wanted), "the driver did not answer every question"
    wrong, current = 0, ""
    for line, want, got in zip (lines, wanted, answers):
        if line.startswith ("zone"):
            current = line.split ()[1]
        if want != got:
            wrong += 1
            if wrong <= 20:
                print (f"{current}: {line}: ours {got}, zoneinfo {want}")
    print (f"{len (zones)} zones, {len (lines)} questions, {wrong} answers differ")
    sys.exit (1 if wrong else 0)


main ()
