#!/usr/bin/env python3
"""Every damage x every store of Cyrus 3.6.1 x every damaged mailbox: which facts were there, which the damage left on
disk, which the real `reconstruct` kept (golden files), which ours keeps.

  matrix.py [--bin DIR] [--quick] [--store NAME] [--target TAG] [--damage NAME] [--jobs N] [--json FILE] [--tables] [--markdown] [-v]

Without --bin only the real program is looked at.  Fails when ours loses a fact that the damage left on disk, keeps
less than the real one, leaves a wrong fact without a word, or when a second run finds something.
Facts are read by facts.py, which shares no code with the programs; model.py says what is left on disk.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import damaged  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import model  # noqa: E402
import repair  # noqa: E402

QUICK_STORE = "default"                                  # --quick: all damages of this one, one target of the others


def cases(scratch, args):
    found = []
    for store in golden.STORES:
        if args.store and store not in args.store:
            continue
        top = os.path.join(scratch.golden(store), "damaged")
        tags = [t for t in sorted(os.listdir(top)) if os.path.isdir(os.path.join(top, t))]
        for number, tag in enumerate(tags):
            if args.target and tag not in args.target:
                continue
            for damage in sorted(os.listdir(os.path.join(top, tag))):
                folder = os.path.join(top, tag, damage)
                applied = os.path.exists(os.path.join(folder, "after.tar"))
                if not applied or args.damage and damage not in args.damage:
                    continue
                if args.quick and store != QUICK_STORE and (number == 0) == (len(tags) == 2):
                    continue
                found.append((store, tag, damage))
    return found


def run_case(scratch, case, bindir):
    """One row: counts, and the problems found (strings)."""
    store, tag, damage = case
    one = damaged.Case(scratch, store, tag, damage)
    intact = facts.Reader(scratch.pristine(store))
    row = {"store": store, "target": tag, "damage": damage, "problems": []}
    root = one.make()
    try:
        before, left, view = expectations(one, intact, root)
        real = view(one.real(root))
        real.update(one.real_limits(intact))
        count(row, before=before, left=left, real=model.compare(before, real)[0])
        if bindir:
            judge(row, repair.run(one, root, bindir), before, left, view, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(os.path.join(scratch.top, "real", one.name), ignore_errors=True)
    return row


def count(row, **sets):
    """Numbers of facts, in all and by group."""
    for name, keys in sets.items():
        row[name] = len(keys)
        row.setdefault("groups", {})[name] = model.by_group(keys)


def expectations(one, intact, root):
    """(facts before, facts left on disk, function from a Reader to its facts)"""
    name = intact.store.internal(one.target["mailbox"])
    limits = model.limit_facts(intact.quota())
    if one.damage in model.DATABASE:
        before = {**model.list_only(intact), **limits}
        path = os.path.join(root, "config/mailboxes.db")
        left = model.list_left(one.damage, before, facts.octets(path) if os.path.exists(path) else None, intact)
        return before, left, model.list_only
    by_bit = one.damage in model.NAMELESS
    box = intact.mailbox(name)
    before = {**model.mailbox_facts(intact, name, box, by_bit), **limits}
    left = model.Left(one.damage, name, before, box, facts.Reader(root)).facts

    def view(reader):
        if "error" in reader.list or name not in reader.list:
            return {}
        return model.mailbox_facts(reader, name, reader.mailbox(name), by_bit)
    return before, left, view


def judge(row, result, before, left, view, root):
    reader = facts.Reader(root)
    ours = {**view(reader), **model.limit_facts(reader.quota())}
    saved = repair.saved_facts(reader, left, ours)
    _, lost, wrong = model.compare(left, {**saved, **ours})
    count(row, ours=model.compare(before, {**saved, **ours})[0], saved=saved)
    row["lost"] = [list(map(str, k)) for k in lost]
    say = row["problems"].append
    for key in lost:
        say("lost: %s" % " ".join(map(str, key)))
    for key, value, got in wrong:
        say("wrong: %s was %r, is %r" % (" ".join(map(str, key)), value, got))
    for key in sorted(set(ours) - set(before), key=str):
        kinds = ("flag", "expunged", "annotation", "acl", "limit") + (() if row["damage"] in model.NAMELESS else ("keyword",))
        if key[0] in kinds and not invented_with_cause(key, before, result):
            say("invented: %s = %r" % (" ".join(map(str, key)), ours[key]))
    if row["ours"] < row["real"]:
        say("below the real program: %d facts, it kept %d" % (row["ours"], row["real"]))
    row["problems"] += result.problems


def invented_with_cause(key, before, result):
    """A message that was added, or whose file is gone, may have facts that nobody had before."""
    if key[0] == "flag":
        return ("message", key[1], key[2]) not in before
    return key[0] == "expunged" and str(key[2]) in result.output


def totals(rows):
    table = collections.OrderedDict()
    for row in sorted(rows, key=lambda r: r["damage"]):
        line = table.setdefault(row["damage"], collections.Counter())
        line["cases"] += 1
        for key in ("before", "left", "real", "ours", "saved"):
            line[key] += row.get(key, 0)
        line["lost"] += len(row.get("lost", []))
        line["failed"] += bool(row["problems"])
    return table


def group_tables(rows, names, markdown):
    """A table per damage: what kinds of facts."""
    for damage in sorted({r["damage"] for r in rows}):
        mine = [r for r in rows if r["damage"] == damage]
        body = []
        for group in model.GROUPS:
            numbers = [sum(r["groups"].get(name, {}).get(group, 0) for r in mine) for name in names]
            if any(numbers):
                body.append([group] + [str(n) for n in numbers])
        print("\n%s%s (%d cases)\n" % ("### " if markdown else "", damage, len(mine)))
        titles = {"real": "after real", "ours": "after ours", "left": "left on disk"}
        show(["facts"] + [titles.get(name, name) for name in names], body, markdown)


def show(head, body, markdown):
    if markdown:
        print("| " + " | ".join(head) + " |\n|" + "|".join(["---"] + ["--:"] * (len(head) - 1)) + "|")
        for cells in body:
            print("| " + " | ".join(cells) + " |")
    else:
        for cells in [head] + body:
            print("%-32s" % cells[0] + "".join("%15s" % c for c in cells[1:]))


def print_table(rows, with_ours, markdown):
    table = totals(rows)
    total = collections.Counter()
    for line in table.values():
        total.update(line)
    head = ["damage", "cases", "facts before", "left on disk", "after real"]
    head += ["after ours", "left but lost", "failed"] if with_ours else []
    keys = ["cases", "before", "left", "real"] + (["ours", "lost", "failed"] if with_ours else [])
    body = [[name] + [str(line[k]) for k in keys] for name, line in list(table.items()) + [("total", total)]]
    show(head, body, markdown)


def parse():
    parser = argparse.ArgumentParser(description="Facts before, left on disk, after the real repair and after ours")
    parser.add_argument("--bin", help="directory of our programs")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--store", action="append")
    parser.add_argument("--target", action="append")
    parser.add_argument("--damage", action="append")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--tables", action="store_true", help="a table per damage, by kind of fact")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true", help="one line per case, and every problem")
    return parser.parse_args()


def main():
    args = parse()
    start, rows = time.monotonic(), []
    with golden.Scratch() as scratch:
        todo = cases(scratch, args)
        for store in {c[0] for c in todo}:
            scratch.pristine(store)                      # unpacked before the workers start
        with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
            for row in pool.map(run_case, [scratch] * len(todo), todo, [args.bin] * len(todo)):
                rows.append(row)
                if args.verbose or row["problems"]:
                    print("%-9s %-28s %-24s before %6d left %6d real %6d%s" % (
                        row["store"], row["target"], row["damage"], row["before"], row["left"], row["real"],
                        " ours %6d" % row["ours"] if "ours" in row else ""), flush=True)
                    for line in row["problems"][:None if args.verbose else 5]:
                        print("    " + line)
    if args.tables:
        group_tables(rows, ["before", "left", "real"] + (["ours"] if args.bin else []), args.markdown)
        print()
    print_table(rows, bool(args.bin), args.markdown)
    failed = sum(bool(r["problems"]) for r in rows)
    print("%d cases, %d with a problem, %.0f s" % (len(rows), failed, time.monotonic() - start))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(rows, f, indent=1)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
