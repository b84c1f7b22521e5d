#!/usr/bin/python3
"""bugle exec logs: kept output from the target, live and afterwards, and what the broker has when the target is away."""

import hashlib
import subprocess

from world import SharedWorldTest, Terminal, main

STEPS = """job: three
targets: {names: [a1]}
steps:
- {name: first, script: "echo one"}
- {name: second, script: 'head -c 100000 /dev/zero | tr "\\0" x; echo'}
- {name: third, script: "echo three"}
"""


class Logs(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.a1 = cls.world.node("a1")
        cls.a2 = cls.world.node("a2")

    def run_on(self, target, *command):
        self.world.bugle("run", "-t", target, "--", *command, code=None)
        return self.newest()

    def newest(self):
        return self.world.bugle("exec", "list", "-o", "name", "--limit", "1").out.strip()

    def logs(self, *arguments, **more):
        return self.world.bugle("exec", "logs", *arguments, **more)

    def binary(self, *arguments):
        """stdout as bytes."""
        done = subprocess.run([self.world.program("bugle"), "exec", "logs", *arguments], env=self.world.environment,
                              capture_output=True, timeout=60, check=True)
        return done.stdout, done.stderr.decode()

    def test_all_that_is_kept_comes_byte_by_byte(self):
        made = self.run_on("a1", "sh", "-c", "i=0; while [ $i -lt 3000 ]; do printf 'line %d \\377\\001\\n' $i; i=$((i+1)); done")
        expected = b"".join(b"line %d \xff\x01\n" % i for i in range(3000))
        out, err = self.binary(made, "-t", "a1")
        self.assertEqual(hashlib.sha256(out).digest(), hashlib.sha256(expected).digest())
        self.assertEqual(err, "")

    def test_a_terminal_is_not_steered_by_what_a_step_says(self):
        said = "printf '\\033]0;mine\\007\\033[2Jred \\303\\251\\n'"
        made = self.run_on("a1", "sh", "-c", said)
        self.assertIn(b"\x1b]0;mine\x07\x1b[2J", self.binary(made, "-t", "a1")[0])
        code, text = Terminal(self.world, "bugle", "exec", "logs", made, "-t", "a1").wait()
        self.assertEqual(code, 0)
        self.assertIn("red é", text)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\x07", text)

    def test_what_was_left_out_is_counted(self):
        made = self.run_on("a1", "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' y; echo; echo end")
        out, err = self.binary(made, "-t", "a1")
        self.assertEqual(len(out), 1048576 + 12288)
        self.assertTrue(out.endswith(b"y\nend\n"))
        self.assertIn(f"step run: {3000005 - 1048576 - 12288} bytes are not kept", err)

    def test_steps_come_in_order_or_alone(self):
        self.world.apply(STEPS)
        self.world.bugle("job", "start", "three", "--wait")
        made = self.newest()
        whole = "one\n" + "x" * 100000 + "\nthree\n"
        self.assertEqual(self.logs(made, "-t", "a1").out, whole)
        self.assertEqual(self.logs(made, "-t", "a1", "--step", "3").out, "three\n")
        self.assertEqual(self.logs(made, "--step", "1").out, "one\n")
        self.assertIn("did not come to step 4", self.logs(made, "-t", "a1", "--step", "4", code=3).err)

    def test_follow_shows_what_is_written_until_the_end(self):
        gates = [self.world.directory / f"gate{i}" for i in range(2)]
        script = "; ".join(f"echo part {i}; while [ ! -e {gate} ]; do sleep 0.02; done" for i, gate in enumerate(gates))
        made = self.world.bugle("run", "-t", "a1", "--no-wait", "--", "sh", "-c", script + "; echo last").out.strip()
        with subprocess.Popen([self.world.program("bugle"), "exec", "logs", made, "--follow"], env=self.world.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            self.assertEqual(child.stdout.readline(), "part 0\n")
            so_far = self.logs(made, "-t", "a1")
            self.assertEqual(so_far.out, "part 0\n")
            self.assertIn("--follow", so_far.err)
            gates[0].touch()
            self.assertEqual(child.stdout.readline(), "part 1\n")
            gates[1].touch()
            self.assertEqual(child.stdout.read(), "last\n")
            self.assertEqual(child.wait(30), 0)
        self.assertEqual(self.logs(made, "-t", "a1").out, "part 0\npart 1\nlast\n")

    def test_follow_goes_from_step_to_step(self):
        self.world.apply(STEPS.replace("job: three", "job: followed").replace("echo one", "echo one; sleep 0.5; echo two"))
        made = self.world.bugle("job", "start", "followed").out.strip()
        self.assertEqual(self.logs(made, "-t", "a1", "--follow").out, "one\ntwo\n" + "x" * 100000 + "\nthree\n")

    def test_without_a_target_equal_output_is_folded(self):
        self.world.bugle("run", "--all", "--", "echo", "same")
        self.assertEqual(self.logs(self.newest()).out, "== a[1-2]: ok (2 targets) ==\nsame\n")
        rows = self.logs(self.newest(), "-o", "json").json()["items"]
        self.assertEqual([row["steps"][0]["output"] for row in rows], ["same\n", "same\n"])

    def test_one_target_at_a_time_and_one_that_is_there(self):
        self.world.bugle("run", "--all", "--", "true")
        made = self.newest()
        self.assertIn("-t NAME", self.logs(made, "--follow", code=2).err)
        self.assertIn("one target", self.logs(made, "-t", "a[1-2]", code=2).err)
        self.logs(made, "-t", "nobody", code=3)
        alone = self.run_on("a1", "true")
        self.assertIn("was not for 'a2'", self.logs(alone, "-t", "a2", code=3).err)
        self.logs("zzzzzzzz", "-t", "a1", code=3)

    def test_an_absent_target_leaves_what_the_broker_has(self):
        made = self.run_on("a2", "sh", "-c", "echo begin; head -c 200000 /dev/zero | tr '\\0' z; echo; echo end")
        self.a2.stop()
        out, err = self.binary(made, "-t", "a2")
        self.assertEqual(len(out), 4096 + 12288)
        self.assertTrue(out.startswith(b"begin\n") and out.endswith(b"\nend\n"))
        self.assertIn("only what the broker has: target 'a2' did not answer", err)
        self.assertIn(f"{200011 - 4096 - 12288} bytes are not kept", err)
        self.a2.start()
        self.world.wait_connected(2)


if __name__ == "__main__":
    main()
