#!/usr/bin/env python3
"""The judge judged: matrix.py must refuse a repair that does nothing and one that invents, and pass a perfect one."""
import os
import shutil
import stat
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import golden  # noqa: E402
import matrix  # noqa: E402

CASES = [("default", "user_bovik", d) for d in ("index-deleted", "header-magic-bitflip", "index-record-bitflip", "mailboxes-db-torn")]
# $3 is the configuration: program -C CONF ...; $PRISTINE the intact store.
NOTHING = "exit 0"
PERFECT = 'root=$(dirname "$(dirname "$2")"); for d in config spool; do cp -a "%(pristine)s/$d" "$root/"; done'
# A perfect repair, but for one bit of the flags of the first record; its checksums are made anew.
INVENTING = PERFECT + '''
python3 - "$root" <<'END'
import glob, os, struct, sys, zlib
path = sys.argv[1] + "/%(dir)s/cyrus.index"
data = bytearray(open(path, "rb").read())
data[160 + 35] ^= 1
struct.pack_into(">I", data, 160 + 108, zlib.crc32(bytes(data[160:160 + 108])))
open(path, "wb").write(data)
END'''


def programs(scratch, name, script):
    folder = os.path.join(scratch.top, "bin." + name)
    os.mkdir(folder)
    for program, text in (("reconstruct", script), ("quota", NOTHING)):
        path = os.path.join(folder, program)
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n" + text + "\n")
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return folder


def main():
    bad = []
    with golden.Scratch() as scratch:
        where = {"pristine": scratch.pristine("default"),
                 "dir": golden.target(os.path.join(scratch.golden("default"), "damaged/user_bovik/target.txt"))["dir"]}
        nothing = programs(scratch, "nothing", NOTHING)
        perfect = programs(scratch, "perfect", PERFECT % where)
        inventing = programs(scratch, "inventing", INVENTING % where)
        for case in CASES:
            row = matrix.run_case(scratch, case, nothing)
            if not any(p.startswith("lost") for p in row["problems"]):
                bad.append("%s: a repair that does nothing passed" % case[2])
            row = matrix.run_case(scratch, case, perfect)
            rest = [p for p in row["problems"] if not p.startswith("second run changed")]
            if rest or row["ours"] != row["before"]:
                bad.append("%s: a perfect repair was refused: %s" % (case[2], rest[:3]))
        row = matrix.run_case(scratch, CASES[0], inventing)
        if not any(p.startswith(("invented", "wrong")) for p in row["problems"]):
            bad.append("a flag out of nowhere was not noticed: %s" % row["problems"][:3])
        shutil.rmtree(nothing)
    print("\n".join(bad) if bad else "%d cases: nothing done, perfect, invented: each judged right" % len(CASES))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
