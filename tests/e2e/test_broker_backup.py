#!/usr/bin/python3
"""bugle broker backup and verify: a copy made under load is whole, and a byte that is wrong anywhere is found and named."""

import pathlib
import shutil
import sqlite3
import threading

from world import WorldTest, main, wait_for

JOB = """job: tick
targets:
  all: true
steps:
  - name: say
    run: [/bin/echo, tick]
"""


class Backup(WorldTest):
    def backup(self, *arguments):
        return self.world.bugle("broker", "backup", "-o", "json", *arguments).json()

    def test_a_backup_is_a_private_directory_that_verifies(self):
        made = self.backup("--name", "first")
        path = pathlib.Path(made["path"])
        self.assertEqual(path, self.world.home / "broker" / "backups" / "first")
        self.assertEqual(path.stat().st_mode & 0o777, 0o700)
        self.assertEqual(sorted(file.name for file in path.iterdir()),
                         ["MANIFEST", "broker.curve.key", "broker.sign.key", "broker.yaml", "ports", "store.db"])
        for file in path.iterdir():
            self.assertEqual(file.stat().st_mode & 0o777, 0o600, file)
        done = self.world.bugle("broker", "verify", path)
        self.assertIn("the backup is sound", done.err)
        self.assertIn("the one that context test trusts", done.err)
        status = self.world.bugle("broker", "status", "-o", "json").json()
        self.assertIsNotNone(status["last_backup"])
        self.assertEqual(status["backup"]["state"], "done")
        self.assertIn("first", self.world.bugle("broker", "status").out)

    def test_a_copy_is_made_where_it_is_wanted(self):
        made = self.backup("--name", "one", "--to", self.world.directory / "usb")
        self.assertEqual(made["copy"], str(self.world.directory / "usb" / "one"))
        self.world.bugle("broker", "verify", made["copy"])
        self.world.bugle("broker", "backup", "--name", "one", "--to", self.world.directory / "usb", code=1)
        self.assertIn("is made", self.world.bugle(
            "broker", "backup", "--name", "two", "--to", "/proc/nowhere", code=3).err)

    def test_names_are_checked_and_never_taken_twice(self):
        self.backup("--name", "a")
        self.assertIn("there is a backup", self.world.bugle("broker", "backup", "--name", "a", code=1).err)
        for name in ("../a", ".a", "a/b", "x.part"):
            self.assertIn("cannot be the name", self.world.bugle("broker", "backup", "--name", name, code=1).err)
        self.assertIn("nothing was made", self.world.bugle("broker", "backup", "--name", "b", "--dry-run").err)
        self.assertEqual([path.name for path in (self.world.home / "broker" / "backups").iterdir()], ["a"])
        named = pathlib.Path(self.backup()["path"]).name
        self.assertRegex(named, r"^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$")

    def test_a_backup_during_reports_is_one_moment_of_the_store(self):
        self.world.node("n1")
        self.world.wait_connected(1)
        self.world.apply(JOB)
        self.world.wait_applied("tick", 1)
        ends = threading.Event()
        starts = []

        def load():
            while not ends.is_set():
                starts.append(self.world.bugle("job", "start", "tick", "--wait", code=None).code)

        worker = threading.Thread(target=load)
        worker.start()
        try:
            wait_for("some runs came", lambda: len(starts) >= 2)
            paths = []
            for name in ("b1", "b2", "b3"):
                paths.append(pathlib.Path(self.backup("--name", name)["path"]))
                before = len(starts)
                wait_for("more runs came", lambda: len(starts) > before)
        finally:
            ends.set()
            worker.join()
        self.assertEqual(set(starts), {0})
        counts = []
        for path in paths:
            self.world.bugle("broker", "verify", path)
            copy = self.world.directory / f"look-{path.name}.db"
            shutil.copy(path / "store.db", copy)
            with sqlite3.connect(copy) as db:
                runs = db.execute("SELECT count(*) FROM run").fetchone()[0]
                said = db.execute("SELECT value FROM meta WHERE name = 'runs'").fetchone()[0]
                mark = db.execute("SELECT sequence FROM mark").fetchone()[0]
                position = db.execute("SELECT value FROM meta WHERE name = 'position'").fetchone()[0]
            db.close()
            self.assertEqual(runs, said)
            self.assertGreaterEqual(mark, runs)
            self.assertIn(f"position: {position}\n", (path / "MANIFEST").read_text())
            counts.append(runs)
        self.assertEqual(counts, sorted(counts))
        self.assertLess(counts[0], counts[-1])

    def test_a_wrong_byte_in_any_file_is_found_and_the_file_named(self):
        self.world.token()
        path = pathlib.Path(self.backup("--name", "whole")["path"])
        for file in sorted(path.iterdir()):
            size = file.stat().st_size
            for at in (0, size // 2, size - 1):
                broken = self.world.directory / "broken"
                shutil.copytree(path, broken)
                with open(broken / file.name, "r+b") as opened:
                    opened.seek(at)
                    byte = opened.read(1)
                    opened.seek(at)
                    opened.write(bytes([byte[0] ^ 1]))
                done = self.world.bugle("broker", "verify", broken, code=1)
                self.assertIn(str(broken / file.name), done.err, (file.name, at))
                shutil.rmtree(broken)
            broken = self.world.directory / "broken"
            shutil.copytree(path, broken)
            (broken / file.name).unlink()
            done = self.world.bugle("broker", "verify", broken, code=None)
            self.assertIn(done.code, (1, 3))
            self.assertIn(file.name, done.err)
            shutil.rmtree(broken)
        self.assertEqual([entry.name for entry in path.parent.iterdir()], ["whole"], "verify leaves nothing behind")

    def test_what_was_put_together_anew_is_found_by_its_signatures(self):
        """Somebody who makes a MANIFEST of his own cannot make the signatures."""
        path = pathlib.Path(self.backup("--name", "whole")["path"])
        other = self.world.directory / "other"
        self.world.bugle("init", "--home", other, "--name", "other", "--listen", "127.0.0.1:0")
        broken = self.world.directory / "broken"
        for file in ("broker.sign.key", "broker.curve.key"):
            shutil.copytree(path, broken)
            shutil.copy(other / "broker" / file, broken / file)
            self.manifest_anew(broken)
            done = self.world.bugle("broker", "verify", broken, code=1)
            self.assertIn(file, done.err)
            self.assertIn("not the key that the authority names", done.err)
            shutil.rmtree(broken)
        shutil.copytree(path, broken)
        with sqlite3.connect(broken / "store.db") as db:
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("UPDATE document SET signed_bytes = zeroblob(length(signed_bytes))")
        db.close()
        self.manifest_anew(broken)
        self.assertIn("store.db", self.world.bugle("broker", "verify", broken, code=1).err)

    def test_another_first_authority_than_the_given_one_is_refused(self):
        path = self.backup("--name", "whole")["path"]
        pin = self.world.bugle("broker", "verify", path, "-o", "json").json()["pin"]
        self.world.bugle("broker", "verify", path, "--authority", pin)
        other = ("0" if pin[0] != "0" else "1") + pin[1:]
        self.assertIn("not the one that was pinned", self.world.bugle(
            "broker", "verify", path, "--authority", other, code=1).err)
        self.world.bugle("broker", "verify", path, "--authority", "zz", code=2)
        self.world.bugle("broker", "verify", self.world.directory, code=3)

    def test_only_an_admin_may_and_without_a_broker_it_says_so(self):
        self.world.stop_broker()
        self.world.bugle("broker", "backup", code=5)

    @staticmethod
    def manifest_anew(path):
        import hashlib
        lines = [line for line in (path / "MANIFEST").read_text().splitlines() if not line.startswith(("file:", "manifest:"))]
        for file in ("store.db", "broker.sign.key", "broker.curve.key", "broker.yaml", "ports"):
            data = (path / file).read_bytes()
            lines.append(f"file: {file} {len(data)} {hashlib.blake2b(data, digest_size=32).hexdigest()}")
        text = "\n".join(lines) + "\n"
        text += f"manifest: {hashlib.blake2b(text.encode(), digest_size=32).hexdigest()}\n"
        (path / "MANIFEST").write_text(text)


if __name__ == "__main__":
    main()
