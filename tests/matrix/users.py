#!/usr/bin/env python3
"""reconstruct --users and the options of quota: on stores of several releases, judged by readers of our own and by the real Cyrus.

  users.py --bin DIR [CHECK ...]
"""
import argparse
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cyrusdb  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import oracle as real_cyrus  # noqa: E402
from upgrade_facts import all_user_files  # noqa: E402
from storepaths import Store  # noqa: E402

KINDS = ("flat", "skiplist", "twoskip")
VERSION_KEY = b"\x1fVER\x1f"


def keys(path):
    return {k for k, _ in cyrusdb.read(path)[1]} - {VERSION_KEY}


class Checks:
    def __init__(self, scratch, bindir):
        self.scratch, self.bindir, self.bad, self.done = scratch, bindir, [], 0
        self.oracle = real_cyrus.Oracle(scratch)
        self.number = 0

    def check(self, good, text):
        self.done += 1
        if not good:
            self.bad.append(text)

    def root(self, store):
        self.number += 1
        return self.scratch.copy(store, "users.%d" % self.number)

    def run(self, root, program, *words):
        got = subprocess.run([os.path.join(self.bindir, program), "-C", os.path.join(root, "etc/imapd.conf"), *words],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, env={**os.environ, "TZ": "UTC"})
        return got.returncode, got.stdout.decode("utf-8", "replace"), got.stderr.decode("utf-8", "replace")

    def tree(self, root):
        out = {}
        for folder, _, names in os.walk(root):
            if "/undo." not in folder and "/lock" not in folder:
                out.update({os.path.join(folder, n): facts.octets(os.path.join(folder, n)) for n in names})
        return out

    def configure(self, root, **options):
        with open(os.path.join(root, "etc/imapd.conf"), "a", encoding="utf-8") as f:
            for key, value in options.items():
                f.write("%s: %s\n" % (key, value))

    def files(self, root, suffix):
        if suffix == "sub" and os.path.isdir(os.path.join(root, "config/user/uuid")) or suffix == "seen":
            reader = facts.Reader(root)
            if isinstance(reader.list, dict) and "error" not in reader.list and reader.list:
                found = reader.user_files(suffix)
                if found:
                    return found
        return all_user_files(Store(root), suffix)

    # --- reconstruct --users

    def backends_change(self):
        """The options ask for other backends: every file of every user is converted, nothing lost; a second run does nothing."""
        for store in ("default", "skiplist", "old-2.4.22-default", "old-2.1.12-classic"):
            for kind in KINDS:
                root = self.root(store)
                before = {s: {u: cyrusdb.read(p)[1] for u, p in self.files(root, s).items()} for s in ("sub", "seen")}
                conf = os.path.join(root, "etc/imapd.conf")
                with open(conf, encoding="utf-8") as f:
                    lines = [x for x in f if not x.startswith(("subscription_db", "seenstate_db"))]
                with open(conf, "w", encoding="utf-8") as f:
                    f.writelines(lines)
                self.configure(root, subscription_db=kind, seenstate_db=kind)
                untouched = self.tree(root)
                self.run(root, "reconstruct", "--users", "-n")
                self.check(untouched == self.tree(root), "%s: -n changes files" % store)
                code, out, err = self.run(root, "reconstruct", "--users")
                self.check(code == 0, "%s to %s: exit %d %s%s" % (store, kind, code, out[-300:], err[-300:]))
                for suffix, users in before.items():
                    for user, path in self.files(root, suffix).items():
                        records, found = cyrusdb.read(path)[1], cyrusdb.kind_of(facts.octets(path))
                        self.check(found == kind or not records, "%s: %s of %s is %s, not %s" % (store, suffix, user, found, kind))
                        self.check(dict(records) == dict(users[user]), "%s to %s: %s of %s changed" % (store, kind, suffix, user))
                again = self.run(root, "reconstruct", "--users")[1]
                self.check(" 0 changes" in again, "%s: a second run: %s" % (store, again[-200:]))
                shutil.rmtree(root)

    def damaged(self):
        """Damaged subscriptions of each backend: whole records come back, the real server opens the file."""
        for kind in KINDS:
            root = self.root("default")
            self.configure(root, subscription_db=kind)
            self.run(root, "reconstruct", "--users")
            path = self.files(root, "sub")["bovik"]
            wanted = keys(path)
            data = bytearray(facts.octets(path))
            if kind == "flat":
                data += b"\0\x07garbage\xff"
            else:
                data[len(data) // 2:len(data) // 2 + 16] = b"\xee" * 16
            with open(path, "wb") as f:
                f.write(data)
            code, out, err = self.run(root, "reconstruct", "--users", "bovik")
            got = keys(path)
            self.check(got <= wanted and len(got) >= len(wanted) - 2, "%s: %d of %d subscriptions: %s" % (kind, len(got & wanted), len(wanted), out))
            self.check("repaired" in out, "%s: %d %s%s" % (kind, code, out, err))
            self.oracle.hand_over(root)
            code, out = self.oracle.run(root, "cyr_dbtool", path, kind, "consistent")
            self.check(b"Yes, consistent" in out, "%s: the real cyr_dbtool: %r" % (kind, out))
            shutil.rmtree(root)

    def merged(self):
        """A backup is united with the present files: subscriptions of both, nothing read in either is unread."""
        root, backup = self.root("default"), self.root("default")
        subs, seen = self.files(root, "sub")["bovik"], self.files(root, "seen")["ted"]
        all_subs, all_seen = keys(subs), facts.read_seen(seen)
        for path, drop in ((subs, sorted(all_subs)[::2]), (seen, [k.encode() for k in sorted(all_seen)[::2]])):
            kind = cyrusdb.kind_of(facts.octets(path))
            for key in drop:
                subprocess.run([os.path.join(self.bindir, "cyr_dbtool"), path, kind, "delete", key], check=True, stdout=subprocess.DEVNULL)
        self.check(len(keys(subs)) < len(all_subs), "the half of bovik's subscriptions is still there")
        code, out, err = self.run(root, "reconstruct", "--users", "--merge", os.path.join(backup, "config"))
        self.check(code == 0 and "united" in out, "merge: exit %d %s%s" % (code, out, err))
        self.check(keys(subs) == all_subs, "merge: %s" % (all_subs - keys(subs)))
        self.check({k: v["uids"] for k, v in facts.read_seen(seen).items()} == {k: v["uids"] for k, v in all_seen.items()}, "merge: seen state differs")
        code, out, _ = self.run(root, "reconstruct", "--users", "--merge", "/nonexistent")
        self.check(code not in (0, 2), "a backup that is not there: exit %d" % code)

    def reattached(self):
        """Mailboxes get other unique ids (mtime of a rebuilt list): what users have read is found under the new ones."""
        root = self.root("old-2.4.22-default")
        box = os.path.join(root, "spool/archive/cyrus.header")
        data = facts.octets(box)
        old = data.split(b"\n")[3].split(b"\t")[1].decode()
        seen = {u: facts.read_seen(p).get(old) for u, p in all_user_files(Store(root), "seen").items()}
        new = "f" * 16
        os.unlink(box)
        with open(box, "wb") as f:
            f.write(data.replace(old.encode(), new.encode(), 1))
        code, out, err = self.run(root, "reconstruct", "--users")
        self.check("reattached" in out and code == 0, "reattach: exit %d %s%s" % (code, out, err))
        now = {u: facts.read_seen(p).get(new) for u, p in all_user_files(Store(root), "seen").items()}
        self.check(any(seen.values()) and now == seen, "reattach: %s, not %s" % (now, seen))

    def guessed(self):
        """Subscriptions that are lost altogether: from telemetry, else from rights; only on request."""
        root = self.root("default")
        path = self.files(root, "sub")["bovik"]
        os.unlink(path)
        self.run(root, "reconstruct", "--users")
        self.check(not os.path.exists(path), "subscriptions are guessed without being asked for")
        logs = os.path.join(root, "config/log/bovik")
        os.makedirs(logs)
        with open(os.path.join(logs, "imap-1234"), "wb") as f:
            f.write(b"---------- bovik Sun Nov 22 05:59:50 2026\n\n>1795327190>a OK User logged in\r\n<1795327191<b SUBSCRIBE \"Work\"\r\n"
                    b">1795327191>b OK Completed\r\n<1795327192<c SUBSCRIBE Gone\r\n>1795327192>c OK\r\n<1795327193<d UNSUBSCRIBE Gone\r\n"
                    b">1795327193>d OK\r\n<1795327194<e LSUB \"\" *\r\n>1795327194>* LSUB () \"/\" INBOX\r\n* LSUB (\\HasNoChildren) \"/\" \"Tr")
            f.write(b"avel Plans\"\r\ne OK\r\n")
        code, out, err = self.run(root, "reconstruct", "--users", "--guess", "bovik")
        got = keys(path) if os.path.exists(path) else set()
        self.check(got == {b"NINBOX", b"NINBOX\x1fWork", b"NINBOX\x1fTravel Plans"}, "telemetry: %s; %d %s%s" % (got, code, out, err))
        os.unlink(path)
        shutil.rmtree(logs)
        self.run(root, "reconstruct", "--users", "--guess", "bovik")
        self.check(len(keys(path)) > 10, "rights: %d subscriptions" % len(keys(path)))

    # --- quota

    def quota_options(self):
        for store in ("default", "skiplist", "old-2.2.13-classic", "old-3.0.18-default"):
            root = self.root(store)
            name = "user%sbovik" % Store(root).separator()
            full = golden.quota_report(self.run(root, "quota")[1].encode())
            _, over, _ = self.run(root, "quota", "--over", "0")
            some = golden.quota_report(over.encode())
            want = {r for r, res in full.items() if any(limit for _, limit in res.values())}
            self.check(set(some) == want, "%s: --over 0 shows %s, not %s" % (store, sorted(some), sorted(want)))
            self.check(self.run(root, "quota", "--over", "100000")[1] == "", "%s: --over without a finding prints something" % store)
            code, out, _ = self.run(root, "quota", "--sort", "used")
            used = [res["STORAGE"][0] for res in golden.quota_report(out.encode()).values() if "STORAGE" in res]
            self.check(used == sorted(used, reverse=True), "%s: --sort used: %s" % (store, used))
            before = self.tree(root)
            code, _, err = self.run(root, "quota", "--sort", "bogus")
            self.check(code == 64 and "'bogus' is no order: name, used, percent or limit" in err,
                       "%s: --sort bogus: exit %d %s" % (store, code, err))
            code, _, err = self.run(root, "quota", "-n", "--set", name, "STORAGE", "1G")
            self.check(code == 0 and self.tree(root) == before, "%s: --set -n: exit %d %s" % (store, code, err))
            code, _, err = self.run(root, "quota", "--set", name, "STORAGE", "1G")
            got = golden.quota_report(self.run(root, "quota", name)[1].encode())
            self.check(code == 0 and got[name]["STORAGE"][1] == 1 << 20, "%s: --set: exit %d %s %s" % (store, code, err, got.get(name)))
            rest = {r: v for r, v in full[name].items() if r != "STORAGE"}
            self.check(all(got[name][r] == v for r, v in rest.items()), "%s: --set changes other limits" % store)
            new = name + name[4] + "Work" + name[4] + "2003" + name[4] + "Q1"
            code, _, err = self.run(root, "quota", "--set", new, "STORAGE", "77")
            got = golden.quota_report(self.run(root, "quota")[1].encode())
            self.check(code == 0 and got.get(new, {}).get("STORAGE", (0, 0))[1] == 77, "%s: a new root: exit %d %s" % (store, code, err))
            code, _, err = self.run(root, "quota", "-f", "-n")
            self.check(code == 0 and not err, "%s: after a new root quota -f -n finds: %s" % (store, err))
            code, _, err = self.run(root, "quota", "--set", "nosuch", "STORAGE", "1")
            self.check(code not in (0, 64, 70) and err.count("\n") == 1, "%s: an unknown root: exit %d %s" % (store, code, err))
            code, _, err = self.run(root, "quota", "--set", name, "PAPER", "1")
            self.check(code == 64, "%s: an unknown resource: exit %d %s" % (store, code, err))
            if store in ("default", "skiplist"):
                self.oracle.hand_over(root)
                code, out = self.oracle.run(root, "quota")
                real = golden.quota_report(out)
                self.check(real.get(new, {}).get("STORAGE", (0, 0))[1] == 77 and real[name]["STORAGE"][1] == 1 << 20,
                           "%s: the real quota shows %s" % (store, real.get(new)))
            shutil.rmtree(root)


def main():
    parser = argparse.ArgumentParser(description="users' databases and quota limits")
    parser.add_argument("--bin", required=True)
    names = [n for n in vars(Checks) if n[0] != "_" and n not in ("check", "root", "run", "tree", "configure", "files")]
    parser.add_argument("check", nargs="*", default=[])
    args = parser.parse_args()
    real_cyrus.gate()
    with golden.Scratch() as scratch:
        checks = Checks(scratch, args.bin)
        for name in args.check or names:
            done, bad = checks.done, len(checks.bad)
            getattr(checks, name)()
            print("%-16s %d checks, %d failed" % (name, checks.done - done, len(checks.bad) - bad), flush=True)
        for line in checks.bad:
            print("    " + line)
    sys.exit(1 if checks.bad else 0)


if __name__ == "__main__":
    main()
