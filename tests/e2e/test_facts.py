#!/usr/bin/python3
"""Facts: what machines say of themselves, how commands choose by them, and that nothing which stands does."""

import os

from world import SharedWorldTest, main

JOB = "job: j\ntargets: {all: true}\nsteps: [{name: s, run: ['true']}]\n"


class Facts(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.world.node("east", zone="Asia/Tokyo")
        cls.world.node("west", "--label", "role=db", zone="America/New_York")
        cls.world.wait_connected(2)
        cls.world.apply(JOB)
        cls.world.wait_applied("j", 2)

    def names(self, *arguments, code=0):
        return self.world.bugle("target", "list", "-o", "name", *arguments, code=code).out.split()

    def test_a_target_shows_its_facts(self):
        facts = self.world.bugle("target", "show", "east", "-o", "json").json()["facts"]
        self.assertEqual(facts["zone"], "Asia/Tokyo")
        self.assertEqual(facts["kernel"].replace("-", ""), os.uname().release.replace("+", "-").replace("-", ""))
        self.assertEqual(facts["arch"], os.uname().machine)
        self.assertEqual(int(facts["cores"]), os.cpu_count())
        self.assertGreater(int(facts["memory_mb"]), 10)
        self.assertTrue(facts["bugle"])

    def test_lists_choose_by_facts(self):
        self.assertEqual(self.names("-l", "fact.zone=Asia/Tokyo"), ["east"])
        self.assertEqual(self.names("-l", "fact.zone!=Asia/Tokyo"), ["west"])
        self.assertEqual(self.names("-l", "role=db,fact.zone in (Asia/Tokyo,America/New_York)"), ["west"])
        self.assertEqual(self.names("-l", "fact.arch"), ["east", "west"])
        self.names("-l", "fact.os=plan9", code=3)

    def test_a_start_names_who_was_chosen(self):
        world = self.world
        dry = world.bugle("job", "start", "j", "-l", "fact.zone=Asia/Tokyo", "--dry-run", "-o", "json").json()
        self.assertEqual(dry["names"], ["east"])
        world.bugle("job", "start", "j", "-l", "fact.zone=Asia/Tokyo", "--wait")
        self.assertEqual({row["target"] for row in world.history("j")}, {"east"})
        world.bugle("job", "start", "j", "-l", "fact.zone=nowhere", code=3)

    def test_nothing_that_stands_goes_by_facts(self):
        refused = self.world.apply(
            "job: k\ntargets: {labels: 'fact.os=debian'}\nsteps: [{name: s, run: ['true']}]\n", code=1)
        for word in ("facts", "bugle job start -l", "^"):
            self.assertIn(word, refused.err)
        self.assertIn("fact", self.world.bugle("token", "create", "--label", "fact.os=debian", code=2).err)
        self.assertIn("fact", self.world.bugle("target", "label", "east", "fact.os=debian", code=2).err)


if __name__ == "__main__":
    main()
