"""The parts in the system's directories, each as its own account, exactly as the units start them."""

import json
import os
import pathlib
import shutil
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import machine
from machine import Machine, wait_for

TOP = pathlib.Path(__file__).parents[2]
PROGRAMS = pathlib.Path(os.environ.get("BUGLE_BIN") or TOP / "build" / "dev" / "bin")

PARTS = ("bugle-broker-core", "bugle-broker-front", "bugle-node")  # those with a sandbox

# Looked at and done without where the unit hides them: by the C library before it gives memory back, and by the front for what
# the kernel grants a listening socket (a socket of its own tells it there) and how much memory there is (of all that the machine has, then).
DISPENSABLE = ("/proc/sys/vm/overcommit_memory", "/proc/sys/net/core/somaxconn", "/proc/meminfo")

JOB = """
job: {name}
targets: {{all: true}}
steps:
  - name: only
    script: |
      {script}
"""


def install(made):
    """What the packages install, without packages."""
    for name in ("bugle", "bugle-broker", "bugle-node", "bugle-exec"):
        shutil.copy(PROGRAMS / name, made.path("/usr/bin") / name)
    for package in ("bugle-broker", "bugle-node"):
        shutil.copy(TOP / f"deploy/systemd/{package}.sysusers", made.path(f"/usr/lib/sysusers.d/{package}.conf"))
        shutil.copy(TOP / f"deploy/systemd/{package}.tmpfiles", made.path(f"/usr/lib/tmpfiles.d/{package}.conf"))
    made.path("/lib/systemd/system").mkdir(parents=True, exist_ok=True)
    for unit in (TOP / "deploy/systemd").glob("*.service"):
        shutil.copy(unit, made.path("/lib/systemd/system"))
    made.path("/etc/bugle").mkdir(exist_ok=True)
    made.run("systemd-sysusers")
    made.run("systemd-tmpfiles", "--create", "--prefix=/run/bugle", "--prefix=/var/lib/bugle", code=None)


def rows(result):
    return [json.loads(line) for line in result.out.splitlines()]


class Layout(unittest.TestCase):
    """One machine that is broker and target; the tests run in the order of their names."""

    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()
        probe = shutil.which("strace") and subprocess.run(["strace", "-D", "-o", "/dev/null", "true"], check=False)
        # The leak checker of the sanitizers does not work under strace.
        plain = b"__asan_init" not in (PROGRAMS / "bugle-node").read_bytes()
        cls.machine.services.trace = plain and bool(probe) and probe.returncode == 0
        try:
            install(cls.machine)
        except BaseException:
            cls.machine.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.machine.close()

    def bugle(self, *arguments, **more):
        return self.machine.run("bugle", *arguments, **more)

    def history(self, job):
        return rows(self.bugle("job", "history", job, "-o", "jsonl", code=None))

    def run_job(self, name, script):
        self.bugle("apply", "-f", "-", input=JOB.format(name=name, script=script))
        self.bugle("job", "start", name, "--wait", "--timeout", "30s")
        return wait_for(f"{name} is in the history",
                        lambda: [row for row in self.history(name) if row["state"] != "running"])[0]

    def test_1_init_makes_each_file_for_its_account(self):
        made = self.bugle("init", "--name", "plant", "--listen", "127.0.0.1")
        self.assertIn("systemctl start bugle-broker", made.out)
        for path, expected in {
                "/var/lib/bugle/broker/broker.sign.key": "bugle-core bugle-core 0600",
                "/var/lib/bugle/broker/broker.db": "bugle-core bugle-core 0600",
                "/var/lib/bugle/front/broker.curve.key": "bugle-front bugle-front 0600",
                "/var/lib/bugle/broker": "bugle-core bugle-core 0700",
                "/var/lib/bugle/front": "bugle-front bugle-front 0700",
                "/etc/bugle/broker.yaml": "root root 0644"}.items():
            self.assertEqual(self.machine.names(path), expected, path)
        self.assertFalse(self.machine.path("/var/lib/bugle/broker/broker.curve.key").exists())

    def test_2_a_second_init_changes_nothing(self):
        again = self.bugle("init", code=None)
        self.assertNotEqual(again.code, 0)
        self.assertIn("already", again.err)
        self.assertIn("systemctl start bugle-broker", again.err)

    def test_3_root_does_not_start_parts_by_hand(self):
        for program, *arguments in (["bugle-broker"], ["bugle-broker", "core"], ["bugle-node"], ["bugle-node", "node"]):
            refused = self.machine.run(program, *arguments, code=None)
            self.assertNotEqual(refused.code, 0, program)
            self.assertIn("systemctl start", refused.err)
        self.assertEqual(self.machine.names("/var/lib/bugle/broker/broker.db"), "bugle-core bugle-core 0600")

    def test_4_enlist_says_how_to_start_the_node(self):
        refused = self.machine.run("bugle-node", "defect", code=5)
        self.assertIn("systemctl start bugle-node", refused.err)

    def test_5_the_broker_runs_as_two_accounts(self):
        self.machine.services.start("bugle-broker.service")
        self.assertEqual(self.machine.names("/run/bugle/core/core.sock"), "bugle-core bugle-broker 0660")
        self.assertEqual(self.machine.names("/run/bugle/front/endpoints"), "bugle-front bugle-front 0644")
        for part, account in (("core", "bugle-core"), ("front", "bugle-front")):
            pid = self.machine.services.pid(f"bugle-broker-{part}.service")
            uid = self.machine.account(account, account)[0]
            self.assertEqual(os.stat(f"/proc/{pid}").st_uid, uid)
        status = json.loads(self.bugle("status", "-o", "json").out)
        self.assertEqual(status["broker"] if "broker" in status else status.get("name"), "plant")

    def test_6_a_target_enlists_and_runs_a_job_as_its_own_account(self):
        token = self.bugle("token", "create").out.strip()
        self.machine.services.start("bugle-node.service")
        self.assertEqual(self.machine.names("/run/bugle/exec/exec.sock"), "root bugle-target 0660")
        self.assertEqual(self.machine.names("/run/bugle/exec/supervisor.sock"), "root bugle-target 0600")
        done = self.machine.run("bugle-node", "enlist", "--token", "-", "--name", "here", input=token)
        self.assertIn("enlisted here", done.out)
        self.assertEqual(self.machine.names("/var/lib/bugle/node/node.sign.key"), "bugle-node bugle-node 0600")
        policy = self.machine.path("/etc/bugle/policy").read_text()
        self.assertIn("account = bugle-job\n", policy)
        self.assertIn("root = no\n", policy)
        self.run_job("who", "id -un >/var/lib/bugle/job/who; pwd >>/var/lib/bugle/job/who")
        self.assertEqual(self.machine.path("/var/lib/bugle/job/who").read_text(), "bugle-job\n/var/lib/bugle/job\n")

    def test_7_a_step_reads_neither_keys_nor_stores_nor_sockets(self):
        self.run_job("spy", "for f in broker/broker.db front/broker.curve.key node/node.db exec/log; do "
                     "cat /var/lib/bugle/$f && exit 1; done; "
                     "ls /run/bugle/core /run/bugle/node /run/bugle/exec && exit 1; exit 0")
        self.assertEqual(self.history("spy")[0]["state"], "succeeded")

    def test_8_a_stranger_reaches_no_part(self):
        for socket_path in ("core/core.sock", "node/node.sock", "exec/exec.sock", "exec/supervisor.sock"):
            script = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\n"
                      f"try: s.connect('/run/bugle/{socket_path}')\nexcept PermissionError: sys.exit(7)\n")
            done = self.machine.run("setpriv", "--reuid", "bugle-job", "--regid", "bugle-job", "--init-groups",
                                    "/usr/bin/python3", "-c", script, code=None)
            self.assertEqual(done.code, 7, socket_path + done.err)

    def test_9_restarts_of_all_parts_leave_a_run_alone(self):
        self.bugle("apply", "-f", "-", input=JOB.format(
            name="long", script="echo begun >/var/lib/bugle/job/long; "
            "while [ ! -e /tmp/go ]; do sleep 0.1; done; echo over >>/var/lib/bugle/job/long"))
        self.bugle("job", "start", "long")
        mark = self.machine.path("/var/lib/bugle/job/long")
        wait_for("the run has begun", mark.exists)
        for name in ("bugle-exec", "bugle-node", "bugle-broker"):
            self.machine.services.restart(f"{name}.service")
        running = self.machine.services.running["bugle-exec.service"].child
        running.send_signal(signal.SIGKILL)
        running.wait()
        self.machine.services.start("bugle-exec.service")
        self.assertEqual(mark.read_text(), "begun\n")
        self.machine.path("/tmp/go").touch()
        row = wait_for("the run is in the history",
                       lambda: [row for row in self.history("long") if row["state"] != "running"])[0]
        self.assertEqual(row["state"], "succeeded")
        self.assertEqual(mark.read_text(), "begun\nover\n")

    def test_9b_a_backup_is_restored_with_the_right_owners(self):
        made = json.loads(self.bugle("broker", "backup", "--name", "one", "-o", "json").out)["path"]
        self.assertEqual(self.machine.names(f"{made}/broker.curve.key"), "root root 0600")
        self.bugle("broker", "verify", made)
        busy = self.bugle("broker", "restore", made, "--aside", "--yes", code=None)
        self.assertIn("is running", busy.err)
        self.machine.services.stop("bugle-broker.service")
        self.bugle("broker", "restore", made, "--aside", "--yes")
        for path, expected in {
                "/var/lib/bugle/broker": "bugle-core bugle-core 0700",
                "/var/lib/bugle/broker/broker.db": "bugle-core bugle-core 0600",
                "/var/lib/bugle/front/broker.curve.key": "bugle-front bugle-front 0600",
                "/etc/bugle/broker.yaml": "root root 0644"}.items():
            self.assertEqual(self.machine.names(path), expected, path)
        self.machine.services.start("bugle-broker.service")
        wait_for("the target is back", lambda: any(row["connected"] for row in rows(
            self.bugle("target", "list", "-o", "jsonl", code=None))))
        self.bugle("broker", "restore", "--resume", "--yes")
        self.run_job("after", "true")

    def test_9c_without_a_token_root_pins_and_the_node_asks(self):
        self.machine.run("bugle-node", "defect")
        said = self.bugle("target", "pending", "-v").err
        endpoint, key = re.search(r"--broker (\S+) --broker-key '(.+)'", said).groups()
        asked = self.machine.run("bugle-node", "enlist", "--broker", endpoint, "--broker-key", key, "--name", "again",
                                 "--wait", "0s")
        row = rows(self.bugle("target", "pending", "-o", "jsonl"))[0]
        self.assertIn(row["code"], asked.out)
        for name in ("bugle-exec", "bugle-node"):
            self.machine.services.restart(f"{name}.service")
        self.bugle("target", "approve", row["code"])
        wait_for("the target is connected", lambda: [
            row for row in rows(self.bugle("target", "list", "-o", "jsonl")) if row["connected"]])

    def test_A_no_part_calls_what_its_unit_forbids(self):
        for name in PARTS:
            unit, text = self.traced(name)
            filters = unit.sections["Service"]["SystemCallFilter"]
            allowed = calls_of(["@default", *filters[0].split()]) - calls_of(filters[1].lstrip("~").split())
            used = set(re.findall(r"^\d+ +(\w+)\(", text, re.M))
            self.assertGreater(len(used), 30, name)
            self.assertEqual(sorted(used - allowed), [], name)

    def traced(self, name):
        """The unit, and what its program asked the kernel for."""
        if not self.machine.services.trace:
            self.skipTest("strace cannot be used here")
        unit = machine.Unit(TOP / f"deploy/systemd/{name}.service")
        text = (self.machine.directory / f"{name}.service.calls").read_text()
        # What chroot and setpriv do before the program is there is not ours.
        program = re.escape(unit.get("ExecStart").split()[0])
        return unit, "".join(part.split('execve("')[0] for part in re.split(rf'execve\("{program}"', text)[1:])

    def test_B_what_is_written_lies_where_the_unit_lets_it(self):
        for name in PARTS:
            unit, text = self.traced(name)
            places = tuple(f"{path}/" for path in unit.words("ReadWritePaths", "Service"))
            for path, flags in re.findall(r'openat\(AT_FDCWD, "([^"]+)", ([A-Z_|]+)', text):
                if "O_WRONLY" in flags or "O_RDWR" in flags or "O_CREAT" in flags:
                    self.assertTrue(path == "/dev/null" or path.startswith(places), f"{name} writes {path}")
            opened = set(re.findall(r'openat\(AT_FDCWD, "(/var/lib/bugle/\w+|/run/bugle/\w+)', text))
            hidden = {path.lstrip("-") for path in unit.words("InaccessiblePaths", "Service")}
            self.assertEqual(opened & hidden, set(), name)

    def test_C_what_is_read_of_proc_is_there(self):
        for name in PARTS:
            unit, text = self.traced(name)
            if unit.get("ProcSubset") != "pid":
                continue
            for path in re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"(/proc/[^"]+)"', text):
                if path not in DISPENSABLE:
                    self.assertRegex(path, r"^/proc/(self|thread-self|\d+)/", name)

    def test_D_sockets_are_of_the_families_that_the_unit_names(self):
        for name in PARTS:
            unit, text = self.traced(name)
            families = set(unit.words("RestrictAddressFamilies", "Service"))
            used = set(re.findall(r"\bsocket\((AF_\w+|PF_\w+)", text))
            self.assertIn("AF_UNIX", used)
            # The configuration is read the same way by both parts of the broker: the core asks for the addresses of an
            # interface too, gets no answer, and needs none.
            self.assertEqual(used - families - {"AF_NETLINK"}, set(), name)

    def test_E_no_memory_is_written_and_run(self):
        for name in PARTS:
            _, text = self.traced(name)
            self.assertNotIn("PROT_WRITE|PROT_EXEC", text)


def calls_of(words):
    """System calls of a list with groups, as systemd knows them."""
    found = set()
    for word in words:
        if not word.startswith("@"):
            found.add(word)
            continue
        listed = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
        inner = [line.strip() for line in listed.stdout.splitlines()[1:]]
        found |= calls_of([line for line in inner if line and not line.startswith("#")])
    return found


if __name__ == "__main__":
    machine.enter_namespaces()
    if shutil.which("systemd-sysusers") is None or shutil.which("systemd-tmpfiles") is None:
        machine.skip("systemd-sysusers and systemd-tmpfiles are not installed")
    unittest.main(verbosity=2)
