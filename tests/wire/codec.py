"""Tables, encoding and limits of the protocol (sections 3, 4, 12 and 14 to 16 of proto/PROTOCOL.md).

The tables of kinds, types, codes and structs are read from that text itself.
"""

import collections
import pathlib
import re

import msgpack

PROTOCOL = pathlib.Path(__file__).parents[2] / "proto" / "PROTOCOL.md"


class ProtocolError(Exception):
    """What we refuse, with the code that section 12 has for it."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


# --- the tables (sections 12, 14, 15 and 16) ---

Field = collections.namedtuple("Field", "key name form inner items size low high is_required")
Kind = collections.namedtuple("Kind", "number name body sender socket")


def table_rows(text, mark):
    """The rows between the markers of a made table, without its head, cells stripped of blanks and back quotes."""
    inside = text.split(f"<!-- made: {mark} -->")[1].split("<!-- end -->")[0]
    for line in inside.splitlines():
        if line.startswith("| ") and not line.startswith(("| key |", "| kind |", "| type |", "| code |")):
            yield [cell.strip(" `") for cell in line.strip("|").split("|")]
        elif line.startswith("#### "):
            yield [line[5:].strip()]


def read_field(cells):
    key, name, form, limit, required = cells
    linked = re.search(r"\[(\w+)\]", form)
    inner = linked.group(1) if linked else None
    items = size = low = high = None
    is_exact = limit.startswith("exactly")
    found = re.search(r"(\d+) items", limit)
    if found:
        items = int(found.group(1))
    found = re.search(r"(\d+) bytes", limit)
    if found:
        size = int(found.group(1))
    found = re.fullmatch(r"(-?\d+) to (\d+)", limit)
    if found:
        low, high = int(found.group(1)), int(found.group(2))
    word = form.split(" ")[0]
    if word == "array":
        word = "maps" if inner else form.split(" ")[2] + "s"
    if word == "bin" and is_exact:
        low = size
    return Field(int(key), name, word, inner, items, size, low, high, required == "required")


class Tables:
    def __init__(self, path=PROTOCOL):
        text = path.read_text(encoding="utf-8")
        self.structs, self.kinds, self.types, self.codes = {}, {}, {}, {}
        for row in table_rows(text, "structs"):
            if len(row) == 1:
                fields = self.structs.setdefault(row[0], [])
            else:
                fields.append(read_field(row))
        for number, name, body, sender, socket, _ in table_rows(text, "kinds"):
            body = re.search(r"\[(\w+)\]", body).group(1)
            self.kinds[name] = Kind(int(number), name, body, sender, socket)
        for number, word, _, _ in table_rows(text, "types"):
            self.types[int(number)] = word
        for row in table_rows(text, "codes"):
            self.codes[row[0]] = int(row[1].split(" ")[0])
        self.by_number = {kind.number: kind for kind in self.kinds.values()}
        self.type_of = {word: number for number, word in self.types.items()}


TABLES = Tables()


# --- encoding (sections 3 and 4) ---

class Map(list):
    """A msgpack map as its pairs in the order of the bytes."""


STEERING = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def encode(name, value):
    return msgpack.packb(to_map(name, value), use_bin_type=True)


def to_map(name, value):
    """The struct as a dict by field numbers, ascending, with what is empty and not required left out."""
    known = {field.name for field in TABLES.structs[name]}
    assert known >= set(value), f"{name} has no field {set(value) - known}"
    out = {}
    for field in TABLES.structs[name]:
        item = value.get(field.name)
        if item is None or (not field.is_required and is_empty(field, item)):
            assert not field.is_required, f"{name}.{field.name} is required"
            continue
        if field.form == "map":
            item = to_map(field.inner, item)
        elif field.form == "maps":
            item = [to_map(field.inner, one) for one in item]
        out[field.key] = item
    return out


def is_empty(field, item):
    if field.form == "map":
        return False
    return not any(item) if field.form == "bin" else not item


def decode(name, data, is_signed=False):
    """The struct as a dict with every field; is_signed: only what is canonical, no critical field that is unknown."""
    try:
        tree = msgpack.unpackb(
            data, object_pairs_hook=Map, strict_map_key=False, raw=False, max_ext_len=0)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as err:
        raise ProtocolError("malformed", f"{name}: {err}") from err
    guard(tree, 0)
    unknown = []
    value = from_map(name, tree, is_signed, unknown)
    if is_signed and not unknown and encode(name, value) != data:
        raise ProtocolError("malformed", f"{name} is not canonical")
    return value


def guard(item, depth):
    if isinstance(item, list):
        if depth == 8 or len(item) > 1024:
            raise ProtocolError("too-large", "too deep or too many")
        for one in item:
            if isinstance(item, Map):
                guard(one[0], depth + 1)
                if isinstance(one[0], list):
                    raise ProtocolError("malformed", "a container is no key")
                one = one[1]
            guard(one, depth + 1)
    elif item is None or isinstance(item, (float, msgpack.ExtType, msgpack.Timestamp)):
        raise ProtocolError("malformed", f"{type(item).__name__} is not used")


def from_map(name, tree, is_signed, unknown):
    if not isinstance(tree, Map):
        raise ProtocolError("malformed", f"{name} is not a map")
    keys = [key for key, _ in tree]
    if any(type(key) is not int for key in keys) or keys != sorted(set(keys)):
        raise ProtocolError("malformed", f"the keys of {name} do not rise")
    given = dict(tree)
    value = {}
    for field in TABLES.structs[name]:
        if field.key in given:
            value[field.name] = from_item(name, field, given.pop(field.key), is_signed, unknown)
        elif field.is_required:
            raise ProtocolError("malformed", f"{name}.{field.name} is missing")
        else:
            value[field.name] = default(field)
    if is_signed and any(key < 128 for key in given):
        raise ProtocolError("too-new", f"{name} has critical fields that are not known: {sorted(given)}")
    unknown += given
    return value


def default(field):
    if field.form == "map":
        return None
    if field.form == "bin":
        return bytes(field.low or 0)
    return {"uint": 0, "int": 0, "bool": False, "str": "", "text": ""}.get(field.form, [])


def from_item(name, field, item, is_signed, unknown):
    where = f"{name}.{field.name}"
    if field.form == "map":
        return from_map(field.inner, item, is_signed, unknown)
    if field.form in ("maps", "strs", "uints"):
        if type(item) is not list:
            raise ProtocolError("malformed", f"{where} is not an array")
        if len(item) > field.items:
            raise ProtocolError("too-large", f"{where} has {len(item)} items")
        if field.form == "maps":
            return [from_map(field.inner, one, is_signed, unknown) for one in item]
        return [check_scalar(where, field, field.form[:-1], one) for one in item]
    return check_scalar(where, field, field.form, item)


PYTHON_TYPES = {"uint": int, "int": int, "bool": bool, "bin": bytes, "str": str, "text": str}


def check_scalar(where, field, form, item):
    if type(item) is not PYTHON_TYPES[form]:
        raise ProtocolError("malformed", f"{where} is not a {form}")
    if form in ("str", "text"):
        allowed = item.replace("\n", "").replace("\t", "") if form == "text" else item
        if STEERING.search(allowed):
            raise ProtocolError("malformed", f"{where} has characters that steer a terminal")
    if form in ("bin", "str", "text") and field.size is not None:
        length = len(item if form == "bin" else item.encode())
        if length > field.size or length < (field.low or 0):
            raise ProtocolError("too-large", f"{where} has {length} bytes")
    if form == "uint" and item < 0 or form in ("uint", "int") and field.high is not None and not (
            field.low <= item <= field.high):
        raise ProtocolError("malformed", f"{where} is out of range")
    return item
