#!/usr/bin/python3
"""Adds up ctest's JUnit report: prints "passed failed skipped names-of-the-failed".

With --skips FILE...: one line for each skipped test, with the reason it printed.
"""

import re
import sys
import xml.etree.ElementTree as tree


def cases(path):
    return list(tree.parse(path).getroot().iter("testcase"))


def outcome(case):
    if case.get("status") in ("notrun", "disabled") or case.find("skipped") is not None:
        return "skipped"
    if case.get("status") == "fail" or case.find("failure") is not None:
        return "failed"
    return "passed"


def reason(case):
    text = (case.findtext("system-out") or "") + (case.findtext("system-err") or "")
    found = re.search(r"SKIP(?:PED)?:\s*(.+)", text)
    return found.group(1).strip() if found else "it gave no reason"


def main(arguments):
    if arguments and arguments[0] == "--skips":
        for path in arguments[1:]:
            for case in cases(path):
                if outcome(case) == "skipped":
                    print(f"skipped {case.get('name')}: {reason(case)}")
        return 0
    counted = {"passed": 0, "failed": 0, "skipped": 0}
    failed = []
    for case in cases(arguments[0]):
        result = outcome(case)
        counted[result] += 1
        if result == "failed":
            failed.append(case.get("name"))
    print(counted["passed"], counted["failed"], counted["skipped"], *failed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
