#!/usr/bin/python3
"""bugle exec retry and exec list: the same once more, where it did not go well; and finding executions again."""

from world import SharedWorldTest, main


class Retry(SharedWorldTest):
    @classmethod
    def prepare(cls):
        for name in ("a1", "a2", "a3"):
            cls.world.node(name)

    def newest(self):
        return self.world.bugle("exec", "list", "-o", "json", "--limit", "1").json()["items"][0]

    def fail_on(self, *names):
        """A command that fails there until the gates are open."""
        gate = self.world.directory / f"gate-{self.id()}"
        case = "|".join(names)
        script = f"case $BUGLE_TARGET in {case}) test -e {gate};; esac"
        self.world.bugle("run", "--all", "--", "sh", "-c", script, code=20)
        return self.newest()["id"], gate

    def test_a_command_runs_again_where_it_failed(self):
        made, gate = self.fail_on("a1", "a3")
        tried = self.world.bugle("exec", "retry", made, "--only", "failed", "--dry-run")
        self.assertRegex(tried.out, r"would start run: .* again -> 2 targets \(2 connected\)\na\[1,3\]\n")
        self.assertEqual(self.newest()["id"], made)
        self.world.bugle("exec", "retry", made, "--wait", code=20)
        gate.touch()
        done = self.world.bugle("exec", "retry", made, "--only", "failed,not-run,silent", "--wait")
        self.assertEqual(done.out, "== a[1,3]: ok (2 targets) ==\n")
        row = self.newest()
        self.assertEqual((row["targets"], row["succeeded"], row["one_shot"]), (2, 2, True))
        self.assertIn("no target that is one of failed", self.world.bugle("exec", "retry", row["id"], "--only", "failed", code=3).err)

    def test_a_job_starts_again_on_exactly_those_targets(self):
        gate = self.world.directory / "gate-job"
        script = f"case $BUGLE_TARGET in a2) test -e {gate};; esac"
        self.world.apply(f'job: again\ntargets: {{all: true}}\nsteps: [{{name: s, script: "{script}"}}]\n')
        self.world.bugle("job", "start", "again", "--wait", code=20)
        made = self.newest()["id"]
        gate.touch()
        again = self.world.bugle("exec", "retry", made, "--reason", "mended").out.strip()
        self.world.bugle("exec", "wait", again)
        row = self.world.bugle("exec", "show", again, "-o", "json").json()
        self.assertEqual((row["job"], row["targets"], row["reason"]), ("again", 1, "mended"))
        self.assertEqual(row["groups"][0]["targets"], ["a2"])

    def test_silent_and_canceled_targets_are_found_too(self):
        node = self.world.node("late")
        node.stop()
        made = self.world.bugle("run", "-t", "late", "--no-wait", "--expires", "1s", "--", "true").out.strip()
        self.world.bugle("exec", "wait", made, code=21)
        node.start()
        self.world.wait_connected(4)
        self.world.bugle("exec", "retry", made, "--only", "silent", "--wait")
        node.stop()
        made = self.world.bugle("run", "-t", "late", "--no-wait", "--", "true").out.strip()
        self.world.bugle("exec", "cancel", made)
        node.start()
        self.world.wait_connected(4)
        self.world.bugle("exec", "retry", made, code=3)
        self.world.bugle("exec", "retry", made, "--only", "canceled", "--wait")
        self.world.bugle("target", "defect", "late", "--yes")

    def test_mistakes_are_told(self):
        made, _ = self.fail_on("a1")
        self.assertIn("'flaied' is none of the states",
                      self.world.bugle("exec", "retry", made, "--only", "flaied", code=2).err)
        self.world.bugle("exec", "retry", made, "--only", "", code=2)
        self.world.bugle("exec", "retry", "zzzzzzzz", code=3)
        self.world.apply('job: stopped\ntargets: {all: true}\nsteps: [{name: s, run: ["true"]}]\n')
        stop = self.world.bugle("job", "stop", "stopped").out.strip()
        self.assertIn("is a stop", self.world.bugle("exec", "retry", stop, code=1).err.lower())

    def test_executions_are_found_by_login_and_time(self):
        made, _ = self.fail_on("a1")
        login = self.world.bugle("exec", "show", made, "-o", "json").json()["login"]
        def names(*arguments):
            return self.world.bugle("exec", "list", "-o", "name", *arguments).out.split()
        self.assertIn(made, names("--login", login.upper()))
        self.assertEqual(names("--login", "nobody"), [])
        self.assertIn(made, names("--since", "1h"))
        self.assertEqual(names("--until", "1h"), [])
        self.assertEqual(names("--since", "1h", "--running"), [])


if __name__ == "__main__":
    main()
