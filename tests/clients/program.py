"""A client's library, used by a program in its own language (programs/NAME.EXT) that prints "what: value" for everything it does; what
they should be stands in programs/NAME.txt, line for line: "~what: regular expression", "ours what: value" and "cyrus what: value" where
the servers differ for a reason, which a line with # says. --print shows what the program said."""
import os
import re

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
OPTIONS = [("--print", {"action": "store_true", "help": "what the client's program said, too"})]


def wanted(path, kind):
    """[(what, regular expression or not, value)] for this server."""
    out = []
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith("#"):
                continue
            server, line = line.split(" ", 1) if line.startswith(("ours ", "cyrus ")) else (kind, line)
            if server == kind:
                what, value = line.split(": ", 1)
                out.append((what.lstrip("~"), what.startswith("~"), value))
    return out


def compare(site, checks, words):
    """Runs WORDS, the second of them the program's file name."""
    path = os.path.join(HERE, words[1])
    status, said = site.run(["timeout", "100", words[0], path, *words[2:]], timeout=170)
    if site.options.print:
        print(said)
    got = dict(line.split(": ", 1) for line in said.splitlines() if re.match(r"[^:]+: ", line))
    checks.true(words[1], status == 0, "exit %d: %s" % (status, said[-1500:]))
    for what, is_pattern, value in wanted(os.path.splitext(path)[0] + ".txt", site.kind):
        if is_pattern:
            checks.has(what, got.pop(what, ""), "^(?:%s)$" % value)
        else:
            checks.equal(what, got.pop(what, None), value)
    got.pop("IMAPTalk", None)                             # which warns of what it then dies of
    checks.equal("what nobody expected", got, {})
