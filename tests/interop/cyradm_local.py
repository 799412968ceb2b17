#!/usr/bin/env python3
"""`cyradm --local`: administration of a store without a server, which the real Cyrus 3.6.1 then reads.

  cyradm_local.py --bin DIR
"""
import argparse
import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "matrix"))
import golden  # noqa: E402
import oracle as real_cyrus  # noqa: E402

# (command, what it prints)
COMMANDS = (
    ("cm user/newbie", ""),
    ("cm user/newbie/Sent Mail", None),                      # too many words: the second one would be a partition
    ('cm "user/newbie/Sent Mail"', ""),
    ("sam user/newbie fred lrs cyrus c", ""),
    ("lam user/newbie", "newbie lrswipkxtecdan\nfred lrs\ncyrus kxc\n"),
    ("dam user/newbie cyrus", ""),
    ("lam user/newbie", "newbie lrswipkxtecdan\nfred lrs\n"),
    ("sq user/newbie storage 1000 message 50", ""),
    ("lq user/newbie", " STORAGE 0/1000 (0%) MESSAGE 0/50 (0%)\n"),
    ("renm user/newbie user/newer", ""),
    ("lq user/newer", " STORAGE 0/1000 (0%) MESSAGE 0/50 (0%)\n"),
    ("sam user/newer fred lrq", None),
    ("lam user/newer", "fred lrs\nnewer lrswipkxtecdan\n"),
    ("sub user/newer", None),                                # nor may subscribe without the right to look it up
    ("sam user/newer cyrus l; sub user/newer; lm user/newer", "user/newer (\\Subscribed \\HasChildren)  \n"),
    ("sam user/newer cyrus none; lm -subscribed", "user/newer  \n"),
    ("getmd user/newer /shared/comment", "{user/newer}:\n  shared:\n    comment: NIL\n"),
    ("info user/newer sharedseen", None),
    ("dm user/newer", None),                                 # an administrator needs the right for it
    ("sam user/newer cyrus c", ""),
    ("dm user/nobody", None),
)


# What standard error says of some of them: the words of the server.
WORDS = {
    "sam user/newer fred lrq": "setaclmailbox: fred: lrq: The q right is not supported\n",
    "sub user/newer": "Subscribe: Mailbox does not exist\n",
    "info user/newer sharedseen": "entry must begin with /shared or /private\n",
}


def run(program, root, command):
    got = subprocess.run([program, "--local", os.path.join(root, "etc/imapd.conf"), "-e", command], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
    return got.returncode, got.stdout.decode(), got.stderr.decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    args = parser.parse_args()
    real_cyrus.gate()
    failures = []
    with golden.Scratch() as scratch:
        oracle = real_cyrus.Oracle(scratch)
        root = scratch.copy("default", "local")
        oracle.hand_over(root)
        for command, wanted in COMMANDS:
            code, out, err = run(os.path.join(args.bin, "cyradm"), root, command)
            if (wanted is None and (code != 1 or not err)) or (wanted is not None and (code, out) != (0, wanted)):
                failures.append("%s: exit %d, %r, %r" % (command, code, out, err))
            elif not err.startswith(WORDS.get(command, "")):
                failures.append("%s: %r" % (command, err))
        listed = oracle.run(root, "ctl_mboxlist", "-d")[1].decode("utf-8", "replace")
        failures += ["the real list has no " + name for name in ("user.newer", "user.newer.Sent Mail") if name + "\t" not in listed and
                     name + " " not in listed and '"%s"' % name not in listed]
        said = oracle.run(root, "reconstruct", "-n", "-r", "user/newer")[1].decode("utf-8", "replace")
        failures += ["the real reconstruct: " + line for line in said.splitlines() if not line.startswith("user/newer")]
    for failure in failures:
        print("FAILED: " + failure)
    print("%d commands, %d failures" % (len(COMMANDS), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
