"""Hashes, ids, texts, signatures, and whom to believe (sections 5, 6, 7 and 13 of proto/PROTOCOL.md)."""

import hashlib
import os
import struct
import time

import nacl.exceptions
import nacl.signing

from codec import TABLES, ProtocolError, decode, encode

READER, OPERATOR, AUTHOR, ADMIN = 1, 2, 3, 4
MEMBER, DEFECTED = 1, 2


# --- hashes, ids, texts (sections 5 and 13) ---

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def blake(size, data):
    return hashlib.blake2b(data, digest_size=size).digest()


def h32(data):
    return blake(32, data)


def h16(data):
    return blake(16, data)


def h8(data):
    return blake(8, data)


def new_id():
    return int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10)


def id_text(data):
    """The number of 128 bits with two zero bits in front."""
    bits = int.from_bytes(data, "big")
    return "".join(CROCKFORD[bits >> 5 * at & 31] for at in reversed(range(26)))


def fold(name):
    return "".join(chr(ord(one) + 32) if "A" <= one <= "Z" else one for one in name)


def document_key(installation, word, name):
    return h16(installation + word.encode() + b"\0" + fold(name).encode())


def switch_key(installation, job):
    return document_key(installation, "switch", "job:" + job)


def occurrence_id(target, job_key, schedule, nominal_us, pass_number):
    name = fold(schedule).encode()
    return h16(target + job_key + struct.pack(">I", len(name)) + name + struct.pack(">qB", nominal_us, pass_number))


def digest(held):
    """Over {key: version}."""
    out = bytes(16)
    for key, version in held.items():
        out = bytes(a ^ b for a, b in zip(out, h16(key + struct.pack(">Q", version))))
    return out


def base32_encode(data):
    length = (len(data) * 8 + 4) // 5
    bits = int.from_bytes(data, "big") << (length * 5 - len(data) * 8)
    return "".join(CROCKFORD[bits >> 5 * at & 31] for at in reversed(range(length)))


def base32_decode(text):
    bits = 0
    for character in text.lower():
        if character not in CROCKFORD:
            raise ProtocolError("malformed", f"{character!r} is not in the alphabet")
        bits = bits << 5 | CROCKFORD.index(character)
    extra = len(text) * 5 % 8
    if bits & ((1 << extra) - 1):
        raise ProtocolError("malformed", "bits behind the last byte")
    return (bits >> extra).to_bytes(len(text) * 5 // 8, "big")


def seal_text(prefix, content):
    return prefix + base32_encode(content + h32(prefix.encode() + content)[:4])


def open_text(prefix, text):
    text = text.strip()
    if not text.lower().startswith(prefix):
        raise ProtocolError("malformed", f"does not begin with {prefix}")
    data = base32_decode(text[len(prefix):])
    content, check = data[:-4], data[-4:]
    if h32(prefix.encode() + content)[:4] != check:
        raise ProtocolError("malformed", "damaged: the check bytes are others")
    return content


class Token:
    """An enlistment token from its text."""

    PREFIX = "bugle-t1."

    def __init__(self, text):
        self.value = decode("token_text", open_text(self.PREFIX, text), is_signed=True)
        self.endpoints = dict(one.split(" ", 1) for one in self.value["endpoints"])
        self.broker_key = self.value["broker_curve_key"]
        self.authority_hash = self.value["authority_hash"]
        self.sign = SignKey(h32(self.value["seed"]))

    @classmethod
    def text(cls, value):
        return seal_text(cls.PREFIX, encode("token_text", value))


def identity_text(sign_key, curve_key):
    return seal_text("bugle-p1.", sign_key + curve_key)


# --- signatures (sections 6 and 7) ---

class SignKey:
    """An Ed25519 pair from its seed."""

    def __init__(self, seed=None):
        self.seed = seed or os.urandom(32)
        self.pair = nacl.signing.SigningKey(self.seed)
        self.public = bytes(self.pair.verify_key)
        self.key_id = h8(self.public)

    def entry(self, word, installation, data):
        return {"key_id": self.key_id, "signature": self.pair.sign(preimage(word, installation, data)).signature}


def preimage(word, installation, data):
    return b"bugle-v1\0" + word.encode() + b"\0" + installation + struct.pack(">Q", len(data)) + data


def sign(word, installation, data, *keys):
    return {"type": TABLES.type_of[word], "bytes": data, "sigs": [key.entry(word, installation, data) for key in keys]}


def is_signed_by(signed, installation, public):
    """True when an entry of this key is there and right."""
    data = preimage(TABLES.types.get(signed["type"], "?"), installation, signed["bytes"])
    for entry in signed["sigs"]:
        if entry["key_id"] == h8(public):
            try:
                nacl.signing.VerifyKey(public).verify(data, entry["signature"])
                return True
            except nacl.exceptions.BadSignatureError:
                return False
    return False


def document(word, installation, key, version, body, needs=None):
    value = {"type": TABLES.type_of[word], "format": 1, "installation": installation, "key": key, "version": version,
             "needs": needs, "body": body}
    return encode("document", value)


ROLE_FOR = {"membership": ADMIN, "job": AUTHOR, "withdrawal": AUTHOR, "switch": OPERATOR, "deed": OPERATOR,
            "token": ADMIN}


class Trust:
    """The chain of authority versions, from the one known by its hash to the newest; and what it lets believe."""

    def __init__(self, installation, pinned_hash):
        self.installation = installation
        self.pinned_hash = pinned_hash
        self.version = 0
        self.authority = None

    def adopt(self, versions):
        """Takes over what follows what is held; what comes before the pinned version is passed over."""
        for signed in versions:
            value = self.open_document(signed, "authority")
            body = decode("authority", value["body"], is_signed=True)
            if self.authority is None:
                if h32(signed["bytes"]) != self.pinned_hash:
                    continue
            elif value["version"] <= self.version:
                continue
            else:
                admins = [login["sign_key"] for login in self.authority["logins"] if login["role"] >= ADMIN]
                count = sum(is_signed_by(signed, self.installation, key) for key in admins)
                if count < self.authority["threshold"]:
                    raise ProtocolError("bad-signature", "too few admins signed the authority")
            self.version, self.authority = value["version"], body
        if self.authority is None:
            raise ProtocolError("bad-signature", "the pinned authority is not among these")

    def open_document(self, signed, word):
        """The document of a signed one without looking at signatures: type, form, installation."""
        if TABLES.types.get(signed["type"]) != word:
            raise ProtocolError("malformed", f"not of type {word}")
        value = decode("document", signed["bytes"], is_signed=True)
        if value["type"] != signed["type"] or value["format"] != 1:
            raise ProtocolError("malformed", "another type or format inside")
        if value["installation"] != self.installation:
            raise ProtocolError("wrong-installation", "signed for another installation")
        return value

    def signer(self, signed):
        """The login that signed it and may; in the order of section 7."""
        word = TABLES.types[signed["type"]]
        for login in self.authority["logins"]:
            if is_signed_by(signed, self.installation, login["sign_key"]):
                break
        else:
            raise ProtocolError("bad-signature", "no signature of a login")
        if any(h8(login["sign_key"]) == one["key_id"] for one in self.authority["revoked"]):
            raise ProtocolError("not-allowed", "the key is revoked")
        if login["role"] < ROLE_FOR[word]:
            raise ProtocolError("not-allowed", f"{login['name']} may not sign a {word}")
        return login

    def open(self, signed):
        """(document, body) of a document of a login."""
        word = TABLES.types[signed["type"]]
        self.signer(signed)
        value = self.open_document(signed, word)
        body = decode(word, value["body"], is_signed=True)
        if value["key"] != self.key_of(word, body):
            raise ProtocolError("malformed", "the key is not that of the name")
        return value, body

    def key_of(self, word, body):
        if word == "job":
            return document_key(self.installation, word, body["name"])
        job = document_key(self.installation, "job", body["object_name"])
        return job if word == "withdrawal" else switch_key(self.installation, body["object_name"])

    def open_membership(self, signed):
        """Signed by an admin; or version 1 by the key of a token that an admin signed, saying what the token says."""
        value = self.open_document(signed, "membership")
        body = decode("membership", value["body"], is_signed=True)
        if body["target"] != value["key"]:
            raise ProtocolError("malformed", "the key is not the target's id")
        if body["token"] is None:
            self.signer(signed)
            return value, body
        self.signer(body["token"])
        record = decode("token", body["token"]["bytes"], is_signed=True)
        if not is_signed_by(signed, self.installation, record["token_key"]):
            raise ProtocolError("bad-signature", "not signed by the token key")
        same = all(record[key] == body[key] for key in ("groups", "labels"))
        if not same or record["location"] not in ("", body["location"]) or body["variables"] or (
                value["version"], body["state"]) != (1, MEMBER):
            raise ProtocolError("not-allowed", "says something else than the token")
        return value, body

    def open_deed(self, signed):
        self.signer(signed)
        deed = decode("deed", signed["bytes"], is_signed=True)
        if deed["installation"] != self.installation:
            raise ProtocolError("wrong-installation", "signed for another installation")
        if deed["job_key"] != document_key(self.installation, "job", deed["job_name"]):
            raise ProtocolError("malformed", "the key is not that of the name")
        return deed

    def open_attestation(self, signed):
        if TABLES.types.get(signed["type"]) != "attestation" or not is_signed_by(
                signed, self.installation, self.authority["broker_sign_key"]):
            raise ProtocolError("bad-signature", "not signed by the broker")
        return decode("attestation", signed["bytes"], is_signed=True)
