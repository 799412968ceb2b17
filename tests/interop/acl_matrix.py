#!/usr/bin/env python3
"""Each right, and the usual sets of them, against each command that asks for rights: a user with only these on another's
mailbox, our imapd beside the real 3.6.1, the same answers; then what the owner finds in the mailbox.

Left out is where 3.6.1 does other than RFC 4314 and ours does not follow: STORE FLAGS that names a flag one may not set (it
refuses all, or takes \\Deleted away without `t`), APPEND and COPY with \\Seen without `s` (it sets it), MOVE with `e` but without
`t` (it moves). And LIST of a mailbox in which the owner has no `l` but the one that owners have anyway (it hides it).

  acl_matrix.py --bin DIR [--rights R ...]
"""
import argparse
import os
import shutil
import sys

sys.dont_write_bytecode = True
import imapd
import oracle as real_cyrus

RIGHTS = ("", *"lrswipkxtecdan", "lr", "lrs", "lrw", "lri", "lrt", "lrte", "lrk", "lrx", "lrkx", "lra", "lrn", "lrp", "lrst", "lrsw",
          "lrswite", "lrswitedn", "lrc", "lrd", "rt", "ltd", "lx")
LETTER = {"owner": "A", "admin": "B", "guest": "C"}
MESSAGE = "Subject: a right"

COMMANDS = """LIST "" {box}
SUBSCRIBE {box}
UNSUBSCRIBE {box}
STATUS {box} (MESSAGES UNSEEN)
MYRIGHTS {box}
GETACL {box}
LISTRIGHTS {box} wes
GETQUOTAROOT {box}
GETMETADATA {box} /shared/comment
GETMETADATA {box} /private/comment
SETMETADATA {box} (/private/comment "x")
SETMETADATA {box} (/shared/comment "x")
APPEND {box} {}
APPEND {box} (\\Flagged \\Deleted Kw) {}
EXAMINE {box}
FETCH 1:2 (FLAGS)
FETCH 1 (BODY[])
STORE 1 +FLAGS (\\Flagged)
UNSELECT
SELECT {box}
FETCH 1 (BODY[HEADER])
FETCH 1:* (FLAGS)
STORE 1 +FLAGS (\\Seen)
STORE 1 +FLAGS (\\Flagged)
STORE 1 +FLAGS (Other)
STORE 2 +FLAGS (\\Deleted)
STORE 3 +FLAGS (\\Seen \\Flagged \\Deleted)
STORE 3 -FLAGS (\\Seen \\Deleted)
SEARCH UNSEEN
COPY 1 To
COPY 3 {box}
MOVE 4 To
EXPUNGE
UID EXPUNGE 1:*
CLOSE
CREATE From{n}
APPEND From{n} {}
APPEND From{n} (\\Flagged Kw) {}
SELECT From{n}
COPY 1 {box}
MOVE 2 {box}
UNSELECT
CREATE {kid}
CREATE {other}
DELETE {kid}
RENAME {other} {renamed}
RENAME {box} Taken{n}
RENAME Taken{n} {box}
SETACL {box} wes lr
SETACL {box} leena +l
DELETEACL {box} wes
DELETE {box}
MYRIGHTS {box}
LIST "" {all}"""


def step(who, command):
    literals = [[MESSAGE.encode() + b"\r\n\r\n", ""]] if command.endswith("{}") else []
    return LETTER[who], command, literals


def steps_for(number, rights):
    name = "Rights%02d" % number
    box = '"Other Users/fred/%s"' % name
    below = lambda part: '"Other Users/fred/%s/%s"' % (name, part)  # noqa: E731
    out = [step("owner", "CREATE " + name)]
    out += [step("owner", "APPEND %s (%s) {}" % (name, flags)) for flags in ("", "\\Seen", "\\Deleted", "Kw", "\\Flagged")]
    out.append(step("admin", 'SETACL user/fred/%s leena "%s"' % (name, rights)))
    words = {"box": box, "n": number, "kid": below("kid"), "other": below("other"), "renamed": below("renamed"),
             "all": box[:-1] + '*"'}
    for line in COMMANDS.split("\n"):
        for word, value in words.items():
            line = line.replace("{%s}" % word, str(value))
        out.append(step("guest", line))
    return out + [step("owner", line) for line in (
        "STATUS %s (MESSAGES UNSEEN)" % name, 'LIST "" %s*' % name, "EXAMINE " + name, "FETCH 1:* (FLAGS)", "GETACL " + name,
        "UNSELECT")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--rights", nargs="+", default=RIGHTS)
    args = parser.parse_args()
    real_cyrus.gate()
    steps = [step("owner", "LOGIN fred secret"), step("admin", "LOGIN cyrus secret"), step("guest", "LOGIN leena secret"),
             step("guest", "CREATE To")]
    meant = [None] * len(steps)
    for number, rights in enumerate(args.rights):
        more = steps_for(number, rights)
        steps += more
        meant += [rights] * len(more)
    scratch = imapd.Scratch()
    try:
        oracle = real_cyrus.Oracle(scratch)
        want = imapd.Side(scratch.top, "real", "default", [os.path.join(oracle.home, "run"), "imapd"]).run(steps)
        got = imapd.Side(scratch.top, "ours", "default", [os.path.join(args.bin, "imapd")]).run(steps)
    finally:
        shutil.rmtree(scratch.top, ignore_errors=True)
    bad = 0
    for rights, one, right, ours in zip(meant, steps, want, got):
        bad += imapd.compare("rights \"%s\"" % rights, [one], [right], [ours], False)
    print("%d sets of rights, %d commands, %d differences" % (len(args.rights), len(steps), bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
