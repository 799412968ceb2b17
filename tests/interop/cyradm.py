#!/usr/bin/env python3
"""cyradm against the real Cyrus 3.6.1: the transcripts of the stock shell line by line, the traffic that the server logs,
every mechanism, scripts, batch imports, and forty ways to fail."""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "matrix"))
import golden  # noqa: E402
import oracle as real_cyrus  # noqa: E402

CONF = """configdirectory: {root}/config
defaultpartition: default
partition-default: {root}/spool
partition-two: {root}/two
proc_path: {root}/run/proc
mboxname_lockpath: {root}/run/lock
servername: mail.example.org
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {root}/etc/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1
unixhierarchysep: yes
virtdomains: off
"""
SECRET = "secret"
FAILURES = []
# What differs from run to run.
CHANGING = [(re.compile(r"(foldermodseq|size): \d+"), r"\1: N"), (re.compile(r"(freespace|most|total): [\d;]+"), r"\1: SPACE"), (re.compile(r"lastupdate: .*"), "lastupdate: DATE"),
            (re.compile(r"uniqueid: \w+"), "uniqueid: ID"), (re.compile(r"(os-version|os) *: .*"), r"\1: OS"),
            (re.compile(r"^version    : .*", re.M), "version"), (re.compile(r"idle = \w+"), "idle"), (re.compile(r"(OpenSSL|zlib|SASL) \d.*"), r"\1")]


def check(name, condition, seen=""):
    if not condition:
        FAILURES.append(name)
        print("FAILED: %s: %s" % (name, seen))


class Site:
    """A new store with a real server on it, and cyradm to talk to it; `more` are options in place of those of CONF."""

    def __init__(self, scratch, program, name="cyradm", more=()):
        self.program = program
        self.oracle = real_cyrus.Oracle(scratch)
        self.root = scratch.copy("default", name)
        for folder in ("config", "spool", "sieve", "two", "run"):
            shutil.rmtree(os.path.join(self.root, folder), ignore_errors=True)
        for folder in ("config/db", "config/log/cyrus", "config/socket", "config/proc", "spool", "two", "run/lock", "run/proc"):
            os.makedirs(os.path.join(self.root, folder))
        with open(os.path.join(self.root, "etc/imapd.conf"), "w", encoding="utf-8") as f:
            other = {option.split(":")[0] for option in more}
            lines = [line for line in CONF.format(root=self.root).splitlines() if line.split(":")[0] not in other]
            f.write("\n".join([*lines, *more]) + "\n")
        self.oracle.hand_over(self.root)
        self.work = os.path.join(scratch.top, "work")
        os.makedirs(self.work, exist_ok=True)
        self.password = os.path.join(self.work, "password")
        self.write("password", SECRET + "\n", 0o600)
        self.server = real_cyrus.Server(self.oracle, self.root)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.work, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def run(self, *options, text="", server="127.0.0.1", user="cyrus", merged=False, password=True):
        words = [self.program, "--norc", "-u", user, *(["--password-file", self.password] if password else []), *options]
        words += [server, str(self.server.port)] if server else []
        done = subprocess.run(words, input=text, capture_output=not merged, text=True, timeout=120, cwd=self.work,
                              check=False, env={**os.environ, "HOME": self.work, "COLUMNS": "79", "TZ": "UTC", "FOO": "user"},
                              **({"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if merged else {}))
        return done.returncode, done.stdout, done.stderr

    def ok(self, command, *options):
        code, out, err = self.run("-e", command, *options)
        check("%s works" % command, code == 0 and not err, (code, out, err))
        return out

    def logged(self, pattern, user="cyrus"):
        """The server's log of the connections, oldest first: what `pattern` finds in it."""
        folder = os.path.join(self.root, "config/log", user)
        out = []
        for name in sorted(os.listdir(folder), key=lambda n: os.path.getmtime(os.path.join(folder, n))):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                out += [m.group(1) for m in re.finditer(pattern, f.read(), re.M)]
        return out

    def traffic(self):
        """Every command line."""
        return self.logged(r"^(?:<\d+<)?\d+ (.*?)\r?$")

    def refusals(self):
        """The reasons of every NO and BAD."""
        return self.logged(r"^(?:>\d+>)?\d+ (?:NO|BAD) (?:\[[^]]*\] )?(.*?)\r?$")


def steady(text):
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    return text.splitlines()


def transcript(site, name):
    """The stock shell's session, prompts and all: the same lines come back."""
    with open(os.path.join(HERE, "cyradm_transcripts", name), encoding="utf-8") as f:
        want = f.read()
    commands = [line.split("> ", 1)[1] for line in want.splitlines() if re.match(r"(127\.0\.0\.1|cyradm)> ", line)]
    code, got, _ = site.run("--compat-exit", "--echo", text="".join(c + "\n" for c in commands), merged=True)
    want, got = steady(want), steady(re.sub(r"(127\.0\.0\.1|cyradm)> \Z", "", got))
    check(name + ": exit status", code == 0, code)
    for at, (expected, seen) in enumerate(zip(want, got)):
        if expected != seen:
            check("%s line %d" % (name, at + 1), False, "\n  want %r\n  got  %r" % (expected, seen))
            break
    check(name + ": length", len(want) == len(got), (want[len(got):][:3], got[len(want):][:3]))


# Where ours is not as the stock shell, and why.
MARKED = [("C: RLSUB \"*\" \"*\"", "C: RLSUB \"\" \"*\""),  # the stock shell takes the pattern for the reference, too
          ("E: server: hello there", None)]               # an [ALERT] has to be shown (RFC 3501 7.1)


def every_command(scratch, program):
    """Each command as the stock shell did it, on a store of its own: wire, standard output and error; rights have no order."""
    site = Site(scratch, program, "every")
    with open(os.path.join(HERE, "cyradm_transcripts/commands.txt"), encoding="utf-8") as f:
        blocks = f.read().split("\n$ ")[1:]
    with site.server:
        for block in blocks:
            command, *want = block.rstrip("\n").split("\n")
            before = len(site.traffic())
            _, out, err = site.run("--compat-exit", "--auth", "PLAIN", "-e", command)
            got = ["C: " + line for line in site.traffic()[before:] if not re.match(r'RLIST "" ""$|OK |NO |BAD |CAPABILITY|AUTHENTICATE', line)]
            got += ["   " + line.rstrip() for line in steady(out) if line.strip()] + ["E: " + line for line in err.splitlines()]
            for theirs, ours in MARKED:
                want = [ours if line == theirs else line for line in want]
                got = [line for line in got if ours is not None or line != theirs]
            if command.startswith(("lam ", "listacl ")):
                want, got = sorted(want), sorted(got)
            check("as the stock shell: " + command, want == got, "\n  want %r\n  got  %r" % (want, got))
    check("every command", len(blocks) > 80, len(blocks))


def set_up(site):
    site.ok("cm user/alice; cm user/alice/Exp; cm user/alice/Sent; cm --specialuse \\\\Junk user/alice/Spam;"
            "cm user/bob two; cm user/bob/Work two; cm shared/news; setmd user/alice/Spam specialuse none")


WIRE = [
    ("cm --partition two --specialuse \\\\Sent user/wire/S", "CREATE user/wire/S (PARTITION two USE (\\Sent))"),
    ("cm 'shared/with space'", 'CREATE "shared/with space"'),
    ("lm user/%", 'LIST (REMOTE) "" "user/%" RETURN (SUBSCRIBED SPECIAL-USE)'),
    ("lm % user/", 'LIST (REMOTE) user/ "%" RETURN (SUBSCRIBED SPECIAL-USE)'),
    ("lm --specialuse", 'LIST (REMOTE SPECIAL-USE) "" "*" RETURN (SUBSCRIBED SPECIAL-USE)'),
    ("lm --recursivematch --subscribed", 'LIST (REMOTE RECURSIVEMATCH SUBSCRIBED) "" "*" RETURN (SUBSCRIBED SPECIAL-USE)'),
    ("sam user/wire eve none", 'SETACL user/wire eve ""'),
    ("sq user/wire MESSAGE 100 STORAGE 2000", "SETQUOTA user/wire (MESSAGE 100 STORAGE 2000)"),
    ("sq user/wire none", "SETQUOTA user/wire ()"),
    ("mboxcfg user/wire expire 30", 'SETMETADATA "user/wire" ("/shared/vendor/cmu/cyrus-imapd/expire" "30")'),
    ("setinfo motd none", 'SETMETADATA "" ("/shared/motd" NIL)'),
    ("reconstruct -r user/wire", "RECONSTRUCT user/wire RECURSIVE"),
]


def wire(site):
    site.ok("cm user/wire")
    for command, _ in WIRE:
        site.run("-e", command)
    seen = site.traffic()
    for command, line in WIRE:
        check("on the wire: " + command, line in seen, [x for x in seen if x.split(" ")[0] == line.split(" ")[0]])


def listings(site):
    rows = [json.loads(line) for line in site.ok("lm user/bob*", "--json").splitlines()]
    check("lm --json", [r["name"] for r in rows] == ["user/bob", "user/bob/Work"], rows)
    check("lm -one-per-line", site.ok("lm -one-per-line user/bob*") == "user/bob\nuser/bob/Work\n")
    site.ok("sq user/bob STORAGE 1000 MESSAGE 7")
    rows = [json.loads(line) for line in site.ok("lq --json user/bob").splitlines()]
    check("lq --json", [(r["resource"], r["limit"]) for r in rows] == [("STORAGE", 1000), ("MESSAGE", 7)], rows)
    check("lq with a pattern", "user/bob STORAGE 0/1000 (0%) MESSAGE 0/7 (0%)\n" in site.ok("lq user/%"))
    rows = [json.loads(line) for line in site.ok("lam --json user/bob").splitlines()]
    check("lam --json", rows[0]["identifier"] == "bob", rows)
    check("info --json", any(json.loads(x)["entry"] == "/shared/vendor/cmu/cyrus-imapd/partition"
                             for x in site.ok("info --json user/bob").splitlines()))
    check("version --json", json.loads(site.ok("version --json"))["version"].startswith("3.6.1"))


def names(site):
    """Dots, blanks, quotes, UTF-8; and values of several lines."""
    site.ok("cm user/joe.smith; cm 'user/ann blank'; cm \"user/o'brien\"; cm user/joe.smith/Entwürfe")
    out = site.ok("lm -one-per-line user/joe.smith*")
    check("UTF-8 names", out == "user/joe.smith\nuser/joe.smith/Entw&APw-rfe\n", out)
    script = site.write("multi", "setmd user/joe.smith /shared/comment 'one\ntwo'\ngetmd user/joe.smith /shared/comment\n")
    code, out, err = site.run("-f", script)
    check("a value of two lines", (code, err) == (0, "") and "comment: one\ntwo\n" in out, (code, out, err))
    site.ok("sam user/joe.smith* ops lrs; dam user/joe.smith* ops")
    check("quotes in names", "o'brien lrs" in site.ok("lam \"user/o'brien\""))


def scripts(site):
    good = site.write("users.csv", "user,partition,quota,acl,folders\nu1,two,1000,u1 all anyone p,Sent:\\Sent;Drafts\n"
                      "u2,,STORAGE 5 MESSAGE 6,,\n")
    out = site.ok("import " + good, "--dry-run")
    check("a dry run says what it would do", "would create user/u1 on partition two" in out, out)
    check("and does nothing", site.ok("lm user/u1") == "")
    check("import", site.ok("import " + good) == "user/u1: created, 2 folders, quota set, ACL set\nuser/u2: created, quota set\n")
    check("import again", "user/u1: was there, quota set, ACL set" in site.ok("import " + good))
    check("what was imported", site.ok("lam user/u1") == "u1 lrswipkxtecdan\nanyone p\n", site.ok("lam user/u1"))
    users = json.dumps([{"user": "u3", "quota": {"STORAGE": 9}, "folders": ["Spam"]}])
    site.write("users.json", users)
    code, out, err = site.run("-e", "import - < users.json")
    check("import of JSON", (code, out) == (0, "user/u3: created, 1 folders, quota set\n"), (code, out, err))
    code, out, err = site.run(text="cm user/s1\nlam nosuch\ncm user/s2\n")
    check("a script stops at the first failure", code == 1 and "cyradm: line 2: lam nosuch: Mailbox does not exist" in err, err)
    check("nothing after it", site.ok("lm user/s2") == "")
    code, out, err = site.run("--keep-going", text="lam nosuch\ncm user/s2\n")
    check("--keep-going", code == 1 and site.ok("lm user/s2") != "", (code, err))
    check("exit status", site.run(text="exit 7\n")[0] == 7)
    os.environ["CYRADM_TEST"] = "user/s1"
    check("variables", "s1 lrs" in site.ok("lam $CYRADM_TEST"))
    out = site.run("--undo", "-e", "sam user/s1 ann lrs; sq user/s1 8; sq user/s1 9")[2]
    check("undo hints", out == "undo: setaclmailbox user/s1 ann none\nundo: setquota user/s1 none\n"
          "undo: setquota user/s1 STORAGE 8\n", out)
    rc = site.write("rc", "server\n")
    check("rc files", site.run("--rc", "--systemrc", "/nonexistent", "--userrc", rc, "-e", "lm user/s1")[1].startswith("127.0.0.1\n"))


def logins(site):
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1"):
        code, out, err = site.run("--auth", mechanism, "-e", "lm user/bob", "--timeout", "20")
        check("mechanism " + mechanism, code == 0 and out.startswith("user/bob"), (code, out, err))
    code, out, err = site.run("--authz", "bob", "-e", "lm -one-per-line")
    check("--authz", code == 0 and "INBOX" in out, (code, out, err))
    netrc = site.write("netrc", "machine 127.0.0.1 login cyrus password %s\n" % SECRET, 0o600)
    check("--netrc", site.run("--netrc", netrc, "-e", "server", password=False)[:2] == (0, "127.0.0.1\n"))
    os.replace(netrc, os.path.join(site.work, ".netrc"))
    check("~/.netrc", site.run("-e", "server", password=False)[:2] == (0, "127.0.0.1\n"))
    os.remove(os.path.join(site.work, ".netrc"))
    check("--password-command", site.run("--password-command", "echo " + SECRET, "-e", "server", password=False)[0] == 0)
    code, out, err = site.run("-e", "server -noauthenticate 127.0.0.1:%d; auth cyrus; lm -one user/bob" % site.server.port, server=None)
    check("connect and authenticate", (code, out) == (0, "user/bob\n"), (code, out, err))


# Options, what standard error has in it, exit status.
PROVOKED_STARTS = [
    (["--bogus", "127.0.0.1"], "--bogus", 64),
    (["-w", "x", "127.0.0.1"], "a password on the command line can be read", 64),
    (["-p", "99999", "127.0.0.1"], "not a number of a port", 64),
    (["127.0.0.1", "1", "2"], "one server and one port", 64),
    (["--server", "x", "127.0.0.1"], "may not specify server both with --server and bare arg", 64),
    (["-f", "/nosuch"], "/nosuch", 66),
    (["--password-file", "/nosuch", "-e", "lm"], "/nosuch", 1),
    (["--auth", "GSSAPI", "-e", "lm"], "cannot authenticate to server with GSSAPI as cyrus", 1),
    (["--cafile", "/nosuch", "--tls", "-e", "lm"], "cannot connect to server", 1),
]


def failures_listed():
    """[(command, [lines on standard error], exit status)] of cyradm_failures.txt"""
    out = []
    with open(os.path.join(HERE, "cyradm_failures.txt"), encoding="utf-8") as f:
        for block in f.read().split("\n$ ")[1:]:
            command, *lines = block.rstrip("\n").split("\n")
            out.append((command, lines[:-1], int(lines[-1].split()[1])))
    return out


def as_listed(line, listed):
    """Where the system's own words differ from host to host the list has three dots."""
    return line.startswith(listed[:-3]) if listed.endswith("...") else line == listed


def provoked(site):
    failures = failures_listed()
    check("at least forty failures", len(failures) >= 40, len(failures))
    for command, listed, status in failures:
        before = len(site.refusals())
        code, _, err = site.run("-e", command)
        lines = err.splitlines()
        check("fails: " + command, (code, len(lines)) == (status, len(listed)) and all(map(as_listed, lines, listed)), (code, err))
        if "syntax" not in err and "quote" not in err and ";" not in command:
            words = [word for word in command.split(" ")[:2] if re.fullmatch(r"[\w/*.-]+", word)]
            check("names what was asked for: " + command, all(word in lines[-1] for word in words), lines)
        for reason in site.refusals()[before:]:
            check("the server's reason: " + command, reason in err, (reason, err))
    for options, message, status in PROVOKED_STARTS:
        code, _, err = site.run(*options, server=None if status == 64 else "127.0.0.1")
        check("fails: %s" % options, message in err and code == status, (code, err))
    site.write("password", "wrong\n", 0o600)
    code, _, err = site.run("-e", "lm")
    check("wrong password", code == 1 and err.startswith("Login failed: authentication failure") and
          "cannot authenticate to server as cyrus" in err, (code, err))
    site.write("password", SECRET + "\n", 0o644)
    code, _, err = site.run("-e", "lm")
    check("a password that others can read", code == 1 and "others can read this file" in err, (code, err))
    site.write("password", SECRET + "\n", 0o600)
    done = subprocess.run([site.program, "--norc", "127.0.0.1", "1"], capture_output=True, text=True, check=False, timeout=60)
    check("nobody there", done.returncode == 1 and "cannot connect to server: " in done.stderr, done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    arguments = parser.parse_args()
    real_cyrus.gate()
    with golden.Scratch() as scratch:
        program = os.path.join(os.path.abspath(arguments.bin), "cyradm")
        every_command(scratch, program)
        site = Site(scratch, program)
        with site.server:
            set_up(site)
            transcript(site, "shell.txt")
            site.ok("sam user/alice/Exp cyrus all; dm user/alice/Exp")  # was not there yet in the other session
            transcript(site, "lifecycle.txt")
            for part in (wire, listings, names, scripts, logins, provoked):
                part(site)
    print("%d failures" % len(FAILURES))
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
