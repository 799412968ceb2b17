#!/usr/bin/env python3
"""The options of cyradm: those that --help tells are those of the manual page and those that bash completes.

  cyradm_options.py --bin DIR
"""
import argparse
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(TOP, "cyradm/completions/cyradm")


def completed(*words):
    """What bash offers for the last of the words."""
    line = " ".join("'%s'" % word for word in ("cyradm", *words))
    text = "source '%s'; COMP_WORDS=(%s); COMP_CWORD=%d; _cyradm; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (SCRIPT, line, len(words))
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True, cwd=TOP)
    return set(done.stdout.split())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    program = os.path.join(parser.parse_args().bin, "cyradm")
    told = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", "\n".join(line for line in told.splitlines() if re.match(r" +-", line))))
    with open(os.path.join(TOP, "man/cyradm.8"), encoding="utf-8") as f:
        page = f.read().replace("\\-", "-")
    described = {"-" + name for line in re.findall(r"^\.It Fl .*", page.partition(".Sh COMMANDS")[0], re.M) for name in re.findall(r"(?<=[ ,])-[a-z0-9-]+", line)}
    failures = []
    for what, other in (("the manual page", described), ("bash completion", completed("--"))):
        failures += ["%s lacks %s" % (what, name) for name in sorted(known - other)]
        failures += ["%s has %s, the program has not" % (what, name) for name in sorted(other - known)]
    for words, wanted in ((("--allow-pl",), "--allow-plaintext"), (("--auth", "GSS"), "GSSAPI"), (("--file", "README"), "README.md"),
                          (("--root", "cyra"), "cyradm"), (("-u", "roo"), "root")):
        if wanted not in completed(*words):
            failures.append("%s is not completed to %s: %s" % (" ".join(words), wanted, completed(*words)))
    for failure in failures:
        print("FAILED: " + failure)
    print("%d options, %d failures" % (len(known), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
