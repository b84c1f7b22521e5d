#!/usr/bin/python3
"""The whole lab, small, on a store that loses an outcome: it has to end with 1. BUGLE_BIN is the directory bin/ of a build."""

import contextlib
import io
import os
import sqlite3
import tempfile
import unittest
import unittest.mock

from lab import checks, main


def lab(damage):
    """Exit code and output of a run in which the store of the stopped broker is damaged before it is looked at."""
    honest = checks.store

    def damaged(path, *arguments, **more):
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            assert db.execute(damage).rowcount == 1
        return honest(path, *arguments, **more)

    with (unittest.mock.patch.object(checks, "store", damaged), contextlib.redirect_stdout(io.StringIO()) as out,
          tempfile.TemporaryDirectory() as report):
        code = main.main(["--quick", "--targets", "20", "--only", "start", "--bin", os.environ["BUGLE_BIN"],
                          "--report", report])
    return code, out.getvalue()


class LossTest(unittest.TestCase):
    def test_one_lost_outcome_ends_the_lab_with_1(self):
        code, out = lab("DELETE FROM run WHERE row = 7")
        self.assertEqual(code, 1, out)
        self.assertIn("1 of 20 outcomes are not in the history", out)
        self.assertIn("1 thing lost, doubled or leaked", out.splitlines()[-1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
