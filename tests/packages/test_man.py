"""The man pages that the build makes: troff has nothing to complain about, and they tell all that the programs take."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

TOP = pathlib.Path(__file__).parents[2]
PROGRAMS = pathlib.Path(os.environ.get("BUGLE_BIN") or TOP / "build" / "dev" / "bin")
PAGES = sorted((PROGRAMS.parent / "man").glob("*.[0-9]"))


def shown(page):
    """As a reader sees it, in one line, without hyphenation."""
    done = subprocess.run(["groff", "-man", "-Tutf8", "-rHY=0", "-P-c", str(page)], capture_output=True, text=True,
                          check=True)
    text = re.sub(r".\x08", "", done.stdout).replace("\u2010", "-").replace("\u2212", "-")
    return " ".join(text.split())


class Pages(unittest.TestCase):
    def page(self, name):
        return next(path for path in PAGES if path.name == name)

    def test_all_pages_are_made(self):
        self.assertEqual([path.name for path in PAGES], sorted(
            ["bugle.1", "bugle-job.5", "bugle-policy.5", "bugle-broker.8", "bugle-exec.8", "bugle-node.8"]))

    def test_troff_has_no_warnings(self):
        for page in PAGES:
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(page)], capture_output=True, text=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)

    def test_man_has_no_warnings(self):
        if shutil.which("man") is None:
            self.skipTest("man is not installed")
        for page in PAGES:
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)],
                                  capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)

    def test_heading_and_name_are_those_of_the_file(self):
        for page in PAGES:
            lines = page.read_text().splitlines()
            name, section = page.name.rsplit(".", 1)
            self.assertEqual(lines[0].split()[1:3], [name.upper().replace("-", "\\-"), section])
            self.assertEqual(lines[1], ".SH NAME")
            self.assertTrue(lines[2].startswith(name.replace("-", "\\-") + " \\- "), lines[2])

    def test_references_between_pages_exist(self):
        names = {path.name for path in PAGES}
        for page in PAGES:
            for name, section in re.findall(r"(bugle(?:-\w+)?) ?\((\d)\)", shown(page)):
                self.assertIn(f"{name}.{section}", names, page.name)

    def test_every_command_and_option_is_told(self):
        for program, page in (("bugle", "bugle.1"), ("bugle-node", "bugle-node.8")):
            text = shown(self.page(page))
            top = subprocess.run([PROGRAMS / program, "--help"], capture_output=True, text=True, check=True).stdout
            commands = re.findall(r"^  ([a-z][a-z-]*(?: [a-z][a-z-]*)?)  +\S", top.split("Exit codes")[0], re.M)
            self.assertGreater(len(commands), 5)
            for command in commands:
                self.assertIn(f"{program} {command}", text)
                words = subprocess.run([PROGRAMS / program, *command.split(), "--help"], capture_output=True, text=True,
                                       check=True).stdout
                for option in re.findall(r"^  (?:-\w, |    )(--[a-z-]+)", words, re.M):
                    self.assertIn(option, text, command)

    def test_every_option_of_the_parts_is_told(self):
        for program in ("bugle-broker", "bugle-exec"):
            text = shown(self.page(f"{program}.8"))
            told = subprocess.run([PROGRAMS / program, "--help"], capture_output=True, text=True, check=True).stdout
            options = re.findall(r"^ +(?:-\S, +)?(--[a-z-]+)", told, re.M)
            self.assertGreater(len(options), 4)
            for option in options:
                self.assertIn(option, text, program)

    def test_every_key_of_the_policy_is_told(self):
        source = (TOP / "node/exec/policy.c").read_text()
        keys = re.findall(r'^    \{"(\w+)", SECTION_\w+, take_', source, re.M)
        self.assertIn("account", keys)
        for key in keys:
            self.assertIn(key, shown(self.page("bugle-policy.5")))

    def test_the_job_page_is_the_document(self):
        text = shown(self.page("bugle-job.5"))
        document = (TOP / "docs/job-file.md").read_text()
        for key in re.findall(r"^\| `([^`|]+)`", document, re.M):
            self.assertIn(" ".join(key.split()), text)


if __name__ == "__main__":
    if shutil.which("groff") is None:
        print("SKIP: groff is not installed")
        sys.exit(77)
    unittest.main(verbosity=2)
