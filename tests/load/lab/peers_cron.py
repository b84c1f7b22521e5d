"""Debian's cron beside our own schedules, in mounts of its own, so that the machine's cron tables stay untouched."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

# Everything that cron reads and writes is a fresh directory there; the table is its only entry.
INSIDE = """set -e
mount --make-rprivate /
for path in /var/spool/cron /run /etc/cron.d; do mount -t tmpfs none $path; done
mkdir -m 755 -p /var/spool/cron/crontabs
: > /etc/cron.d/.placeholder
cp "$1/table" /etc/cron.d/entries
exec cron -f
"""


class Cron:
    """What its entries have written: one line with the time of each start."""

    def __init__(self, directory):
        self.directory = directory

    def starts(self, first, minutes):
        """Seconds late of every start within these minutes."""
        late = []
        for path in self.directory.glob("entry.*"):
            for line in path.read_text(encoding="ascii").split():
                begun = float(line)
                if first <= begun < first + 60 * minutes:
                    late.append(begun - int(begun // 60) * 60)
        return late


@contextlib.contextmanager
def cron_lateness(entries):
    """Runs cron with so many entries each minute; without cron, root or unshare it counts nothing."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bugle-cron."))
    (directory / "table").write_text("".join(
        f"* * * * * root date +\\%s.\\%N >> {directory}/entry.{i}\n" for i in range(entries)), encoding="ascii")
    child = None
    if os.geteuid() == 0 and shutil.which("cron") and shutil.which("unshare"):
        child = subprocess.Popen(["unshare", "--mount", "/bin/sh", "-c", INSIDE, "sh", str(directory)], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield Cron(directory)
    finally:
        if child:
            child.send_signal(signal.SIGTERM)
            child.wait()
        shutil.rmtree(directory, ignore_errors=True)
