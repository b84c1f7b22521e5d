#!/usr/bin/python3
"""proto/vectors.json checked with other programs: msgpack, hashlib, PyNaCl, and the tables of PROTOCOL.md."""

import importlib.util
import json
import sys
import unittest

for module in ("zmq", "msgpack", "nacl"):
    if importlib.util.find_spec(module) is None:
        print(f"SKIP: /usr/bin/python3 has no module {module} (Debian: python3-{module})")
        sys.exit(77)

import client as wire  # noqa: E402

with open(wire.PROTOCOL.with_name("vectors.json"), encoding="utf-8") as file:
    VECTORS = json.load(file)
INSTALLATION = bytes.fromhex(VECTORS["installation"])


def from_json(name, value):
    """Hex to bytes, where the struct has binary fields."""
    out = {}
    for field in wire.TABLES.structs[name]:
        if field.name not in value:
            continue
        item = value[field.name]
        if field.form == "bin":
            item = bytes.fromhex(item)
        elif field.form == "map":
            item = from_json(field.inner, item)
        elif field.form == "maps":
            item = [from_json(field.inner, one) for one in item]
        out[field.name] = item
    assert len(out) == len(value), f"{name}: {set(value) - set(out)}"
    return out


def given(name, value):
    """A decoded value without what is left out on the wire."""
    return {key: value[key] for key in value if value[key] not in (None, [])}


class Encoding(unittest.TestCase):
    maxDiff = None

    def test_the_tables_of_the_text_and_of_the_vectors_are_the_same(self):
        def row(field):
            form = {"text": "str"}.get(field.form, field.form)
            return [field.key, field.name, form, *([field.inner] if field.inner else [])]
        self.assertEqual({name: [row(field) for field in fields] for name, fields in wire.TABLES.structs.items()},
                         VECTORS["structs"])

    def test_every_kind_has_a_full_and_a_least_vector(self):
        names = {item["name"] for item in VECTORS["messages"]}
        self.assertEqual(names, {f"{kind} {how}" for kind in wire.TABLES.kinds for how in ("full", "least")})

    def test_every_signed_type_has_a_vector_that_verifies(self):
        self.assertEqual({item["word"] for item in VECTORS["signed"]}, set(wire.TABLES.type_of))

    def test_messages_are_encoded_to_the_same_bytes_and_back(self):
        for item in VECTORS["messages"]:
            with self.subTest(item["name"]):
                kind = wire.TABLES.kinds[item["name"].split(" ")[0]]
                self.assertEqual((kind.number, kind.body), (item["kind"], item["struct"]))
                value = from_json(kind.body, item["value"])
                full = item["name"].endswith("full")
                header, body, signatures = wire.frames(
                    kind.name, value, *((b"0" * 16, b"1" * 16) if full else ()))
                self.assertEqual((header.hex(), body.hex(), signatures), (item["header"], item["hex"], b""))
                message = wire.open_frames([header, body, signatures])
                self.assertEqual((message.name, wire.encode(kind.body, message.value)), (kind.name, body))

    def test_bodies_of_signed_types_are_encoded_to_the_same_bytes_and_back(self):
        for item in VECTORS["bodies"]:
            with self.subTest(item["name"]):
                data = bytes.fromhex(item["hex"])
                self.assertEqual(wire.encode(item["struct"], from_json(item["struct"], item["value"])), data)
                self.assertEqual(wire.encode(item["struct"], wire.decode(item["struct"], data, is_signed=True)), data)

    def test_what_is_not_canonical_is_refused_when_signed_and_read_in_messages(self):
        longer = bytes.fromhex("82" "01cc10" "0201")  # kind 16 in two bytes
        self.assertEqual(wire.decode("header", longer)["kind"], 16)
        written = bytes.fromhex("83" "0110" "0201" "03c410" + "00" * 16)  # a default written out
        self.assertEqual(wire.decode("header", written)["kind"], 16)
        for data in (longer, written):
            with self.assertRaises(wire.ProtocolError):
                wire.decode("header", data, is_signed=True)

    def test_unknown_fields_are_skipped_in_messages_and_critical_when_signed(self):
        below, above = bytes.fromhex("83" "0110" "0201" "7f05"), bytes.fromhex("83" "0110" "0201" "cc8005")
        for data in (below, above):
            self.assertEqual(wire.decode("header", data)["kind"], 16)
        self.assertEqual(wire.decode("header", above, is_signed=True)["kind"], 16)
        with self.assertRaises(wire.ProtocolError) as refused:
            wire.decode("header", below, is_signed=True)
        self.assertEqual(refused.exception.code, "too-new")

    def test_broken_bytes_are_refused(self):
        for text, data in (
                ("twice", "83" "0110" "0110" "0201"), ("falling", "82" "0201" "0110"), ("nil", "82" "01c0" "0201"),
                ("float", "82" "01ca00000000" "0201"), ("behind", "82" "0110" "0201" "00"), ("short", "82" "0110"),
                ("extension", "83" "0110" "0201" "7fd40000"), ("no map", "92" "10" "01"), ("c1", "c1"),
                ("too deep", "83" "0110" "0201" "7f" + "91" * 8 + "00"), ("missing", "81" "0110")):
            with self.subTest(text), self.assertRaises(wire.ProtocolError):
                wire.decode("header", bytes.fromhex(data))


class Keys(unittest.TestCase):
    def test_key_pairs_and_ids_come_from_their_seeds(self):
        for name, item in VECTORS["keys"].items():
            with self.subTest(name):
                key = wire.SignKey(bytes.fromhex(item["seed"]))
                self.assertEqual((key.public.hex(), key.key_id.hex()), (item["public"], item["key_id"]))

    def test_hashes_are_those_of_the_text(self):
        hashes = VECTORS["hashes"]
        job = wire.document_key(INSTALLATION, "job", hashes["job_name"])
        target = bytes.fromhex(hashes["target"])
        self.assertEqual(wire.id_text(target), hashes["target_text"])
        self.assertEqual(job.hex(), hashes["job_key"])
        self.assertEqual(wire.switch_key(INSTALLATION, hashes["job_name"]).hex(), hashes["switch_key"])
        occurrence = wire.occurrence_id(target, job, hashes["schedule"], hashes["nominal_us"], hashes["fold"])
        self.assertEqual(occurrence.hex(), hashes["occurrence"])
        self.assertEqual(wire.digest({target: hashes["version"]}).hex(), hashes["digest_of_target_version"])

    def test_texts_are_written_and_read_and_damage_is_seen(self):
        item, identity = VECTORS["token_text"], VECTORS["identity_text"]
        value = from_json("token_text", item["value"])
        self.assertEqual(wire.Token.text(value), item["text"])
        token = wire.Token(f" {item['text'].upper()}\n".replace("BUGLE-T1.", "bugle-t1."))
        self.assertEqual(given("token_text", token.value), value)
        self.assertEqual(token.sign.seed.hex(), VECTORS["keys"]["token"]["seed"])
        pair = bytes.fromhex(identity["sign_key"]), bytes.fromhex(identity["curve_key"])
        self.assertEqual(wire.identity_text(*pair), identity["text"])
        self.assertEqual(wire.open_text("bugle-p1.", identity["text"]), pair[0] + pair[1])
        text = item["text"]
        with self.assertRaises(wire.ProtocolError):
            wire.Token(text[:40] + ("0" if text[40] != "0" else "1") + text[41:])


class Signed(unittest.TestCase):
    def test_signatures_are_made_and_checked_over_the_same_bytes(self):
        for item in VECTORS["signed"]:
            with self.subTest(item["name"]):
                data = bytes.fromhex(item["bytes"])
                value = from_json(item["struct"], item["value"])
                body = wire.encode(item["struct"], value)
                if "document" in item:
                    outer = from_json("document", item["document"])
                    self.assertEqual(outer["body"], body)
                    body = wire.encode("document", outer)
                self.assertEqual(body, data)
                self.assertEqual((wire.preimage(item["word"], INSTALLATION, data).hex(), wire.h32(data).hex()),
                                 (item["preimage_head"] + data.hex(), item["hash"]))
                keys = [wire.SignKey(bytes.fromhex(VECTORS["keys"][who]["seed"])) for who in item["signers"]]
                signed = wire.sign(item["word"], INSTALLATION, data, *keys)
                self.assertEqual(wire.encode("signed", signed).hex(), item["signed"])
                for key in keys:
                    self.assertTrue(wire.is_signed_by(signed, INSTALLATION, key.public))
                    self.assertFalse(wire.is_signed_by(signed, bytes(16), key.public))
                    self.assertFalse(wire.is_signed_by(dict(signed, bytes=data + b"\0"), INSTALLATION, key.public))

    def test_the_example_authority_lets_believe_what_its_logins_signed(self):
        by_name = {item["name"]: item for item in VECTORS["signed"]}
        def signed(name):
            return wire.decode("signed", bytes.fromhex(by_name[name]["signed"]))
        trust = wire.Trust(INSTALLATION, bytes.fromhex(by_name["authority"]["hash"]))
        trust.adopt([signed("authority")])
        self.assertEqual(trust.signer(signed("token"))["name"], "ada")
        for item in VECTORS["signed"]:
            if item["word"] in ("job", "switch", "withdrawal") and item["signers"] == ["admin"]:
                trust.open(signed(item["name"]))
            elif item["word"] == "deed":
                trust.open_deed(signed(item["name"]))
            elif item["word"] == "attestation":
                trust.open_attestation(signed(item["name"]))
        with self.assertRaises(wire.ProtocolError):
            wire.Trust(INSTALLATION, bytes(32)).adopt([signed("authority")])

    def test_the_publication_is_sealed_and_opened(self):
        item = VECTORS["publication"]
        raw = {key: bytes.fromhex(item[key]) for key in (
            "session", "key", "nonce", "frame0", "header", "body", "sealed")}
        stream = wire.stream_frame(item["stream"], raw["session"], item["sequence"], item["key_number"])
        self.assertEqual(stream, raw["frame0"])
        self.assertEqual(wire.seal(raw["key"], raw["nonce"], stream, raw["header"], raw["body"]), raw["sealed"])
        head = {"session": raw["session"], "key_number": item["key_number"], "key": raw["key"],
                "next_key_number": 0, "next_key": bytes(32)}
        name, sequence, message = wire.open_publication(
            [stream, raw["header"], raw["sealed"], b""], {item["stream"]: head})
        self.assertEqual((name, sequence, message.name), (item["stream"], item["sequence"], "TICK"))
        for at in (0, 1, 2):
            parts = [stream, raw["header"], raw["sealed"], b""]
            parts[at] = parts[at][:-1] + bytes([parts[at][-1] ^ 1])
            with self.assertRaises(wire.ProtocolError):
                wire.open_publication(parts, {item["stream"]: head})


if __name__ == "__main__":
    unittest.main(verbosity=2)
