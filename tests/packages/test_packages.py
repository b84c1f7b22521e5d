"""A fresh Debian, the packages, and everything that happens to them: install, use, upgrade, remove, purge.

deploy/package makes the packages and lintian looks at them. The Debian is debootstrap'ed once and kept below the build
directory; where no mirror can be reached it is this machine's own root, as an overlay.
"""

import json
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import machine
from machine import Machine, wait_for

TOP = pathlib.Path(__file__).parents[2]
PROGRAMS = pathlib.Path(os.environ.get("BUGLE_BIN") or TOP / "build" / "dev" / "bin")
MIRROR = os.environ.get("BUGLE_DEBIAN_MIRROR", "http://deb.debian.org/debian")
INCLUDE = ("systemd,init-system-helpers,debconf,tzdata,libzmq5,libczmq4,libsodium23,libmsgpackc2,libsqlite3-0,libsystemd0,"
           "libyaml-0-2,libjansson4,libsmartcols1,libical3")
JOB = """
job: {name}
targets: {{all: true}}
steps:
  - name: only
    script: |
      {script}
"""


def debian():
    """A directory with a Debian 12, made once."""
    given = os.environ.get("BUGLE_DEBIAN_ROOT")
    if given:
        return given
    kept = PROGRAMS.parent / "debian-root"
    if (kept / "complete").exists():
        return kept
    if shutil.which("debootstrap") is None:
        print("debootstrap is not installed: the packages are tried on this machine's root", file=sys.stderr)
        return "/"
    shutil.rmtree(kept, ignore_errors=True)
    done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={INCLUDE}", "bookworm", str(kept), MIRROR],
                          capture_output=True, text=True, check=False, timeout=1500)
    if done.returncode != 0:
        print(f"no Debian could be made from {MIRROR}: the packages are tried on this machine's root\n"
              f"{done.stdout[-500:]}{done.stderr[-500:]}", file=sys.stderr)
        shutil.rmtree(kept, ignore_errors=True)
        return "/"
    (kept / "complete").touch()
    return kept


def make_packages(directory):
    """Before the namespaces are entered: what is missing may have to be installed."""
    subprocess.run([TOP / "deploy" / "package", "--tree", "--out", str(directory)], check=True)


def newer(package, directory, version):
    """The same package with another version, as an upgrade brings it; the programs are other files."""
    tree = pathlib.Path(tempfile.mkdtemp(prefix="bugle-newer."))
    subprocess.run(["dpkg-deb", "-R", str(package), str(tree / "t")], check=True)
    control = tree / "t/DEBIAN/control"
    lines = control.read_text().splitlines()
    old = next(line.split(": ")[1] for line in lines if line.startswith("Version:"))
    control.write_text("\n".join(line.replace(f"= {old})", f"= {version})") if not line.startswith("Version:")
                                 else f"Version: {version}" for line in lines) + "\n")
    made = directory / f"{package.name.split('_')[0]}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(tree / "t"), str(made)], check=True, capture_output=True)
    shutil.rmtree(tree)
    return made


class Installed(unittest.TestCase):
    """One machine through all of its life; the tests run in the order of their names."""

    packages = None
    base = "/"

    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(cls.base)
        try:
            place = cls.machine.path("/root/packages")
            place.mkdir(parents=True)
            for package in cls.packages.glob("*.deb"):
                shutil.copy(package, place)
            cls.files = {path.name.split("_")[0]: path for path in place.glob("*.deb")}
            cls.machine.services.stand_in()
        except BaseException:
            cls.machine.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.machine.close()

    def tearDown(self):
        self.assertIsNone(self.machine.services.failure)

    def inside(self, path):
        return "/" + str(path.relative_to(self.machine.root))

    def dpkg(self, *arguments, **more):
        return self.machine.run("dpkg", "--force-unsafe-io", *arguments, deadline=300, **more)

    def bugle(self, *arguments, **more):
        return self.machine.run("bugle", *arguments, **more)

    def rows(self, *arguments):
        return [json.loads(line) for line in self.bugle(*arguments, "-o", "jsonl", code=None).out.splitlines()]

    def wait_over(self, job):
        return wait_for(f"{job} is over", lambda: [
            row for row in self.rows("job", "history", job) if row["state"] != "running"])[0]

    def wait_connected(self):
        wait_for("the target is connected", lambda: any(row["connected"] for row in self.rows("target", "list")))

    def test_01_install(self):
        self.dpkg("-i", *[self.inside(path) for path in self.files.values()])
        for account in ("bugle-core", "bugle-front", "bugle-node", "bugle-job"):
            self.assertIn(f"\n{account}:", self.machine.path("/etc/passwd").read_text())
        for path, expected in {
                "/var/lib/bugle": "root root 0755", "/run/bugle": "root root 0755",
                "/var/lib/bugle/broker": "bugle-core bugle-core 0700",
                "/var/lib/bugle/exec": "root root 0700", "/run/bugle/core": "bugle-core bugle-broker 2750",
                "/etc/bugle/node.yaml": "root root 0644"}.items():
            self.assertEqual(self.machine.names(path), expected, path)
        for unit in ("bugle-broker", "bugle-node", "bugle-exec"):
            self.assertTrue(os.path.lexists(
                self.machine.path(f"/etc/systemd/system/multi-user.target.wants/{unit}.service")), unit)

    def test_02_the_node_waits_and_the_broker_is_not_there_yet(self):
        self.assertEqual(sorted(self.machine.services.running), ["bugle-exec.service", "bugle-node.service"])
        self.assertTrue(self.machine.services.running["bugle-node.service"].is_running())

    def test_03_pages_and_completions_are_where_they_are_looked_for(self):
        for path in ("/usr/share/man/man1/bugle.1.gz", "/usr/share/man/man5/bugle-job.5.gz",
                     "/usr/share/man/man5/bugle-policy.5.gz", "/usr/share/man/man8/bugle-broker.8.gz",
                     "/usr/share/man/man8/bugle-node.8.gz", "/usr/share/man/man8/bugle-exec.8.gz",
                     "/usr/share/bash-completion/completions/bugle", "/usr/share/zsh/vendor-completions/_bugle-node",
                     "/usr/share/fish/vendor_completions.d/bugle.fish"):
            listed = [name for package in self.files
                      for name in self.dpkg("-L", package).out.splitlines() if name == path]
            self.assertEqual(listed, [path])

    def test_04_a_broker(self):
        self.bugle("init", "--name", "plant", "--listen", "0.0.0.0", "--address", "127.0.0.1")
        self.machine.run("systemctl", "start", "bugle-broker")
        self.assertEqual(self.bugle("status").code, 0)

    def test_05_a_target_a_job_an_outcome(self):
        token = self.bugle("token", "create").out.strip()
        done = self.machine.run("bugle-node", "enlist", "--token", "-", "--name", "here", input=token)
        self.assertIn("enlisted here", done.out)
        self.bugle("apply", "-f", "-", input=JOB.format(name="who", script="id -un"))
        self.bugle("job", "start", "who", "--wait", "--timeout", "30s")
        self.assertEqual(self.wait_over("who")["state"], "succeeded")
        self.assertIn("bugle-job", self.bugle("job", "history", "who", "-v").out)

    def test_06_an_upgrade_leaves_the_running_step_alone(self):
        self.bugle("apply", "-f", "-", input=JOB.format(
            name="long", script="echo $$ >~/long; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo over >>~/long"))
        self.bugle("job", "start", "long")
        mark = self.machine.path("/var/lib/bugle/job/long")
        wait_for("the run has begun", lambda: mark.exists() and mark.read_text().strip())
        step = int(mark.read_text())
        supervisor = int(pathlib.Path(f"/proc/{step}/stat").read_text().rsplit(")", 1)[1].split()[1])
        before = {name: self.machine.services.pid(name) for name in self.machine.services.running}
        self.machine.services.asked.clear()
        made = [newer(path, self.machine.path("/root/packages"), "99.0") for path in self.files.values()]
        self.dpkg("-i", *[self.inside(path) for path in made])
        asked = " ".join(self.machine.services.asked)
        for unit in ("bugle-exec.service", "bugle-node.service", "bugle-broker.service"):
            self.assertIn(unit, asked)
        self.assertNotIn(" stop ", asked)
        for name, pid in before.items():
            self.assertNotEqual(self.machine.services.pid(name), pid, f"{name} was restarted")
            program = os.readlink(f"/proc/{self.machine.services.pid(name)}/exe")
            self.assertNotIn("deleted", program)
        self.assertIn("deleted", os.readlink(f"/proc/{supervisor}/exe"))
        self.assertTrue(pathlib.Path(f"/proc/{step}").exists())
        self.assertEqual(mark.read_text().split(), [str(step)])
        self.machine.path("/tmp/go").touch()
        self.assertEqual(self.wait_over("long")["state"], "succeeded")
        self.assertEqual(mark.read_text().split(), [str(step), "over"])
        self.assertEqual(len(self.rows("job", "history", "long")), 1)

    def test_07_removed_and_installed_again_it_is_the_same_target(self):
        number = self.rows("target", "list")[0]["id"]
        self.dpkg("-r", "bugle-node")
        self.assertNotIn("bugle-node.service", self.machine.services.running)
        self.assertNotIn("bugle-exec.service", self.machine.services.running)
        self.assertTrue(self.machine.path("/var/lib/bugle/node/node.sign.key").exists())
        self.assertTrue(self.machine.path("/etc/bugle/policy").exists())
        self.dpkg("-i", self.inside(self.files["bugle-node"]))
        self.wait_connected()
        self.assertEqual([row["id"] for row in self.rows("target", "list")], [number])
        self.bugle("job", "start", "who", "--wait", "--timeout", "30s")

    def test_08_purge_without_an_answer_keeps_identity_and_history(self):
        self.dpkg("-P", "bugle-node")
        for path in ("/var/lib/bugle/node/node.sign.key", "/var/lib/bugle/node/node.db", "/var/lib/bugle/exec/log",
                     "/var/lib/bugle/job/long", "/etc/bugle/policy"):
            self.assertTrue(self.machine.path(path).exists(), path)
        self.assertFalse(self.machine.path("/run/bugle/node").exists())
        self.dpkg("-i", self.inside(self.files["bugle-node"]))
        self.wait_connected()

    def ask(self, package, answer):
        """Purges at a terminal; gives what was shown."""
        master, slave = pty.openpty()
        child = subprocess.Popen(
            self.machine.command(["dpkg", "--force-unsafe-io", "-P", package]), stdin=slave, stdout=slave, stderr=slave,
            env=dict(self.machine.environment, DEBIAN_FRONTEND="teletype", TERM="dumb"), start_new_session=True)
        os.close(slave)
        shown, answered, end = "", False, time.monotonic() + 60
        while time.monotonic() < end:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    data = os.read(master, 4096)
                except OSError:
                    break
                if not data:
                    break
                shown += data.decode(errors="replace")
            if not answered and "[yes/no]" in shown:
                os.write(master, answer.encode() + b"\n")
                answered = True
        self.assertEqual(child.wait(10), 0, shown)
        os.close(master)
        self.assertTrue(answered, shown)
        return shown

    def test_09_purge_asks_and_no_keeps(self):
        shown = self.ask("bugle-node", "no")
        self.assertIn("identity and the history of this target", shown)
        self.assertTrue(self.machine.path("/var/lib/bugle/node/node.sign.key").exists())
        self.dpkg("-i", self.inside(self.files["bugle-node"]))
        self.wait_connected()

    def test_10_purge_asks_and_yes_removes(self):
        self.ask("bugle-node", "yes")
        for path in ("/var/lib/bugle/node", "/var/lib/bugle/exec", "/var/lib/bugle/job", "/etc/bugle/policy",
                     "/etc/bugle/node.yaml", "/run/bugle/exec"):
            self.assertFalse(self.machine.path(path).exists(), path)
        self.assertTrue(self.machine.path("/var/lib/bugle/broker/broker.db").exists())
        self.assertEqual(self.bugle("status").code, 0)

    def test_11_a_preseeded_answer_removes_the_broker(self):
        self.machine.run("debconf-set-selections", input="bugle-broker bugle-broker/purge boolean true\n")
        self.dpkg("-P", "bugle-broker")
        self.assertEqual(self.machine.services.running, {})
        for path in ("/var/lib/bugle", "/etc/bugle", "/run/bugle"):
            self.assertFalse(self.machine.path(path).exists(), path)
        self.dpkg("-P", "bugle")
        left = [line for line in self.dpkg("-l").out.splitlines() if "bugle" in line]
        self.assertEqual(left, [])
        self.assertEqual(list(machine.processes_below(self.machine.root)), [])


if __name__ == "__main__":
    if os.geteuid() != 0:
        machine.skip("only root can install packages, into a root of its own")
    if not os.environ.get("BUGLE_IN_NAMESPACES"):
        made = tempfile.mkdtemp(prefix="bugle-packages.")
        make_packages(made)
        os.environ.update(BUGLE_TEST_PACKAGES=made, BUGLE_TEST_BASE=str(debian()))
    machine.enter_namespaces()
    Installed.packages = pathlib.Path(os.environ["BUGLE_TEST_PACKAGES"])
    Installed.base = os.environ["BUGLE_TEST_BASE"]
    try:
        unittest.main(verbosity=2)
    finally:
        shutil.rmtree(Installed.packages, ignore_errors=True)
