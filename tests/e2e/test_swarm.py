"""bugle-swarm: its targets are members like others, whatever it does to them nothing is lost, and it ends as it says."""

import json
import pathlib
import resource
import signal
import socket
import subprocess

import world
from world import SharedWorldTest, WorldTest, wait_for

JOB = "job: {name}\ntargets: {{group: {prefix}all}}\nsteps:\n  - {{name: one, run: ['true']}}\n"


class Swarm:
    """A swarm of its own, enlisted; ask() is its control socket."""

    def __init__(self, at, prefix, targets, *options, limit=None):
        self.world = at
        self.prefix = prefix
        token = at.token("--uses", str(targets), "--names", f"{prefix}*", "--group", f"{prefix}all")
        path = at.directory / f"{prefix}.sock"
        self.report = at.directory / f"{prefix}.json"
        self.child = subprocess.Popen(
            [at.program("bugle-swarm"), "--targets", str(targets), "--token", "-", "--prefix", prefix, "--control", str(path),
             "--groups", f"{prefix}all", "--report", str(self.report), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=at.environment,
            preexec_fn=limit)
        self.child.stdin.write(token)
        self.child.stdin.close()
        self.first_line = self.child.stdout.readline()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        wait_for(f"{path} answers", lambda: pathlib.Path(path).exists() and self.socket.connect_ex(str(path)) == 0)
        self.lines = self.socket.makefile("rw")
        if "--hold" not in options:
            self.wait("current")

    def ask(self, *words):
        self.lines.write(" ".join(map(str, words)) + "\n")
        self.lines.flush()
        return json.loads(self.lines.readline())

    def wait(self, what, seconds=30):
        answer = self.ask("wait", what, seconds)
        if not answer["ok"]:
            raise AssertionError(f"not {what}: {answer} {self.ask('status')}")
        return answer

    def start(self, job):
        """Starts the job on all of its targets; gives what the swarm says when all outcomes are acknowledged."""
        order = json.loads(self.world.bugle("job", "start", job, "--yes", "-o", "json").out)

        def over():
            seen = self.ask("exec", order["id"])
            return seen if seen["acknowledged"] == order["targets"] else None
        return wait_for(f"all outcomes of {job} are acknowledged", over)

    def end(self, signal_number=signal.SIGTERM):
        """Ends it; gives exit code, report and last line."""
        if self.child.poll() is None:
            self.child.send_signal(signal_number)
        out = self.child.stdout.read()
        code = self.child.wait(30)
        self.socket.close()
        self.lines.close()
        self.child.stdout.close()
        self.child.stderr.close()
        return code, json.loads(self.report.read_text()), out.strip().splitlines()[-1]


class SwarmTest(SharedWorldTest):
    def swarm(self, prefix, targets, *options, job=True, limit=None):
        swarm = Swarm(self.world, prefix, targets, *options, limit=limit)
        self.addCleanup(lambda: swarm.child.poll() is None and swarm.child.kill())
        if job:
            self.world.apply(JOB.format(name=f"{prefix}job", prefix=prefix))
            wait_for("all hold the job", lambda: swarm.ask("held", f"{prefix}job", "newest")["count"] == targets)
        return swarm

    def states(self, job):
        return [row["state"] for row in self.world.history(job)]

    def test_held_targets_enlist_and_stay_away_until_they_are_told(self):
        swarm = Swarm(self.world, "held-", 5, "--hold")
        swarm.wait("enlisted")
        self.assertEqual(swarm.ask("status")["connected"], 0)
        swarm.ask("heal")
        swarm.wait("current")
        code, report, _ = swarm.end()
        self.assertEqual((code, report["connected"]), (0, 5))

    def test_a_start_runs_once_on_every_target_and_the_report_says_so(self):
        swarm = self.swarm("noop-", 20, "--processes", "2")
        self.assertEqual(swarm.first_line, "20 targets in 2 processes\n")
        seen = swarm.start("noop-job")
        self.assertEqual((seen["begun"], seen["over"]), (20, 20))
        self.assertLessEqual(seen["first_us"], seen["last_us"])
        self.assertEqual(self.states("noop-job"), ["succeeded"] * 20)
        code, report, line = swarm.end()
        self.assertEqual((code, report["ok"], report["begun"], report["outcomes"], report["outbox"]), (0, True, 20, 20, 0))
        self.assertLess(report["verify"]["computed"], report["verify"]["asked"])
        self.assertIn("nothing lost", line)

    def test_steps_end_as_they_are_told(self):
        swarm = self.swarm("fail-", 4, "--steps", "fail:100")
        swarm.start("fail-job")
        self.assertEqual(self.states("fail-job"), ["failed"] * 4)
        self.assertEqual(swarm.end()[0], 0)
        swarm = self.swarm("out-", 2, "--steps", "output:100000")
        swarm.start("out-job")
        for row in self.world.history("out-job"):
            self.assertEqual(row["steps"][0]["output_bytes"], 100000)
        self.assertEqual(swarm.end()[0], 0)

    def test_runs_outlive_a_restart_of_their_target(self):
        swarm = self.swarm("slow-", 4, "--steps", "sleep:700", "--lag", "1ms-5ms", "--clock", "1s",
                           "--zones", "Europe/Berlin,Asia/Tokyo")
        order = json.loads(self.world.bugle("job", "start", "slow-job", "--yes", "-o", "json").out)
        wait_for("all runs have begun", lambda: swarm.ask("exec", order["id"])["begun"] == 4)
        self.assertTrue(swarm.ask("restart", 100)["ok"])
        wait_for("all runs are over", lambda: swarm.ask("exec", order["id"])["over"] == 4)
        swarm.wait("quiet")
        self.assertEqual(self.states("slow-job"), ["succeeded"] * 4)
        code, report, _ = swarm.end()
        self.assertEqual((code, report["restarts"], report["doubled"]), (0, 4, 0))

    def test_a_swarm_on_disk_goes_on_as_the_same_targets(self):
        store = self.world.directory / "swarm-store"
        swarm = self.swarm("disk-", 3, "--store", str(store))
        swarm.start("disk-job")
        self.assertEqual(swarm.end()[0], 0)
        swarm = Swarm(self.world, "disk-", 3, "--store", str(store))
        self.addCleanup(lambda: swarm.child.poll() is None and swarm.child.kill())
        swarm.start("disk-job")
        self.assertEqual(self.states("disk-job"), ["succeeded"] * 6)
        code, report, _ = swarm.end()
        self.assertEqual((code, report["store"], report["begun"]), (0, "sqlite", 3))

    def test_real_steps_are_processes(self):
        swarm = self.swarm("real-", 3, "--steps", "real", job=False)
        proof = self.world.directory / "proof"
        self.world.apply(JOB.format(name="real-job", prefix="real-").replace("run: ['true']", f"script: 'echo ran >>{proof}'"))
        wait_for("all hold the job", lambda: swarm.ask("held", "real-job", "newest")["count"] == 3)
        swarm.start("real-job")
        self.assertEqual(proof.read_text(), "ran\n" * 3)
        self.assertEqual(swarm.end()[0], 0)

    def test_targets_that_were_cut_off_catch_up(self):
        swarm = self.swarm("cut-", 6)
        self.assertTrue(swarm.ask("cut", 50)["ok"])
        self.assertEqual(swarm.ask("status")["connected"], 3)
        order = json.loads(self.world.bugle("job", "start", "cut-job", "--yes", "-o", "json").out)
        wait_for("those that are there have run it", lambda: swarm.ask("exec", order["id"])["over"] == 3)
        swarm.ask("heal")
        wait_for("the others have run it too", lambda: swarm.ask("exec", order["id"])["acknowledged"] == 6)
        self.assertEqual(swarm.end(signal.SIGINT)[0], 0)

    def test_targets_without_a_job_produce_nothing_and_are_quiet(self):
        swarm = self.swarm("idle-", 2, job=False)
        self.assertEqual(swarm.ask("produce", 20, 7), {"ok": True, "targets": 0})
        swarm.wait("quiet")
        self.assertEqual(swarm.end()[0], 0)

    def test_outcomes_without_runs_are_stored_once(self):
        swarm = self.swarm("make-", 5)
        self.assertEqual(swarm.ask("produce", 20, 7), {"ok": True, "targets": 5})
        swarm.wait("quiet")
        made = swarm.ask("produced")
        self.assertEqual(made["outcomes"], 100)
        self.assertGreater(made["ack_p99_us"], 0)
        self.assertEqual(len(self.world.history("make-job", "--limit", "1000")), 100)
        swarm.ask("produce", 4, 1, 1000)
        swarm.wait("quiet")
        self.assertEqual(swarm.ask("produced")["outcomes"], 20)
        self.assertTrue(swarm.ask("stop")["ok"])
        self.assertEqual(swarm.end()[0], 0)

    def test_what_the_broker_does_not_have_ends_it_with_1(self):
        swarm = self.swarm("lost-", 2, "--steps", "sleep:300", "--grace", "400ms")
        order = json.loads(self.world.bugle("job", "start", "lost-job", "--yes", "-o", "json").out)
        wait_for("both have begun", lambda: swarm.ask("exec", order["id"])["begun"] == 2)
        swarm.ask("cut", 100)
        code, report, line = swarm.end()
        self.assertEqual((code, report["ok"]), (1, False))
        self.assertIn(report["verdict"], line)
        self.assertGreater(report["outbox"], 0)

    def test_the_largest_swarm_that_fits_is_taken_and_told(self):
        few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
        swarm = self.swarm("few-", 50, "--processes", "1", job=False, limit=few)
        self.assertIn("of 50 asked for", swarm.first_line)
        self.assertIn("ulimit -n", swarm.first_line)
        count = swarm.ask("status")["targets"]
        self.assertTrue(0 < count < 50)
        self.assertEqual(swarm.end()[0], 0)

    def test_mistakes_are_told(self):
        for options, words in (([], "no token"), (["--token", "bugle-t1.x"], "token"), (["--steps", "jump"], "noop"),
                               (["--churn", "5"], "1%/10s"), (["--targets", "0"], "from 1 to"), (["--for", "0"], "above 0"),
                               (["--zones", "Mars/Base"], "no zone Mars/Base"), (["--report", "/dev/null"], "takes a file"),
                               (["--report", "/nowhere/x.json"], "no file can be written")):
            done = self.world.run("bugle-swarm", *options, code=None)
            self.assertNotEqual(done.code, 0)
            self.assertIn(words, done.err)


class AloneTest(WorldTest):
    def test_a_broker_that_is_not_there_is_told_while_it_is_waited_for(self):
        token = self.world.token("--uses", "2", "--names", "alone-*")
        self.world.stop_broker()
        child = subprocess.Popen([self.world.program("bugle-swarm"), "--targets", "2", "--prefix", "alone-", "--token", token],
                                 stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=self.world.environment)
        self.addCleanup(lambda: child.poll() is None and child.kill())
        self.assertIn("does the broker run", child.stderr.readline())
        child.terminate()
        self.assertEqual(child.wait(30), 1)
        child.stderr.close()


if __name__ == "__main__":
    world.main()
