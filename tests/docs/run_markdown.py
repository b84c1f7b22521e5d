#!/usr/bin/python3
"""Runs the examples of Markdown files, in order, on clean machines, and compares what they print.

    run_markdown.py FILE.md...           runs them; ends with 1 and the difference where one prints something else
    run_markdown.py --write FILE.md...   runs them and puts what was printed into the file where it differed
    run_markdown.py --list FILE.md...    the commands, nothing run

An example is a block of the language "console". A line that begins with "$ " is a command, the lines below it are all that
it prints (both streams); no line means that it prints nothing. "web01$ " runs on the machine web01, "$ " on the machine
"broker"; each is a machine of its own with an own network address, and the user "me" at home in /home/me. A command goes on
over lines while it ends in a backslash or an open here-document. A command that ends in " &" is waited for until it says that
it is ready. Every command ends with 0 unless it is said otherwise.

    ...          as a line: any number of lines; inside a line: anything
    $ false      followed by nothing: has to print nothing

Ids, keys, tokens, codes, times, durations, sizes, versions and process ids in the expected text stand for any of their kind,
and runs of blanks for any number of blanks. Comments of HTML, each before the block it is about:

    <!-- run: skip: REASON -->                 the next block is not run (only that one)
    <!-- run: exit 5 -->                       the last command of the next block ends with 5
    <!-- run: as root -->                      the next block is typed by root
    <!-- run                                   commands that readers need not see; they must succeed, output is not compared.
    web02$ bugle-node &                        With a prompt or without; "await COMMAND" repeats until it succeeds
    -->
"""

import argparse
import difflib
import os
import pathlib
import re
import select
import shlex
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import foreground
import machines

DEADLINE = float(os.environ.get("BUGLE_TEST_DEADLINE", "60"))
HERE = "broker"  # the machine of a plain prompt
PROMPT = re.compile(r"(?:([a-z][a-z0-9-]*))?\$ ")
BACKGROUND = re.compile(r" &\s*(#.*)?$")
HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")

# --- what may vary: how the expected text looks, and what stands for it ---

_ID = "[0-9a-hjkmnp-tv-z]"
_TIME = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?: ?(?:Z|UTC|[+-]\d\d:\d\d))?"
_DURATION = r"\d+(?:\.\d+)? ?(?:ms|us|min|s|m|h|d)(?: \d+(?:\.\d+)? ?(?:ms|us|min|s|m|h|d))*"
VARIABLE = [(re.compile(look), stands or look) for look, stands in (
    (r"bugle-([tp])1\.[0-9a-z]+(?:\.\.\.)?", r"bugle-[tp]1\.[0-9a-z]+"),
    (r"\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b", r"[0-9a-f]{32,64}"),
    (rf"\b{_ID}{{26}}\b", None),
    (rf"\b(?=[a-z]*\d)(?=\d*[a-z]){_ID}{{8}}\b", rf"{_ID}{{8}}"),
    (r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}\b", None),
    (r"(?<![^\s'\"])(?=\S*[0-9])(?=\S*[a-z])(?=\S*[A-Z])[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]{40}(?![^\s'\"])", r"\S{40}"),
    (_TIME, None),
    (r"\b\d\d:\d\d(?::\d\d(?:\.\d+)?)?\b", None),
    (rf"\b{_DURATION}\b", _DURATION),
    (r"\b\d+(?:\.\d+)? ?(?:[KMGT]i?B|bytes)\b", r"\d+(?:\.\d+)? ?(?:[KMGT]i?B|bytes|B)"),
    (r"\b0\.\d+\.\d+(?:[-+~][\w.]+)?\b", r"\d+\.\d+\.\d+(?:[-+~][\w.]+)?"),
    (r"\bpid[ =:]\d+", r"pid[ =:]\d+"),
)]


def line_pattern(expected):
    """A compiled pattern of one expected line."""
    out, at = [], 0
    text = expected.rstrip()
    while at < len(text):
        for look, stands in VARIABLE:
            found = look.match(text, at)
            if found and found.end() > at:
                out.append(f"(?:{stands})")
                at = found.end()
                break
        else:
            blanks = re.match(r"\s+", text[at:])
            if text.startswith("...", at):
                out.append(".*")
                at += 3
            elif blanks:
                out.append(r"\s+")
                at += blanks.end()
            else:
                out.append(re.escape(text[at]))
                at += 1
    return re.compile("".join(out) + r"\s*")


def match(expected, actual):
    """None when the lines agree; else the expected text with what agrees taken from the actual, for showing."""
    patterns = [None if line.strip() == "..." else line_pattern(line) for line in expected]
    # reach[i]: the actual lines j such that expected[:i] can stand for actual[:j]
    reach = [{0}]
    for pattern in patterns:
        before = reach[-1]
        if pattern is None:
            reach.append(set(range(min(before), len(actual) + 1)) if before else set())
        else:
            reach.append({j + 1 for j in before if j < len(actual) and pattern.fullmatch(actual[j])})
    if len(actual) in reach[-1]:
        return None
    shown, rest = [], list(actual)
    for line, pattern in zip(expected, patterns):
        same = next((one for one in rest if pattern and pattern.fullmatch(one)), None)
        shown.append(line if same is None else same)
        if same is not None:
            rest = rest[rest.index(same) + 1:]
    return shown


# --- the Markdown ---

class Command:
    """One command: where it is typed, its text, what it should print, and the lines of the file of both."""

    def __init__(self, line, machine, text):
        self.line, self.machine, self.text = line, machine, text
        self.expected, self.first, self.is_hidden = [], 0, False
        self.exit, self.user = 0, None


def _is_open(lines):
    """The command goes on: an open here-document, or a backslash at the end."""
    found = HEREDOC.search(lines[0])
    if found:
        return len(lines) == 1 or lines[-1].strip() != found[2]
    return lines[-1].endswith("\\")


def _commands(lines, first, is_hidden):
    """Commands of a block whose lines begin at file line first (from 1)."""
    found, at = [], 0
    while at < len(lines):
        prompt = PROMPT.match(lines[at])
        if not prompt and not (is_hidden and lines[at].strip()):
            if found:
                found[-1].expected.append(lines[at])
            elif lines[at].strip():
                raise SystemExit(f"line {first + at}: output before any command")
            at += 1
            continue
        begin = at
        text = [lines[at][prompt.end() if prompt else 0:]]
        while _is_open(text) and at + 1 < len(lines):
            at += 1
            text.append(lines[at][2:] if lines[at].startswith("> ") else lines[at])
        at += 1
        command = Command(first + begin, prompt[1] or HERE if prompt else HERE, "\n".join(text))
        command.first, command.is_hidden = first + at, is_hidden
        found.append(command)
    return found


def parse(text):
    """The commands of a Markdown file in order."""
    commands, skip, code, user = [], None, 0, None
    lines, at = text.splitlines(), 0
    while at < len(lines):
        line = lines[at].strip()
        if line == "<!-- run":
            end = next(i for i in range(at, len(lines)) if lines[i].strip() == "-->")
            commands += _commands(lines[at + 1:end], at + 2, True)
            at = end
        elif line.startswith("<!-- run:"):
            what = line[len("<!-- run:"):].removesuffix("-->").strip()
            if what.startswith("skip:") and what[5:].strip():
                skip = what[5:].strip()
            elif re.fullmatch(r"exit \d+", what):
                code = int(what[5:])
            elif what == "as root":
                user = "root"
            else:
                raise SystemExit(f"line {at + 1}: not understood: {line}")
        elif line.startswith("```"):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == "```"), None)
            if end is None:
                raise SystemExit(f"line {at + 1}: the block does not end")
            if line == "```console" and skip is None:
                block = _commands(lines[at + 1:end], at + 2, False)
                for command in block:
                    command.user = user
                if block:
                    block[-1].exit = code
                commands += block
            if line == "```console":
                skip, code, user = None, 0, None
            at = end
        at += 1
    return commands


# --- running ---

_LOOP = r"""
await () { local end=$((SECONDS + DEADLINE)); until eval "$*" > /dev/null 2>&1; do
  test $SECONDS -lt $end || { echo "await: never true: $*"; return 1; }; sleep 0.1; done; }
while IFS= read -r _file; do . "$_file" > "$_file.out" 2>&1 < /dev/null; echo "$?"; done
"""


class Shell:
    """A shell that stays, of one user on one machine."""

    def __init__(self, machine, user):
        self.count, self.user = 0, user
        self.directory = machine.root / "run" / "test"
        self.child = subprocess.Popen(
            machine.command("bash", "--noprofile", "--norc", "-c", _LOOP, user=user,
                            environment={"DEADLINE": str(int(DEADLINE))}),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)

    def run(self, text):
        """Exit code and what was printed."""
        self.count += 1
        name = f"{self.user}-{self.count}"
        background = BACKGROUND.search(text)
        if background:
            text = f"{{ {text[:background.start()]}; }} > /run/test/{name}.log 2>&1 &"
        (self.directory / name).write_text(text + "\n")
        (self.directory / name).chmod(0o644)
        self.child.stdin.write(f"/run/test/{name}\n")
        self.child.stdin.flush()
        if not select.select([self.child.stdout], [], [], DEADLINE)[0]:
            raise AssertionError(f"{text}\nnot at its end within {DEADLINE:g} s")
        code = self.child.stdout.readline()
        if not code:
            raise AssertionError(f"{text}\nthe shell has ended")
        out = (self.directory / f"{name}.out").read_text(errors="replace")
        if background and re.search(r"\bbugle-(broker|node|exec)\b", text):
            self.wait_ready(self.directory / f"{name}.log", text)
        return int(code), out

    @staticmethod
    def wait_ready(log, text):
        def look():
            said = log.read_text(errors="replace") if log.exists() else ""
            if "error:" in said:
                raise AssertionError(f"{text}\n{said}")
            return " ready " in said
        foreground.wait_for(f"'{text}' is ready", look, DEADLINE)


class Runner:
    def __init__(self, network):
        self.network, self.shells = network, {}

    def shell(self, command):
        key = (command.machine, command.user or machines.USER)
        if key not in self.shells:
            self.shells[key] = Shell(self.network.machine(command.machine), key[1])
        return self.shells[key]

    def run(self, command):
        """Exit code and lines."""
        code, out = self.shell(command).run(command.text)
        return code, [line.rstrip() for line in out.splitlines()]


def differs(path, command, code, actual):
    """The complaint about one command; None when it did as the page says."""
    first = command.text.splitlines()[0]
    place = f"{path}:{command.line}: {first}"
    if command.is_hidden:
        return None if code == 0 else f"{place}\nended with {code}:\n" + "\n".join(actual)
    expected = list(command.expected)
    while expected and not expected[-1].strip():
        expected.pop()
    shown = match(expected, actual)
    if code != command.exit:
        return f"{place}\nended with {code}, not {command.exit}:\n" + "\n".join(actual)
    if shown is None:
        return None
    lines = difflib.unified_diff(shown, actual, f"{path}, from line {command.first}", "printed now", lineterm="", n=2)
    return f"{place}\nprints something else:\n" + "\n".join(lines)


def write_back(path, results):
    """Puts what was printed into the file, from the last to the first so that lines keep their numbers."""
    lines = path.read_text().splitlines()
    for command, actual in reversed(results):
        begin = command.first - 1
        lines[begin:begin + len(command.expected)] = actual
    path.write_text("\n".join(lines) + "\n")


def check(path, programs, is_writing):
    """Runs one file; the complaints."""
    commands = parse(path.read_text())
    if not commands:
        return [f"{path}: no example to run"]
    complaints, results = [], []
    network = machines.Network(programs)
    runner = Runner(network)
    try:
        for command in commands:
            began = time.monotonic()
            try:
                code, actual = runner.run(command)
            except AssertionError as error:
                complaints.append(f"{path}:{command.line}: {error}")
                break
            complaint = differs(path, command, code, actual)
            took = time.monotonic() - began
            print(f"{'ok  ' if complaint is None else 'FAIL'} {path.name}:{command.line} {took:5.1f} s  "
                  f"{command.machine}$ {command.text.splitlines()[0]}", flush=True)
            if complaint and is_writing and code == command.exit and not command.is_hidden:
                results.append((command, actual))
            elif complaint:
                complaints.append(complaint)
                if not is_writing:
                    break  # what follows builds on it
    finally:
        network.close()
    if is_writing and results:
        write_back(path, results)
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    if options.list:
        for path in options.files:
            for command in parse(path.read_text()):
                print(f"{path}:{command.line}: {command.machine}$ {shlex.quote(command.text)}")
        return 0
    machines.enter()
    programs = os.environ.get("BUGLE_BIN") or pathlib.Path(__file__).parents[2] / "build" / "dev" / "bin"
    complaints = [one for path in options.files for one in check(path, programs, options.write)]
    for one in complaints:
        print(f"\n{one}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
