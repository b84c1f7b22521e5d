"""Millions of rows of history put straight into the store of a stopped broker, shaped like those that it has.

The rows are copies of one that the broker itself stored, with a job, a target, an execution, ids and times of their own:
the outcomes of one START of one job to all targets lie together, as they arrive. tests/load/history fills a store through
the broker's own functions and measures that; here only the size counts.
"""

import contextlib
import os
import sqlite3
import time

SPREAD_US = 30 * 86400 * 1_000_000  # over the days before now: younger than retention
COMMIT_ROWS = 500_000


def jobs_of(db, keys):
    """Row ids of the jobs with these keys and names; made where they are missing."""
    db.executemany("INSERT OR IGNORE INTO job (key, name) VALUES (?, ?)", keys)
    return [row for row, in db.execute("SELECT row FROM job WHERE name IN (%s) ORDER BY row" % ",".join("?" * len(keys)),
                                       [name for _, name in keys])]


def fill(path, rows, keys):
    """Adds at least so many rows, of the jobs in keys [(key, name)]; gives the highest row id there is then."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("synchronous = OFF", "cache_size = -400000", "journal_mode = WAL"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        columns = [row[1] for row in db.execute("PRAGMA table_info(run)") if row[1] != "row"]
        template, = db.execute("SELECT max(row) FROM run").fetchone()
        if template is None:
            raise ValueError("a store without any outcome has none to be copied")
        own = {"job": ":job", "number": "t.number", "run": "randomblob(16)", "exec": ":exec", "at_us": ":at",
               "started_us": ":at", "finished_us": ":at + 3000", "stored_us": ":at + 5000"}
        insert = (f"INSERT INTO run ({', '.join(columns)}) SELECT {', '.join(own.get(name, 'r.' + name) for name in columns)} "
                  "FROM target t, run r WHERE r.row = :template ORDER BY t.number")
        db.execute("BEGIN")
        jobs = jobs_of(db, keys)
        targets, = db.execute("SELECT count(*) FROM target").fetchone()
        parts = -(-rows // targets)
        begun_us = time.time_ns() // 1000 - SPREAD_US
        pending = 0
        for part in range(parts):
            at_us = begun_us + SPREAD_US * part // parts
            execution = (at_us // 1000).to_bytes(6, "big") + os.urandom(10)
            db.execute(insert, {"job": jobs[part % len(jobs)], "exec": execution, "at": at_us, "template": template})
            pending += targets
            if pending >= COMMIT_ROWS:
                db.execute("COMMIT")
                db.execute("BEGIN")
                pending = 0
        db.execute("COMMIT")
        last, = db.execute("SELECT max(row) FROM run").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return last
