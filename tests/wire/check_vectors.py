#!/usr/bin/python3
"""Checks proto/vectors.json with other programs: msgpack, hashlib, PyNaCl. Imports nothing of Bugle.

Usage: check_vectors.py proto/vectors.json   (exit code 77: a module is missing, skipped)
"""
import hashlib
import json
import struct
import sys

try:
    import msgpack
    import nacl.bindings
    import nacl.signing
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def blake(size, data):
    return hashlib.blake2b(data, digest_size=size).digest()


def to_wire(structs, name, value):
    """The value as a map with integer keys, in the order of the keys."""
    out = {}
    for number, field, kind, *inner in structs[name]:
        if field not in value:
            continue
        item = value[field]
        if kind == "bin":
            item = bytes.fromhex(item)
        elif kind == "map":
            item = to_wire(structs, inner[0], item)
        elif kind == "maps":
            item = [to_wire(structs, inner[0], one) for one in item]
        out[number] = item
    return out


def pack(structs, name, value):
    return msgpack.packb(to_wire(structs, name, value), use_bin_type=True)


def base32_decode(text):
    bits = 0
    for character in text:
        bits = bits << 5 | CROCKFORD.index(character)
    extra = len(text) * 5 % 8
    assert bits & ((1 << extra) - 1) == 0, "left-over bits"
    return (bits >> extra).to_bytes(len(text) * 5 // 8, "big")


def check_text(text, prefix):
    assert text.startswith(prefix), text
    data = base32_decode(text[len(prefix):])
    assert blake(32, prefix.encode() + data[:-4])[:4] == data[-4:], "check bytes"
    return data[:-4]


def check_signed(vectors, item):
    data = bytes.fromhex(item["bytes"])
    installation = bytes.fromhex(vectors["installation"])
    structs = vectors["structs"]
    head = b"bugle-v1\0" + item["word"].encode() + b"\0" + installation + struct.pack(">Q", len(data))
    assert head.hex() == item["preimage_head"], "preimage"
    assert blake(32, data).hex() == item["hash"], "hash"
    if "document" in item:
        assert pack(structs, "document", item["document"]) == data, "document"
        assert item["document"]["body"] == item["hex"], "body"
    else:
        assert item["hex"] == item["bytes"], "bytes"
    assert pack(structs, item["struct"], item["value"]).hex() == item["hex"], "struct"
    for who, signature in zip(item["signers"], item["signatures"]):
        key = vectors["keys"][who]
        assert signature["key_id"] == key["key_id"], "key id"
        signed = nacl.signing.SigningKey(bytes.fromhex(key["seed"])).sign(head + data).signature
        assert signed.hex() == signature["signature"], "signature"
    outside = {"type": item["type"], "bytes": item["bytes"], "sigs": item["signatures"]}
    assert pack(structs, "signed", outside).hex() == item["signed"], "signed"


def check_hashes(vectors):
    installation = bytes.fromhex(vectors["installation"])
    hashes = vectors["hashes"]
    name = hashes["job_name"].lower().encode()
    job = blake(16, installation + b"job\0" + name)
    assert job.hex() == hashes["job_key"]
    assert blake(16, installation + b"switch\0job:" + name).hex() == hashes["switch_key"]
    target = bytes.fromhex(hashes["target"])
    schedule = hashes["schedule"].encode()
    occurrence = target + job + struct.pack(">I", len(schedule)) + schedule
    occurrence += struct.pack(">qB", hashes["nominal_us"], hashes["fold"])
    assert blake(16, occurrence).hex() == hashes["occurrence"]
    digest = blake(16, target + struct.pack(">Q", hashes["version"]))
    assert digest.hex() == hashes["digest_of_target_version"]


def check_publication(item):
    raw = {name: bytes.fromhex(item[name]) for name in ("session", "key", "nonce", "frame0", "header", "body", "sealed")}
    frame0 = item["stream"].encode() + b"\0" + raw["session"] + struct.pack(">QI", item["sequence"], item["key_number"])
    assert frame0 == raw["frame0"]
    sealed = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
        raw["body"], frame0 + raw["header"], raw["nonce"], raw["key"])
    assert raw["nonce"] + sealed == raw["sealed"]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = json.load(file)
    structs = vectors["structs"]
    for item in vectors["messages"] + vectors["bodies"]:
        assert pack(structs, item["struct"], item["value"]).hex() == item["hex"], item["name"]
    for item in vectors["messages"]:
        header = msgpack.unpackb(bytes.fromhex(item["header"]), strict_map_key=False)
        assert header[1] == item["kind"] and header[2] == 1, item["name"]
    for name, key in vectors["keys"].items():
        public = bytes.fromhex(key["public"])
        assert bytes(nacl.signing.SigningKey(bytes.fromhex(key["seed"])).verify_key) == public, name
        assert blake(8, public).hex() == key["key_id"], name
    for item in vectors["signed"]:
        check_signed(vectors, item)
    check_hashes(vectors)
    check_publication(vectors["publication"])
    token = vectors["token_text"]
    assert pack(structs, "token_text", token["value"]).hex() == token["hex"]
    assert check_text(token["text"], "bugle-t1.").hex() == token["hex"]
    seed = bytes.fromhex(token["value"]["seed"])
    assert blake(32, seed).hex() == vectors["keys"]["token"]["seed"]
    identity = vectors["identity_text"]
    assert check_text(identity["text"], "bugle-p1.").hex() == identity["sign_key"] + identity["curve_key"]
    print(f"{len(vectors['messages'])} messages, {len(vectors['bodies'])} bodies, {len(vectors['signed'])} signed: all good")


if __name__ == "__main__":
    main()
