#!/usr/bin/python3
"""bugle exec cancel: who has not begun never begins, what runs is ended, and other executions are left alone."""

from world import SharedWorldTest, main, wait_for


class Cancel(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.world.node("a1")
        cls.away = cls.world.node("a2")
        cls.away.stop()

    def show(self, exec_id):
        return self.world.bugle("exec", "show", exec_id, "-o", "json").json()

    def start(self, *arguments):
        """A command that goes on, on a1 and for a2."""
        made = self.world.bugle("run", "--all", "--no-wait", *arguments, "--", "sleep", "300").out.strip()
        wait_for("it runs", lambda: self.show(made)["running"] == 1)
        return made

    def test_what_runs_is_ended_and_the_rest_never_begins(self):
        made = self.start()
        tried = self.world.bugle("exec", "cancel", made, "--dry-run")
        self.assertRegex(tried.out, r"would cancel .* \(run: sleep 300\): 1 not begun, 1 running\n")
        self.assertEqual(self.show(made)["state"], "running")
        done = self.world.bugle("exec", "cancel", made, "--wait", "--reason", "a mistake", code=20)
        self.assertIn("canceled", done.out)
        row = self.show(made)
        self.assertEqual((row["state"], row["canceled"], row["not_run"]), ("done", 2, 0))
        stop = self.show(row["canceled_by"])
        self.assertEqual((stop["what"], stop["reason"]), ("stop", "a mistake"))
        self.assertIn("Canceled: ", self.world.bugle("exec", "show", made).out)
        marker = self.world.directory / "never"
        other = self.world.bugle("run", "-t", "a2", "--no-wait", "--", "touch", marker).out.strip()
        self.world.bugle("exec", "cancel", other)
        self.assertEqual(self.show(other)["canceled"], 1)
        self.away.start()
        self.world.wait_connected(2)
        self.world.bugle("run", "-t", "a2", "--", "true")
        self.assertFalse(marker.exists())
        self.away.stop()

    def test_again_it_changes_nothing(self):
        made = self.start()
        self.world.bugle("exec", "cancel", made, "--wait", code=20)
        self.assertRegex(self.world.bugle("exec", "cancel", made).out, r"unchanged \w+ \(done already\)\n")
        self.assertEqual(self.world.bugle("exec", "cancel", made, "-o", "json").json()["outcome"], "unchanged")

    def test_another_execution_goes_on(self):
        first = self.start()
        second = self.start()
        self.world.bugle("exec", "cancel", first, "--wait", code=20)
        self.assertEqual((self.show(second)["running"], self.show(second)["pending"]), (1, 1))
        self.world.bugle("exec", "cancel", second, "--wait", code=20)

    def test_a_job_is_canceled_once_and_starts_again(self):
        self.world.apply('job: long\ntargets: {names: [a1]}\nsteps: [{name: s, run: [sleep, "300"]}]\n')
        made = self.world.bugle("job", "start", "long").out.strip()
        wait_for("it runs", lambda: self.show(made)["running"] == 1)
        self.world.bugle("exec", "cancel", made, "--wait", code=20)
        again = self.world.bugle("job", "start", "long").out.strip()
        wait_for("it runs again", lambda: self.show(again)["running"] == 1)
        self.world.bugle("exec", "cancel", again, "--wait", code=20)

    def test_only_a_start_can_be_canceled(self):
        self.world.apply('job: short\ntargets: {names: [a1]}\nsteps: [{name: s, run: ["true"]}]\n')
        stop = self.world.bugle("job", "stop", "short").out.strip()
        self.assertIn("only a start", self.world.bugle("exec", "cancel", stop, code=1).err)
        self.world.bugle("exec", "cancel", "zzzzzzzz", code=3)


if __name__ == "__main__":
    main()
