#!/usr/bin/python3
"""What a step is given: arguments, environment and file names with their tokens, umask, input; and which codes mean success."""

import re

from steps_world import StepsTest
from world import main

EVERY_MACRO = {
    "ESCAPE_NONE": "it's \"x\" ]y", "ESCAPE_SQUOTE": "it''s \"x\" ]y", "ESCAPE_DQUOTE": "it's \"\"x\"\" ]y",
    "ESCAPE_RBRACKET": "it's \"x\" ]]y", "ESCAPE_SHELL": "'it'\\''s \"x\" ]y'"}


class Given(StepsTest):
    def test_tokens_are_replaced_by_every_macro_in_every_place(self):
        name = "it's \"x\" ]y"
        for macro, value in EVERY_MACRO.items():
            token = f"$({macro}(STEPNAME))"
            made = self.directory / "here"
            made.mkdir(exist_ok=True)
            run = self.machine.run(
                {"name": name, "run": ["printf", "%s|%s", token, "$(other)"]},
                {"name": name + "2", "script": f"cat <<'END'\n$({macro}(JOBNAME)) {token}\nEND\nprintf %s \"$VALUE\"",
                 "environment": {"VALUE": token}})
            self.assertEqual(run["state"], "succeeded", run)
            self.assertEqual(run["steps"][0]["output"], value + "|$(other)")
            second = value[:-1] + "2'" if macro == "ESCAPE_SHELL" else value + "2"
            job = f"'{run['job']}'" if macro == "ESCAPE_SHELL" else run["job"]
            self.assertEqual(run["steps"][1]["output"], f"{job} {second}\n{second}")

    def test_tokens_name_directories_and_output_files(self):
        (self.directory / "in-s1").mkdir()
        run, step = self.run_script("pwd", directory=f"{self.directory}/in-$(ESCAPE_NONE(STEPNAME))",
                                    output={"file": f"{self.directory}/out-$(ESCAPE_NONE(STEPID))-$(ESCAPE_NONE(RUNID))"})
        self.assertEqual(step["output"], f"{self.directory}/in-s1\n")
        self.assertEqual((self.directory / f"out-1-{run['run']}").read_text(), f"{self.directory}/in-s1\n")

    def test_a_step_knows_how_often_it_has_begun_and_which_attempt_this_is(self):
        run = self.run_steps(
            {"script": "echo $(ESCAPE_NONE(STEPCT)) $BUGLE_STEPCT/$BUGLE_ATTEMPT; test $BUGLE_ATTEMPT = 2",
             "retry": {"attempts": 1, "every": "1s"}, "on_success": "next"},
            {"script": "test $BUGLE_STEPCT = 3", "on_success": "succeed", "on_failure": "goto s1"})
        self.assertEqual(run["state"], "succeeded")
        self.assertEqual([step["output"] for step in run["steps"] if step["name"] == "s1"],
                         ["1 1/2\n", "2 2/2\n", "3 3/2\n"])

    def test_the_time_is_that_of_the_step(self):
        text = self.output("echo $(ESCAPE_NONE(DATE)) $(ESCAPE_NONE(TIME)) $BUGLE_DATE $BUGLE_TIME; date +'%Y%m%d %H%M%S'")
        own, now = text.splitlines()
        self.assertEqual(own.split()[:2], own.split()[2:])
        self.assertLessEqual(abs(int(own.split()[1][-2:]) - int(now.split()[1][-2:])) % 58, 2)

    def test_the_environment_is_exactly_what_the_job_says(self):
        run = self.run_steps({"run": ["env"], "environment": {"OF_STEP": "two words", "OF_BOTH": "step"}},
                             environment={"OF_JOB": "$HOME", "OF_BOTH": "job"})
        found = dict(line.split("=", 1) for line in run["steps"][0]["output"].splitlines())
        self.assertEqual((found["OF_STEP"], found["OF_BOTH"], found["OF_JOB"]), ("two words", "step", "$HOME"))
        self.assertEqual(found["LANG"], "C.UTF-8")
        others = {name for name in found if not re.match("BUGLE_[A-Z]+$", name)}
        self.assertEqual(others, {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "OF_STEP", "OF_BOTH", "OF_JOB"})
        self.assertEqual(found["BUGLE_JOBNAME"], run["job"])

    def test_descriptors_are_the_three(self):
        found = self.output("ls /proc/$$/fd")
        self.assertLessEqual(set(found.split()), {"0", "1", "2", "3", "10", "255"})  # the shell's own copy of the script

    def test_the_umask_is_the_steps(self):
        self.assertEqual(self.output("umask"), "0022\n")
        self.assertEqual(self.output("umask", umask="077"), "0077\n")
        self.assertEqual(self.output("umask", umask="000"), "0000\n")

    def test_input_is_read_to_its_end(self):
        self.assertEqual(self.output("cat; echo .", stdin="one\ntwo $(ESCAPE_NONE(JOBNAME))\n"),
                         "one\ntwo $(ESCAPE_NONE(JOBNAME))\n.\n")
        self.assertEqual(self.output("cat; echo ."), ".\n")

    def test_success_is_what_the_step_says(self):
        run, step = self.run_script("exit 0", success_codes=[3, "10-20"])
        self.assertEqual((run["state"], step["message"]), ("failed", "exit code 0 is not one of its success codes"))
        for code, state in ((3, "succeeded"), (10, "succeeded"), (20, "succeeded"), (21, "failed")):
            run, step = self.run_script(f"exit {code}", success_codes=[3, "10-20"])
            self.assertEqual((run["state"], step["exit_code"], step["state"]), (state, code, state))

    def test_a_signal_is_never_success(self):
        run, step = self.run_script("kill -TERM $$", success_codes=[15, 143])
        self.assertEqual((run["state"], step["signal"]), ("failed", 15))

    def test_output_sizes_are_the_steps(self):
        run, step = self.run_script("printf 0123456789", output={"head": 2, "tail": 3})
        self.assertEqual((step["output_bytes"], step["output"]), (10, "01\n[5 bytes left out]\n789"))

    def test_output_that_is_for_nobody_is_only_counted(self):
        run, step = self.run_script("echo secret; sleep 0.5; echo more", output={"history": "no"})
        self.assertEqual((step["output_bytes"], step["output"]), (12, None))
        runs = self.machine.node.home / "exec" / "runs"
        self.assertEqual([path for path in runs.iterdir() if path.name.endswith(".out") and run["run"] in path.name], [])


if __name__ == "__main__":
    main()
