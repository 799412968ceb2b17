#!/usr/bin/env python3
"""Our cyradm and the stock one against the same server: from the start to the prompt, and a listing of many mailboxes; once
with the real imapd 3.6.1 and once with ours, which serve the same store. Each in turn, several times; the median counts.
"server alone": what the server needs for the listing when a client only reads it; no shell can be faster than that, and where it
is more than a fifth of the stock shell's time, nearly that is the target. Exit
status 1 when a target is missed.

  cyradm_bench.py --bin DIR --stock DIR [--mailboxes N] [--runs N]

DIR of --stock has the unpacked packages cyrus-admin and libcyrus-imap-perl.
"""
import argparse
import glob
import json
import os
import pty
import select
import shutil
import socket
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "matrix"))
import golden  # noqa: E402
import oracle as real_cyrus  # noqa: E402

PROMPT_MS = 30   # target, from the start to the prompt
FASTER = 5.0     # target, listing
NEARLY = 0.9     # of what the server allows, where that is less
SECRET = "secret"


def many_mailboxes(count):
    """A dump of the list: COUNT mailboxes of users with 20 folders each."""
    for number in range(count):
        name = "user.load%05d" % (number // 20) + (".Folder %02d" % (number % 20) if number % 20 else "")
        yield name, {"name": name, "mtime": "1795329489", "uidvalidity": str(1795329490 + number), "createdmodseq": "1",
                     "foldermodseq": "1", "mbtype": "e", "partition": "default", "acl": {"load%05d" % (number // 20): "lrswipkxtecdan"},
                     "uniqueid": "bench%019d" % number, "name_history": []}


class Bench:
    def __init__(self, options, scratch):
        self.oracle = real_cyrus.Oracle(scratch)
        self.root = scratch.copy("default", "bench")
        self.oracle.hand_over(self.root)
        self.password = os.path.join(scratch.top, "password")
        with open(self.password, "w", encoding="utf-8") as f:
            f.write(SECRET + "\n")
        os.chmod(self.password, 0o600)
        self.ours = [os.path.join(options.bin, "cyradm"), "--norc", "--allow-plaintext", "-u", "cyrus", "--password-file", self.password]
        self.stock = ["perl", os.path.join(options.stock, "usr/bin/cyradm"), "--norc", "--notls", "--user", "cyrus", "--auth", "PLAIN",
                      "--password", SECRET]
        modules = glob.glob(os.path.join(options.stock, "usr/lib/*/perl5/*")) + [os.path.join(options.stock, "usr/share/perl5")]
        library = os.path.dirname(glob.glob(os.path.join(self.oracle.home, "root/usr/lib/*/libcyrus.so.0"))[0])
        self.environment = {**os.environ, "HOME": scratch.top, "TERM": "dumb", "COLUMNS": "79"}
        self.stock_environment = {**self.environment, "PERL5LIB": ":".join(modules), "SASL_PATH": library + "/sasl2",
                                  "LD_LIBRARY_PATH": "%s:%s" % (library, library.replace("/usr/lib/", "/lib/"))}

    def kinds(self):
        return (("stock", self.stock, self.stock_environment), ("ours", self.ours, self.environment))

    def server_alone(self, port):
        """Seconds of a LIST whose answer is read and forgotten."""
        with socket.create_connection(("127.0.0.1", port)) as peer:
            def say(words):
                peer.sendall(words)
                end = b""
                while not (end.startswith(b"a OK") or b"\na OK" in end):
                    piece = peer.recv(1 << 18)
                    if not piece:
                        raise RuntimeError("the server hung up")
                    end = end[-64:] + piece
            peer.recv(1 << 16)
            say(b"a LOGIN cyrus %s\r\n" % SECRET.encode())
            began = time.monotonic()
            say(b'a LIST "" "*"\r\n')
            return time.monotonic() - began

    def load(self, count):
        """COUNT mailboxes into the list; they have no directories, which LIST does not look for."""
        text = "{\n" + ",\n".join("%s: %s" % (json.dumps(n), json.dumps(v)) for n, v in many_mailboxes(count)) + "\n}\n"
        subprocess.run(self.oracle.command("ctl_mboxlist", self.root, "-u"), input=text.encode(), check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def to_prompt(command, environment):
        """Seconds from the start to the prompt on a terminal."""
        began = time.monotonic()
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe(command[0], command, environment)
        text = b""
        while not text.endswith(b"127.0.0.1> "):
            ready, _, _ = select.select([terminal], [], [], 30)
            try:
                piece = os.read(terminal, 4096) if ready else b""
            except OSError:
                piece = b""
            if not piece:
                sys.exit("%s: no prompt: %r" % (command[0], text[-300:]))
            text += piece
            # Terminals are told of bracketed paste and the like after the prompt.
            text = text.split(b"\x1b[")[0] if text.count(b"127.0.0.1> ") else text
        seconds = time.monotonic() - began
        os.write(terminal, b"exit\n")
        os.waitpid(child, 0)
        os.close(terminal)
        return seconds

    @staticmethod
    def listing(command, environment, file):
        with open(file, "wb") as out:
            began = time.monotonic()
            subprocess.run(command, input=b"lm\n", stdout=out, stderr=subprocess.STDOUT, check=True, env=environment)
            seconds = time.monotonic() - began
        with open(file, "rb") as f:
            return seconds, f.read().count(b"user/load")


def measure(bench, server, name, options):
    """Prints the rows for one server; how many targets are missed."""
    place = ["127.0.0.1", str(server.port)]
    starts, lists = {"stock": [], "ours": []}, {"stock": [], "ours": []}
    alone = []
    for _ in range(4 * options.runs):
        for kind, command, environment in bench.kinds():
            starts[kind].append(bench.to_prompt(command + place, environment))
    for _ in range(options.runs):
        alone.append(bench.server_alone(server.port))
        for kind, command, environment in bench.kinds():
            seconds, names = bench.listing(command + place, environment, os.path.join(bench.root, "run", kind))
            if names < options.mailboxes:
                sys.exit("%s: listed %d of %d mailboxes" % (kind, names, options.mailboxes))
            lists[kind].append(seconds)
    for what, times, unit in (("start to prompt", starts, 1000.0), ("listing of %d" % options.mailboxes, lists, 1.0)):
        stock, ours = (statistics.median(times[kind]) for kind in ("stock", "ours"))
        print("%-10s  %-20s stock %8.3f %s  ours %8.3f %s (best %.3f)  ratio %.1f" % (
            name, what, stock * unit, "ms" if unit > 1 else "s", ours * unit, "ms" if unit > 1 else "s",
            min(times["ours"]) * unit, stock / ours), flush=True)
    print("%-10s  %-20s %23.3f s" % (name, "server alone", statistics.median(alone)))
    stock, ours, least = (statistics.median(times) for times in (lists["stock"], lists["ours"], alone))
    target = min(FASTER, NEARLY * stock / least)
    print("%-10s  %-20s ratio %.1f, target %.1f%s" % (
        name, "listing", stock / ours, target, "" if target == FASTER else ": the server takes %.0f %% of the stock shell's time" % (
            100 * least / stock)), flush=True)
    return (statistics.median(starts["ours"]) * 1000 > PROMPT_MS) + (stock / ours < target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--stock", required=True)
    parser.add_argument("--mailboxes", type=int, default=100000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    real_cyrus.gate()
    missed = 0
    print("load average before: %s" % " ".join("%.2f" % load for load in os.getloadavg()))
    with golden.Scratch() as scratch:
        bench = Bench(options, scratch)
        bench.load(options.mailboxes)
        for name, programs in (("real imapd", bench.oracle), ("our imapd", real_cyrus.Ours(scratch, options.bin))):
            with real_cyrus.Server(programs, bench.root) as server:
                missed += measure(bench, server, name, options)
    print("load average after: %s; %d target%s missed" % (" ".join("%.2f" % load for load in os.getloadavg()), missed, "" if missed == 1 else "s"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
