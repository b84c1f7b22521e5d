"""A login's connection that stays, so that an answer's time is the broker's and not the 10 ms that a CLI takes to begin.

It asks what the CLI asks, over the CLI's own keys, by the independent client of tests/wire (written from PROTOCOL.md).
A question's time ends when the answer's frames are here; reading them is not in it.
"""

import pathlib
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(TESTS / "wire"))
ANSWER_SECONDS = 30


def key_halves(path):
    """A key file's public and secret half, in Z85."""
    lines = dict(line.split(": ", 1) for line in path.read_text(encoding="utf-8").splitlines() if ": " in line)
    return lines["public"].encode(), lines["secret"].encode()


class Questions:
    def __init__(self, broker):
        import client as wire  # with its libraries, which a run without queries need not have
        import zmq
        import zmq.utils.z85
        self.wire = wire
        config = pathlib.Path(broker.environment["BUGLE_CONFIG_DIR"])
        where = dict(line.split(" ", 1) for line in (broker.home / "run" / "endpoints").read_text(
            encoding="utf-8").splitlines())
        public, secret = key_halves(config / "login.curve.key")
        self.context = zmq.Context()
        self.ops = wire.Ops(self.context, where["ops"], zmq.utils.z85.decode(where["broker-key"].encode()),
                            wire.SignKey(zmq.utils.z85.decode(key_halves(config / "login.sign.key")[1])),
                            wire.CurveKey(secret, public))
        self.installation = self.ops.hello()["installation"]

    def job_key(self, name):
        return self.wire.document_key(self.installation, "job", name)

    def time_us(self, kind, **value):
        """Microseconds from the question to its answer's frames; gives (time, answer)."""
        frames = self.wire.frames(kind, value, request=self.wire.new_id(), session=self.ops.session)
        begun = time.monotonic_ns()
        self.ops.socket.send_multipart(frames)
        if not self.ops.socket.poll(ANSWER_SECONDS * 1000):
            raise self.wire.Silence(f"no answer to {kind} within {ANSWER_SECONDS} s")
        parts = self.ops.socket.recv_multipart()
        took = (time.monotonic_ns() - begun) / 1000
        answer = self.wire.open_frames(parts)
        if answer.name == "ERROR":
            raise self.wire.Refused(answer.value)
        return took, answer.value

    def close(self):
        self.ops.close()
        self.context.destroy(linger=0)
