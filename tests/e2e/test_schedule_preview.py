"""bugle schedule preview: of options, files, shared schedules and jobs; and that targets run when it says."""

import datetime
import unittest

from world import SharedWorldTest, World, main, wait_for

JOB = """
job: nightly
targets: {all: true}
schedules:
  - {use: quarter}
  - {name: early, every: day, at: "02:30", splay: 1h, except: [holidays]}
steps: [{name: go, run: [/bin/true]}]
"""
SHARED = """
schedule: quarter
every: 3 months
on: 1
at: "08:00"
zone: America/New_York
anchor: 2026-01-01
---
calendar: holidays
days: [2027-03-27]
"""


class Alone(unittest.TestCase):
    """Without any broker."""

    def setUp(self):
        self.world = World()

    def tearDown(self):
        self.world.close(keep=False)

    def rows(self, *arguments):
        return self.world.bugle("schedule", "preview", *arguments, "-o", "jsonl").rows()

    def times(self, *arguments):
        return [row["at"] for row in self.rows(*arguments)]

    def test_a_time_in_a_gap_and_in_a_fold_is_marked(self):
        gap = self.rows("--cron", "30 2 * * *", "--zone", "Europe/Berlin", "--from", "2027-03-28T00:00Z", "--next", "1")
        self.assertEqual([(row["local"], row["at"], row["note"]) for row in gap],
                         [("2027-03-28 03:00:00 +02:00", "2027-03-28T01:00:00Z", "02:30:00 does not exist that day")])
        fold = self.rows("--every", "day", "--time", "02:30", "--zone", "Europe/Berlin", "--fold", "both",
                         "--from", "2027-10-31T00:00Z", "--next", "2")
        self.assertEqual([(row["local"], row["note"]) for row in fold],
                         [("2027-10-31 02:30:00 +02:00", "the first of two such times"),
                          ("2027-10-31 02:30:00 +01:00", "the second of two such times")])

    def test_options_are_read_as_a_file_would_be(self):
        self.assertEqual(self.times("--every", "month", "--on", "last weekday", "--time", "06:00", "--from", "2027-01-01T00:00Z",
                                    "--next", "2"), ["2027-01-29T06:00:00Z", "2027-02-26T06:00:00Z"])
        self.assertEqual(self.times("--every", "month", "--on", "15", "--time", "06:00", "--from", "2027-01-01T00:00Z",
                                    "--until", "2027-03-01T00:00Z"), ["2027-01-15T06:00:00Z", "2027-02-15T06:00:00Z"])
        self.assertEqual(self.times("--every", "6h", "--from", "2027-01-01T00:00Z", "--next", "2"),
                         ["2027-01-01T00:00:00Z", "2027-01-01T06:00:00Z"])
        said = self.world.bugle("schedule", "preview", "--cron", "61 * * * *", code=2).err
        self.assertIn("the minute 61 is outside 0 to 59", said)

    def test_a_file_is_shown_with_what_its_calendars_keep_out(self):
        file = self.world.directory / "all.yaml"
        file.write_text(SHARED + "---" + JOB)
        rows = self.rows("-f", str(file), "--zone", "Europe/Berlin", "--from", "2027-03-26T00:00Z", "--until", "2027-03-29T00:00Z")
        self.assertEqual([(row["schedule"], row["at"], row["runs"], row["left_out_by"]) for row in rows], [
            ("nightly: early", "2027-03-26T01:30:00Z", True, None), ("nightly: early", "2027-03-27T01:30:00Z", False, "holidays"),
            ("nightly: early", "2027-03-28T01:00:00Z", True, None)])

    def test_what_is_wrong_is_said(self):
        for arguments, sentence in [
                ((), "a preview is of one thing"),
                (("--on", "3"), "belong to --every or --cron"),
                (("--cron", "0 0 * * *", "--every", "day"), "mean"),
                (("--cron", "0 0 * * *", "--zone", "Mars/Base"), "no time zone 'Mars/Base'"),
                (("--cron", "0 0 * * *", "--from", "2027-01-02", "--until", "2027-01-01"), "--until is not after --from"),
                (("--cron", "0 0 30 2 *",), "never")]:
            result = self.world.bugle("schedule", "preview", *arguments, code=None)
            self.assertNotEqual(result.code, 0, arguments)
            if sentence != "mean":
                self.assertIn(sentence, result.err)


class WithBroker(SharedWorldTest):
    @classmethod
    def prepare(cls):
        cls.world.node("db01", zone="Australia/Lord_Howe")
        cls.world.wait_connected(1)
        cls.world.apply(SHARED + "---" + JOB)
        wait_for("the target has said its zone", lambda: cls.world.bugle(
            "target", "list", "-o", "jsonl").rows()[0]["zone"] == "Australia/Lord_Howe")

    def rows(self, *arguments):
        return self.world.bugle("schedule", "preview", *arguments, "-o", "jsonl").rows()

    def test_a_shared_schedule_is_shown_in_its_own_zone(self):
        rows = self.rows("quarter", "--from", "2027-01-01T00:00Z", "--next", "2")
        self.assertEqual([(row["at"], row["zone"]) for row in rows],
                         [("2027-01-01T13:00:00Z", "America/New_York"), ("2027-04-01T12:00:00Z", "America/New_York")])

    def test_a_job_is_shown_by_the_clock_of_a_target_with_its_splay(self):
        rows = self.rows("--job", "nightly", "-t", "db01", "--from", "2027-06-01T00:00Z", "--next", "1")
        self.assertEqual((rows[0]["local"], rows[0]["zone"], rows[0]["at"]),
                         ("2027-06-02 02:30:00 +10:30", "Australia/Lord_Howe", "2027-06-01T16:00:00Z"))
        due, starts = (datetime.datetime.fromisoformat(rows[0][key].replace("Z", "+00:00")) for key in ("at", "starts"))
        self.assertTrue(datetime.timedelta(0) <= starts - due <= datetime.timedelta(hours=1))

    def test_a_target_runs_when_the_preview_says(self):
        self.world.apply("job: soon\ntargets: {all: true}\nschedules: [{name: soon, every: 2s}]\n"
                         "steps: [{name: go, run: [/bin/true]}]\n")
        self.world.wait_applied("soon", 1)
        said = [row["at"] for row in self.rows("--job", "soon", "-t", "db01", "--next", "3")]
        self.world.wait_history("soon", "it ran when the preview said", lambda rows: set(said) <= {
            row["nominal"] for row in rows})

    def test_what_is_disabled_is_marked_until_it_is_enabled_again(self):
        self.world.bugle("schedule", "disable", "quarter", "--until", "2028-01-01T00:00Z")
        rows = self.rows("quarter", "--from", "2027-10-01T00:00Z", "--next", "2")
        self.world.bugle("schedule", "enable", "quarter")
        self.assertEqual([(row["at"], row["runs"], row["note"]) for row in rows],
                         [("2027-10-01T12:00:00Z", False, "disabled then"), ("2028-01-01T13:00:00Z", True, None)])

    def test_an_unknown_name_is_said(self):
        self.assertIn("quarterly", self.world.bugle("schedule", "preview", "quarterly", code=None).err)
        self.assertIn("nightl", self.world.bugle("schedule", "preview", "--job", "nightl", code=None).err)


if __name__ == "__main__":
    main()
