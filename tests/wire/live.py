"""A live broker for the independent client: one for all tests of a class, with the keys of its login."""

import itertools
import os
import pathlib
import sys
import time
import unittest

import zmq
import zmq.utils.z85

sys.path.append(str(pathlib.Path(__file__).parents[1] / "e2e"))
import client as wire  # noqa: E402
from world import World, wait_for  # noqa: E402


NUMBERS = itertools.count(1)


def read_key(path):
    """A key file's public and secret half, in Z85."""
    lines = dict(line.split(": ", 1) for line in path.read_text().splitlines() if ": " in line)
    return lines["public"].encode(), lines["secret"].encode()


class Live(unittest.TestCase):
    """One broker and one login for all tests of a class; each test enlists the targets it needs."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(lambda: cls.world.close(keep=bool(os.environ.get("BUGLE_TEST_KEEP"))))
        cls.world.init()
        cls.world.start_broker()
        cls.addClassCleanup(cls.broker_ends_well)
        cls.context = zmq.Context()
        cls.addClassCleanup(cls.context.destroy, linger=0)
        where = dict(line.split(" ", 1) for line in (cls.world.home / "run" / "endpoints").read_text().splitlines())
        cls.where = where
        cls.broker_key = zmq.utils.z85.decode(where["broker-key"].encode())
        config = pathlib.Path(cls.world.environment["BUGLE_CONFIG_DIR"])
        public, secret = read_key(config / "login.curve.key")
        cls.login_curve = wire.CurveKey(secret, public)
        cls.login_sign = wire.SignKey(zmq.utils.z85.decode(read_key(config / "login.sign.key")[1]))
        cls.ops = wire.Ops(cls.context, cls.where["ops"], cls.broker_key, cls.login_sign, cls.login_curve)
        cls.ops.hello()
        cls.addClassCleanup(cls.ops.close)

    @classmethod
    def broker_ends_well(cls):
        """After all that was sent to it: no crash, no finding of a sanitizer."""
        code = cls.world.stop_broker()
        assert code == 0, f"the broker ended with {code}"

    @staticmethod
    def new_name():
        return f"w{next(NUMBERS):03}"

    def target(self, token=None, name=None, **record):
        """An enlisted target with an open session."""
        target = wire.enlist(self.context, token or self.ops.token(**record), name or self.new_name())
        self.addCleanup(target.close)
        target.hello()
        return target

    def dialogue(self, token=None, name=None, **more):
        dialogue = wire.Enlistment(self.context, token or self.ops.token(), name or self.new_name(), **more)
        self.addCleanup(dialogue.close)
        return dialogue

    def refused(self, code, call, *arguments, **named):
        """The call is answered by an ERROR of this code, of the class that section 12 has for it."""
        with self.assertRaises(wire.Refused) as caught:
            call(*arguments, **named)
        error = caught.exception.error
        self.assertEqual(caught.exception.code, code, error)
        self.assertEqual(error["class"], wire.TABLES.codes[code])
        self.assertTrue(error["message"])
        return error

    def answers(self, target):
        """The target is served as before."""
        self.assertIn("beacon_age_us", target.heartbeat())

    def poll_for(self, target, word, name, **fields):
        """Polls until an instruction of this word and name is there: the signed structure."""
        def look():
            for signed in target.poll()[1]["instructions"]:
                kind, body, _ = target.take(signed)
                named = body.get("job_name" if word == "deed" else "name")
                if (kind, named) == (word, name) and all(body[key] == value for key, value in fields.items()):
                    return signed
            return None
        return wait_for(f"{target.name} is given the {word} of {name}", look, wire.DEADLINE)

    @staticmethod
    def item(key, state, version=0, **more):
        return {"key": key, "version": version, "state": state, **more}

    def run_of(self, target, job, **changes):
        now = int(time.time() * 1e6)
        value = {"run": wire.new_id(), "job_key": wire.document_key(target.installation, "job", job), "job_name": job,
                 "job_version": 1, "state": wire.SUCCEEDED, "started_us": now - 1000, "finished_us": now,
                 "steps": [{"step": 1, "name": "one", "state": wire.SUCCEEDED, "started_us": now - 1000,
                            "finished_us": now, "attempts": 1}]}
        return dict(value, **changes)
