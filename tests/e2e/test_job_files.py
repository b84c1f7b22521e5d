#!/usr/bin/python3
"""Job files between a person and a broker: what the guide shows is taken, comes back and is unchanged; warnings stop nothing."""

import pathlib
import re

from world import SharedWorldTest, main

GUIDE = pathlib.Path(__file__).parents[2] / "docs" / "job-file.md"


def guide():
    """All files of docs/job-file.md as one; the owner that it names is somebody who is not here."""
    files = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return "---\n".join(files).replace("owner: anna\n", "")


class Guide(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.applied = cls.world.apply(guide(), "-o", "jsonl").rows()

    def documents(self):
        return [(row["type"], row["name"]) for row in self.applied]

    def test_everything_is_taken_in_one_go(self):
        self.assertEqual({row["outcome"] for row in self.applied}, {"created"})
        kinds = [kind for kind, _ in self.documents()]
        self.assertEqual(kinds, sorted(kinds, key=["calendar", "schedule", "job"].index))
        self.assertGreater(kinds.count("job"), 5)
        self.assertGreater(kinds.count("calendar"), 1)

    def test_applied_again_it_is_unchanged(self):
        again = self.world.apply(guide(), "-o", "jsonl").rows()
        self.assertEqual({row["outcome"] for row in again}, {"unchanged"})

    def test_each_comes_back_as_a_file_that_changes_nothing(self):
        for kind, name in self.documents():
            with self.subTest(kind=kind, name=name):
                text = self.world.bugle(kind, "show", name, "-o", "yaml").out
                self.assertTrue(text.startswith(f"{kind}: "), text)
                rows = self.world.apply(text, "-o", "jsonl").rows()
                self.assertEqual([row["outcome"] for row in rows], ["unchanged"], text)

    def test_each_is_shown_to_people(self):
        for kind, name in self.documents():
            with self.subTest(kind=kind, name=name):
                self.assertIn(name, self.world.bugle(kind, "show", name).out)
        shown = self.world.bugle("job", "show", "import").out
        self.assertIn("as importer; in /srv/import", shown)
        self.assertIn("memory 512MiB", shown)
        self.assertIn("deletes itself on success", self.world.bugle("job", "show", "migrate once").out)
        self.assertIn("every 2 weeks on Fri at 18:00", self.world.bugle("job", "show", "reports").out)

    def test_both_spellings_are_one_document(self):
        words = self.world.bugle("job", "show", "from the old world", "-o", "yaml").out
        self.assertIn("on: second tuesday", words)
        self.assertIn('repeat: {every: 2h, from: "08:00", to: "17:00"}', words)
        self.assertNotIn("freq_", words)


def every(count, more="", of=""):
    """A job (of: "schedule" a schedule of its own) that runs every so many weeks."""
    when = f'every: {count} weeks, on: mon, at: "08:00"{more}'
    if of:
        return f"{{{of}: weekly, {when}}}\n"
    return (f"{{job: weekly, targets: {{all: true}}, schedules: [{{name: w, {when}}}], "
            "steps: [{name: s, run: [x]}]}\n")


class Anchors(SharedWorldTest):
    """Where weeks are counted from stays, however late the file is applied again."""

    def outcome(self, text):
        return [row["outcome"] for row in self.world.apply(text, "-o", "jsonl").rows()]

    def follow(self, of, show):
        self.assertEqual(self.outcome(every(2, ", anchor: 2026-01-05", of)), ["created"])
        self.assertEqual(self.outcome(every(2, "", of)), ["unchanged"])
        self.assertEqual(self.outcome(every(2, ", splay: 5m", of)), ["changed"])
        self.assertIn("anchor: 2026-01-05\n", self.world.bugle(show, "show", "weekly", "-o", "yaml").out)
        self.assertEqual(self.outcome(every(3, ", splay: 5m", of)), ["changed"])
        self.assertNotIn("anchor: 2026-01-05\n", self.world.bugle(show, "show", "weekly", "-o", "yaml").out)

    def test_of_a_job(self):
        self.follow("", "job")

    def test_of_a_shared_schedule(self):
        self.follow("schedule", "schedule")


class Warnings(SharedWorldTest):
    UNWISE = ('job: unwise\ntargets: {all: true}\nschedules:\n'
              '- {name: end, every: month, on: 31, at: "23:00"}\nsteps: [{name: s, run: [x]}]\n')

    def test_a_warning_is_told_on_stderr_and_the_job_is_posted(self):
        done = self.world.apply(self.UNWISE)
        self.assertEqual(done.out, "created unwise (v1) -> 0 targets\n")
        self.assertEqual(done.err.splitlines()[0],
            'stdin:4:33: warning: months without a day 31 are left out; for the end of each month write on: "last day"')

    def test_beside_a_mistake_it_is_told_as_well(self):
        done = self.world.apply(self.UNWISE.replace("[x]", "x"), code=1)
        self.assertIn("stdin:4:33: warning: ", done.err)
        self.assertIn("error: 1 error in stdin", done.err)

    def test_the_broker_is_not_asked_for_a_day_that_never_comes(self):
        done = self.world.apply(self.UNWISE.replace("on: 31", "on: 30, anchor: 2026-02-01").replace("month", "12 months"), code=1)
        self.assertIn("stdin:4:3: it never happens", done.err)


if __name__ == "__main__":
    main()
