#!/usr/bin/python3
"""bugle run: a command on chosen targets, its input, its output folded by result, batches, and what is refused."""

from world import SharedWorldTest, Terminal, main


class Run(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.world.node("web01", "--group", "web", "--label", "role=front")
        cls.world.node("web02", "--group", "web", "--label", "role=front")
        cls.world.node("db01", "--label", "role=db")

    def bugle(self, *arguments, **more):
        return self.world.bugle(*arguments, **more)

    def last(self):
        return self.bugle("exec", "list", "-o", "json").json()["items"][0]

    def test_equal_output_is_shown_once(self):
        done = self.bugle("run", "--all", "--", "echo", "hello")
        self.assertEqual(done.out, "== db01,web[01-02]: ok (3 targets) ==\nhello\n")
        self.assertIn("run: echo hello on 3 targets (3 connected); exec ", done.err)
        row = self.last()
        self.assertEqual((row["job"], row["one_shot"], row["succeeded"]), ("run: echo hello", True, 3))

    def test_results_are_folded_the_worst_last(self):
        script = 'case $BUGLE_TARGET in web*) echo fine;; *) echo broken >&2; exit 3;; esac'
        done = self.bugle("run", "--all", "--", "sh", "-c", script, code=20)
        first, second = done.out.split("\n\n")[:2]
        self.assertEqual(first, "== web[01-02]: ok (2 targets) ==\nfine")
        self.assertTrue(second.startswith("== db01: exit 3 ==\nbroken"), done.out)
        self.assertIn("Next: bugle exec retry ", done.err)
        self.assertTrue(done.out.rstrip().endswith('1  exit 3  db01  "broken"'), done.out)

    def test_targets_are_chosen_as_everywhere(self):
        for choice, names in ((("-t", "web[01-02]"), ["web01", "web02"]), (("-g", "web"), ["web01", "web02"]),
                              (("-l", "role=db"), ["db01"]), (("-t", "db01", "-g", "web"), ["db01", "web01", "web02"])):
            rows = self.bugle("run", *choice, "-o", "json", "--", "true")
            self.assertEqual(sorted(row["target"] for row in rows.json()["items"]), names, choice)

    def test_facts_choose_at_the_moment_of_the_command(self):
        arch = self.bugle("target", "show", "db01", "-o", "json").json()["facts"]["arch"]
        rows = self.bugle("run", "-l", f"fact.arch={arch}", "-o", "jsonl", "--", "true").rows()
        self.assertEqual(len(rows), 3)
        self.assertIn("matched no target", self.bugle("run", "-l", "fact.arch=none", "--", "true", code=3).err)

    def test_without_a_choice_or_a_command_it_is_a_usage_error(self):
        before = self.bugle("exec", "list", "-o", "json").json()
        for arguments, text in ((("--", "true"), "no targets were chosen"), (("--all",), "there is no command to run"),
                                (("-t", "", "--", "true"), ""), (("-l", "", "--", "true"), ""),
                                (("--all", "--", "sh", "-c", "one\ntwo"), "--stdin"),
                                (("--all", "--max-failed", "1", "--", "true"), "--batch"),
                                (("--all", "--batch", "0", "--", "true"), "--batch '0'"),
                                (("--all", "--batch", "x%", "--", "true"), "--batch 'x%'"),
                                (("--all", "--batch", "1", "--no-wait", "--", "true"), "--no-wait")):
            refused = self.bugle("run", *arguments, code=2)
            self.assertIn(text, refused.err)
            self.assertEqual(refused.out, "")
        self.assertEqual(self.bugle("run", "-t", "nobody", "--", "true", code=3).out, "")
        self.assertEqual(self.bugle("run", "-g", "wbe", "--", "true", code=3).out, "")
        self.assertEqual(self.bugle("exec", "list", "-o", "json").json(), before)

    def test_what_stands_behind_the_dashes_is_the_command(self):
        done = self.bugle("run", "-t", "db01", "--", "printf", "[%s]", "--all", "-t", "", "two words")
        self.assertEqual(done.out, "== db01: ok ==\n[--all][-t][][two words]\n")

    def test_stdin_goes_to_each_target(self):
        done = self.bugle("run", "-g", "web", "--stdin", "--", "wc", "-c", input="x" * 100000)
        self.assertIn("100000", done.out)
        done = self.bugle("run", "-t", "db01", "--stdin", input="read x <<.\nhere\n.\necho got $x\nexit 4\n", code=20)
        self.assertIn("got here", done.out)
        self.assertIn("exit 4", done.out)
        refused = self.bugle("run", "-t", "db01", "--stdin", "--", "cat", input="x" * 131073, code=1)
        self.assertIn("more than 131072 bytes", refused.err)
        both = self.bugle("run", "-t", "db01", "--stdin", "--", "echo", "y" * 30000, "z" * 30000, input="x" * 131072, code=1)
        self.assertIn("an order holds 180000", both.err)
        self.assertIn("131072", self.bugle("run", "-t", "db01", "--stdin", "--", "sh", "-c", "wc -c # " + "y" * 30000,
                                           input="x" * 131072).out)
        self.assertEqual(self.bugle("run", "-t", "db01", "--", "wc", "-c").out.split()[-1], "0")

    def test_a_large_command_reaches_connected_targets(self):
        """Too large to be pushed: the targets fetch it."""
        done = self.bugle("run", "--all", "--stdin", "--", "md5sum", input="0123456789" * 12000)
        self.assertEqual(done.out.count("=="), 2)
        self.assertIn("3 targets", done.out)

    def test_rows_for_programs_hold_the_output(self):
        rows = self.bugle("run", "-g", "web", "-o", "json", "--", "sh", "-c", "echo $BUGLE_TARGET; exit 2", code=20).json()
        self.assertEqual((rows["schema"], rows["kind"]), (1, "results"))
        row = rows["items"][0]
        self.assertEqual((row["target"], row["state"], row["summary"]), ("web01", "failed", "run: exit code 2"))
        self.assertEqual((row["steps"][0]["output"], row["steps"][0]["exit_code"]), ("web01\n", 2))
        names = self.bugle("run", "-g", "web", "-o", "name", "--", "true").out
        self.assertEqual(names, "web01\nweb02\n")

    def test_a_command_that_takes_too_long_is_ended(self):
        done = self.bugle("run", "-t", "db01", "--timeout", "1s", "--", "sleep", "60", code=20)
        self.assertIn("== db01: timeout ==", done.out)

    def test_a_program_that_is_not_there_says_so(self):
        done = self.bugle("run", "-t", "db01", "--", "no-such-program", code=20)
        self.assertIn("== db01: exit 127 ==\nthe program no-such-program is not found", done.out)

    def test_a_dry_run_names_the_targets_and_starts_nothing(self):
        before = self.bugle("exec", "list", "-o", "json").json()
        done = self.bugle("run", "-g", "web", "--dry-run", "--", "uptime")
        self.assertEqual(done.out, "would run: uptime -> 2 targets (2 connected)\nweb[01-02]\n")
        self.assertIn("dry run: nothing was started", done.err)
        self.assertEqual(self.bugle("run", "-g", "web", "--dry-run", "-o", "json", "--", "uptime").json()["names"],
                         ["web01", "web02"])
        self.assertEqual(self.bugle("exec", "list", "-o", "json").json(), before)

    def test_no_wait_prints_the_id(self):
        exec_id = self.bugle("run", "-t", "db01", "--no-wait", "--reason", "just so", "--", "echo", "later").out.strip()
        self.bugle("exec", "wait", exec_id)
        self.assertEqual(self.bugle("exec", "logs", exec_id, "-t", "db01").out, "later\n")
        self.assertEqual(self.bugle("exec", "show", exec_id, "-o", "json").json()["reason"], "just so")

    def test_batches_go_one_after_the_other(self):
        log = self.world.directory / "order"
        script = f"echo $BUGLE_TARGET >>{log}"
        self.bugle("run", "--all", "--batch", "1", "--", "sh", "-c", script)
        self.assertEqual(log.read_text(), "web01\nweb02\ndb01\n")
        self.assertEqual([row["targets"] for row in self.bugle("exec", "list", "--limit", "3", "-o", "json").json()["items"]],
                         [1, 1, 1])

    def test_batches_stop_at_the_threshold(self):
        done = self.bugle("run", "--all", "--batch", "1", "--max-failed", "2", "--", "false", code=22)
        self.assertIn("1  not run  db01  stopped: 2 failed >= --max-failed 2", done.out)
        self.assertEqual(done.err.count("Next: bugle exec retry "), 2)
        self.assertIn("bugle run -t 'db01'", done.err)
        rows = self.bugle("run", "--all", "--batch", "50%", "--max-failed", "1%", "-o", "jsonl", "--", "false", code=22).rows()
        self.assertEqual([(row["target"], row["state"], row["reason"]) for row in rows][-1], ("db01", "not-run", "max-failed"))
        self.bugle("run", "--all", "--batch", "2", "--max-failed", "100%", "--", "false", code=20)

    def test_a_job_and_its_history_are_left_alone(self):
        self.bugle("run", "-t", "db01", "--", "true")
        self.assertEqual(self.bugle("job", "list", "-o", "name").out, "")
        self.assertEqual(self.bugle("target", "list", "-o", "json", "-t", "db01").json()["items"][0]["unread"], 0)

    def test_control_c_leaves_it_running_and_says_so(self):
        gate = self.world.directory / "gate"
        terminal = Terminal(self.world, "bugle", "run", "-t", "db01", "--", "sh", "-c",
                            f"while [ ! -e {gate} ]; do sleep 0.05; done")
        terminal.read_until("1 running")
        terminal.type("\x03")
        self.assertEqual(terminal.wait()[0], 130)
        gate.touch()
        exec_id = self.last()["id"]
        self.bugle("exec", "wait", exec_id)
        self.assertEqual(self.last()["succeeded"], 1)


if __name__ == "__main__":
    main()
