#!/usr/bin/python3
"""As whom steps run, on a machine of their own (machines.py) where bugle-exec is root: what is dropped is gone for good, and
what root has is out of a step's reach."""

import json
import pathlib
import subprocess
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import machines
import os
import yaml
from foreground import wait_for
from world import PROGRAMS

NO_NAMESPACES = machines.why_not() if "BUGLE_TEST_INSIDE" not in os.environ else None

POLICY = """[default]
account = bugle-job
[proxy one]
account = one
[proxy two]
account = two
groups = extra
[proxy homeless]
account = homeless
[proxy refused]
account = root
[proxy root]
account = root
root = yes
"""

# In the step's own words: what the kernel says of its process.
PROBE = """
import ctypes, json, os, signal
def links():
    found = {}
    for fd in range(256):
        try:
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            pass
    return found
open_fds = links()
def may(call):
    try:
        call()
        return True
    except OSError:
        return False
libc = ctypes.CDLL(None)
mask = os.umask(0)
print(json.dumps({
    "fds": open_fds, "environment": dict(os.environ), "umask": mask, "cwd": os.getcwd(),
    "is_leader": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()], "session": os.getsid(0),
    "parent": os.getppid(),
    "terminal": may(lambda: os.open("/dev/tty", os.O_RDWR)),
    "securebits": libc.prctl(27, 0, 0, 0, 0), "oom": open("/proc/self/oom_score_adj").read().strip(),
    "back": [may(call) for call in (
        lambda: os.setuid(0), lambda: os.seteuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgid(0),
        lambda: os.setgroups([0]), lambda: os.chroot("/"))]}))
"""


@unittest.skipIf(NO_NAMESPACES, NO_NAMESPACES)
class Accounts(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.network = machines.Network(PROGRAMS)
        cls.box = cls.network.machine("box")
        cls.box.sh("apt install -y ./bugle-node_1.deb")
        cls.box.sh(r"""
cat >> /etc/passwd <<END
one:x:4301:4301::/home/one:/bin/sh
two:x:4302:4302::/home/two:/bin/bash
homeless:x:4303:4303::/nonexistent/home:/bin/sh
END
cat >> /etc/group <<END
one:x:4301:
two:x:4302:
homeless:x:4303:
databases:x:4400:one,two
extra:x:4401:
END
for name in one two; do mkdir /home/$name && chown $name:$name /home/$name; done
echo secret > /etc/only-root && chmod 600 /etc/only-root
""")
        (cls.box.root / "usr/local/share/probe.py").write_text(PROBE)
        cls.write_policy(POLICY)

    @classmethod
    def tearDownClass(cls):
        cls.network.close()

    @classmethod
    def write_policy(cls, text):
        cls.box.sh(f"umask 077; cat > /etc/bugle/policy <<'END'\n{text}END\n")

    @classmethod
    def node(cls, arguments, code=0, stdin=""):
        done = subprocess.run(cls.box.command("bugle-node", *arguments), input=stdin, capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode != code:
            raise AssertionError(f"bugle-node {arguments}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def run_steps(self, *steps, start_code=0):
        name = "j" + uuid.uuid4().hex[:12]
        steps = [{"name": f"s{i + 1}", **step} for i, step in enumerate(steps)]
        self.node(["job", "apply", "-"], stdin=yaml.safe_dump({"job": name, "steps": steps}))
        self.node(["job", "start", name], code=start_code)

        def look():
            rows = [json.loads(line) for line in self.node(["history", name, "-v", "-o", "jsonl"]).splitlines()]
            return rows[0] if rows and rows[0]["state"] != "running" else None
        return wait_for(f"{name} is over", look, 60)

    def output(self, step):
        run = self.run_steps(step)
        self.assertEqual(run["state"], "succeeded", run)
        return run["steps"][0]["output"]

    def test_what_root_had_is_gone(self):
        status = dict(line.split(":\t", 1) for line in self.output({
            "run": ["cat", "/proc/self/status"], "as": "one"}).splitlines())
        self.assertEqual(status["Uid"].split(), ["4301"] * 4)
        self.assertEqual(status["Gid"].split(), ["4301"] * 4)
        self.assertEqual(sorted(status["Groups"].split()), ["4301", "4400"])
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "SigBlk", "SigIgn", "SigCgt", "SigPnd"):
            self.assertEqual(int(status[name], 16), 0, name)

    def test_nothing_of_the_supervisor_is_left_in_the_process(self):
        found = json.loads(self.output({"run": ["/usr/bin/python3", "/usr/local/share/probe.py"], "as": "one"}))
        self.assertEqual(sorted(found["fds"]), ["0", "1", "2"])
        self.assertEqual(found["fds"]["0"], "/dev/null")
        self.assertTrue(found["fds"]["1"].startswith("pipe:"))
        self.assertEqual(found["fds"]["1"], found["fds"]["2"])
        self.assertEqual((found["umask"], found["cwd"], found["oom"]), (0o022, "/home/one", "0"))
        # A group of its own in the run's session: only a session's leader could get hold of a terminal.
        self.assertEqual((found["is_leader"], found["session"]), ([False, True], found["parent"]))
        self.assertEqual((found["terminal"], found["securebits"]), (False, 0))
        environment = found["environment"]
        self.assertEqual({name: environment[name] for name in ("HOME", "USER", "LOGNAME", "SHELL", "LANG")}, {
            "HOME": "/home/one", "USER": "one", "LOGNAME": "one", "SHELL": "/bin/sh", "LANG": "C.UTF-8"})
        strange = [name for name in environment if not name.startswith("BUGLE_") and name not in (
            "HOME", "USER", "LOGNAME", "SHELL", "LANG", "PATH", "LC_CTYPE")]  # the last one is Python's own
        self.assertEqual(strange, [])
        self.assertNotIn("NOTIFY_SOCKET", environment)

    def test_a_script_leaves_one_descriptor_more(self):
        found = json.loads(self.output({"script": PROBE, "shell": ["/usr/bin/python3"], "as": "one"}))
        self.assertLessEqual(set(found["fds"]), {"0", "1", "2", "3"} | {
            fd for fd, link in found["fds"].items() if "memfd:script" in link})

    def test_there_is_no_way_back_to_root(self):
        found = json.loads(self.output({"run": ["/usr/bin/python3", "/usr/local/share/probe.py"], "as": "one"}))
        self.assertEqual(found["back"], [False] * 6)

    def test_a_setuid_program_brings_no_capability_back(self):
        self.box.sh("cp /bin/grep /usr/local/share/setuid-grep && chmod 4755 /usr/local/share/setuid-grep")
        text = self.output({"run": ["/usr/local/share/setuid-grep", "^CapEff", "/proc/self/status"], "as": "one"})
        self.assertEqual(int(text.split()[1], 16), 0)

    def test_two_accounts_in_one_job(self):
        run = self.run_steps({"run": ["id", "-un"], "as": "one"}, {"script": "id -un; echo $HOME $SHELL; pwd", "as": "two"},
                             {"run": ["id", "-un"]})
        self.assertEqual([step["output"] for step in run["steps"]],
                         ["one\n", "two\n/home/two /bin/bash\n/home/two\n", "bugle-job\n"])
        self.assertEqual([step["account"] for step in run["steps"]], ["one", "two", "bugle-job"])

    def test_the_policys_groups_stand_instead_of_the_accounts_own(self):
        self.assertEqual(self.output({"run": ["id", "-Gn"], "as": "two"}), "two extra\n")
        self.assertEqual(sorted(self.output({"run": ["id", "-Gn"], "as": "one"}).split()), ["databases", "one"])

    def test_an_account_without_a_home_begins_at_the_root(self):
        self.assertEqual(self.output({"script": "pwd; echo $HOME", "as": "homeless"}), "/\n/nonexistent/home\n")

    def test_root_is_used_only_where_the_policy_says_so(self):
        run = self.run_steps({"run": ["id", "-u"], "as": "refused", "on_failure": "next"}, {"run": ["id", "-u"], "as": "root"})
        self.assertEqual([step["state"] for step in run["steps"]], ["failed", "succeeded"])
        self.assertIn("root = yes", run["steps"][0]["message"])
        self.assertEqual(run["steps"][1]["output"], "0\n")
        self.write_policy(POLICY.replace("account = bugle-job", "account = root"))
        try:
            run = self.run_steps({"run": ["id", "-u"]}, start_code=1)
            self.assertEqual((run["state"], run["reason"]), ("not-run", "policy"))
            self.assertIn("root", run["message"])
        finally:
            self.write_policy(POLICY)

    def test_a_proxy_that_is_not_there_fails_its_step_at_once_and_the_flow_goes_on(self):
        run = self.run_steps(
            {"run": ["true"], "as": "nobody-here", "retry": {"attempts": 5, "every": "1m"}, "on_failure": "next"},
            {"run": ["echo", "went on"]})
        self.assertEqual((run["steps"][0]["state"], run["steps"][0]["attempts"]), ("failed", 1))
        self.assertIn("bugle-node proxy add nobody-here", run["steps"][0]["message"])
        self.assertEqual(run["steps"][1]["output"], "went on\n")

    def test_output_files_are_the_accounts(self):
        run = self.run_steps({"run": ["echo", "hello"], "as": "one", "umask": "027", "output": {"file": "/home/one/log"}})
        self.assertEqual(run["state"], "succeeded", run)
        self.assertEqual(self.box.sh("stat -c '%U %G %a' /home/one/log; cat /home/one/log"), "one one 640\nhello\n")

    def test_a_link_to_where_only_root_may_write_is_refused(self):
        self.box.sh("ln -sf /etc/only-root /home/one/trap; ln -sf /etc/new-of-one /home/one/dangling")
        for name in ("trap", "dangling"):
            run = self.run_steps({"run": ["echo", "mine now"], "as": "one", "output": {"file": f"/home/one/{name}"}})
            self.assertEqual(run["state"], "failed")
            self.assertIn(f"cannot write the output file /home/one/{name} as one: Permission denied", run["steps"][0]["message"])
        self.assertEqual(self.box.sh("cat /etc/only-root"), "secret\n")
        self.box.sh("test ! -e /etc/new-of-one")

    def test_what_bugle_keeps_is_out_of_reach(self):
        run = self.run_steps({
            "script": "ls /var/lib/bugle/exec; ls /var/lib/bugle/exec/runs; cat /etc/bugle/policy; ls /run/bugle/exec; exit 0",
            "as": "one"})
        text = run["steps"][0]["output"]
        self.assertEqual(text.count("Permission denied"), 4, text)
        self.assertNotIn(".run", text)

    def test_limits_of_processes_count_for_the_account_that_runs(self):
        run = self.run_steps({
            "script": "for i in 1 2 3 4 5 6 7 8; do sleep 100 & done; wait", "as": "two", "limits": {"processes": 5},
            "timeout": "5s", "grace": "1s"})
        self.assertRegex(run["steps"][0]["output"], "(?i)fork|Resource temporarily unavailable")
        wait_for("all are gone", lambda: "sleep 100" not in self.box.processes(), 20)


if __name__ == "__main__":
    if NO_NAMESPACES:
        print(f"SKIP: {NO_NAMESPACES}")
        sys.exit(77)
    machines.enter()
    unittest.main(verbosity=2)
