#!/usr/bin/env python3
"""One case for each entry of the problem table (format/check/problems.def), in a folder of its own below problems/.

  problem_cases.py --bin DIR [--jobs N] [--record-real] [CODE ...]

problems/CODE_slug/case.py damages a real store by hand and says what must be true after the repair; says.txt beside it is what
our program must print, written by hand; real.txt is what the real Cyrus 3.6.1 prints about the same damage (--record-real
writes it, nothing else does).  README.md tells how a case is written.
"""
import argparse
import concurrent.futures
import glob
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
TOP = os.path.dirname(TESTS)
sys.path[:0] = [HERE, os.path.join(TESTS, "matrix"), os.path.join(TESTS, "data")]
import golden  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import repair  # noqa: E402
from box import Box  # noqa: E402

TABLE = os.path.join(TOP, "format/check/problems.def")
MANUAL = os.path.join(TOP, "man/reconstruct.8")


class Wrong(Exception):
    pass


def table():
    """{code: slug}, read from the table itself."""
    with open(TABLE, encoding="utf-8") as f:
        return dict(re.findall(r"^CYR_PROBLEM\((\w+), (\w+),", f.read(), re.M))


def text(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


def without_comments(lines):
    return [line for line in lines.split("\n") if line and not line.startswith("# ")]


class Case:
    def __init__(self, scratch, bindir, oracle, folder):
        self.scratch, self.bindir, self.oracle, self.folder = scratch, bindir, oracle, folder
        self.code, self.slug = os.path.basename(folder).split("_", 1)
        spec = importlib.util.spec_from_file_location("case_" + self.code, os.path.join(folder, "case.py"))
        self.case = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.case)
        self.mailbox = getattr(self.case, "MAILBOX", None)
        self.codes = set(getattr(self.case, "CODES", [])) | {self.code}

    def damaged(self):
        root = self.scratch.copy(getattr(self.case, "STORE", "default"), self.code)
        box = Box(root, self.mailbox, self.bindir)
        self.before = Box(root, self.mailbox, self.bindir)
        self.before.remember()
        self.external = box.external
        self.folder_of_mailbox = os.path.relpath(box.places["spool"], root) if self.mailbox else None
        self.words = self.filled(getattr(self.case, "RUN", ["reconstruct", "{mailbox}"]))
        self.case.damage(box)
        return root

    def filled(self, words):
        return [w.replace("{mailbox}", self.external or "") for w in words]

    def run(self, record):
        root = self.damaged()
        self.ask_real(root, record)
        start = repair.state(root)
        self.dry_run(root)
        if repair.state(root) != start:
            raise Wrong("-n changed something: " + differing(start, repair.state(root)))
        code, output = repair.call(root, self.bindir, self.words)
        if code != getattr(self.case, "EXIT", 0):
            raise Wrong("exit %d: %s" % (code, output[-300:]))
        self.compare("says.txt", self.lines(output, root))
        if hasattr(self.case, "check"):
            self.case.check(Box(root, self.mailbox, self.bindir), self.before)
        self.second_run(root)
        self.undo(root, start)

    def lines(self, output, root):
        output = re.sub(r"\b\d{10}\b", lambda n: "{now}" if abs(int(n[0]) - time.time()) < 86400 else n[0], output)
        if self.folder_of_mailbox:
            output = output.replace(os.path.join(root, self.folder_of_mailbox), "{dir}")
        return [line.rstrip() for line in output.replace(root, "{root}").split("\n") if line.strip()]

    def compare(self, name, got):
        path = os.path.join(self.folder, name)
        want = without_comments(text(path)) if os.path.exists(path) else []
        if got != want:
            raise Wrong("%s is not what is printed:\n      want: %s\n      got:  %s" % (
                name, "\n            ".join(want), "\n            ".join(got)))

    def found(self, output):
        got = [json.loads(line) for line in output.split("\n") if line.startswith("{")]
        return {g["code"]: g["problem"] for g in got if "code" in g}

    def dry_run(self, root):
        _, output = repair.call(root, self.bindir, self.words[:1] + ["-n", "--json"] + self.words[1:])
        got = self.found(output)
        if set(got) != self.codes:
            raise Wrong("-n --json finds %s and not %s: %s" % (sorted(got), sorted(self.codes), output[-400:]))
        if got[self.code] != self.slug:
            raise Wrong("%s is called %s" % (self.code, got[self.code]))

    def second_run(self, root):
        before = repair.stamps(root)
        words = self.filled(getattr(self.case, "AGAIN", self.words))
        _, output = repair.call(root, self.bindir, words[:1] + ["--json"] + words[1:])
        standing = set(getattr(self.case, "STANDING", []))
        if set(self.found(output)) != standing:
            raise Wrong("a second run finds %s and not %s: %s" % (sorted(self.found(output)), sorted(standing), output[-400:]))
        after = repair.stamps(root)
        if not standing and before != after:
            raise Wrong("a second run changed " + differing(before, after))

    def undo(self, root, start):
        """Whatever the run kept goes back, the newest first: every file is again as the damage left it."""
        _, output = repair.call(root, self.bindir, ["reconstruct", "--list-undo", "--json"])
        runs = sorted({json.loads(line)["id"] for line in output.split("\n") if line.startswith("{")}, reverse=True)
        for ident in runs:
            code, output = repair.call(root, self.bindir, ["reconstruct", "-q", "--undo", ident])
            if code:
                raise Wrong("--undo %s: exit %d: %s" % (ident, code, output[-300:]))
        if repair.state(root) != start:
            raise Wrong("--undo leaves differences: " + differing(start, repair.state(root)))

    def ask_real(self, root, record):
        """The real program's words, on a copy; a case without REAL = None has them."""
        words = getattr(self.case, "REAL", self.words)
        words = words and self.filled(words)
        path = os.path.join(self.folder, "real.txt")
        if words is None:
            if os.path.exists(path):
                raise Wrong("real.txt without REAL")
            return
        if self.oracle is None:
            return
        copy = root + ".real"
        subprocess.run(["cp", "-a", root, copy], check=True)
        golden.rewrite_from(copy, root)
        self.oracle.hand_over(copy)
        code, output = self.oracle.run(copy, *words)
        got = self.lines(output.decode("utf-8", "surrogateescape"), copy) + ["exit %d" % code]
        shutil.rmtree(copy)
        varies = getattr(self.case, "VARIES", [])
        got = [re.sub(r"\b\d+\b|\{now\}", "{number}", x) if any(word in x for word in varies) else x for x in got]
        if record:
            with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
                f.write("# Cyrus 3.6.1: %s\n%s\n" % (" ".join(words), "\n".join(got)))
        self.compare("real.txt", got)


def differing(before, after):
    return ", ".join(sorted(k for k in {**before, **after} if before.get(k) != after.get(k))[:5])


def complete(folders):
    """Every problem has a folder and an entry in the man page, and every folder is one of a problem."""
    known, manual = table(), text(MANUAL)
    names = {os.path.basename(f) for f in folders}
    wrong = ["no folder for " + code + "_" + slug for code, slug in known.items() if code + "_" + slug not in names]
    wrong += ["%s is no problem of the table" % name for name in names - {c + "_" + s for c, s in known.items()}]
    wrong += ["%s is not in the man page" % code for code, slug in known.items()
              if not re.search(r"^\.It Sy %s Pq %s " % (code, slug), manual, re.M)]
    return wrong


def one(scratch, bindir, oracle, folder, record):
    try:
        case = Case(scratch, bindir, oracle, folder)
        case.run(record)
        return None
    except Wrong as wrong:
        return str(wrong)
    except Exception:
        return traceback.format_exc()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--record-real", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("code", nargs="*")
    args = parser.parse_args()
    folders = sorted(f for f in glob.glob(os.path.join(HERE, "problems", "*_*")))
    bad = [] if args.code else complete(folders)
    for line in bad:
        print(line)
    chosen = [f for f in folders if not args.code or os.path.basename(f).split("_")[0] in args.code]
    with golden.Scratch(args.keep) as scratch:
        oracle = None if real_cyrus.why_not() else real_cyrus.Oracle(scratch)
        for store in {getattr(Case(scratch, args.bin, oracle, f).case, "STORE", "default") for f in chosen}:
            scratch.pristine(store)                      # once, before the threads
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            todo = {f: pool.submit(one, scratch, os.path.abspath(args.bin), oracle, f, args.record_real) for f in chosen}
            for folder, future in todo.items():
                if future.result():
                    bad.append(folder)
                    print("%s: WRONG: %s" % (os.path.basename(folder), future.result()))
    print("%d cases%s, %d problems" % (len(chosen), "" if oracle else " without the real Cyrus", len(bad)))
    sys.exit(1 if bad or not chosen else 0)


if __name__ == "__main__":
    main()
