#!/usr/bin/python3
"""Looking after targets: lists by what is known of them, labels, locations, names, countersigning; how a change of a
membership reaches jobs at once, also under a run."""

import pathlib
import sys

from world import SharedWorldTest, WorldTest, main, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parent))

TRUE = "steps: [{name: s, run: ['true']}]\n"


def names(world, *arguments, code=0):
    return world.bugle("target", "list", "-o", "name", *arguments, code=code).out.split()


class Lists(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.world.node("db1", "--group", "db", "--label", "role=db", zone="Asia/Tokyo")
        cls.world.node("web1", "--group", "web", zone="UTC")
        cls.world.wait_connected(2)

    def test_filters(self):
        world = self.world
        self.assertEqual(names(world, "--connected"), ["db1", "web1"])
        self.assertEqual(names(world, "--state", "never-seen"), [])
        self.assertEqual(names(world, "--state", "provisional"), ["db1", "web1"])
        self.assertEqual(names(world, "--zone", "asia/*"), ["db1"])
        self.assertEqual(names(world, "--zone", "UTC", "--connected"), ["web1"])
        self.assertEqual(names(world, "--provisional"), ["db1", "web1"])
        self.assertEqual(names(world, "--offline-for", "1d"), [])
        self.assertEqual(names(world, "--clock-over", "1h"), [])
        self.assertEqual(names(world, "--poll", "60s"), ["db1", "web1"])
        self.assertEqual(names(world, "--poll", "61s"), [])
        self.assertEqual(names(world, "--enlisted-since", "1h"), ["db1", "web1"])
        self.assertEqual(names(world, "--enlisted-until", "1h"), [])
        self.assertEqual(names(world, "--enlisted-by", "nobody*"), [])
        self.assertEqual(names(world, "--enlisted-by", "*"), ["db1", "web1"])
        version = world.bugle("target", "show", "db1", "-o", "json").json()["version"]
        self.assertEqual(names(world, "--node-version", version), ["db1", "web1"])
        self.assertEqual(names(world, "--node-version", "0.0.*"), [])
        self.assertEqual(names(world, "-g", "web", "--connected"), ["web1"])
        self.assertEqual(names(world, "--unread"), [])

    def test_mistakes_are_usage(self):
        for arguments in (("--state", "running"), ("--zone", ""), ("--poll", "0s"), ("--location", "")):
            names(self.world, *arguments, code=2)

    def test_a_row_says_everything(self):
        row = self.world.bugle("target", "show", "db1", "-o", "json").json()
        self.assertEqual((row["state"], row["zone"], row["groups"], row["labels"], row["poll_interval_s"]),
                         ("provisional", "Asia/Tokyo", ["db"], {"role": "db"}, 60))
        self.assertTrue(row["local_time"].endswith("+09:00"), row["local_time"])
        self.assertIn("token", row["state_text"])
        for key in ("last_poll", "last_seen", "version", "enlisted", "enlisted_by", "membership_changed"):
            self.assertTrue(row[key], key)
        self.assertLess(abs(row["clock_offset_s"]), 60)
        shown = self.world.bugle("target", "show", "db1")
        for word in ("+09:00", "Polls every", "Enlisted by", "os=", "signed by a token only".split()[0]):
            self.assertIn(word, shown.out + shown.err)
        wide = self.world.bugle("target", "list", "-o", "wide").out
        for word in ("LABELS", "POLLS EVERY", "CLOCK", "VERSION", "PROVISIONAL", "role=db"):
            self.assertIn(word, wide)

    def test_provisional_targets_are_pointed_out_to_an_admin(self):
        for words in (("target", "list"), ("target", "show", "db1"), ("status",)):
            self.assertIn("bugle target confirm --all", self.world.bugle(*words).err)
            self.assertNotIn("confirm", self.world.bugle(*words, "-q").err)


class Changes(WorldTest):
    def setUp(self):
        super().setUp()
        self.one = self.world.node("a1", "--label", "env=test")
        self.two = self.world.node("a2")
        self.world.wait_connected(2)

    def row(self, name):
        return self.world.bugle("target", "show", name, "-o", "json").json()

    def wait_current(self, *who):
        wait_for("memberships have arrived", lambda: all(
            self.row(name)["membership_state"] == "applied" for name in who))

    def test_labels_are_set_and_removed(self):
        world = self.world
        world.bugle("target", "label", "a1", "a2", "role=db", "env-")
        self.assertEqual([self.row(name)["labels"] for name in ("a1", "a2")], [{"role": "db"}] * 2)
        self.assertIn("unchanged a[1-2] (2 targets)", world.bugle("target", "label", "a[1-2]", "role=db").out)
        world.bugle("target", "label", "-l", "role=db", "role=web", "--dry-run")
        self.assertEqual(self.row("a1")["labels"], {"role": "db"})
        rows = world.bugle("target", "label", "--all", "role=web", "-o", "jsonl").rows()
        self.assertEqual([(row["name"], row["outcome"]) for row in rows], [("a1", "changed"), ("a2", "changed")])
        self.wait_current("a1", "a2")
        for words, code in ((("a1",), 2), (("role=x",), 2), (("a1", "fact.os=x"), 2), (("a1", "a=b", "a-"), 2),
                            (("a9", "a=b"), 3), (("a1", "a b=c"), 2), (("a1", "--all", "a=b"), 2),
                            (("-g", "nope", "a=b"), 3)):
            self.assertTrue(world.bugle("target", "label", *words, code=code).err.startswith("error: "))

    def test_who_has_left_is_changed_no_more(self):
        world = self.world
        world.bugle("target", "defect", "a2", "--yes", "--force")
        for words in (("target", "label", "a2", "x=y"), ("target", "location", "a2", "here"),
                      ("group", "add", "g", "a2"), ("target", "confirm", "a2")):
            self.assertIn("target 'a2' has defected", world.bugle(*words, code=6).err, words)
        self.assertIn("unchanged a2", world.bugle("target", "defect", "a2", "--yes").out)

    def test_location(self):
        world = self.world
        world.bugle("target", "location", "a1", "hall 3, rack 12")
        self.assertEqual(self.row("a1")["location"], "hall 3, rack 12")
        self.assertEqual(names(world, "--location", "hall*"), ["a1"])
        self.assertEqual(names(world, "--location", "Hall 3, rack 12"), ["a1"])
        world.bugle("target", "location", "--all", "-")
        self.assertIsNone(self.row("a1")["location"])
        world.bugle("target", "location", "a1", "x" * 201, code=2)
        world.bugle("target", "location", "only", code=2)

    def test_confirm(self):
        world = self.world
        self.assertIn("would be confirmed a[1-2]", world.bugle("target", "confirm", "--all", "--dry-run").out)
        world.bugle("target", "confirm", "--all")
        self.assertEqual([self.row(name)["provisional"] for name in ("a1", "a2")], [False, False])
        self.assertEqual(self.row("a1")["labels"], {"env": "test"})
        self.wait_current("a1", "a2")
        self.assertEqual(self.row("a1")["state"], "normal")
        done = world.bugle("target", "confirm", "--all")
        self.assertIn("no target is provisional", done.err)
        self.assertIn("unchanged a1", world.bugle("target", "confirm", "a1").out)
        self.assertNotIn("confirm", world.bugle("target", "list").err)

    def test_rename(self):
        world = self.world
        world.apply("job: j\ntargets: {names: [b1]}\n" + TRUE)
        done = world.bugle("target", "rename", "a1", "b1")
        self.assertIn("renamed b1", done.out)
        self.assertEqual(names(world), ["b1", "a2"])
        world.wait_applied("j", 1)
        world.bugle("job", "start", "j", "--wait")
        self.assertEqual(world.history("j")[0]["target"], "b1")
        for words, code in ((("b1", "A2"), 1), (("b1", "a b"), 2), (("nope", "x"), 3), (("b1", "all"), 2)):
            world.bugle("target", "rename", *words, code=code)
        self.assertIn("a2", world.bugle("target", "rename", "b1", "a2", code=1).err)

    def test_admins_at_the_same_time_do_not_undo_each_other(self):
        world = self.world
        import subprocess
        running = [subprocess.Popen(
            [world.program("bugle"), "target", "label", "--all", f"k{number}=v"], env=world.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for number in range(4)]
        for child in running:
            out, err = child.communicate(timeout=60)
            self.assertEqual(child.returncode, 0, out + err)
        wanted = {f"k{number}": "v" for number in range(4)}
        self.assertEqual(self.row("a2")["labels"], wanted)
        self.assertEqual(self.row("a1")["labels"], {"env": "test", **wanted})

    def test_a_node_with_a_name_of_its_own_is_renamed_on_both_sides(self):
        world = self.world
        self.one.stop()
        config = self.one.home / "etc" / "node.yaml"
        config.parent.mkdir(mode=0o700, exist_ok=True)
        config.write_text("name: b1\n")
        refused = world.run("bugle-node", "--home", self.one.home, code=None)
        self.assertNotEqual(refused.code, 0)
        for word in ('configured as "b1"', 'enlisted as "a1"', "bugle target rename a1 b1"):
            self.assertIn(word, refused.err)
        world.bugle("target", "rename", "a1", "b1")
        self.one.start()
        world.apply("job: j\ntargets: {names: [b1]}\n" + TRUE)
        world.wait_applied("j", 1)
        world.bugle("job", "start", "j", "--wait")
        # The other way round: renamed while it runs under its old name.
        world.bugle("target", "rename", "b1", "c1")
        self.one.process.wait_line("bugle target rename c1 b1")
        world.bugle("target", "rename", "c1", "b1")
        wait_for("all is well again", lambda: self.row("b1")["unread"] == 0 and
                 not world.bugle("target", "doctor", "b1", "-o", "json", code=None).json()["findings"][1:])
        world.bugle("job", "start", "j", "--wait")

    def test_a_label_brings_and_takes_a_job_under_a_run(self):
        world = self.world
        gate = world.directory / "gate"
        world.apply(f"job: j\ntargets: {{labels: 'role=db'}}\nsteps: [{{name: s, script: "
                    f"\"while [ ! -e {gate} ]; do sleep 0.02; done\"}}]\n")
        world.bugle("target", "label", "a1", "role=db")
        world.wait_applied("j", 1)
        world.bugle("job", "start", "j")
        wait_for("it runs", lambda: self.row("a1")["running"] == 1)
        world.bugle("target", "label", "a1", "role-")
        self.wait_current("a1")
        self.assertEqual(self.row("a1")["running"], 1)
        world.bugle("job", "start", "j", code=3)
        gate.touch()
        world.wait_history("j", "the run ended well", lambda rows: [row["state"] for row in rows] == ["succeeded"])
        world.bugle("target", "label", "a1", "role=db")
        self.wait_current("a1")
        world.bugle("job", "start", "j", "--wait")


if __name__ == "__main__":
    main()
