#!/usr/bin/env python3
"""quota -f on what goes wrong with quotas: ours beside the real 3.6.1, on copies of one store with a few mailboxes more. What a root
uses is judged by the sizes in the index records, read here; a mailbox belongs to the longest root at or above its name.

  quota_scenarios.py --bin DIR [NAME ...]
"""
import argparse
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "interop")]
import cyrusdb  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import imapd  # noqa: E402
import mailboxfile  # noqa: E402
import oracle as real_cyrus  # noqa: E402

MAILBOXES = ("user.base", "user.base.sub", "user.base.sub.deep", "user.base.other", "user.baseplus")
GIB = 1 << 30


def roots_of(root):
    """{root: (bytes used, KiB limit or None)}; a record that cannot be read is (None, None)."""
    out = {}
    for name, (_, value) in cyrusdb.read_quotalegacy(os.path.join(root, "config")).items():
        text = value.decode("latin-1")
        found = re.search(r"\bS \((\d+)(?: (-?\d+))?\)", text) or re.match(r"(\d+) (-?\d+)( |$)", text)
        out[name] = (int(found.group(1)), int(found.group(2) or -1)) if found else (None, None)
    return out


def root_above(name, roots):
    above = [root for root in roots if name == root or name.startswith(root + ".")]
    return max(above, key=len, default=None)


def sizes_of(reader, name):
    """Bytes of the messages of a mailbox; None: its index cannot be read."""
    places = reader.places(name, reader.list[name])
    try:
        with open(places["index"], "rb") as file:
            _, records = mailboxfile.read_index(file.read())
    except (OSError, mailboxfile.Broken):
        return None
    return sum(r["size"] for r in records if not r["system_flags"] & mailboxfile.EXPUNGED)


def judge(root):
    """(roots with the right usage, roots, mailboxes whose header names the right root, mailboxes, wrong ones in words)"""
    reader, roots = facts.Reader(root), roots_of(root)
    used = dict.fromkeys(roots, 0)
    unknown, right, wrong, count = set(), 0, [], 0
    for name in sorted(reader.list):
        if "d" in reader.list[name]["type"][1:] or "i" in reader.list[name]["type"][1:]:
            continue
        places = reader.places(name, reader.list[name])
        above, size = root_above(name, roots), sizes_of(reader, name)
        if size is None:
            unknown.add(above)
            continue
        count += 1
        if above:
            used[above] += size
        with open(places["header"], "rb") as file:
            named = mailboxfile.read_header(file.read())["quotaroot"] or None
        right += named == above
        wrong += [] if named == above else ["%s names %s, not %s" % (name, named, above)]
    good = [name for name in roots if name in unknown or roots[name][0] == used[name]]
    wrong += ["%s: %s, not %d" % (name, roots[name][0], used[name]) for name in roots if name not in good]
    return len(good), len(roots), right, count, wrong


def quota_file(root, name):
    return cyrusdb.read_quotalegacy(os.path.join(root, "config"))[name][0]


def rewrite(path, change):
    with open(path, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(change(data))


def index_of(root, name):
    reader = facts.Reader(root)
    return reader.places(name, reader.list[name])["index"]


def grow_index(root, name, sizes):
    """Gives the mailbox so many records with these sizes; there are no files for them."""
    def change(data):
        head, record = bytearray(data[:160]), data[160:272]
        out = b""
        for uid, size in enumerate(sizes, 1):
            one = bytearray(record)
            struct.pack_into(">I", one, 0, uid)
            struct.pack_into(">I", one, 12, size)
            struct.pack_into(">I", one, 32, 0)
            struct.pack_into(">I", one, 108, zlib.crc32(one[:108]))
            out += one
        for at, form, value in ((20, ">I", len(sizes)), (28, ">I", len(sizes)), (32, ">Q", sum(sizes)), (84, ">I", len(sizes))):
            struct.pack_into(form, head, at, value)
        struct.pack_into(">I", head, 156, zlib.crc32(head[:156]))
        return bytes(head) + out
    rewrite(index_of(root, name), change)


def fingerprint(root):
    """Every file: content, times, owner, mode."""
    out = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            if os.path.islink(path) or name == "imapd.conf":  # looked at here, and read by everybody
                continue
            with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOATIME", 0)), "rb") as file:
                content = hashlib.sha1(file.read()).hexdigest()
            out[os.path.relpath(path, root)] = (content, info.st_mtime_ns, info.st_atime_ns, info.st_ino, info.st_mode, info.st_uid)
    return out


class Quotas:
    def __init__(self, scratch, bindir):
        self.scratch, self.bindir, self.oracle = scratch, bindir, real_cyrus.Oracle(scratch)
        self.number, self.bad = 0, []
        self.master = self.make()

    def make(self):
        """The store with more mailboxes and roots, made by the real imapd."""
        root = self.scratch.copy("classic", "quota.master")
        self.oracle.hand_over(root)
        with open(os.path.join(root, "etc/imapd.conf"), encoding="utf-8") as file:
            conf = file.read()
        assert "quota_db: quotalegacy" in conf, conf
        admin = imapd.Connection([os.path.join(self.oracle.home, "run"), "imapd", "-C", os.path.join(root, "etc/imapd.conf"), "-X"], "imap")
        message = b"Subject: counted\r\n\r\n" + b"x" * 3000 + b"\r\n"
        for command in ("LOGIN cyrus secret", *("CREATE " + name for name in MAILBOXES), *("SETACL %s cyrus lrswipkxtea" % name for name in MAILBOXES),
                        "SETQUOTA user.base (STORAGE 1000)", "SETQUOTA user.base.sub (STORAGE 500)"):
            answer = admin.command(command, [])
            assert answer[-1].startswith("TAG OK"), (command, answer)
        for count, name in enumerate(MAILBOXES, 1):
            for _ in range(count):
                answer = admin.command("APPEND %s {}" % name, [(message, "")])
                assert answer[-1].startswith("TAG OK"), answer
        admin.close()
        return root

    def copy(self):
        self.number += 1
        root = os.path.join(self.scratch.top, "quota.%d" % self.number)
        shutil.copytree(self.master, root, symlinks=True)
        golden_conf = os.path.join(root, "etc/imapd.conf")
        rewrite(golden_conf, lambda data: data.replace(self.master.encode(), root.encode()))
        self.oracle.hand_over(root)
        return root

    def ours(self, root, *words):
        got = subprocess.run([os.path.join(self.bindir, "quota"), "-C", os.path.join(root, "etc/imapd.conf"), *words],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False, env={**os.environ, "TZ": "UTC"})
        self.oracle.hand_over(root)
        return got.returncode, (got.stdout + got.stderr).decode("utf-8", "replace")

    def real(self, root, *words):
        try:
            code, out = self.oracle.run(root, "quota", *words)
        except subprocess.TimeoutExpired:
            return "hangs", ""
        return code, out.decode("utf-8", "replace")

    def run(self, name, damage, want):
        """One row: what each makes of the damage. WANT(root, status, said, verdict) is what ours has to come to."""
        row = []
        for tool in (self.real, self.ours):
            root = self.copy()
            damage(root)
            self.oracle.hand_over(root)
            code, said = tool(root, "-f", "-q") if tool == self.ours else tool(root, "-f")
            verdict = judge(root)
            row.append("%d of %d roots, %d of %d mailboxes right, exit %s" % (*verdict[:4], code))
            if tool == self.ours:
                problem = want(root, code, said, verdict)
                if problem:
                    self.bad.append("%s: %s; %s" % (name, problem, said[-300:]))
        print("| %s | %s | %s |" % (name, *row), flush=True)


def all_right(root, code, said, verdict):
    return "" if verdict[0] == verdict[1] and verdict[2] == verdict[3] and code == 0 else "exit %s, %s" % (code, verdict[4][:4])


def spoil(root, used=7):
    for name in ("user.base", "user.base.sub"):
        rewrite(quota_file(root, name), lambda data: re.sub(rb"S \(\d+", b"S (%d" % used, data) if data.startswith(b"%") else b"%d\n%s" % (
            used, data.split(b"\n", 1)[1]))


def remove_root(root, *names):
    for name in names:
        os.unlink(quota_file(root, name))


def garbage(root):
    rewrite(quota_file(root, "user.base.sub"), lambda _: b"\x7f\x00 no quota\n")


def zero_index(root):
    spoil(root)
    rewrite(index_of(root, "user.base.other"), lambda data: bytes(len(data)))


def no_directory(root):
    spoil(root)
    shutil.rmtree(os.path.dirname(index_of(root, "user.base.sub.deep")))


def limits_kept(root, code, said, verdict):
    problem = all_right(root, code, said, verdict)
    limits = {name: limit for name, (_, limit) in roots_of(root).items() if name.startswith("user.base")}
    return problem or ("" if limits == {"user.base": 1000, "user.base.sub": 500} else "limits are %s" % limits)


def others_right(root, code, said, verdict):
    """What could be read is counted, what could not is said, and the exit status tells."""
    if verdict[0] != verdict[1] or verdict[2] != verdict[3]:
        return str(verdict[4][:4])
    return "" if code != 0 and "user.base" in said else "exit %s and says nothing of it" % code


def used_is(name, value):
    def want(root, code, said, verdict):
        return all_right(root, code, said, verdict) or ("" if roots_of(root)[name][0] == value else "used %s" % roots_of(root)[name][0])
    return want


def no_stale_root(name):
    def want(root, code, said, verdict):
        return all_right(root, code, said, verdict) or ("" if name not in roots_of(root) else "the root is back")
    return want


def still_there(root, code, said, verdict):
    """A record that cannot be read is made anew with the usage; its limit is lost, which is said."""
    roots = roots_of(root)
    if "user.base.sub" not in roots or roots["user.base.sub"][0] is None:
        return "the root is gone"
    return "" if verdict[0] == verdict[1] and verdict[2] == verdict[3] and "user.base.sub" in said else str(verdict[4][:4])


HUGE = [0xFFFFFFFF] * 1200
SCENARIOS = {
    "nested roots with wrong usage": (spoil, limits_kept),
    "a name that begins like a root (user.baseplus)": (lambda root: remove_root(root, "user.base.sub"), used_is("user.base", 10 * 3022)),
    "a root removed below another": (lambda root: remove_root(root, "user.base.sub"), no_stale_root("user.base.sub")),
    "a root removed above another": (lambda root: remove_root(root, "user.base"), no_stale_root("user.base")),
    "all roots of a user removed": (lambda root: remove_root(root, "user.base", "user.base.sub"), no_stale_root("user.base")),
    "a root whose file is garbage": (garbage, still_there),
    "a mailbox whose index is zeros": (zero_index, others_right),
    "a mailbox in the list without a directory": (no_directory, others_right),
    "usage above 2 GiB": (lambda root: grow_index(root, "user.base.other", [3 * GIB]), None),
    "usage above 4 TiB": (lambda root: grow_index(root, "user.base.other", HUGE), None),
}


def large(name, value):
    def want(root, code, said, verdict):
        got = roots_of(root)[name][0]
        return all_right(root, code, said, verdict) or ("" if got > value else "used %s" % got)
    return want


SCENARIOS["usage above 2 GiB"] = (SCENARIOS["usage above 2 GiB"][0], large("user.base", 2 * GIB))
SCENARIOS["usage above 4 TiB"] = (SCENARIOS["usage above 4 TiB"][0], large("user.base", 4 << 40))


def dry_run(quotas):
    """-n finds everything and changes no byte, no time."""
    row = []
    for tool in (quotas.real, quotas.ours):
        root = quotas.copy()
        spoil(root)
        remove_root(root, "user.base.sub")
        quotas.oracle.hand_over(root)
        before = fingerprint(root)
        code, said = tool(root, "-f", "-n")
        after = fingerprint(root)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        row.append("%d files changed, exit %s" % (len(changed), code))
        if tool == quotas.ours and (changed or "user.base" not in said):
            quotas.bad.append("-n: %s; %s" % (changed[:5], said[-200:]))
    print("| -n on wrong usage and a removed root | %s | %s |" % tuple(row), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    real_cyrus.gate()
    with golden.Scratch() as scratch:
        quotas = Quotas(scratch, os.path.abspath(options.bin))
        print("| what is wrong | quota -f of 3.6.1 | ours |\n|---|---|---|")
        for name, (damage, want) in SCENARIOS.items():
            if not options.names or any(word in name for word in options.names):
                quotas.run(name, damage, want)
        if not options.names:
            dry_run(quotas)
        for line in quotas.bad:
            print("FAILED: " + line)
        print("%d failed" % len(quotas.bad))
    return 1 if quotas.bad else 0


if __name__ == "__main__":
    sys.exit(main())
