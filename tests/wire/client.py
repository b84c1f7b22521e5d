"""A client of the Bugle protocol in Python, written from proto/PROTOCOL.md alone.

It shows that the description is enough: the tables are read from that text itself (codec.py), all else is written after
its sentences; the section is named at each part. It imports nothing of ours, so that a mistake that broker and node
share is seen here. It is a tool of the tests: blocking, one request at a time, every wait with a deadline.
"""

import collections
import os
import struct
import time

import nacl.bindings
import nacl.exceptions
import zmq
import zmq.utils.monitor
import zmq.utils.z85

# All of the client under one name for the tests.
from codec import *  # noqa: F401, F403
from codec import TABLES, ProtocolError, decode, encode
from trust import *  # noqa: F401, F403
from trust import (MEMBER, SignKey, Token, Trust, digest, document, document_key, h32, new_id, sign,
                   switch_key)

LEVEL = 1
DEADLINE = float(os.environ.get("BUGLE_TEST_DEADLINE", "20"))

RUN, SCRIPT = 1, 2
START, STOP = 1, 2
RUNNING, SUCCEEDED, FAILED, CANCELED, INTERRUPTED, NOT_RUN = range(6)
PENDING, WAITING, APPLIED, APPLY_FAILED, SUPERSEDED, EXPIRED, SKIPPED = range(1, 8)


class Refused(Exception):
    """An ERROR that the broker answered."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.error = error


class Silence(Exception):
    """Nothing came until the deadline."""


# --- sockets and frames (sections 1 and 2) ---

class CurveKey:
    def __init__(self, secret_z85=None, public_z85=None):
        if secret_z85 is None:
            public_z85, secret_z85 = zmq.curve_keypair()
        self.secret, self.public_z85 = secret_z85, public_z85
        self.public = zmq.utils.z85.decode(public_z85)


def curve_socket(context, kind, endpoint, broker_key, keys):
    socket = context.socket(kind)
    socket.linger = 0
    socket.ipv6 = True
    socket.curve_serverkey = zmq.utils.z85.encode(broker_key)
    socket.curve_publickey, socket.curve_secretkey = keys.public_z85, keys.secret
    monitor = socket.get_monitor_socket(
        zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED)
    socket.connect(endpoint)
    return socket, monitor


class Watched:
    """A connecting socket whose handshake and disconnection can be waited for."""

    def __init__(self, context, kind, endpoint, broker_key, keys):
        self.socket, self.monitor = curve_socket(context, kind, endpoint, broker_key, keys)

    def wait_event(self, *wanted, deadline=DEADLINE):
        """(event, value) of the first wanted event."""
        end = time.monotonic() + deadline
        while True:
            left = end - time.monotonic()
            if left <= 0 or not self.monitor.poll(left * 1000):
                raise Silence("no such event on the connection")
            event = zmq.utils.monitor.recv_monitor_message(self.monitor)
            if event["event"] in wanted:
                return event["event"], event["value"]

    def handshake(self, deadline=DEADLINE):
        """200, or the status that the broker refused the key with."""
        event, value = self.wait_event(
            zmq.EVENT_HANDSHAKE_SUCCEEDED, zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
            zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, deadline=deadline)
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            return 200
        return value if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH else 0

    def wait_disconnected(self, deadline=DEADLINE):
        self.wait_event(zmq.EVENT_DISCONNECTED, deadline=deadline)

    def close(self):
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(0)


Message = collections.namedtuple("Message", "kind name header value")


def frames(kind, value, request=None, session=None, level=LEVEL):
    """The three frames. kind: a name or a number; value: of the kind's struct, or the bytes of the body."""
    number = TABLES.kinds[kind].number if isinstance(kind, str) else kind
    header = encode("header", {"kind": number, "level": level, "request": request or b"", "session": session or b""})
    body = value if isinstance(value, bytes) else encode(TABLES.kinds[kind].body, value)
    return [header, body, b""]


def open_frames(parts):
    if len(parts) != 3:
        raise ProtocolError("malformed", f"{len(parts)} frames")
    if len(parts[0]) > 256 or len(parts[1]) > 262144 or len(parts[2]) > 4096:
        raise ProtocolError("too-large", "a frame over its limit")
    header = decode("header", parts[0])
    kind = TABLES.by_number[header["kind"]]
    return Message(kind.number, kind.name, header, decode(kind.body, parts[1]))


class Dealer(Watched):
    """A connection to desk, enlist or ops."""

    def __init__(self, context, endpoint, broker_key, keys):
        super().__init__(context, zmq.DEALER, endpoint, broker_key, keys)
        self.session = None
        self.aside = []  # what came by itself while an answer was awaited

    def send(self, kind, value, request=None, **header):
        header.setdefault("session", self.session)
        self.socket.send_multipart(frames(kind, value, request, **header))

    def receive(self, deadline=DEADLINE):
        if not self.socket.poll(deadline * 1000):
            raise Silence("no message")
        return open_frames(self.socket.recv_multipart())

    def answer(self, request, deadline=DEADLINE):
        """The message with this request id; an ERROR is raised."""
        end = time.monotonic() + deadline
        while True:
            message = self.receive(max(0, end - time.monotonic()))
            if message.header["request"] != request:
                self.aside.append(message)
            elif message.name == "ERROR":
                raise Refused(message.value)
            else:
                return message

    def ask(self, kind, value, deadline=DEADLINE, **header):
        request = new_id()
        self.send(kind, value, request, **header)
        return self.answer(request, deadline)

    def pushed(self, name, deadline=DEADLINE):
        """The next message of this kind that the broker sends by itself."""
        end = time.monotonic() + deadline
        while True:
            for message in self.aside:
                if message.name == name:
                    self.aside.remove(message)
                    return message
            self.aside.append(self.receive(max(0, end - time.monotonic())))


# --- enlistment (section 8) ---

class Enlistment:
    """The dialogue on the socket enlist, step by step, so that a test can put something else into each."""

    def __init__(self, context, token, name, sign_key=None, curve_key=None):
        self.token = token if isinstance(token, Token) else Token(token)
        self.name = name
        self.sign = sign_key or SignKey()
        self.curve = curve_key or CurveKey()
        self.nonce = os.urandom(16)
        self.dealer = Dealer(context, self.token.endpoints["enlist"], self.token.broker_key, self.curve)
        self.challenge = None
        self.trust = None

    def hello(self, **changes):
        value = {"level_low": LEVEL, "level_high": LEVEL, "token_key": self.token.sign.public,
                 "sign_key": self.sign.public, "name": self.name, "nonce": self.nonce, "version": "wire"}
        answer = self.dealer.ask("ENLIST_HELLO", dict(value, **changes))
        assert answer.name == "ENLIST_CHALLENGE", answer.name
        self.challenge = answer.value
        self.trust = Trust(answer.value["installation"], self.token.authority_hash)
        self.trust.adopt(answer.value["authority"])
        self.trust.signer(answer.value["token"])
        return answer.value

    def record(self):
        return decode("token", self.challenge["token"]["bytes"], is_signed=True)

    def membership(self, **changes):
        """Version 1, saying what the token's record says, signed by the token key."""
        record = self.record()
        body = {"target": self.challenge["target"], "number": self.challenge["number"], "name": self.name,
                "state": MEMBER, "sign_key": self.sign.public, "curve_key": self.curve.public,
                "location": record["location"], "groups": record["groups"], "labels": record["labels"],
                "token": self.challenge["token"]}
        data = document("membership", self.challenge["installation"], self.challenge["target"], 1,
                        encode("membership", dict(body, **changes)))
        return sign("membership", self.challenge["installation"], data, self.token.sign)

    def proof(self, membership, *keys, **changes):
        installation = self.challenge["installation"]
        value = {"installation": installation, "broker_curve_key": self.token.broker_key,
                 "broker_nonce": self.challenge["nonce"], "target_nonce": self.nonce,
                 "membership_hash": h32(membership["bytes"])}
        data = encode("enlist_proof", dict(value, **changes))
        return sign("enlist", installation, data, *(keys or (self.token.sign, self.sign)))

    def prove(self, membership=None, proof=None):
        membership = membership or self.membership()
        proof = proof or self.proof(membership)
        answer = self.dealer.ask("ENLIST_PROVE", {"membership": membership, "proof": proof, "zone": "UTC"})
        assert answer.name == "ENLIST_DONE", answer.name
        return answer.value

    def close(self):
        self.dealer.close()


def enlist(context, token, name):
    """All of it; gives the target."""
    dialogue = Enlistment(context, token, name)
    try:
        dialogue.hello()
        done = dialogue.prove()
        return Target(context, dialogue, done)
    finally:
        dialogue.close()


# --- the desk and the streams (sections 9 and 10) ---

class Target:
    """An enlisted target: what it holds, its session, its outbox, its streams."""

    def __init__(self, context, dialogue, done):
        self.context = context
        self.token, self.trust = dialogue.token, dialogue.trust
        self.name, self.sign, self.curve = dialogue.name, dialogue.sign, dialogue.curve
        self.installation = dialogue.challenge["installation"]
        value = decode("document", done["membership"]["bytes"], is_signed=True)
        self.id = value["key"]
        self.held = {self.id: value["version"], bytes(16): self.trust.version}
        self.membership = decode("membership", value["body"], is_signed=True)
        self.boot_counter, self.instance, self.outbox = 1, os.urandom(16), new_id()
        self.state_seq = 1
        self.sequence = 0
        self.welcome = None
        self.heads = {}
        self.desk = None
        self.orders = None

    def connect(self):
        if self.desk:
            self.desk.close()
        self.desk = Dealer(self.context, self.token.endpoints["desk"], self.token.broker_key, self.curve)

    def hello(self, **changes):
        if self.desk is None:
            self.connect()
        value = {"level_low": LEVEL, "level_high": LEVEL, "boot_counter": self.boot_counter, "instance": self.instance,
                 "name": self.name, "version": "wire", "zone": "UTC", "outbox": self.outbox,
                 "time_us": int(time.time() * 1e6)}
        answer = self.desk.ask("HELLO", dict(value, **changes), session=None)
        assert answer.name == "WELCOME", answer.name
        self.desk.session = answer.value["session"]
        self.welcome = answer.value
        return answer.value

    def poll(self, **changes):
        """(attestation, answer) with the attestation verified: broker's key, installation, target, nonce."""
        nonce = os.urandom(16)
        value = {"nonce": nonce, "state_seq": self.state_seq, "digest": digest(self.held),
                 "authority": self.trust.version}
        answer = self.desk.ask("POLL", dict(value, **changes)).value
        attestation = self.trust.open_attestation(answer["attestation"])
        if (attestation["installation"], attestation["target"], attestation["nonce"]) != (
                self.installation, self.id, nonce):
            raise ProtocolError("bad-signature", "the attestation answers something else")
        self.heads = {head["name"]: head for head in answer["streams"]}
        return attestation, answer

    def take(self, signed):
        """Verifies an instruction; a document is held. Gives its word, its value, and what to acknowledge it with."""
        word = TABLES.types[signed["type"]]
        if word == "deed":
            deed = self.trust.open_deed(signed)
            return word, deed, {"key": deed["id"], "state": APPLIED}
        if word == "authority":
            self.trust.adopt([signed])
            value = self.trust.open_document(signed, word)
            body = self.trust.authority
        else:
            value, body = self.trust.open_membership(signed) if word == "membership" else self.trust.open(signed)
        if word == "membership" and value["key"] != self.id:
            raise ProtocolError("wrong-target", "a membership of another target")
        if self.held.get(value["key"], 0) < value["version"]:
            self.hold(value["key"], value["version"])
        return word, body, {"key": value["key"], "version": value["version"], "state": APPLIED}

    def take_all(self):
        """Polls, takes and acknowledges until nothing more is given: [(word, value)]."""
        taken = []
        while True:
            _, answer = self.poll()
            items = [self.take(signed) for signed in answer["instructions"]]
            if not items:
                return taken
            taken += [(word, value) for word, value, _ in items]
            self.ack(*[item for _, _, item in items])

    def hold(self, key, version):
        self.held[key] = version
        self.state_seq += 1

    def ack(self, *items):
        self.desk.send("ACK", {"items": list(items), "state_seq": self.state_seq})

    def report(self, *runs, first=None):
        """Sends the next items of the outbox, or again from a sequence on; gives the answer."""
        first = first or self.sequence + 1
        items = [{"sequence": first + at, "run": run} for at, run in enumerate(runs)]
        self.sequence = max(self.sequence, first + len(runs) - 1)
        return self.desk.ask("REPORT", {"outbox": self.outbox, "items": items}).value

    def heartbeat(self, open_runs=0):
        return self.desk.ask("HEARTBEAT", {"open_runs": open_runs}).value

    def leave(self, sign_key=None, target=None):
        value = {"installation": self.installation, "target": target or self.id, "time_us": int(time.time() * 1e6)}
        return sign("leave", self.installation, encode("leave", value), sign_key or self.sign)

    def defect(self, leave=None):
        return self.desk.ask("DEFECT", {"leave": leave or self.leave()}).value

    def subscribe(self):
        """On orders, to each stream of the last WELCOME; waits for the connection."""
        self.orders = Watched(
            self.context, zmq.SUB, self.token.endpoints["orders"], self.token.broker_key, self.curve)
        for name in self.welcome["streams"]:
            self.orders.socket.subscribe(name.encode() + b"\0")
        return self.orders.handshake()

    def publication(self, deadline=DEADLINE):
        """(stream, sequence, message) of the next one, opened with the key of the last poll answer."""
        if not self.orders.socket.poll(deadline * 1000):
            raise Silence("no publication")
        return open_publication(self.orders.socket.recv_multipart(), self.heads)

    def close(self):
        for part in (self.desk, self.orders):
            if part:
                part.close()


def stream_frame(name, session, sequence, key_number):
    return name.encode() + b"\0" + session + struct.pack(">QI", sequence, key_number)


def seal(key, nonce, stream, header, body):
    return nonce + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(body, stream + header, nonce, key)


def unseal(key, sealed, stream, header):
    try:
        return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[24:], stream + header, sealed[:24], key)
    except nacl.exceptions.CryptoError as err:
        raise ProtocolError("bad-signature", "the seal is not right") from err


def open_publication(parts, heads):
    if len(parts) != 4 or parts[3] != b"":
        raise ProtocolError("malformed", f"{len(parts)} frames")
    name, rest = parts[0].split(b"\0", 1)
    session, (sequence, key_number) = rest[:8], struct.unpack(">QI", rest[8:])
    head = heads[name.decode()]
    keys = {head["key_number"]: head["key"], head["next_key_number"]: head["next_key"]}
    if session != head["session"] or key_number not in keys:
        raise ProtocolError("stale", "another session or key than in the last head: poll")
    message = open_frames([parts[1], unseal(keys[key_number], parts[2], parts[0], parts[1]), b""])
    return name.decode(), sequence, message


# --- ops (section 11) ---

class Ops(Dealer):
    """A login's connection."""

    def __init__(self, context, endpoint, broker_key, sign_key, curve_key):
        super().__init__(context, endpoint, broker_key, curve_key)
        self.sign = sign_key
        self.endpoint, self.broker_key = endpoint, broker_key
        self.welcome = None
        self.clock_offset = 0

    def hello(self):
        self.welcome = self.ask("OPS_HELLO", {"level_low": LEVEL, "level_high": LEVEL, "version": "wire"}).value
        self.clock_offset = self.welcome["time_us"] - time.monotonic_ns() // 1000
        return self.welcome

    def now(self):
        """The broker's time: that of its welcome and our monotonic clock."""
        return self.clock_offset + time.monotonic_ns() // 1000

    def query(self, kind, **value):
        return self.ask(kind, value).value

    def authority(self):
        return self.ask("AUTHORITY_QUERY", {"from_version": 1}).value["versions"]

    def sign_document(self, word, key, body, version=None):
        data = document(word, self.welcome["installation"], key, version or self.now() // 1000, encode(word, body))
        return sign(word, self.welcome["installation"], data, self.sign)

    def sign_job(self, name, version=None, **changes):
        body = {"name": name, "audience": {"all": True},
                "steps": [{"name": "one", "kind": RUN, "argv": ["true"]}]}
        key = document_key(self.welcome["installation"], "job", name)
        return self.sign_document("job", key, dict(body, **changes), version)

    def sign_switch(self, job, is_disabled, **more):
        installation = self.welcome["installation"]
        body = {"object_type": TABLES.type_of["job"], "object_name": job, "disabled": is_disabled,
                "object_key": document_key(installation, "job", job)}
        return self.sign_document("switch", switch_key(installation, job), dict(body, **more))

    def sign_withdrawal(self, job, **more):
        body = {"object_type": TABLES.type_of["job"], "object_name": job}
        return self.sign_document(
            "withdrawal", document_key(self.welcome["installation"], "job", job), dict(body, **more))

    def post(self, *documents, seen=0, dry_run=False):
        items = [{"document": one, "seen_version": seen} for one in documents]
        return self.ask("POST", {"items": items, "dry_run": dry_run}).value["items"]

    def sign_deed(self, job, to, **changes):
        installation, now = self.welcome["installation"], self.now()
        value = {"installation": installation, "id": new_id(), "what": START, "issued_us": now,
                 "expires_us": now + 3600 * 1000000, "to": to, "job_name": job,
                 "job_key": document_key(installation, "job", job)}
        return sign("deed", installation, encode("deed", dict(value, **changes)), self.sign)

    def issue(self, deed):
        return self.ask("ISSUE", {"deed": deed}).value

    def token(self, seed=None, **changes):
        """The text of a new token."""
        seed = seed or os.urandom(16)
        now = self.now()
        record = {"installation": self.welcome["installation"], "token_key": SignKey(h32(seed)).public, "names": "*",
                  "issued_us": now, "expires_us": now + 3600 * 1000000, "uses": 1,
                  "authority": self.welcome["authority"]}
        data = encode("token", dict(record, **changes))
        signed = sign("token", self.welcome["installation"], data, self.sign)
        made = self.ask("TOKEN_CREATE", {"token": signed}).value
        return Token.text({
            "endpoints": made["endpoints"], "broker_curve_key": made["broker_curve_key"],
            "authority_hash": made["authority_hash"], "seed": seed, "broker": self.welcome["broker"]})
