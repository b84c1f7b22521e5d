#!/usr/bin/python3
"""Checks that the pure layers are pure: what their archives leave undefined is either defined in another pure archive
or stands in allowed.txt. A clock, a socket, a file, a thread or a random source would show here.

    symbols.py NM ALLOWED ARCHIVE...
"""

import subprocess
import sys


def symbols(nm, archive):
    defined, undefined = set(), set()
    listing = subprocess.run([nm, "-g", archive], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        parts = line.split()
        if len(parts) == 2 and parts[0] in ("U", "w"):
            undefined.add(parts[1])
        elif len(parts) == 3:
            defined.add(parts[2])
    return defined, undefined


def main(nm, allowed_path, *archives):
    with open(allowed_path, encoding="ascii") as lines:
        allowed = {line.split("#")[0].strip() for line in lines} - {""}
    tables = {archive: symbols(nm, archive) for archive in archives}
    known = set().union(*(defined for defined, _ in tables.values()))
    prefixes = tuple(name[:-1] for name in allowed if name.endswith("*"))
    bad = 0
    used = set()
    for archive, (_, undefined) in tables.items():
        for name in sorted(undefined - known):
            if name in allowed:
                used.add(name)
            elif not name.startswith(prefixes):
                print(f"{archive}: uses {name}, which no pure layer may")
                bad += 1
    for name in sorted(allowed - used):
        if not name.endswith("*"):
            print(f"note: {name} is allowed and not used")
    print(f"{len(archives)} pure archives, {bad} forbidden symbols")
    return 1 if bad or not archives else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
