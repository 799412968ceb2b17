#!/usr/bin/env python3
"""Hostile mailboxes: every fuzzing seed as a file of a mailbox, links that lead elsewhere, names that are none, things that are
no files. All our programs go over them: no crash, no hang, nothing changed outside of the mailbox, and what they say ends.

  hostile.py --bin DIR [--first N] [--most N] [-v]
"""
import argparse
import os
import random
import re
import resource
import shutil
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import facts  # noqa: E402
import golden  # noqa: E402
import repair  # noqa: E402

CORPUS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fuzz/corpus")
# Which file of a mailbox a fuzzer's seeds stand in for.
SEEDS = {"index": "index", "header": "header", "cache": "cache", "twoskip": "annotations", "skiplist": "annotations",
         "berkeley": "annotations", "message": "message"}
LIMIT = 120                                              # seconds for one program over the whole store
MEMORY = 2 << 30                                         # bytes of address space
AT_ONCE = 12                                             # mailboxes of one store that are hurt together
COMMANDS = (["mbexamine"], ["reconstruct", "-n"], ["chk_cyrus"], ["unexpunge", "-l"], ["cyr_expire", "-n", "-X", "1d", "-D", "1d", "-E", "1"],
            ["reconstruct", "-G", "-q"], ["quota", "-f", "-q"], ["reconstruct", "-q"], ["mbexamine"])
SEVERAL, ONE = ("mbexamine",), ("unexpunge",)            # want names
FINE = (0, 1, 2, 64, 65, 74, 75)                          # found something, could not read something


class Hurt:
    """One mailbox before it is hurt."""

    def __init__(self, root, reader, name):
        self.root, self.name = root, name
        self.places = reader.places(name, reader.list[name])
        self.spool = self.places["spool"]

    def replace(self, kind, data):
        path = os.path.join(self.spool, "1.") if kind == "message" else self.places[kind]
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "wb") as f:
            f.write(data)


def symlink_over(kind):
    def hurt(box, outside):
        path = box.places[kind]
        if os.path.lexists(path):
            shutil.move(path, os.path.join(outside, kind))
        os.symlink(os.path.join(outside, kind), path)
    return hurt


def special(make, kind):
    def hurt(box, _):
        path = box.places[kind]
        if os.path.lexists(path):
            os.unlink(path)
        make(path)
    return hurt


def message_links(box, outside):
    os.symlink(os.path.join(outside, "secret"), os.path.join(box.spool, "801."))
    os.symlink("/", os.path.join(box.spool, "802."))
    os.symlink("803.", os.path.join(box.spool, "803."))
    os.link(os.path.join(outside, "secret"), os.path.join(box.spool, "804."))


def odd_names(box, _):
    for name in ("4294967295.", "4294967296.", "99999999999999999999.", "0.", "007.", "-1.", "8.\n9.", "1.NEW", ".", "..."):
        path = os.path.join(box.spool, name)
        if name != "." and not os.path.lexists(path):
            with open(path, "wb") as f:
                f.write(b"From: x\r\n\r\nbody\r\n")
    os.mkdir(os.path.join(box.spool, "805."))
    os.mkfifo(os.path.join(box.spool, "806."))


def directory_link(box, outside):
    """The whole mailbox is a link to a directory outside."""
    target = os.path.join(outside, "moved")
    shutil.move(box.spool, target)
    os.symlink(target, box.spool)


def deep(box, _):
    path = box.spool
    for _ in range(200):
        path = os.path.join(path, "d")
        os.mkdir(path)


TRICKS = {**{"link " + k: symlink_over(k) for k in ("index", "header", "cache", "annotations")},
          **{"fifo " + k: special(os.mkfifo, k) for k in ("index", "header", "cache")},
          **{"directory " + k: special(os.mkdir, k) for k in ("index", "header", "cache", "annotations")},
          "links as messages": message_links, "odd names": odd_names, "deep": deep}


def tricks():
    """[(words, function of a mailbox and the directory outside)]"""
    out = []
    for corpus, kind in SEEDS.items():
        folder = os.path.join(CORPUS, corpus)
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as f:
                data = f.read()
            out.append(("%s as %s" % (corpus + "/" + name, kind), lambda box, _, d=data, k=kind: box.replace(k, d)))
    random.Random(1).shuffle(out)
    return out + sorted(TRICKS.items())


def bounded():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def run(root, bindir, words, names):
    conf = os.path.join(root, "etc/imapd.conf")
    command = [os.path.join(bindir, words[0]), "-C", conf, *words[1:], *(names if words[0] in SEVERAL + ONE else [])]
    try:
        got = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT,
                             preexec_fn=bounded, env={**os.environ, "TZ": "UTC"}, check=False)
    except subprocess.TimeoutExpired:
        return ["does not end"], b""
    problems = []
    if got.returncode not in FINE:
        problems.append("exit %d: %s" % (got.returncode, got.stdout[-200:]))
    if re.search(rb"AddressSanitizer|runtime error|bad_alloc|terminate called", got.stdout):
        problems.append(got.stdout[-500:])
    return problems, got.stdout


def touched(before, after, boxes, root):
    own = [os.path.relpath(os.path.dirname(path), root) for box in boxes for path in box.places.values() if path]
    own += [os.path.relpath(box.spool, root) for box in boxes]
    for path in sorted(k for k in {**before, **after} if before.get(k) != after.get(k)):
        here = os.path.dirname(path)
        if here in own or any(here.startswith(o + "/") for o in own) or "/undo./" in "/" + path:
            continue
        if path in repair.COMMON or "quota" in path or path.endswith(("counters", "counters.db", "conversations", "deliver.db")):
            continue
        yield path


def outside_of(scratch, number):
    outside = os.path.join(scratch.top, "outside.%d" % number)
    os.makedirs(outside)
    with open(os.path.join(outside, "secret"), "wb") as f:
        f.write(b"From: outside\r\n\r\nnot a message of any mailbox\r\n")
    return outside


def content(folder):
    return {path: (os.readlink(entry.path) if entry.is_symlink() else open(entry.path, "rb").read())
            for path, entry in repair.files_below(folder) if entry.is_symlink() or stat.S_ISREG(entry.stat().st_mode)}


def one_store(scratch, number, some, bindir, verbose):
    root, outside = scratch.copy("default", "hostile.%d" % number), outside_of(scratch, number)
    reader = facts.Reader(root)
    names = [n for n, e in sorted(reader.list.items()) if e["partition"] and "d" not in e["type"][1:]]
    usable = [n for n in names if len(reader.index(reader.places(n, reader.list[n]), {})["records"]) >= 3]
    boxes = [Hurt(root, reader, name) for name in usable[:len(some)]]
    for box, (words, hurt) in zip(boxes, some):
        hurt(box, outside)
        if verbose:
            print("%s: %s" % (box.name, words))
    problems, kept, before = [], content(outside), repair.stamps(root)
    externals = [reader.store.external(box.name) for box in boxes]
    for words in COMMANDS:
        for some_names in [[name] for name in externals] if words[0] in ONE else [externals]:
            found, said = run(root, bindir, words, some_names)
            problems += ["%s: %s" % (" ".join(words), p) for p in found]
            if verbose:
                print("%s: %d octets" % (" ".join(words), len(said)))
    problems += ["changed, and is no part of these mailboxes: " + path for path in touched(before, repair.stamps(root), boxes, root)]
    if content(outside) != kept:
        problems.append("changed files outside of the store: %s" % sorted(set(content(outside).items()) ^ set(kept.items()))[:2])
    shutil.rmtree(root, ignore_errors=True)
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--most", type=int, help="so many tricks, the links among them")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    todo = tricks()[args.first:]
    todo = todo[-args.most:] if args.most else todo
    failed = 0
    with golden.Scratch() as scratch:
        scratch.pristine("default")
        for number in range(0, len(todo), AT_ONCE):
            some = todo[number:number + AT_ONCE]
            problems = one_store(scratch, number, some, args.bin, args.verbose)
            failed += bool(problems)
            if problems:
                print("with " + "; ".join(words for words, _ in some))
            for problem in problems[:10]:
                print("FAILED: %s" % (problem,))
    print("%d hostile mailboxes, %d runs of programs, %d stores with a problem" % (
        len(todo), len(COMMANDS) * -(-len(todo) // AT_ONCE), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
