#!/usr/bin/python3
"""Runs the examples of Markdown files, in order, on clean machines, and compares what they print.

    run_markdown.py FILE.md...           runs them; ends with 1 and the difference where one prints something else
    run_markdown.py --write FILE.md...   runs them and puts what was printed into the file where it differed
    run_markdown.py --list FILE.md...    the commands, nothing run
    --section HEADING                    only what is below that heading
    --packages                           makes the Debian packages first, and installs them where "apt install" is typed

An example is a block of the language "console". A line that begins with "$ " is a command, the lines below it are all that
it prints (both streams); no line means that it prints nothing. "web01$ " runs on the machine web01, "$ " on the machine
"laptop", "web[01-10]$ " on each of ten at once; each is a machine of its own with an own network address, and the user "me" at home in /home/me. "sudo apt install
./bugle-node_*.deb" and systemctl do there what packages and systemd would do. A command goes on over lines while it ends in a
backslash or an open here-document. A command that ends in " &" is waited for until it says that it is ready. Every command
ends with 0 unless it is said otherwise.

    ...          as a line: any number of lines; inside a line: anything
    $ false      followed by nothing: has to print nothing

Ids, keys, tokens, codes, times, durations, sizes, versions and process ids in the expected text stand for any of their kind,
and runs of blanks for any number of blanks. What was printed in place of an id, key, token or code takes its place in the
commands that follow, so that a page can go on with what it has shown. Comments of HTML, each before the block it is about:

    <!-- run: skip: REASON -->                 the next block is not run (only that one)
    <!-- run: exit 5 -->                       the last command of the next block ends with 5
    <!-- run: as root -->                      the next block is typed by root
    <!-- run                                   commands that readers need not see; they must succeed, output is not compared.
    web02$ bugle-node &                        With a prompt or without; "await COMMAND" repeats until it succeeds
    -->
"""

import argparse
import concurrent.futures
import difflib
import os
import pathlib
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
import foreground
import machines

TOP = pathlib.Path(__file__).parents[2]
DEADLINE = float(os.environ.get("BUGLE_TEST_DEADLINE", "60"))
HERE = "laptop"  # the machine of a plain prompt
PROMPT = re.compile(r"([a-z][a-z0-9-]*(?:\[\d+-\d+\])?)?\$ ")
BACKGROUND = re.compile(r" &\s*(#.*)?$")
HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")

# --- what may vary: how the expected text looks, and what stands for it ---

_ID = "[0-9a-hjkmnp-tv-z]"
_TIME = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?: ?(?:Z|UTC|[+-]\d\d:\d\d))?"
_DURATION = r"\d+(?:\.\d+)? ?(?:ms|us|min|s|m|h|d)(?: \d+(?:\.\d+)? ?(?:ms|us|min|s|m|h|d))*"
# What is a name of something: the same text later on means the same thing.
NAMING = [(re.compile(look), stands or look) for look, stands in (
    (r"bugle-([tp])1\.[0-9a-z]+(?:\.\.\.)?", r"bugle-[tp]1\.[0-9a-z]+"),
    (r"\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b", r"\b[0-9a-f]{32,64}\b"),
    (rf"\b{_ID}{{26}}\b", None),
    (rf"\b(?=[a-z]*\d)(?=\d*[a-z]){_ID}{{8}}\b", rf"\b{_ID}{{8}}\b"),
    (r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}\b", None),
    (r"(?<![^\s'\"])(?=\S*[0-9])(?=\S*[a-z])(?=\S*[A-Z])[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]{40}(?![^\s'\"])",
     r"[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]{40}"),
)]
PASSING = [(re.compile(look), stands or look) for look, stands in (
    (rf"(?:{_TIME})", None),
    (r"\b\d\d:\d\d(?::\d\d(?:\.\d+)?)?\b", None),
    (rf"\b{_DURATION}\b", _DURATION),
    (r"\b\d+(?:\.\d+)? ?(?:[KMGT]i?B|bytes)\b", r"\d+(?:\.\d+)? ?(?:[KMGT]i?B|bytes|B)"),
    (r"\b0\.\d+\.\d+(?:[-+~][\w.]+)?\b", r"\d+\.\d+\.\d+(?:[-+~][\w.]+)?"),
    (r"\bpid[ =:]\d+", r"pid[ =:]\d+"),
)]


def unfold(name):
    """web[01-03] -> web01, web02, web03."""
    found = re.fullmatch(r"(.*)\[(\d+)-(\d+)\]", name)
    if not found:
        return [name]
    return [f"{found[1]}{number:0{len(found[2])}}" for number in range(int(found[2]), int(found[3]) + 1)]


class Line:
    """One expected line: what matches it, and the names in it."""

    def __init__(self, expected):
        self.names, out, at = [], [], 0
        text = expected.rstrip()
        self.is_any = text.strip() == "..."
        while at < len(text):
            piece, at = self._piece(text, at)
            out.append(piece)
        self.pattern = re.compile("".join(out) + r"\s*")

    def _piece(self, text, at):
        """The pattern of what begins at a place, and the place after it."""
        for kinds in (NAMING, PASSING):
            for look, stands in kinds:
                found = look.match(text, at)
                if found and kinds is NAMING:
                    self.names.append(found[0])
                    return f"({stands})", found.end()
                if found:
                    return f"(?:{stands})", found.end()
        if text.startswith("...", at):
            return ".*", at + 3
        blanks = re.match(r"\s+", text[at:])
        if blanks:
            return r"\s+", at + blanks.end()
        return re.escape(text[at]), at + 1


class Match:
    """What was printed beside what was expected. is_same; names: the expected name -> the one in its place; shown: the
    expected lines with what agrees taken from the actual ones, for a difference."""

    def __init__(self, expected, actual):
        lines = [Line(line) for line in expected]
        reach = [{0}]  # reach[i]: the j for which lines[:i] can stand for actual[:j]
        for line in lines:
            before = reach[-1]
            if line.is_any:
                reach.append(set(range(min(before), len(actual) + 1)) if before else set())
            else:
                reach.append({j + 1 for j in before if j < len(actual) and line.pattern.fullmatch(actual[j])})
        self.is_same, self.names = len(actual) in reach[-1], {}
        if self.is_same:
            self._walk_back(lines, actual, reach)
            self.shown = actual
        else:
            self._pair(lines, expected, actual)

    def _take(self, line, text):
        found = line.pattern.fullmatch(text)
        self.names.update(zip(line.names, [group for group in found.groups() if group is not None]))

    def _walk_back(self, lines, actual, reach):
        """Which line stands for which: one of the ways, from the end."""
        j = len(actual)
        for i in range(len(lines), 0, -1):
            if lines[i - 1].is_any:
                j = max(k for k in reach[i - 1] if k <= j)
            else:
                j -= 1
                self._take(lines[i - 1], actual[j])

    def _pair(self, lines, expected, actual):
        self.shown, rest = [], list(actual)
        for line, text in zip(lines, expected):
            same = next((one for one in rest if not line.is_any and line.pattern.fullmatch(one)), None)
            self.shown.append(text if same is None else same)
            if same is not None:
                self._take(line, same)
                rest = rest[rest.index(same) + 1:]


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
    """A shell that stays, of one user on one machine. Lines come out at once, as on a terminal: the order of the two streams
    is that which people see."""

    def __init__(self, machine, user):
        self.count, self.user = 0, user
        self.directory = machine.root / "run" / "test"
        self.child = subprocess.Popen(
            machine.command("stdbuf", "-oL", "bash", "--noprofile", "--norc", "-c", _LOOP, user=user,
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

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.kill()
        self.child.wait()

    @staticmethod
    def wait_ready(log, text):
        def look():
            said = log.read_text(errors="replace") if log.exists() else ""
            if "error:" in said:
                raise AssertionError(f"{text}\n{said}")
            return " ready " in said
        foreground.wait_for(f"'{text}' is ready", look, DEADLINE)


class Runner:
    """Runs commands on the machines of a network; names: what the page shows -> what it is this time."""

    def __init__(self, network):
        self.network, self.shells, self.names = network, {}, {}

    def shell(self, machine, user):
        key = (machine, user or machines.USER)
        if key not in self.shells:
            self.shells[key] = Shell(self.network.machine(machine), key[1])
        return self.shells[key]

    def run(self, command):
        """(machine, exit code, lines) for each machine of the command, at once."""
        text = command.text
        for shown, real in self.names.items():
            text = text.replace(shown, real)
        places = unfold(command.machine)
        shells = [self.shell(place, command.user) for place in places]
        with concurrent.futures.ThreadPoolExecutor(len(places)) as pool:
            done = list(pool.map(lambda shell: shell.run(text), shells))
        return [(place, code, [line.rstrip() for line in out.splitlines()]) for place, (code, out) in zip(places, done)]


    def close(self):
        for shell in self.shells.values():
            shell.close()
        self.network.close()


def differs(path, command, machine, code, actual, names):
    """The complaint about one command, None when it did as the page says; adds to the names."""
    place = f"{path}:{command.line}: {machine}$ {command.text.splitlines()[0]}"
    if command.is_hidden:
        return None if code == 0 else f"{place}\nended with {code}:\n" + "\n".join(actual)
    expected = list(command.expected)
    while expected and not expected[-1].strip():
        expected.pop()
    found = Match(expected, actual)
    names.update(found.names)
    if code != command.exit:
        return f"{place}\nended with {code}, not {command.exit}:\n" + "\n".join(actual)
    if found.is_same:
        return None
    lines = difflib.unified_diff(
        found.shown, actual, f"{path}, from line {command.first}", "printed now", lineterm="", n=2)
    return f"{place}\nprints something else:\n" + "\n".join(lines)


def shown_again(line, names):
    """A printed line with the names that the page has for what is in it."""
    for shown, real in names.items():
        line = line.replace(real, shown)
    return line


def write_back(path, results):
    """Puts what was printed into the file, from the last to the first so that lines keep their numbers."""
    lines = path.read_text().splitlines()
    for command, actual in reversed(results):
        begin = command.first - 1
        lines[begin:begin + len(command.expected)] = actual
    path.write_text("\n".join(lines) + "\n")


def try_one(path, command, runner):
    """(complaint, lines of the first machine that differs)"""
    try:
        done = runner.run(command)
    except AssertionError as error:
        return f"{path}:{command.line}: {error}", None
    for machine, code, actual in done:
        complaint = differs(path, command, machine, code, actual, runner.names)
        if complaint:
            return complaint, actual if code == command.exit and not command.is_hidden else None
    return None, None


def section(commands, text, heading):
    """Those below a heading of any level, up to the next one of it."""
    lines = text.splitlines()
    begin = next((number for number, line in enumerate(lines, 1) if re.fullmatch(rf"#+ {re.escape(heading)}", line)), None)
    if begin is None:
        raise SystemExit(f"there is no heading '{heading}'")
    level = lines[begin - 1].split()[0]
    end = next((number for number, line in enumerate(lines, 1) if number > begin and line.startswith(f"{level} ")),
               len(lines) + 1)
    return [command for command in commands if begin < command.line < end]


def read(path, heading):
    text = path.read_text()
    commands = parse(text)
    return section(commands, text, heading) if heading else commands


def make_packages():
    """Before the namespaces are entered: what is missing may have to be installed."""
    directory = tempfile.mkdtemp(prefix="bugle-packages.")
    subprocess.run([TOP / "deploy" / "package", "--tree", "--no-check", "--out", directory], check=True)
    os.environ.update(BUGLE_PACKAGES=directory, BUGLE_PACKAGES_MADE="1")


def check(path, programs, is_writing, heading):
    """Runs one file; the complaints."""
    commands = read(path, heading)
    if not commands:
        return [f"{path}: no example to run"]
    complaints, results = [], []
    runner = Runner(machines.Network(programs))
    try:
        for command in commands:
            began = time.monotonic()
            complaint, actual = try_one(path, command, runner)
            took = time.monotonic() - began
            print(f"{'ok  ' if complaint is None else 'FAIL'} {path.name}:{command.line} {took:5.1f} s  "
                  f"{command.machine}$ {command.text.splitlines()[0]}", flush=True)
            if complaint and is_writing and actual is not None:
                results.append((command, [shown_again(line, runner.names) for line in actual]))
            elif complaint:
                complaints.append(complaint)
                break  # what follows builds on it
    finally:
        runner.close()
    if is_writing and results:
        write_back(path, results)
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--section")
    parser.add_argument("--packages", action="store_true")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    if options.list:
        for path in options.files:
            for command in read(path, options.section):
                print(f"{path}:{command.line}: {command.machine}$ {shlex.quote(command.text)}")
        return 0
    if options.packages and "BUGLE_PACKAGES" not in os.environ:
        machines.require()
        make_packages()
    machines.enter()  # which starts this program anew
    try:
        return run_all(options)
    finally:
        if "BUGLE_PACKAGES_MADE" in os.environ:
            shutil.rmtree(os.environ["BUGLE_PACKAGES"])


def run_all(options):
    programs = os.environ.get("BUGLE_BIN") or TOP / "build" / "dev" / "bin"
    complaints = [one for path in options.files for one in check(path, programs, options.write, options.section)]
    for one in complaints:
        print(f"\n{one}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
