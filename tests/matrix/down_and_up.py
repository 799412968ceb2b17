#!/usr/bin/env python3
"""A store of 3.6.1 taken down to an earlier release by `reconstruct --to-release R` and up again: the list in the form of R,
directories and users' files by name, every fact there by readers of our own; after the way back the real imapd of 3.6.1 serves it all.

  down_and_up.py --bin DIR [--store NAME ...] [--release R ...] [--kills N]

With --kills instead: the way down killed at N moments and gone on with, in place and with --copy-to.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import any_index  # noqa: E402
import cyrusdb  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import mailboxfile  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import upgrade_facts  # noqa: E402
from list_matrix import run  # noqa: E402

RELEASES = ("2.4", "3.0", "3.2")


def mail(reader):
    """{mailbox: {uid: (sha1, flags, date)}} of a store of 3.6 or later."""
    out, store = {}, reader.store
    for name, entry in reader.list.items():
        if entry["type"][0] == "e" and not set("di") & set(entry["type"][1:]):
            below = store.below(name, entry["uniqueid"], "l" in entry["type"])
            meta = {k: os.path.join(store.meta(k, entry["partition"], below), "cyrus." + k) for k in ("header", "index")}
            flags = mailboxfile.read_header(facts.octets(meta["header"]))["flags"]
            files = facts.message_files(store.spool(entry["partition"], below), store.archive(entry["partition"], below))
            out[name] = {r["uid"]: (files.get(r["uid"], {}).get("sha1"), set(mailboxfile.flag_names(r, flags)) - {"\\Seen"}, r["internaldate"])
                         for r in any_index.read(facts.octets(meta["index"]))[1] if not r["system_flags"] & mailboxfile.EXPUNGED}
    return out


def leftovers(root):
    return sorted(os.path.relpath(d, root) for d, _, n in os.walk(root) if "/uuid/" in d and n and not ("undo." in d or "/sieve/" in d))


def tree(root):
    """{path: what it holds}, without what programs keep for themselves."""
    out = {}
    for folder, _, names in os.walk(root):
        if not any(x in folder for x in ("undo.", "/lock", "/run")):
            out.update({os.path.relpath(os.path.join(folder, n), root): facts.octets(os.path.join(folder, n)) for n in names})
    return out


class Case:
    def __init__(self, scratch, oracle, bindir, store, release):
        self.scratch, self.oracle, self.bindir, self.store, self.release = scratch, oracle, bindir, store, release
        self.bad = []

    def check(self, good, text):
        if not good:
            self.bad.append(text)

    def step(self, root, *words):
        code, out, err = run(self.bindir, root, "reconstruct", "-q", *words)
        self.check(code in (0, 2), "%s: exit %d: %s" % (" ".join(words), code, (out + err)[-400:]))

    def undone(self, root, before):
        """--undo of the way down: every file is what it was, but for caches that programs may drop."""
        ids = {w for w in run(self.bindir, root, "reconstruct", "--list-undo")[1].decode().split() if re.fullmatch(r"\d{8}T\d{6}Z-\d+", w)}
        code, out, err = run(self.bindir, root, "reconstruct", "--undo", max(ids))
        after = tree(root)
        changed = sorted(p for p in set(before) | set(after) if before.get(p) != after.get(p) and not p.endswith("statuscache.db"))
        self.check(code == 0 and not changed, "undo: exit %d, %d files differ: %s %s" % (code, len(changed), changed[:4], (out + err)[-200:] if code else ""))

    def note_facts(self, root):
        """What is there before, for judge()."""
        reader = facts.Reader(root)
        self.mail, self.quota = mail(reader), reader.quota()
        self.subscriptions = sum(len(set(reader.subscriptions(p)) - {"\x1fVER\x1f"}) for p in reader.user_files("sub").values())
        self.states = sum(len(facts.read_seen(p)) for p in reader.user_files("seen").values())
        self.annotations = len(upgrade_facts.annotations(os.path.join(reader.store.confdir, "annotations.db"),
                                                         {e["uniqueid"]: n for n, e in reader.list.items()}))
        self.scripts = sieve(root)

    def judge(self, root):
        """The store in the form of the release has it all; (messages there, of)."""
        self.check(not leftovers(root), "still by unique id: %s" % leftovers(root)[:4])
        down = upgrade_facts.Before(root)
        kept = sum(down.boxes.get(n, {"messages": {}})["messages"].get(u, ())[:3] == m for n, box in self.mail.items() for u, m in box.items())
        total = sum(len(box) for box in self.mail.values())
        self.check(kept == total, "%d of %d messages in the old form" % (kept, total))
        there = sum(len(keys) for keys in down.subscribed.values())
        self.check(there == self.subscriptions, "%d of %d subscriptions" % (there, self.subscriptions))
        states = sum(len(s) for s in down.seen_files.values())
        self.check(states == self.states, "%d of %d seen states" % (states, self.states))
        resources = ("S", "M", "AS", "NF") if self.release >= "2.5" else ("S",)
        limits, wanted = ({r: [v.get(x, (0, None))[1] for x in resources] for r, v in q.items()} for q in (down.quota, self.quota))
        self.check(limits == wanted, "quota limits: %s, not %s" % (limits, wanted))
        self.check(len(down.annotations) == self.annotations, "%d of %d annotations" % (len(down.annotations), self.annotations))
        self.check(sieve(root) == self.scripts, "scripts: %s, not %s" % (sieve(root), self.scripts))
        self.check(not os.path.exists(os.path.join(root, "config/cyrkit.conversion")), "the conversion's mark is there")
        form = cyrusdb.read(os.path.join(root, "config/mailboxes.db"))[1][-1][1][:2]
        self.check(form[:1] == (b"%" if self.release >= "2.5" else b"0"), "the list has records %r" % form)
        return down, kept, total

    def rows(self):
        root = self.scratch.copy(self.store, "down.%s.%s" % (self.store, self.release))
        self.note_facts(root)
        files = tree(root)
        self.step(root, "--to-release", self.release, "--accept-loss")
        self.undone(root, files)
        self.step(root, "--to-release", self.release, "--accept-loss")
        down, kept, total = self.judge(root)
        row = "| %s | %s | %d/%d | %s |" % (self.store, self.release, kept, total, self.up_again(root, down))
        shutil.rmtree(root)
        return row

    def up_again(self, root, down):
        self.oracle.hand_over(root)
        self.step(root, "--to-release", "3.6.1")
        self.oracle.hand_over(root)
        asked = upgrade_facts.Served(self.oracle, root, down).ask()
        self.bad += asked.missing[:6]
        return " | ".join("%d/%d" % tuple(asked.count[fact]) if asked.count[fact][1] else "" for fact in upgrade_facts.FACTS)

    def killed(self, root, delay, *words):
        """Runs reconstruct and kills it after DELAY seconds; whether it was still running."""
        command = [os.path.join(self.bindir, "reconstruct"), "-C", os.path.join(root, "etc/imapd.conf"), "-q", *words]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(delay)
            return False
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True

    def interrupted(self, kills):
        """Killed at KILLS moments, each time gone on with by the same command; and a copy likewise. The original stays as it is."""
        words = ("--to-release", self.release, "--accept-loss")
        root = self.scratch.copy(self.store, "timed")
        self.note_facts(root)
        begun = time.monotonic()
        self.step(root, *words)
        needed = time.monotonic() - begun
        shutil.rmtree(root)
        root, done = self.scratch.copy(self.store, "original"), 0
        before = stats(root)
        copy = os.path.join(self.scratch.top, "copy")
        for number in range(kills):
            delay = needed * (number + 0.5) / kills
            done += self.killed(root, delay, *words, "--copy-to", copy)
            self.step(root, *words, "--copy-to", copy)
            self.check(stats(root) == before, "the original was changed")
            inside = copy + root
            os.makedirs(os.path.join(inside, "etc"))
            shutil.copy(os.path.join(copy, "imapd.conf"), os.path.join(inside, "etc"))
            down = self.judge(inside)[0]
            if number == kills - 1:
                self.oracle.hand_over(copy)
                self.oracle.hand_over(root)
                self.up_again(inside, down)
            shutil.rmtree(copy)
        shutil.rmtree(root)
        for number in range(kills):
            root = self.scratch.copy(self.store, "killed")
            done += self.killed(root, needed * (number + 0.5) / kills, *words)
            self.step(root, *words)
            down = self.judge(root)[0]
            if number == kills // 2:
                self.up_again(root, down)
            shutil.rmtree(root)
        return "%s to %s: killed %d times of %d, gone on with, all there" % (self.store, self.release, done, 2 * kills)


def sieve(root):
    """Names and octets of all scripts, wherever they lie."""
    out = []
    for folder, _, names in os.walk(os.path.join(root, "sieve")):
        if "undo." not in folder:
            out += [(n, os.readlink(os.path.join(folder, n)) if os.path.islink(os.path.join(folder, n)) else
                     facts.octets(os.path.join(folder, n))) for n in names]
    return sorted(out, key=repr)


def stats(root):
    """Everything of every file but the time of access."""
    out = {}
    for folder, folders, names in os.walk(root):
        for name in [".", *folders, *names]:
            info = os.lstat(os.path.join(folder, name))
            out[os.path.normpath(os.path.join(folder, name))] = (info.st_ino, info.st_mode, info.st_nlink, info.st_uid, info.st_gid, info.st_size,
                                                                 info.st_mtime_ns, info.st_ctime_ns)
    return out


def main():
    parser = argparse.ArgumentParser(description="down and up again")
    parser.add_argument("--bin", required=True)
    parser.add_argument("--store", action="append", choices=golden.STORES)
    parser.add_argument("--release", action="append", choices=RELEASES)
    parser.add_argument("--kills", type=int, default=0)
    args = parser.parse_args()
    real_cyrus.gate()
    bad = 0
    if not args.kills:
        print("| store | down to | messages there | %s |" % " | ".join(upgrade_facts.FACTS))
    with golden.Scratch() as scratch:
        oracle = real_cyrus.Oracle(scratch)
        for store in args.store or ("default", "classic", "virt", "modern"):
            for release in args.release or RELEASES:
                case = Case(scratch, oracle, args.bin, store, release)
                print(case.interrupted(args.kills) if args.kills else case.rows(), flush=True)
                for line in case.bad:
                    print("    " + line)
                bad += bool(case.bad)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
