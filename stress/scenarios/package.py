# SPDX-License-Identifier: Apache-2.0
"""The Debian package: built, installed in a clean Debian, used there, removed without a trace.

    tools/package ── nat64.deb ── a root made by mmdebstrap ── the package's own tests in it:
                                  client ── gateway (/usr/bin/nat64) ── server

Pass: lintian has nothing to say; apt installs it with what it depends on; the user exists and the
service is neither enabled nor started; unit, examples and completions are good; the package's
autopkgtest (debian/tests/lab, two scenarios) passes with the installed executable; a systemd that
boots there runs the service as the user nat64 with CAP_NET_ADMIN alone, lets the group in, brings
it back after SIGKILL and does not after a wrong configuration; a purge leaves nothing. Where no
Debian mirror is reachable, the clean root is an overlay of this machine's, and nothing boots.

The root has mount, process and network namespaces of its own: whatever happens, all of it goes.
"""

import glob
import os
import re
import shutil
import stat
import subprocess
import tempfile

from lab.translators import REPOSITORY

TIME_LIMIT = 300  # a minute where nothing else runs
LONG = True
SOURCES = ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")
PACKAGES = os.path.join(REPOSITORY, "build", "package")
# $1 is the root, or "" for an overlay of / in $2; $3 is build/package.
# Then: a command inside, in the sources.
ENTER = r"""
set -e
root=$1 scratch=$2 packages=$3
shift 3
if [ -z "$root" ]; then
    mkdir -p "$scratch/upper" "$scratch/work" "$scratch/root"
    root=$scratch/root
    mount -t overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" none "$root"
else
    mount --bind "$root" "$root"
fi
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$packages" "$root/mnt"
ip link set lo up
cd "$root"
exec chroot "$root" sh -c "cd /mnt/nat64 && $*"
"""

# Run by systemd in the root: prints `NAME VALUE` lines.
AS_SERVICE = r"""#!/bin/bash
exec >/opt/said 2>&1
property() { systemctl show -p "$1" --value nat64; }
ip address add 2001:db8::1/64 dev lo
systemctl start nat64; echo "started $?"
pid=$(property MainPID)
echo "user $(ps -o user= -p "$pid")"
held() { sed -n 's/^CapPrm:\s*0*//p' "/proc/$1/status"; }
echo "capabilities <$(held "$pid")>"
echo "capabilities of the second process <$(held "$(pgrep -P "$pid")")>"
echo "status $(property StatusText)"
usermod -aG nat64 games
setpriv --reuid=games --regid=games --init-groups nat64 show status >/dev/null; echo "group $?"
kill -9 "$pid"
for try in $(seq 100); do
    [ "$(property MainPID)" != "$pid" ] && nat64 show status >/dev/null 2>&1 && break
    sleep 0.2
done
nat64 show status >/dev/null; echo "again $?"
echo "pol: [9.9.9.0/28]" > /etc/nat64/nat64.yaml
systemctl restart nat64; echo "wrong $?"
echo "state $(property ActiveState) $(property ExecMainStatus)"
rm /etc/nat64/nat64.yaml
journalctl --no-pager -u nat64
systemctl poweroff
"""
UNIT = "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/opt/as-service\n"


def run(case):
    built = program(os.path.join(REPOSITORY, "tools", "package"), "--executable", case.executable)
    case.succeeds("tools/package, lintian", built)
    case.require("there is a package", built.returncode == 0)
    package = built.stdout.split()[-1]
    scratch = case.stack.enter_context(Scratch())
    root = clean_root(case, scratch.path, os.path.join(REPOSITORY, package))

    def inside(*words):
        return program(
            *"unshare --mount --pid --net --fork --kill-child sh -c".split(),
            ENTER, "enter", root, scratch.path, PACKAGES, *words,
        )  # fmt: skip

    if not root:
        case.succeeds("dpkg installs it", inside("dpkg -i ../nat64_*.deb"))
    installed(case, inside)
    if root:
        as_service(case, root)
    lab = inside("debian/tests/lab")
    case.succeeds("the package's own tests", lab)
    case.check("... of two scenarios", "2 passed, 0 failed" in lab.stdout, lab)
    purged(case, inside)


def clean_root(case, scratch, package):
    """A directory with a minimal Debian that has the package; "" when there is no mirror."""
    sources = [path for path in SOURCES if os.path.exists(path)]
    control = os.path.join(PACKAGES, "nat64", "debian", "tests", "control")
    with open(control, encoding="utf-8") as stream:
        needed = re.findall(r"^ ([\w.+-]+),$", stream.read(), re.M)
    root = os.path.join(scratch, "root")
    made = program(
        "mmdebstrap",
        "--variant=apt",
        "--mode=root",
        "--format=directory",
        f"--include={','.join(needed)},systemd-sysv,dbus",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=force-unsafe-io",
        f"--customize-hook=copy-in {package} /opt",
        '--customize-hook=chroot "$1" sh -c "apt-get -qy install /opt/nat64_*.deb"',
        "bookworm",
        root,
        sources[0],
        timeout=1000,
    )
    if made.returncode != 0 and re.search(r"Could not resolve|Could not connect", made.stderr):
        case.note("no Debian mirror is reachable: the root is an overlay of this machine's")
        return ""
    case.succeeds("apt installs it in a clean Debian", made)
    case.require("there is a root", made.returncode == 0)
    return root


def installed(case, inside):
    case.succeeds("the executable runs", inside("nat64 version"))
    done = inside("getent passwd nat64 && getent group nat64")
    case.check("user and group exist", len(done.stdout.splitlines()) == 2, done)
    done = inside("ls /etc/systemd/system/*.wants/ | grep nat64")
    case.check("the service is not enabled", done.returncode != 0, done)
    unit = "/lib/systemd/system/nat64.service"
    case.succeeds("the unit is good", inside(f"systemd-analyze verify --man=no {unit}"))
    done = inside(f"systemd-analyze security --offline=yes {unit}")
    score = re.search(r"exposure level for nat64.service: ([0-9.]+)", done.stdout)
    case.check("the unit is hardened", score and float(score[1]) <= 2.0, done.stdout[-200:])
    done = inside(
        "for file in /usr/share/doc/nat64/examples/*.yaml; do"
        " nat64 check -c $file >/dev/null || exit 1; echo $file; done"
    )
    examples = glob.glob(os.path.join(REPOSITORY, "examples", "*.yaml"))
    case.check("every example is there and loads", len(done.stdout.split()) == len(examples), done)
    done = inside(
        "bash --norc -c 'source /usr/share/bash-completion/completions/nat64;"
        " COMP_WORDS=(nat64 show st) COMP_CWORD=2; _nat64; echo ${COMPREPLY[@]}'"
    )
    case.equal("bash completes", done.stdout.strip(), "status")
    done = inside("dpkg -L nat64")
    for path in ("man/man8/nat64.8.gz", "man/man5/nat64.yaml.5.gz", "nat64/nat64.schema.json"):
        case.check(f"it has {path}", f"/usr/share/{path}" in done.stdout.split(), done)


def as_service(case, root):
    """Boots the root with its own systemd."""
    with open(f"{root}/opt/as-service", "w", encoding="utf-8") as stream:
        stream.write(AS_SERVICE)
    os.chmod(f"{root}/opt/as-service", 0o755)
    with open(f"{root}/etc/systemd/system/as-service.service", "w", encoding="utf-8") as stream:
        stream.write(UNIT)
    tun = f"{root}/opt/tun"  # a node of its own, with the mode that Debian's udev gives it
    os.mknod(tun, 0o666 | stat.S_IFCHR, os.makedev(10, 200))
    os.chmod(tun, 0o666)
    booted = program(
        *f"systemd-nspawn -D {root} --boot --private-network --keep-unit --register=no".split(),
        f"--bind={tun}:/dev/net/tun",
        "--property=DeviceAllow=/dev/net/tun rw",
        "systemd.unit=as-service.service",
    )
    said_path = f"{root}/opt/said"
    case.require("systemd boots in the root", os.path.exists(said_path), booted)
    with open(said_path, encoding="utf-8", errors="replace") as stream:
        said = stream.read()
    for line in (
        "started 0",
        "user nat64",
        "capabilities <>",
        "capabilities of the second process <1000>",
        "status prefix 64:ff9b::/96",
        "group 0",
        "again 0",
        "wrong 1",
        "state failed 2",
    ):
        case.check(f"as a service: {line}", line in said.splitlines(), said[-3000:])


def purged(case, inside):
    done = inside("dpkg --purge nat64 && find /etc /lib/ /usr /var/lib -name '*nat64*'")
    case.succeeds("purge", done)
    left = [line for line in done.stdout.splitlines() if line.startswith("/")]
    case.equal("nothing is left", left, [])


class Scratch:
    """A directory on disk (a root does not fit a small /tmp in memory)."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="n64-package-", dir="/var/tmp")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def program(*argv, timeout=120):
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired as slow:
        said = [(part or b"").decode(errors="replace") for part in (slow.stdout, slow.stderr)]
        return subprocess.CompletedProcess(argv, 124, *said)
