"""A machine to install on: a root directory of its own in a mount and a network namespace of its own.

Nothing of this machine's /etc, /var or network is touched. The root is a tmpfs overlay over a directory below: a
debootstrap'ed Debian, or this machine's own root. There is no systemd in it: `Services` reads the installed units and
does what they say about account, groups, privileges, readiness and stopping, and stands in for `systemctl` and
`deb-systemd-invoke`.
"""

import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE = float(os.environ.get("BUGLE_TEST_DEADLINE", "60"))
SKIP = 77


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(SKIP)


def enter_namespaces():
    """Runs the program again in namespaces of its own; returns when that is so already."""
    if os.environ.get("BUGLE_IN_NAMESPACES"):
        loopback_up()
        return
    if os.geteuid() != 0:
        skip("only root can make a root directory of its own")
    if subprocess.run(["unshare", "--mount", "--net", "true"], check=False, capture_output=True).returncode != 0:
        skip("no namespaces can be made here")
    os.execvpe("unshare", ["unshare", "--mount", "--net", "--propagation", "private", sys.executable, *sys.argv],
               dict(os.environ, BUGLE_IN_NAMESPACES="1"))


def loopback_up():
    import fcntl
    import struct
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", 1 | 0x40))  # SIOCSIFFLAGS: up, running


def wait_for(what, condition, deadline=DEADLINE):
    end = time.monotonic() + deadline
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        time.sleep(0.05)


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


class Machine:
    def __init__(self, base="/"):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bugle-machine."))
        self.mount("-t", "tmpfs", "tmpfs", self.directory)
        for name in ("upper", "work", "root"):
            (self.directory / name).mkdir()
        (self.directory / "upper").chmod(0o755)
        self.root = self.directory / "root"
        self.mount("-t", "overlay", "overlay", "-o",
                   f"lowerdir={base},upperdir={self.directory}/upper,workdir={self.directory}/work", self.root)
        self.mount("-t", "proc", "proc", self.root / "proc")
        self.mount("--rbind", "/dev", self.root / "dev")
        self.mount("--bind", "-o", "ro", "/sys", self.root / "sys")
        for name, mode in (("run", "0755"), ("tmp", "1777")):
            self.mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", self.root / name)
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                            "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "TERM": "dumb"}
        self.services = Services(self)

    @staticmethod
    def mount(*arguments):
        subprocess.run(["mount", *map(str, arguments)], check=True)

    def path(self, inside):
        return self.root / str(inside).lstrip("/")

    def command(self, arguments):
        return ["chroot", str(self.root), *map(str, arguments)]

    def run(self, *arguments, code=0, input=None, environment=None, deadline=DEADLINE):
        """Runs a program in the root to its end and compares the exit code (None: any)."""
        done = subprocess.run(
            self.command(arguments), input=input, capture_output=True, text=True, timeout=deadline,
            env=dict(self.environment, **(environment or {})), check=False,
            **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        if code is not None and done.returncode != code:
            raise AssertionError(f"{' '.join(map(str, arguments))}\nended with {done.returncode}, not {code}\n"
                                 f"{done.stdout}{done.stderr}\n{self.services.logs()}")
        return Result(done)

    def account(self, user, group):
        """uid and gid by the root's own account files."""
        for line in self.path("/etc/passwd").read_text().splitlines():
            fields = line.split(":")
            if fields[0] == user:
                return int(fields[2]), self.group(group)
        raise AssertionError(f"there is no account {user}")

    def group(self, name):
        for line in self.path("/etc/group").read_text().splitlines():
            if line.split(":")[0] == name:
                return int(line.split(":")[2])
        raise AssertionError(f"there is no group {name}")

    def names(self, path):
        """"account group mode" of a file, by the root's own account files."""
        info = os.lstat(self.path(path))
        found = []
        for file, number in (("/etc/passwd", info.st_uid), ("/etc/group", info.st_gid)):
            for line in self.path(file).read_text().splitlines():
                if int(line.split(":")[2]) == number:
                    found.append(line.split(":")[0])
                    break
        return " ".join([*found, f"{info.st_mode & 0o7777:04o}"])

    def close(self):
        self.services.close()
        end_all_below(self.root)
        for _ in range(3):
            subprocess.run(["umount", "-R", str(self.directory)], check=False, capture_output=True)
        subprocess.run(["umount", "-l", str(self.directory)], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def processes_below(root):
    """Process ids of those whose root directory is this one: all of a machine's, also what was left behind."""
    wanted = os.stat(root)
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            found = os.stat(entry / "root")
        except OSError:
            continue
        if (found.st_ino, found.st_dev) == (wanted.st_ino, wanted.st_dev):
            yield int(entry.name)


def end_all_below(root):
    for pid in list(processes_below(root)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Unit:
    """What a unit file says, as far as a process without a sandbox shows it."""

    def __init__(self, path):
        self.name = path.name
        self.sections = {}
        section = None
        for line in path.read_text().splitlines():
            line = line.strip()
            if not line or line[0] in "#;":
                continue
            if line.startswith("["):
                section = line.strip("[]")
                continue
            key, _, value = line.partition("=")
            self.sections.setdefault(section, {}).setdefault(key, []).append(value)

    def get(self, key, fallback=None, section="Service"):
        return self.sections.get(section, {}).get(key, [fallback])[-1]

    def words(self, key, section="Unit"):
        return " ".join(self.sections.get(section, {}).get(key, [])).split()


class Service:
    def __init__(self, machine, unit):
        self.machine, self.unit = machine, unit
        self.child = None
        self.log = machine.directory / f"{unit.name}.log"
        self.calls = machine.directory / f"{unit.name}.calls"  # of the kernel, where strace can be used

    def argv(self):
        get = self.unit.get
        command = ["setpriv"]
        if get("User"):
            ids = self.machine.account(get("User"), get("Group") or get("User"))
            groups = [str(ids[1])] + [str(self.machine.group(name))
                                      for name in self.unit.words("SupplementaryGroups", "Service")]
            command += ["--reuid", str(ids[0]), "--regid", str(ids[1]), "--groups", ",".join(groups)]
        if get("CapabilityBoundingSet") == "":
            command += ["--inh-caps=-all", "--bounding-set=-all"]
        if get("NoNewPrivileges") == "yes":
            command += ["--no-new-privs"]
        trace = ["strace", "-D", "-f", "-qq", "-A", "-o", str(self.calls)] if self.machine.services.trace else []
        return [*trace, *self.machine.command([*command, *get("ExecStart").split()])]

    def start(self):
        if self.is_running():
            return
        condition = self.unit.get("ConditionPathExists", section="Unit")
        if condition and not self.machine.path(condition).exists():
            return
        notify = self.machine.path(f"/run/notify.{self.unit.name}")
        if notify.exists():
            notify.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(notify))
            notify.chmod(0o777)
            environment = {"PATH": self.machine.environment["PATH"], "LANG": "C.UTF-8",
                           "NOTIFY_SOCKET": f"/run/notify.{self.unit.name}"}
            umask = int(self.unit.get("UMask", "0022"), 8)
            with open(self.log, "ab") as log:
                self.child = subprocess.Popen(
                    self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                    start_new_session=True, cwd="/", umask=umask)
            if self.unit.get("Type") == "notify":
                self.wait_ready(listener)

    def wait_ready(self, listener):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if select.select([listener], [], [], 0.1)[0] and b"READY=1" in listener.recv(4096):
                return
            if self.child.poll() is not None:
                break
        raise AssertionError(f"{self.unit.name} did not become ready\n{self.log.read_text()}")

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def stop(self):
        """SIGTERM to the main process alone: what KillMode=process leaves, and what our other programs have alone."""
        if not self.is_running():
            return
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.unit.name} did not stop\n{self.log.read_text()}") from None


class Services:
    """Starts and stops by unit, in the order and with the company that the units name."""

    def __init__(self, machine):
        self.machine = machine
        self.running = {}
        self.asked = []
        self.trace = False
        self.thread = None
        self.failure = None

    def unit(self, name):
        for place in ("/etc/systemd/system", "/lib/systemd/system"):
            path = self.machine.path(place) / name
            if path.exists():
                return Unit(path)
        raise AssertionError(f"there is no unit {name}")

    def followers(self, name):
        """Units that say PartOf= of this one."""
        place = self.machine.path("/lib/systemd/system")
        return sorted(path.name for path in place.glob("bugle-*.service") if name in Unit(path).words("PartOf"))

    def start(self, name):
        unit = self.unit(name)
        for other in [*unit.words("Requires"), *unit.words("Wants")]:
            if other.startswith("bugle-"):
                self.start(other)
        if unit.get("Type") == "oneshot":
            return
        service = self.running.setdefault(name, Service(self.machine, unit))
        service.start()
        if service.child is None:  # a condition of the unit does not hold
            del self.running[name]

    def stop(self, name):
        for other in self.followers(name):
            self.stop(other)
        if name in self.running:
            self.running.pop(name).stop()

    def restart(self, name):
        followers = [other for other in self.followers(name) if other in self.running]
        self.stop(name)
        self.start(name)
        for other in followers:
            self.start(other)

    def pid(self, name):
        return self.running[name].child.pid

    def logs(self):
        return "".join(f"--- {path.name}\n{path.read_text()[-4000:]}" for path in self.machine.directory.glob("*.log"))

    # --- what maintainer scripts call ---

    def stand_in(self):
        """From now on `systemctl` and `deb-systemd-invoke` in the root are ours."""
        self.machine.path("/run/systemd/system").mkdir(parents=True, exist_ok=True)
        for name in ("ask", "answer"):
            os.mkfifo(self.machine.path(f"/run/services.{name}"))
        systemctl = self.machine.path("/usr/bin/systemctl")
        if systemctl.exists():
            systemctl.rename(systemctl.with_name("systemctl.own"))
        script = ("#!/bin/sh\n"
                  # Links of units that are enabled are a matter of files: systemd's own does that.
                  "case $* in *--root=*) exec /usr/bin/systemctl.own \"$@\" ;; esac\n"
                  "echo \"$(basename \"$0\") $*\" >/run/services.ask\nread -r code </run/services.answer\n"
                  "exit \"$code\"\n")
        for name in ("/usr/bin/systemctl", "/usr/bin/deb-systemd-invoke"):
            path = self.machine.path(name)
            path.unlink(missing_ok=True)
            path.write_text(script)
            path.chmod(0o755)
        self.thread = threading.Thread(target=self.answer, daemon=True)
        self.thread.start()

    def answer(self):
        while True:
            with open(self.machine.path("/run/services.ask"), encoding="utf-8") as fifo:
                lines = fifo.read().splitlines()
            for line in lines:
                if line == "end":
                    return
                self.asked.append(line)
                code = 0
                try:
                    self.act(line.split())
                except Exception as failure:  # told to the test by its check of self.failure
                    self.failure, code = failure, 1
                with open(self.machine.path("/run/services.answer"), "w", encoding="utf-8") as fifo:
                    fifo.write(f"{code}\n")

    def act(self, words):
        words = [word for word in words[1:] if not word.startswith("-")]
        action, units = words[0], [name if "." in name else f"{name}.service" for name in words[1:]]
        actions = {"start": self.start, "stop": self.stop, "restart": self.restart, "try-restart": self.restart}
        for name in units:
            if action in actions:
                actions[action](name)

    def close(self):
        for name in list(self.running):
            child = self.running.pop(name).child
            if child and child.poll() is None:
                child.kill()
                child.wait()
