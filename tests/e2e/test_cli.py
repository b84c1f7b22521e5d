#!/usr/bin/python3
"""The CLI's own commands against a real broker: init, contexts, keys, tokens, targets, status. Every option of them, and
every refusal with its exit code."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import time

from world import DEADLINE, World, WorldTest, main, wait_for


class Init(WorldTest):
    with_broker = False

    def test_init_makes_home_key_and_context_and_says_what_comes_next(self):
        done = self.world.bugle("init", "--home", self.world.home, "--name", "plant", "--listen", "127.0.0.1:0")
        for text in ("plant", str(self.world.home), "Broker key:", "Authority 1:", "login.sign.key",
                     f"bugle-broker --home {self.world.home}"):
            self.assertIn(text, done.out)
        self.assertIn("the signing key lies on the broker's machine", done.err)
        self.assertEqual(self.world.home.stat().st_mode & 0o777, 0o700)
        key = self.world.directory / "config" / "login.sign.key"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.world.bugle("context", "list", "-o", "name").out, "plant\n")

    def test_init_as_json(self):
        made = self.world.init("-o", "json").json()
        self.assertEqual((made["schema"], made["kind"], made["broker"], made["context"]), (1, "broker", "test", "test"))
        self.assertEqual(len(made["broker_key"]), 40)
        self.assertEqual(len(made["authority"]), 64)
        self.assertTrue(made["signing_key_is_new"])

    def test_a_second_init_is_refused_and_changes_nothing(self):
        self.world.init()
        before = self.world.bugle("context", "list", "-o", "json").out
        done = self.world.bugle("init", "--home", self.world.home, "--name", "other", code=1)
        self.assertIn("there is a broker in", done.err)
        self.assertEqual(self.world.bugle("context", "list", "-o", "json").out, before)

    def test_the_signing_key_is_used_again_and_a_context_of_that_name_replaced(self):
        self.world.init()
        public = self.world.bugle("key", "show").out
        done = self.world.bugle("init", "--home", self.world.directory / "second", "--name", "test")
        self.assertIn("used again", done.err)
        self.assertIn("context test was there already and is replaced", done.err)
        self.assertEqual(self.world.bugle("key", "show").out, public)
        rows = self.world.bugle("context", "list", "-o", "jsonl").rows()
        self.assertEqual([row["home"] for row in rows], [str(self.world.directory / "second")])

    def test_dry_run_makes_nothing(self):
        done = self.world.init("--dry-run")
        self.assertIn("nothing was made", done.err)
        self.assertFalse(self.world.home.exists())
        self.assertFalse((self.world.directory / "config").exists())

    def test_mistakes_are_usage(self):
        home = ("--home", self.world.home)
        for arguments in (("init", *home, "--listen", "a:b:c"), ("init", *home, "--listen", "127.0.0.1:65533"),
                          ("init", *home, "--name", "a b"), ("init", *home, "--admin-key", "bugle-p1.xx"),
                          ("init", *home, "--address", "a b"), ("init", *home, "more")):
            done = self.world.bugle(*arguments, code=2)
            self.assertTrue(done.err.startswith("error: "), done.err)
            self.assertEqual(done.out, "")
        self.assertFalse(self.world.home.exists())

    def test_a_wildcard_needs_an_address_to_hand_out(self):
        made = self.world.bugle("init", "--home", self.world.home, "--listen", "*:0", "--address", "broker.example.org",
                                "-o", "json").json()
        self.assertEqual(made["address"], "broker.example.org")
        self.assertNotIn("targets find it", self.world.bugle(
            "init", "--home", self.world.directory / "a", "--listen", "127.0.0.1").err)
        done = self.world.bugle("init", "--home", self.world.directory / "b", "--listen", "0.0.0.0", "-o", "json")
        address = done.json()["address"]
        self.assertNotRegex(address, r"^127\.|^0\.0")
        self.assertIn(f"targets find it at {address}: the ", done.err)
        self.assertIn("another one: address in", done.err)

    def test_an_administrator_elsewhere_gets_the_line_to_type(self):
        elsewhere = {"BUGLE_CONFIG_DIR": str(self.world.directory / "elsewhere")}
        public = self.world.bugle("key", "create", environment=elsewhere).out.strip()
        self.assertTrue(public.startswith("bugle-p1."))
        self.assertEqual(self.world.bugle("key", "show", environment=elsewhere).out.strip(), public)
        done = self.world.init("--admin-key", public)
        self.assertFalse((self.world.directory / "config" / "login.sign.key").exists())
        self.assertIn("no signing key of this broker lies here", done.err)
        self.assertIn("bugle context add test", done.err)
        made = re.search(r"--broker-key '(.{40})' --authority ([0-9a-f]{64})", done.err)
        self.world.start_broker()
        self.world.bugle("context", "add", "far", "--home", self.world.home, "--broker-key", made[1], "--authority", made[2],
                         environment=elsewhere)
        self.assertIn("admin", self.world.bugle("status", environment=elsewhere).out)
        self.world.bugle("token", "create", environment=elsewhere)
        ops = next(line.split()[1] for line in (self.world.home / "run" / "endpoints").read_text().splitlines()
                   if line.startswith("ops "))
        self.world.bugle("context", "add", "wire", "--endpoint", ops, "--broker-key", made[1], "--authority", made[2],
                         environment=elsewhere)
        self.assertEqual(self.world.bugle("status", "-o", "name", environment=elsewhere).out, "test\n")
        done = self.world.bugle("context", "add", "bad", "--endpoint", ops, "--broker-key", made[1], "--authority", "0" * 64,
                                environment=elsewhere)
        done = self.world.bugle("token", "create", code=4, environment=elsewhere)
        self.assertIn("does not have the authority that context bad trusts", done.err)


class Contexts(WorldTest):
    with_broker = False
    trust = ("--broker-key", "x" * 40, "--authority", "0" * 64)

    def test_add_use_remove(self):
        self.world.bugle("context", "add", "a", "--endpoint", "tcp://a:1", *self.trust)
        self.world.bugle("context", "add", "b", "--endpoint", "tcp://b:1", *self.trust)
        rows = self.world.bugle("ctx", "list", "-o", "jsonl").rows()
        self.assertEqual([(row["name"], row["current"]) for row in rows], [("a", False), ("b", True)])
        self.world.bugle("contexts", "use", "a")
        self.assertIn("*  a ", self.world.bugle("context", "list").out)
        self.assertIn("tcp://a:1", self.world.bugle("context", "list", "-o", "wide", "--no-header").out)
        self.assertIn("replaced", self.world.bugle("context", "add", "a", "--endpoint", "tcp://c:1", *self.trust).err)
        self.world.bugle("context", "remove", "a")
        self.assertIn("there is no context 'a'", self.world.bugle("context", "use", "a", code=3).err)
        self.world.bugle("context", "remove", "a", code=3)

    def test_mistakes(self):
        for arguments in (("a", *self.trust), ("a", "--endpoint", "tcp://a:1"), ("a", "--endpoint", "x", *self.trust),
                          ("a", "--endpoint", "tcp://a:1", "--home", "/", *self.trust),
                          ("a", "--endpoint", "tcp://a:1", "--broker-key", "x", "--authority", "0" * 64),
                          ("a", "--endpoint", "tcp://a:1", "--broker-key", "x" * 40, "--authority", "0")):
            self.world.bugle("context", "add", *arguments, code=2)
        self.world.bugle("context", "add", "a b", "--endpoint", "tcp://a:1", *self.trust, code=1)
        self.world.bugle("context", "add", "a", "--home", self.world.directory / "no", *self.trust, code=3)
        self.assertEqual(self.world.bugle("context", "list", "-o", "name").out, "")

    def test_a_broken_file_is_named(self):
        config = self.world.directory / "config"
        config.mkdir(mode=0o700)
        (config / "contexts.yaml").write_text("curent: x\n")
        done = self.world.bugle("context", "list", code=1)
        self.assertIn("contexts.yaml, line 1", done.err)

    def test_no_broker_known(self):
        self.assertIn("bugle init", self.world.bugle("status", code=5).err)
        self.world.bugle("job", "list", code=3)


class Nobody(WorldTest):
    with_broker = False

    def status_takes(self, code, *arguments):
        start = time.monotonic()
        done = self.world.bugle("status", *arguments, code=code)
        return done, time.monotonic() - start

    def test_status_before_the_first_start_and_after_the_end(self):
        self.world.init()
        done, took = self.status_takes(5)
        self.assertIn("has not been started yet", done.err)
        self.assertIn("bugle-broker --home", done.err)
        self.assertLess(took, 2)
        self.world.start_broker()
        self.status_takes(0)
        self.world.stop_broker()
        done, took = self.status_takes(5)
        self.assertIn("no broker answered", done.err)
        self.assertIn("refused the connection", done.err)
        self.assertLess(took, 2)
        self.assertEqual(done.out, "")
        done, took = self.status_takes(5, "--timeout", "100ms")
        self.assertLess(took, 1)

    def test_why_nobody_answers_is_found_out(self):
        def add(host, port, key):
            return self.world.bugle("context", "add", "far", "--endpoint", f"tcp://{host}:{port}", "--broker-key", key,
                                    "--authority", "0" * 64)

        made = self.world.init("-o", "json").json()
        self.world.start_broker()
        ports = dict(line.split(" ", 1) for line in (self.world.home / "run" / "endpoints").read_text().splitlines())
        port = ports["ops"].rsplit(":", 1)[1]
        add("no-such-host.invalid", port, made["broker_key"])
        self.assertRegex(self.world.bugle("status", "-c", "far", code=5).err, "no-such-host.invalid .*resolve")
        other = self.world.bugle("init", "--home", self.world.directory / "other", "--name", "other", "-o", "json").json()
        add("127.0.0.1", port, other["broker_key"])
        wrong = self.world.bugle("status", "-c", "far", code=5).err
        self.assertIn("another key than the one expected", wrong)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            add("127.0.0.1", silent.getsockname()[1], made["broker_key"])
            self.assertIn("says nothing", self.world.bugle("status", "-c", "far", "--timeout", "200ms", code=5).err)

    def test_another_key_is_not_let_in(self):
        self.world.init()
        self.world.start_broker()
        context = (self.world.directory / "config" / "contexts.yaml").read_text()
        other = self.world.directory / "other"
        environment = {"BUGLE_CONFIG_DIR": str(other)}
        self.world.bugle("key", "create", environment=environment)
        (other / "contexts.yaml").write_text(context)
        done = self.world.bugle("status", code=4, environment=environment)
        self.assertIn("does not know your key", done.err)
        self.assertIn("bugle key show", done.err)

    def test_a_broker_made_anew_in_the_same_place_is_another(self):
        self.world.init()
        context = self.world.directory / "config" / "contexts.yaml"
        old = context.read_text()
        self.world.home.rename(self.world.directory / "gone")
        self.world.init()
        self.world.start_broker()
        context.write_text(old)
        done = self.world.bugle("status", code=4)
        self.assertIn("its key is another", done.err)


class Status(WorldTest):
    def test_forms(self):
        self.assertIn("Targets:", self.world.bugle("status").out)
        status = self.world.bugle("status", "-o", "json").json()
        self.assertEqual((status["schema"], status["broker"], status["role"]), (1, "test", "admin"))
        self.assertEqual(status["targets"], 0)
        self.assertEqual(len(self.world.bugle("status", "-o", "jsonl").out.splitlines()), 1)
        self.assertIn("broker: test\n", self.world.bugle("status", "-o", "yaml").out)
        self.assertEqual(self.world.bugle("status", "-o", "name").out, "test\n")
        self.assertIn("Term:", self.world.bugle("status", "-o", "wide").out)
        self.assertIn(" Z\n", self.world.bugle("status", "--utc").out)
        self.world.bugle("job", "show", "nope", code=3)
        self.assertRegex(self.world.bugle("status", "-v").out, r"refused-not-found +1\n")
        self.assertIn("Counters", self.world.bugle("status", "-v").out)
        self.assertIn("login", self.world.bugle("status", "-v").err)
        self.assertEqual(self.world.bugle("status", "-q").err, "")

    def test_environment_chooses_context_and_form(self):
        self.assertEqual(self.world.bugle("status", environment={"BUGLE_OUTPUT": "name"}).out, "test\n")
        self.assertIn("BUGLE_OUTPUT", self.world.bugle("status", code=2, environment={"BUGLE_OUTPUT": "xml"}).err)
        self.world.bugle("status", code=3, environment={"BUGLE_CONTEXT": "nope"})
        self.world.bugle("status", "-c", "test", environment={"BUGLE_CONTEXT": "nope"})
        self.assertIn("did you mean test?", self.world.bugle("status", "--context", "tset", code=3).err)

    def test_help_and_version_need_no_broker(self):
        self.world.stop_broker()
        self.assertIn("Examples", self.world.bugle("--help").out)
        self.assertIn("bugle job start NAME", self.world.bugle("help", "job", "start").out)
        self.assertEqual(self.world.bugle("help", "jobs").out, self.world.bugle("job", "-h").out)
        self.assertIn("bugle help job", self.world.bugle("help", "job", "xyzzy", code=2).err)
        self.assertRegex(self.world.bugle("--version").out, r"^bugle \d+\.\d+\.\d+\n$")
        self.assertEqual(self.world.bugle("version", "-o", "json").json()["protocol"], 1)
        self.assertIn("Usage", self.world.bugle("job", code=2).err)
        self.assertIn("Usage", self.world.bugle(code=2).err)
        self.assertIn("did you mean bugle status?", self.world.bugle("stauts", code=2).err)


class Tokens(WorldTest):
    def test_the_token_alone_is_on_stdout(self):
        done = self.world.bugle("token", "create")
        self.assertRegex(done.out, r"^bugle-t1\.[0-9a-z]+\n$")
        self.assertIn("1 machine", done.err)
        self.assertNotIn(done.out.strip(), done.err)

    def test_every_option_reaches_the_target(self):
        done = self.world.bugle("token", "create", "-g", "web", "--group", "db", "--label", "role=db", "--label", "env=test",
                                "--uses", "2", "--names", "n[1-2]", "--expires", "10m", "-o", "json").json()
        self.assertEqual((done["uses"], done["names"], done["groups"]), (2, "n[1-2]", ["web", "db"]))
        for name in ("n1", "n2"):
            self.world.run("bugle-node", "enlist", "--home", self.world.directory / name, "--name", name, "--token",
                           done["token"])
        rows = self.world.bugle("target", "list", "-o", "jsonl").rows()
        self.assertEqual([row["name"] for row in rows], ["n1", "n2"])
        self.assertEqual(rows[0]["groups"], ["web", "db"])
        self.assertEqual(rows[0]["labels"], {"role": "db", "env": "test"})
        self.world.run("bugle-node", "enlist", "--home", self.world.directory / "n3", "--name", "n3", "--token",
                       done["token"], code=4)

    def test_dry_run_makes_no_token(self):
        done = self.world.bugle("token", "create", "--dry-run", "-g", "web", "--label", "a=b")
        self.assertEqual(done.out, "")
        self.assertIn("would make a token for 1 machine", done.err)
        self.assertIn("group web", done.err)
        self.assertIsNone(self.world.bugle("token", "create", "--dry-run", "-o", "json").json()["token"])

    def test_mistakes(self):
        self.assertIn("--names", self.world.bugle("token", "create", "--uses", "2", code=2).err)
        for arguments in (("--uses", "0"), ("--uses", "x"), ("--expires", "1"), ("--expires", "400d"), ("--label", "x"),
                          ("--label", "a=b", "--label", "a=c"), ("--label", "a b=c"), ("more",)):
            self.world.bugle("token", "create", *arguments, code=2)
        self.world.bugle("token", "create", "--names", "[", code=2)
        self.assertIn("one pattern", self.world.bugle("token", "create", "--names", "web*,db*", code=2).err)
        self.world.bugle("token", "create", "-g", "a/b", code=2)


class Names(WorldTest):
    def test_names_that_nothing_can_have_are_refused_in_words_of_the_command_line(self):
        long = "x" * 129
        for arguments in (("job", "show", long), ("job", "start", long), ("job", "history", "a\nb"),
                          ("target", "show", long), ("target", "list", "--job", long), ("exec", "list", "--job", "a\tb")):
            refused = self.world.bugle(*arguments, code=2).err
            self.assertRegex(refused, r"^error: (NAME|--job) (has 129 bytes|holds characters)")


class Targets(WorldTest):
    def setUp(self):
        super().setUp()
        self.nodes = [self.world.node("db1", "-g", "db", "--label", "role=db"), self.world.node("web1", "-g", "web")]

    def names(self, *arguments, code=0):
        return self.world.bugle("target", "list", "-o", "name", *arguments, code=code).out.split()

    def test_list_chooses(self):
        self.assertEqual(self.names(), ["db1", "web1"])
        self.assertEqual(self.names("-g", "web"), ["web1"])
        self.assertEqual(self.names("--group", "WEB"), ["web1"])
        self.assertEqual(self.names("-l", "role=db"), ["db1"])
        self.assertEqual(self.names("--selector", "!role"), ["web1"])
        self.assertEqual(self.names("-t", "web1", "-t", "db[1-1]"), ["db1", "web1"])
        self.assertEqual(self.names("-t", "web1", "-l", "!role"), ["web1"])
        self.world.apply("job: j\ntargets: {group: db}\nsteps:\n  - {name: s, run: ['true']}\n")
        self.assertEqual(self.names("--job", "j"), ["db1"])
        (self.world.directory / "hosts").write_text("web1 # the only one\n")
        self.assertEqual(self.names("-t", f"@{self.world.directory}/hosts"), ["web1"])
        self.assertEqual(self.world.bugle("target", "list", "-o", "name", "-t", "-", input="db1\n").out, "db1\n")
        done = self.world.bugle("target", "list", "--limit", "1", "-o", "json")
        self.assertEqual((len(done.json()["items"]), done.json()["more"]), (1, True))
        self.assertIn("1 of 2 targets shown", done.err)

    def test_list_refuses(self):
        self.assertIn("matched no target", self.world.bugle("target", "list", "-l", "role=x", code=3).err)
        self.names("-g", "nope", code=3)
        self.assertIn("did you mean web1?", self.world.bugle("target", "list", "-t", "wbe1", code=3).err)
        for arguments in (("-l", ""), ("-l", "a=="), ("-g", ""), ("-t", ""), ("--limit", "0"), ("-g", "a", "-g", "b")):
            self.names(*arguments, code=2)
        self.names("--job", "nope", code=3)

    def test_table(self):
        self.world.wait_connected(2)
        table = self.world.bugle("target", "list").out.splitlines()
        self.assertRegex(table[0], r"^NAME +STATE +LOCATION +GROUPS +LOCAL TIME +LAST POLL +RUNNING +UNREAD$")
        self.assertRegex(table[1], r"^db1 +provisional +\S+ +db ")
        self.assertEqual(self.world.bugle("target", "list", "--no-header").out.splitlines(), table[1:])
        self.assertIn("LABELS", self.world.bugle("tg", "list", "-o", "wide").out)
        self.assertIn("items:\n  - name: db1\n", self.world.bugle("targets", "list", "-o", "yaml").out)

    def test_show(self):
        self.world.apply("job: j\ntargets: {group: db}\nsteps:\n  - {name: s, run: ['true']}\n")
        self.world.wait_applied("j", 1)
        shown = self.world.bugle("target", "show", "db1").out
        self.assertIn("Download list", shown)
        self.assertRegex(shown, r"job +j +v1 +applied")
        row = self.world.bugle("target", "show", "DB1", "-o", "json").json()
        self.assertEqual(row["name"], "db1")
        self.assertIn("j", [delivery["name"] for delivery in row["deliveries"]])
        by_id = self.world.bugle("target", "show", row["id"][-8:], "-o", "name").out
        self.assertEqual(by_id, "db1\n")
        self.assertIn("did you mean db1?", self.world.bugle("target", "show", "bd1", code=3).err)

    def test_defect(self):
        done = self.world.bugle("target", "defect", "web1", "--dry-run")
        self.assertIn("nothing was changed", done.err)
        self.assertEqual(self.names(), ["db1", "web1"])
        self.assertIn("--yes", self.world.bugle("target", "defect", "web1", code=2).err)
        self.assertIn("--yes", self.world.bugle("target", "defect", "web1", "--no-input", code=2).err)
        self.assertEqual(self.names(), ["db1", "web1"])
        rows = self.world.bugle("target", "defect", "web1", "--yes", "-o", "jsonl").rows()
        self.assertEqual([(row["name"], row["outcome"]) for row in rows], [("web1", "defected")])
        self.assertEqual(self.names(), ["db1"])
        self.assertEqual(self.names("--defected"), ["db1", "web1"])
        self.assertIn("unchanged", self.world.bugle("target", "defect", "web1", "-y").out)
        self.assertIn("defected", self.world.bugle("target", "show", "web1").out)
        self.nodes[1].process.wait_line("defected")
        self.world.bugle("target", "defect", "nope", "-y", code=3)
        self.world.bugle("target", "defect", code=2)

    def test_a_terminal_is_asked(self):
        main_end, other_end = pty.openpty()
        child = subprocess.Popen([World.program("bugle"), "target", "defect", "web1"], stdin=other_end, stdout=other_end,
                                 stderr=other_end, env=dict(self.world.environment, TERM="dumb"))
        os.close(other_end)
        said = b""
        while b"[y/N]" not in said:
            self.assertTrue(select.select([main_end], [], [], DEADLINE)[0], said)
            said += os.read(main_end, 4096)
        os.write(main_end, b"n\n")
        self.assertEqual(child.wait(DEADLINE), 130)
        os.close(main_end)
        self.assertIn(b"Remove target web1", said)
        self.assertEqual(self.names(), ["db1", "web1"])

    def test_an_absent_target_is_shown_as_such_and_hears_of_its_defection_later(self):
        self.world.wait_connected(2)
        self.nodes[1].stop()
        self.world.bugle("target", "defect", "web1", "-y")
        self.nodes[1].start()
        self.nodes[1].process.wait_line("defected")
        wait_for("only one target is left", lambda: self.names() == ["db1"])


class Output(WorldTest):
    def test_a_full_disk_behind_stdout_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([World.program("bugle"), "status"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  env=self.world.environment, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write the result", done.stderr)

    def test_colour_only_on_a_terminal_that_wants_it(self):
        self.world.node("n1", start=False)
        self.assertNotIn("\033", self.world.bugle("target", "list").out)
        for environment, arguments, wanted in (({}, (), True), ({"NO_COLOR": "1"}, (), False), ({"TERM": "dumb"}, (), False),
                                               ({}, ("--no-color",), False)):
            main_end, other_end = pty.openpty()
            child = subprocess.Popen([World.program("bugle"), "target", "show", "n1", *arguments], stdout=other_end,
                                     env=dict(self.world.environment, **{"TERM": "xterm", **environment}))
            self.assertEqual(child.wait(DEADLINE), 0)
            os.close(other_end)
            said = b""
            while True:
                try:
                    data = os.read(main_end, 4096)
                except OSError:
                    break
                if not data:
                    break
                said += data
            os.close(main_end)
            self.assertEqual(b"\033[" in said, wanted, (environment, arguments, said))

    def test_json_is_json_everywhere(self):
        for words in (("status",), ("job", "list"), ("target", "list"), ("exec", "list"), ("context", "list"), ("key", "show"),
                      ("version",)):
            whole = json.loads(self.world.bugle(*words, "-o", "json").out)
            self.assertEqual(whole["schema"], 1, words)
            self.assertIn("kind", whole, words)


if __name__ == "__main__":
    main()
