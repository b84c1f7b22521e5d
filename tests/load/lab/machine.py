"""The machine that a figure was measured on, the programs under test, and what the machine itself takes."""

import datetime
import os
import pathlib
import platform
import resource
import subprocess
import sys

from .kernel import raise_descriptors

TOP = pathlib.Path(__file__).resolve().parents[3]


def machine():
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "-C", str(TOP), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {"cpus": os.cpu_count(), "model": model, "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf(
        "SC_PHYS_PAGES") / 2**30), "kernel": platform.release(), "commit": commit.stdout.strip(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")}


def build(*targets):
    """The release preset: these targets of it, or the four programs; gives the directory with the programs."""
    targets = targets or ("bugle", "bugle-broker", "bugle-node", "bugle-exec")
    print("building the release preset", file=sys.stderr)
    target = TOP / "build" / "release"
    for command in (["cmake", "--preset", "release", "-DBUGLE_BUILD_TESTS=ON"],  # deploy/demo leaves them out
                    ["cmake", "--build", str(target), "--target", *targets]):
        done = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}{sys.argv[0]}: the build failed")
    return target / "bin"


def raise_limits(nodes):
    hard = raise_descriptors()
    wanted = 40 * nodes + 200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(f"{sys.argv[0]}: {nodes} nodes need about {wanted} descriptors, the limit is {hard}; "
                 "raise it or ask for fewer nodes")


def environment(directory):
    """That of a stranger: no settings of whoever measures, an identity of its own below the directory."""
    found = {key: value for key, value in os.environ.items()
             if not key.startswith(("BUGLE_", "XDG_", "SUDO_")) and key not in ("NOTIFY_SOCKET", "TZ")}
    found.update(BUGLE_CONFIG_DIR=str(directory / "config"), LC_ALL="C.UTF-8")
    return found
