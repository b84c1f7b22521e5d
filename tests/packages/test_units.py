"""The units of deploy/systemd: systemd takes them without a word, and none is looser than deploy/systemd/exposure says."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).parents[2]
UNITS = TOP / "deploy" / "systemd"
PROGRAMS = pathlib.Path(os.environ.get("BUGLE_BIN") or TOP / "build" / "dev" / "bin")
SYSTEM = pathlib.Path("/lib/systemd/system")


def exposures():
    """unit: (most, why) of the table."""
    found = {}
    for line in (UNITS / "exposure").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            unit, most, why = line.split(None, 2)
            found[unit] = (float(most), why)
    return found


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A root with the units, systemd's own and our programs where the units look for them."""
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="bugle-units."))
        place = cls.root / "lib/systemd/system"
        shutil.copytree(SYSTEM, place, symlinks=True)
        for unit in UNITS.glob("*.service"):
            shutil.copy(unit, place)
        (cls.root / "usr/bin").mkdir(parents=True)
        (cls.root / "bin").mkdir()
        shutil.copy("/bin/true", cls.root / "bin/true")
        for program in ("bugle-broker", "bugle-node", "bugle-exec"):
            shutil.copy(PROGRAMS / program, cls.root / "usr/bin" / program)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.root)

    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *arguments, f"--root={self.root}", "--no-pager"], text=True,
                              capture_output=True, check=False)

    def units(self):
        return sorted(path.name for path in UNITS.glob("*.service"))

    def test_verify_has_nothing_to_say(self):
        done = self.analyze("verify", "--man=no", *[str(self.root / "lib/systemd/system" / name) for name in self.units()])
        said = [line for line in (done.stdout + done.stderr).splitlines() if "bugle" in line]
        self.assertEqual((done.returncode, said), (0, []))

    def test_verify_would_find_a_mistake(self):
        path = self.root / "lib/systemd/system/bugle-wrong.service"
        path.write_text("[Service]\nExecStart=/usr/bin/bugle-nothing\nProtectSystem=perhaps\n")
        done = self.analyze("verify", "--man=no", str(path))
        path.unlink()
        self.assertIn("perhaps", done.stderr)

    def test_each_unit_has_a_threshold_and_a_reason(self):
        table = exposures()
        self.assertEqual(sorted(table), self.units())
        for unit, (_, why) in table.items():
            self.assertGreater(len(why.split()), 3, unit)

    def test_no_unit_is_looser_than_its_threshold(self):
        for unit, (most, _) in exposures().items():
            done = self.analyze("security", "--offline=true", unit)
            found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
            self.assertIsNotNone(found, done.stdout + done.stderr)
            self.assertLessEqual(float(found.group(1)), most, unit)
            self.assertGreater(float(found.group(1)) + 0.3, most, f"{unit}: the threshold may be lower")

    def test_stopping_bugle_exec_leaves_the_runs(self):
        text = (UNITS / "bugle-exec.service").read_text()
        for line in ("KillMode=process", "OOMPolicy=continue"):
            self.assertIn(f"\n{line}\n", text)

    def test_who_may_write_where(self):
        """What is written is what tmpfiles makes for the account, and nothing else."""
        for unit, package in (("bugle-broker-core", "bugle-broker"), ("bugle-broker-front", "bugle-broker"),
                              ("bugle-node", "bugle-node")):
            text = (UNITS / f"{unit}.service").read_text()
            account = re.search(r"^User=(.*)$", text, re.M).group(1)
            written = re.search(r"^ReadWritePaths=(.*)$", text, re.M).group(1).split()
            made = re.findall(rf"^d (\S+)\s+\d+\s+{account} ", (UNITS / f"{package}.tmpfiles").read_text(), re.M)
            self.assertEqual(sorted(written), sorted(made), unit)
            self.assertIn("ProtectSystem=strict\n", text)


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None or not SYSTEM.is_dir():
        print("SKIP: systemd-analyze is not installed")
        sys.exit(77)
    unittest.main(verbosity=2)
