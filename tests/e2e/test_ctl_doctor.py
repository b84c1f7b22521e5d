#!/usr/bin/python3
"""bugle doctor: each finding with what to do, exit code 0 or 1. bugle support-bundle: everything that helps and no secret."""

import json
import os
import pathlib
import resource
import tarfile

from world import Node, SharedWorldTest, WorldTest, main, wait_for

SECRETS = {"environment": "s3cr3t-in-the-environment", "script": "s3cr3t-in-the-script", "argument": "s3cr3t-as-argument",
           "output": "s3cr3t-in-the-output"}
JOB = f"""job: confidential
targets: {{all: true}}
environment:
  PASSWORD: {SECRETS["environment"]}
steps:
  - name: one
    script: |
      echo {SECRETS["script"]} > /dev/null
      echo {SECRETS["output"]}
  - name: two
    run: [/bin/echo, {SECRETS["argument"]}]
"""


class Doctor(WorldTest):
    def doctor(self, *arguments, code=None):
        done = self.world.bugle("doctor", "-o", "jsonl", *arguments, code=code)
        return {row["name"]: row for row in done.rows()}, done

    def found(self):
        rows, _ = self.doctor()
        return {name for name, row in rows.items() if row["state"] != "ok"}

    def test_a_fresh_broker_has_nothing_to_complain_of(self):
        rows, done = self.doctor(code=0)
        self.assertEqual({name for name, row in rows.items() if row["state"] != "ok"}, set())
        for name in ("files", "identity", "context", "home", "way", "login", "authority", "clock", "version", "state", "disk",
                     "backup", "offline", "provisional"):
            self.assertIn(name, rows)
        self.assertIn("0 problems, 0 warnings", done.err)
        self.assertEqual(self.world.bugle("doctor").out, "", "what is well is for -v")
        self.assertIn("as the broker", self.world.bugle("doctor", "-v").out)

    def test_findings_of_the_broker_have_their_cure_and_the_cure_helps(self):
        self.world.node("n1")
        self.world.wait_connected(1)
        rows, _ = self.doctor(code=1)
        self.assertIn("n1", rows["provisional"]["found"])
        self.assertEqual(rows["provisional"]["advice"], "bugle target confirm --all")
        self.assertIn("bugle broker backup", rows["backup"]["advice"])
        text = self.world.bugle("doctor", code=1).out
        self.assertIn("-> bugle target confirm --all", text)
        self.world.bugle("target", "confirm", "--all", "--yes")
        self.world.bugle("broker", "backup")
        wait_for("nothing is found any more", lambda: self.found() == set())

    def test_a_machine_that_grants_too_little_is_told_until_it_grants_enough(self):
        front = self.world.broker.part("front")
        enough = resource.prlimit(front, resource.RLIMIT_NOFILE)
        resource.prlimit(front, resource.RLIMIT_NOFILE, (200, enough[1]))
        self.world.node("n1", start=False)
        wait_for("the limit of open files is found short", lambda: "descriptors-short" in self.found())
        self.assertIn("LimitNOFILE", self.doctor(code=1)[0]["descriptors-short"]["advice"])
        self.assertIn("descriptors-short", self.world.bugle("status").out)
        resource.prlimit(front, resource.RLIMIT_NOFILE, enough)
        self.world.node("n2", start=False)
        wait_for("it is enough again", lambda: "descriptors-short" not in self.found())

    def test_commands_have_a_thread_that_the_fleet_does_not_share(self):
        """What thousands of targets that come back do to theirs, they do not do to people's."""
        front = pathlib.Path(f"/proc/{self.world.broker.part('front')}/task")
        threads = sorted((path for path in front.iterdir() if "/IO/" in (path / "comm").read_text()),
                         key=lambda path: int((path / "comm").read_text().rsplit("/", 1)[1]))

        def cpu():
            return [int((path / "schedstat").read_text().split()[0]) for path in threads]
        before = cpu()
        for _ in range(10):
            self.world.bugle("status")
        *fleet, people = [after - was for after, was in zip(cpu(), before)]
        self.assertTrue(fleet)
        self.assertGreater(people, 5 * max(fleet))

    def test_own_files_that_are_open_missing_or_damaged(self):
        config = self.world.directory / "config"
        config.chmod(0o755)
        rows, _ = self.doctor(code=1)
        self.assertEqual(rows["files"]["state"], "warning")
        self.assertIn("chmod", rows["files"]["advice"])
        config.chmod(0o700)
        (config / "login.sign.key").chmod(0o644)
        rows, _ = self.doctor(code=1)
        self.assertEqual(rows["identity"]["state"], "problem")
        (config / "login.sign.key").chmod(0o600)
        self.assertEqual(self.found(), set())
        rows, _ = self.doctor("-c", "nowhere", code=1)
        self.assertEqual(rows["context"]["state"], "problem")

    def test_the_way_to_the_broker_is_told_apart(self):
        contexts = (("refused", "tcp://127.0.0.1:1", "refused"), ("noname", "tcp://no-such-host.invalid:7414", "no-such-host"))
        shown = self.world.bugle("broker", "status", "-o", "json").json()
        authority = shown["authority_hash"]
        for name, endpoint, says in contexts:
            self.world.bugle("context", "add", name, "--endpoint", endpoint, "--broker-key", shown["broker_key"],
                             "--authority", authority)
            rows, _ = self.doctor("-c", name, code=1)
            self.assertEqual(rows["way"]["state"], "problem")
            self.assertIn(says, rows["way"]["found"])
            self.assertTrue(rows["way"]["advice"])
        ops = (self.world.home / "run" / "endpoints").read_text()
        endpoint = next(line.split()[1] for line in ops.splitlines() if line.startswith("ops "))
        other = self.world.directory / "other"
        self.world.bugle("init", "--home", other, "--name", "other", "--listen", "127.0.0.1:0")
        key = (other / "broker" / "broker.curve.key").read_text().split("public: ")[1].splitlines()[0]
        self.world.bugle("context", "add", "wrong", "--endpoint", endpoint, "--broker-key", key, "--authority", authority)
        rows, _ = self.doctor("-c", "wrong", code=1)
        self.assertIn("key", rows["way"]["found"])

    def test_a_broker_that_is_away_and_one_that_came_back(self):
        made = self.world.bugle("broker", "backup", "--to", self.world.directory / "safe", "-o", "json").json()["copy"]
        self.world.stop_broker()
        rows, _ = self.doctor(code=1)
        self.assertEqual(rows["way"]["state"], "problem")
        self.assertNotIn("login", rows)
        self.world.bugle("broker", "restore", made, "--home", self.world.home, "--aside", "--yes")
        self.world.start_broker()
        rows, _ = self.doctor(code=1)
        self.assertIn("restore --resume", rows["state"]["advice"])


class Bundle(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.token = cls.world.token("--names", "n*", "--uses", "2")
        cls.node = Node(cls.world, "n1")
        cls.node.enlist(cls.token)
        cls.node.start()
        cls.world.wait_connected(1)
        cls.world.apply(JOB)
        cls.world.wait_applied("confidential", 1)
        cls.world.bugle("job", "start", "confidential", "--wait")

    def secrets(self):
        """Everything that must not be in it."""
        found = dict(SECRETS, token=self.token)
        for path in self.world.directory.rglob("*.key"):
            for line in path.read_text().splitlines():
                if line.startswith("secret: "):
                    found[str(path)] = line.split(": ", 1)[1]
        self.assertGreater(len(found), 8)
        return found

    def unpack(self, path):
        with tarfile.open(path, "r:gz") as tar:
            for member in tar.getmembers():
                self.assertTrue(member.isfile())
                self.assertEqual(member.mode, 0o600)
            return {member.name.removeprefix("bugle-support/"): tar.extractfile(member).read() for member in tar.getmembers()}

    def test_it_has_what_helps_and_no_secret(self):
        path = self.world.directory / "case.tar.gz"
        broker_yaml = self.world.home / "etc" / "broker.yaml"
        broker_yaml.write_text(broker_yaml.read_text() + "# password: hunter2-in-a-comment\n")
        done = self.world.bugle("support-bundle", "--to", path)
        self.assertIn("look into it", done.err)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        files = self.unpack(path)
        for name in ("MANIFEST", "doctor.json", "status.json", "versions.json", "context.json", "broker.yaml", "targets.json",
                     "jobs.json", "ops.json"):
            self.assertIn(name, files)
        manifest = files["MANIFEST"].decode()
        for name in files:
            self.assertIn(name, manifest + "MANIFEST")
        self.assertIn("Not in it: keys", manifest)
        everything = b"\n".join(files.values())
        for what, secret in dict(self.secrets(), comment="hunter2").items():
            self.assertNotIn(secret.encode(), everything, what)
        self.assertEqual([row["name"] for row in json.loads(files["targets.json"])], ["n1"])
        self.assertEqual([row["name"] for row in json.loads(files["jobs.json"])], ["confidential"])
        self.assertIn("settings", json.loads(files["status.json"]))
        self.assertIn("bugle", json.loads(files["versions.json"]))

    def test_an_existing_file_is_never_overwritten(self):
        path = self.world.directory / "there.tar.gz"
        path.write_text("mine")
        self.assertIn("exists already", self.world.bugle("support-bundle", "--to", path, code=1).err)
        self.assertEqual(path.read_text(), "mine")

    def test_without_a_name_it_lies_in_this_directory(self):
        before = pathlib.Path.cwd()
        place = self.world.directory / "place"
        place.mkdir()
        os.chdir(place)
        try:
            made = self.world.bugle("support-bundle", "-o", "json").json()["file"]
        finally:
            os.chdir(before)
        self.assertRegex(made, r"^bugle-support-.*\.tar\.gz$")
        self.assertIn("doctor.json", self.unpack(place / made))


class BundleWithoutBroker(WorldTest):
    with_broker = False

    def test_without_a_broker_it_has_what_this_side_knows(self):
        path = self.world.directory / "case.tar.gz"
        done = self.world.bugle("support-bundle", "--to", path)
        self.assertIn("was not reached", done.err)
        with tarfile.open(path, "r:gz") as tar:
            self.assertIn("bugle-support/doctor.json", tar.getnames())


if __name__ == "__main__":
    main()
