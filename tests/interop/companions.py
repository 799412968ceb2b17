#!/usr/bin/env python3
"""unexpunge, cyr_expire, ipurge, arbitron and cyr_df beside those of the real Cyrus 3.6.1: the same command on two copies of
a store has to print the same and leave the same files, but for the times of the run; then the real tools find nothing wrong
with ours. A dry run has to leave every byte as it was."""
import argparse
import difflib
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests/matrix"))
import cyrusdb  # noqa: E402
RECORD = 112  # of index version 17
HEADER = 160
# Words of header and record that hold the time of the run or a CRC over it.
HEADER_TIMES = {22, 23, 25, 34, 39}
RECORD_TIMES = {7, 27}

GROUP = subprocess.run(["id", "-gn", "nobody"], capture_output=True, text=True, check=False).stdout.strip()

# Store, program, arguments.
CASES = [
    ("default", "unexpunge", ["-v", "-u", "user/wes/Big", "3", "8"]),
    ("default", "unexpunge", ["-u", "-d", "-f", "Rescued", "user/bovik", "4", "5"]),
    ("default", "unexpunge", ["-l", "user/bovik"]),
    ("default", "cyr_expire", ["-v", "-X", "1s", "-u", "wes"]),
    ("modern", "cyr_expire", ["-v", "-c", "-A", "0s", "-u", "wes"]),
    ("modern", "ipurge", ["-f", "-b", "10000", "user/bovik"]),
    ("modern", "unexpunge", ["-u", "user/bovik", "3"]),
    ("classic", "ipurge", ["-f", "-b", "10000", "user.bovik"]),
    ("default", "ipurge", ["-f", "-n", "-v", "-x", "-d", "8035", "user/bovik"]),
]
DRY = [
    ("default", "unexpunge", ["-n", "-a", "user/bovik"]),
    ("modern", "cyr_expire", ["-n", "-v", "-E", "1", "-X", "0s", "-D", "0", "-t", "-A", "0s"]),
    ("classic", "ipurge", ["-n", "-f", "-d", "1"]),
]


class Failed(Exception):
    pass


class Copy:
    """A store of tests/data, unpacked, owned by the user that the real programs run as."""

    def __init__(self, scratch, store, name):
        self.root = os.path.join(scratch, name, "cyrus")
        os.makedirs(os.path.dirname(self.root))
        subprocess.run(["tar", "-C", os.path.dirname(self.root), "--no-same-owner", "-xf",
                        os.path.join(SOURCE, "tests/data/stores", store + ".tar.zst")], check=True)
        for folder in ("lock", "proc"):
            os.makedirs(os.path.join(self.root, "run", folder), exist_ok=True)
        self.conf = os.path.join(self.root, "etc/imapd.conf")
        with open(self.conf, encoding="utf-8") as file:
            text = file.read().replace("/srv/cyrus", self.root)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(text)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody:", os.path.dirname(self.root)], check=True)

    def run(self, program, arguments):
        done = subprocess.run([*program, "-C", self.conf, *arguments], capture_output=True, check=False, timeout=300,
                              env={**os.environ, **({"CYRUS_USER": "nobody", "CYRUS_GROUP": GROUP} if os.getuid() == 0 else {})})
        return (done.returncode, done.stdout.decode(errors="replace").replace(self.root, "ROOT"),
                done.stderr.decode(errors="replace").replace(self.root, "ROOT"))

    def files(self):
        """Relative path to what its content comes to, times left out."""
        out = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                below = os.path.relpath(path, self.root)
                if not below.startswith("run/"):
                    out[below] = content(path, name)
        return out


def content(path, name):
    with open(path, "rb") as file:
        data = file.read()
    if name == "cyrus.index" and struct.unpack(">I", data[8:12])[0] == 17:
        return hashlib.sha1(masked(data)).hexdigest()
    return hashlib.sha1(data).hexdigest()


def masked(data):
    """An index without the words that the time of the run is in."""
    words = bytearray(data)
    spots = [4 * word for word in HEADER_TIMES]
    spots += [at + 4 * word for at in range(HEADER, len(data), RECORD) for word in RECORD_TIMES]
    for spot in spots:
        words[spot:spot + 4] = bytes(4)
    return bytes(words)


def expect(what, real, ours):
    if real != ours:
        both = [[str(side)] if not isinstance(side, list) else side for side in (real, ours)]
        raise Failed(what + ":\n" + "\n".join(list(difflib.unified_diff(*both, "real", "ours", lineterm="", n=0))[:30]))


def lines(text, program):
    found = [line for line in text.splitlines() if "conversations database" not in line]
    return sorted(found) if program == "arbitron" else found


# Databases are compared by the tools that read them, in judge(); what is disposable is not compared.
SKIPPED = re.compile(r"etc/imapd\.conf$|config/(statuscache\.db|mailboxes\.db|annotations\.db|deliver\.db|quotas\.db|"
                     r".*conversations.*|.*counters.*)$|.*/cyrus\.annotations$")


def differences(real, ours):
    names = {name for name in real.keys() | ours.keys() if not SKIPPED.match(name)}
    return sorted(name for name in names if real.get(name) != ours.get(name))


def mailboxes(copy, oracle):
    """Names, partitions, ACLs and ids; times of change differ."""
    return re.sub(r'"mtime": "\d+"', "", copy.run([oracle, "ctl_mboxlist"], ["-d"])[1])


def judge(copy, oracle):
    """What the real tools say of the store."""
    _, out, err = copy.run([oracle, "reconstruct"], ["-n"])
    trouble = [line for line in (out + err).splitlines() if re.search(r" uid \d+|updating|failed|IOERROR|mismatch", line)]
    _, out, err = copy.run([oracle, "quota"], ["-f"])
    trouble += [line for line in (out + err).splitlines() if ", now " in line or "-->" in line]
    if trouble:
        raise Failed("the real tools complain:\n" + "\n".join(trouble[:20]))


def compare(scratch, oracle, binaries, case):
    store, program, arguments = case
    real, ours = Copy(scratch, store, "real"), Copy(scratch, store, "ours")
    real_said = real.run([oracle, program], arguments)
    our_said = ours.run([os.path.join(binaries, program)], arguments)
    expect("exit status", real_said[0], our_said[0])
    expect("standard output", lines(real_said[1], program), lines(our_said[1], program))
    expect("standard error", lines(real_said[2], program), lines(our_said[2], program))
    different = differences(real.files(), ours.files())
    if different:
        raise Failed("other files than the real program's: " + ", ".join(different[:10]))
    expect("mailboxes", mailboxes(real, oracle), mailboxes(ours, oracle))
    expect("deliveries", deliveries(real, oracle), deliveries(ours, oracle))
    expect("conversations", conversations(real), conversations(ours))
    judge(ours, oracle)


def deliveries(copy, oracle):
    return [line for line in copy.run([oracle, "ctl_deliver"], ["-d"])[1].splitlines() if not line.startswith("it is NOW")]


def conversations(copy):
    """The records of every conversations database, without the times of the run."""
    out = []
    for folder, _, names in os.walk(os.path.join(copy.root, "config")):
        for name in names:
            if name == "conversations.db":
                path = os.path.join(folder, name)
                for key, value in sorted(dict(cyrusdb.read(path)[1]).items()):
                    stamp = value.rpartition(b" ")[0] if key.startswith(b"<") else value
                    out.append("%s %r %r" % (os.path.relpath(path, copy.root), key, stamp))
    return out


def dry_run(scratch, binaries, case):
    store, program, arguments = case
    copy = Copy(scratch, store, "dry")
    before = subprocess.run(["find", copy.root, "-printf", "%P %s %m %T@\n"], capture_output=True, check=True).stdout
    code, out, err = copy.run([os.path.join(binaries, program)], arguments)
    after = subprocess.run(["find", copy.root, "-printf", "%P %s %m %T@\n"], capture_output=True, check=True).stdout
    if code != 0 or "would" not in out + err and "Deleted messages" not in out:
        raise Failed(f"status {code}\n{out[-500:]}\n{err[-500:]}")
    if sorted(before.splitlines()) != sorted(after.splitlines()):
        raise Failed("a dry run changed the store")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    oracle = os.path.join(os.environ.get("CYRKIT_ORACLE", os.path.join(SOURCE, "build/oracle")), "run")
    if not os.path.exists(oracle):
        print("no real Cyrus here; scripts/fetch-oracle gets it", file=sys.stderr)
        return 1 if os.environ.get("CYRKIT_REQUIRE_ORACLE") else 77
    wrapper = tempfile.mkdtemp(prefix="cyrkit-companions.")
    os.chmod(wrapper, 0o755)
    failed = 0
    try:
        for number, case in enumerate(CASES + DRY):
            scratch = os.path.join(wrapper, str(number))
            try:
                if case in DRY:
                    dry_run(scratch, options.bin, case)
                else:
                    compare(scratch, oracle, options.bin, case)
                print("ok", *case[:2], *case[2])
            except Failed as error:
                failed += 1
                print("FAILED", *case[:2], *case[2], "\n", error)
            shutil.rmtree(scratch, ignore_errors=True)
    finally:
        shutil.rmtree(wrapper, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
