"""Machines of their own on this one: each with a root directory, a network address, a host name and processes that nobody else
sees, in namespaces of the kernel. For tests that install, enlist, unplug and reboot.

A root directory is the system's own, read through an overlay: what a machine writes stays with it, also over a reboot, and goes
with the test. The programs under test lie in /usr/local/bin, or come with the packages in $BUGLE_PACKAGES when "apt install" is
typed. Everything is inside one namespace of the test itself (enter()), so nothing is left on the host whatever happens, and
the usual ports are free.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import uuid

NETWORK = "192.0.2."  # RFC 5737: for documentation, routed nowhere
USER, USER_ID = "me", 4242
SKIPPED = 77
TOP = pathlib.Path(__file__).parents[2]

_SETUP = r"""
set -e
mount --make-rprivate /
mkdir -p "$DISK/upper" "$DISK/work" "$DISK/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$DISK/upper,workdir=$DISK/work" "$DISK/root"
cd "$DISK/root"
if test ! -e etc/machine-of-the-test; then
    rm -rf var/lib/bugle etc/bugle var/log/bugle home/* usr/bin/bugle* lib/systemd/system/bugle* usr/sbin/policy-rc.d
    : > etc/machine-of-the-test
    echo "$NAME" > etc/hostname
    echo "$USER:x:$USER_ID:$USER_ID::/home/$USER:/bin/bash" >> etc/passwd
    echo "$USER:x:$USER_ID:" >> etc/group
    mkdir -p "home/$USER" usr/local/bin usr/local/sbin
    chown "$USER_ID:$USER_ID" "home/$USER"
    : > etc/resolv.conf
fi
cat "$HOSTS" > etc/hosts
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir run/lock run/test && chmod 1777 run/test
mount --bind "$PROGRAMS" usr/local/bin
mount --bind "$SHIMS" usr/local/sbin
mkdir -p usr/local/share/deploy
mount --bind "$TOP/deploy" usr/local/share/deploy
if test -n "$PACKAGES"; then
    mkdir -p usr/local/share/packages
    mount --bind "$PACKAGES" usr/local/share/packages
    mount -t tmpfs tmpfs usr/local/bin  # only what the packages bring counts
fi
for program in bugle bugle-broker bugle-node bugle-exec; do
    test -s "usr/bin/$program" || test ! -e "usr/bin/$program" || mount --bind "$PROGRAMS/$program" "usr/bin/$program"
done
for conf in usr/lib/tmpfiles.d/bugle-*.conf; do
    test ! -e "$conf" || chroot . systemd-tmpfiles --create "${conf##*/}"
done
mount --bind "$BOOT_ID" proc/sys/kernel/random/boot_id
hostname "$NAME"
ip link set lo up
echo up
exec chroot . sleep infinity
"""


def why_not():
    """Why machines cannot be made here; None when they can."""
    if os.geteuid() != 0:
        return "machines of their own need root (mount, network and process namespaces)"
    tried = subprocess.run(
        ["unshare", "-m", "-n", "-p", "-u", "--fork", "sh", "-ec",
         "mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w /mnt/r && "
         "mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r && "
         "ip link add name try0 type bridge && ip link add name try1 type veth peer name try2"],
        capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no namespaces here: {tried.stderr.strip()}"


def require():
    """Ends with 77 and the reason where machines cannot be made."""
    reason = why_not()
    if reason:
        print(f"SKIP: {reason}")
        sys.exit(SKIPPED)


def enter():
    """Starts this very program again inside namespaces of its own; returns there. Ends as require() where it cannot."""
    if os.environ.get("BUGLE_TEST_INSIDE") == "1":
        return
    require()
    os.environ["BUGLE_TEST_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-m", "-n", "-p", "-u", "--fork", "--kill-child", "--mount-proc",
                          sys.executable, *sys.argv])


def run(*command, **more):
    subprocess.run(command, check=True, **more)


class Machine:
    """One machine; made by Network.machine, started at once."""

    def __init__(self, network, name, number):
        self.network, self.name, self.number = network, name, number
        self.address = f"{NETWORK}{number}"
        self.disk = network.directory / name
        self.disk.mkdir()
        self.init = None
        self.boot()

    def boot(self):
        boot_id = self.disk / "boot_id"
        boot_id.write_text(f"{uuid.uuid4()}\n")
        self.keeper = subprocess.Popen(
            ["unshare", "-m", "-n", "-p", "-u", "--fork", "--kill-child", "sh", "-c", _SETUP], stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL, text=True, env={
                "PATH": os.environ["PATH"], "NAME": self.name, "DISK": str(self.disk), "USER": USER, "USER_ID": str(USER_ID),
                "HOSTS": str(self.network.hosts), "PROGRAMS": self.network.programs, "BOOT_ID": str(boot_id),
                "SHIMS": str(self.network.shims), "TOP": str(TOP),
                "PACKAGES": os.environ.get("BUGLE_PACKAGES", "")})
        if self.keeper.stdout.readline() != "up\n":
            raise RuntimeError(f"machine {self.name} does not come up")
        children = pathlib.Path(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children").read_text().split()
        self.init = int(children[0])
        self.root = pathlib.Path(f"/proc/{self.init}/root")
        self.plug_in()

    @property
    def link(self):
        return f"m{self.number}"

    def plug_in(self):
        run("ip", "link", "add", "name", self.link, "master", "lan", "type", "veth", "peer", "name", "eth0", "netns", str(self.init))
        run("ip", "link", "set", self.link, "up")
        run("nsenter", "-t", str(self.init), "-n", "sh", "-ec",
            f"ip address add {self.address}/24 dev eth0; ip link set eth0 up; ip route add default via {NETWORK}254")

    def cable(self, is_in):
        """Pulls the cable out, or puts it in again."""
        run("ip", "link", "set", self.link, "up" if is_in else "down")

    def power_off(self):
        """All processes die at once; what is in run and tmp is gone."""
        self.keeper.kill()
        self.keeper.wait()
        self.keeper.stdout.close()
        subprocess.run(["ip", "link", "delete", self.link], capture_output=True, check=False)

    def reboot(self):
        """Off and on: another boot id, nothing runs but the services that are enabled."""
        self.power_off()
        self.boot()
        self.sh("systemctl boot")

    def command(self, *arguments, user="root", environment=None):
        """The argument list that runs a program inside."""
        home = "/root" if user == "root" else f"/home/{user}"
        become = [] if user == "root" else [
            "setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups", "--"]
        settings = {"HOME": home, "USER": user, "LOGNAME": user, "LC_ALL": "C.UTF-8", "TERM": "dumb",
                    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **(environment or {})}
        return ["nsenter", "-t", str(self.init), "-m", "-u", "-n", "-p", f"--root={self.root}", f"--wd={self.root}{home}", "--",
                *become, "env", "-i", *[f"{key}={value}" for key, value in settings.items()], *map(str, arguments)]

    def sh(self, text, code=0, user="root", deadline=60):
        """Runs a shell command inside to its end; gives what it printed, both streams together."""
        done = subprocess.run(self.command("bash", "-c", text, user=user), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=deadline, check=False)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{self.name}: {text}\nended with {done.returncode}, not {code}\n{done.stdout}")
        return done.stdout

    def processes(self):
        """Command lines of what runs inside."""
        return self.sh("for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f; echo; done 2> /dev/null")


class Network:
    """A switch with machines on it. Only inside enter()."""

    def __init__(self, programs):
        self.programs = str(programs)
        if not pathlib.Path(self.programs, "bugle").exists():
            raise SystemExit(f"no programs in {self.programs}; set BUGLE_BIN")
        self.directory = pathlib.Path("/mnt")  # of our own mount namespace: nobody else sees what we put there
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(self.directory))
        self.hosts = self.directory / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n")
        self.shims = self.directory / "shims"
        self.shims.mkdir()
        self.machines = {}
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "name", "lan", "type", "bridge")
        run("ip", "link", "set", "lan", "up")
        sudo = self.shims / "sudo"
        sudo.write_text('#!/bin/sh\nSUDO_USER=$(id -un) HOME=/root exec '
                        '/usr/local/sbin/become-root --reuid=0 --regid=0 --clear-groups -- env LD_PRELOAD="$LD_PRELOAD" "$@"\n')
        sudo.chmod(0o755)
        for tool in (pathlib.Path(__file__).parent / "machine").iterdir():
            shutil.copy(tool, self.shims)
        shutil.copy(shutil.which("setpriv"), self.shims / "become-root")
        (self.shims / "become-root").chmod(0o4755)

    def machine(self, name):
        """The machine of that name, made when it is asked for first."""
        if name not in self.machines:
            number = len(self.machines) + 1
            with open(self.hosts, "a", encoding="utf-8") as hosts:
                hosts.write(f"{NETWORK}{number} {name}\n")
            for other in self.machines.values():
                shutil.copy(self.hosts, other.root / "etc/hosts")
            self.machines[name] = Machine(self, name, number)
        return self.machines[name]

    def close(self):
        for machine in self.machines.values():
            machine.power_off()
        subprocess.run(["umount", "-l", str(self.directory)], check=False)
