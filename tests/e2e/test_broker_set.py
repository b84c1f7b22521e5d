#!/usr/bin/python3
"""bugle broker set and bugle broker status: settings count at once, stay, and are refused with what they take."""

from world import WorldTest, main


class Settings(WorldTest):
    def value(self, name):
        return next(row["value"] for row in self.world.bugle("broker", "set", "-o", "jsonl").rows() if row["name"] == name)

    def test_all_settings_are_shown_with_value_default_and_meaning(self):
        rows = {row["name"]: row for row in self.world.bugle("broker", "set", "-o", "jsonl").rows()}
        self.assertEqual(
            {name: row["value"] for name, row in rows.items()},
            {"poll-interval": "1m", "heartbeat": "30s", "history-keep": "90d", "history-least": "100",
             "enlist-pending": "on", "log-level": "as configured"})
        for row in rows.values():
            self.assertEqual(row["value"], row["default"])
            self.assertGreater(len(row["text"]), 20)
        self.assertIn("90d", self.world.bugle("broker", "set", "history-keep").out)
        self.assertEqual(self.world.bugle("broker", "set", "-o", "name").out.splitlines(), list(rows))

    def test_a_value_counts_at_once_and_stays_over_a_restart(self):
        done = self.world.bugle("broker", "set", "poll-interval", "5m")
        self.assertIn("poll-interval is 5m, was 1m", done.err)
        self.assertEqual(self.value("poll-interval"), "5m")
        self.world.stop_broker()
        self.world.start_broker()
        self.assertEqual(self.value("poll-interval"), "5m")
        status = self.world.bugle("broker", "status", "-o", "json").json()
        self.assertEqual(status["settings_changed"], {"poll-interval": "5m"})
        self.assertIn("poll-interval=5m", self.world.bugle("broker", "status").out)
        self.world.bugle("broker", "set", "poll-interval", "default")
        self.assertEqual(self.value("poll-interval"), "1m")

    def test_the_log_level_counts_at_once(self):
        self.world.bugle("broker", "set", "log-level", "error")
        self.world.bugle("token", "create")
        self.world.bugle("broker", "set", "log-level", "info")
        token = self.world.bugle("token", "create", "--names", "n7", "--uses", "2").out
        self.assertTrue(token)
        self.world.broker.wait_line("n7")
        self.assertNotIn("names like *, 1 uses", (self.world.directory / "broker.log").read_text())

    def test_what_cannot_be_is_refused_with_what_it_takes(self):
        for name, value, says in (("poll-interval", "1s", "10s to 8h"), ("poll-interval", "9h", "10s to 8h"),
                                  ("history-least", "many", "0 to 100000"), ("enlist-pending", "maybe", "on, off"),
                                  ("log-level", "loud", "error, warning")):
            done = self.world.bugle("broker", "set", name, value, code=2)
            self.assertIn(f"{name} cannot be '{value}'", done.err)
            self.assertIn(says, done.err)
        done = self.world.bugle("broker", "set", "pol-interval", "1m", code=3)
        self.assertIn("did you mean poll-interval?", done.err)
        self.world.bugle("broker", "set", "nonsense", code=3)
        self.world.bugle("broker", "set", "heartbeat", "", code=2)
        self.assertEqual(self.value("poll-interval"), "1m")

    def test_a_dry_run_changes_nothing(self):
        done = self.world.bugle("broker", "set", "heartbeat", "10s", "--dry-run")
        self.assertIn("heartbeat is 10s, was 30s", done.err)
        self.assertIn("nothing was changed", done.err)
        self.assertEqual(self.value("heartbeat"), "30s")

    def test_status_tells_everything_of_the_broker(self):
        status = self.world.bugle("broker", "status", "-o", "json").json()
        self.assertEqual((status["broker"], status["authority"], status["term"]), ("test", 1, 1))
        self.assertEqual(len(status["installation"]), 26)
        self.assertGreater(status["store_bytes"], 10000)
        self.assertGreater(status["free_bytes"], 1000000)
        self.assertEqual((status["restored"], status["dismantled"], status["last_backup"]), (False, False, None))
        text = self.world.bugle("broker", "status").out
        for words in ("State:", "normal", "core running, front connected", "Last backup:", "never", "MiB free"):
            self.assertIn(words.replace("MiB free", "free"), text)

    def test_without_a_broker_it_says_so(self):
        self.world.stop_broker()
        self.world.bugle("broker", "status", code=5)
        self.world.bugle("broker", "set", "heartbeat", "10s", code=5)


if __name__ == "__main__":
    main()
