#!/usr/bin/env python3
"""Our database programs against those of the real Cyrus, on the same records: seconds, ratios, peak memory, syncs.

usage: db_bench.py --ours BIN --oracle DIR --work DIR [--records N] [--roots N] [--transactions N] [--rows WORD...]
rows: convert quota show transactions lookups (all of them without --rows)

BIN has our programs, DIR/run starts the real ones. As root both run as $CYRUS_USER (nobody). Nothing is converted *to*
flat by the real one: it writes the whole file anew for every record, which takes hours with a million of them.
"""
import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import time

MEMORY_LIMIT = 64  # MiB, of our conversions
FASTER = 4.0       # conversions, than the real ones


class Run:
    """One program that ran: seconds, peak memory in MiB."""

    def __init__(self, argv, stdin=None, stdout=subprocess.DEVNULL, env=None):
        begin = time.monotonic()
        process = subprocess.Popen(argv, stdin=stdin or subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, env=env)
        error = process.stderr.read().decode("utf-8", "replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - begin
        self.memory = usage.ru_maxrss / 1024
        if process.returncode != 0:
            sys.exit("%s: exit status %d\n%s" % (" ".join(map(str, argv)), process.returncode, error))


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = options.work
        self.missed = []
        self.allow_open_files()
        os.environ.setdefault("CYRUS_USER", "nobody" if os.geteuid() == 0 else "cyrus")
        os.environ.setdefault("CYRUS_GROUP", "nogroup" if os.geteuid() == 0 else "mail")

    # ---- the two kinds of programs ----

    @staticmethod
    def allow_open_files():
        """The real cvt_cyrusdb keeps the file of every quota root open until its end, and stops where the limit is, with
        exit status 0; ours needs no more than usual."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def command(self, who, program, *arguments):
        first = [os.path.join(self.options.ours, program)] if who == "ours" else [os.path.join(self.options.oracle, "run"), program]
        return first + ["-C", self.conf] + list(arguments)

    def prepare(self, place):
        """An empty configuration directory; the recovery stamp keeps the real one from recovering at every open."""
        self.top = os.path.join(place, "cyrkit-db-bench")
        shutil.rmtree(self.top, ignore_errors=True)
        os.makedirs(os.path.join(self.top, "conf", "db"))
        os.makedirs(os.path.join(self.top, "spool"))
        with open(os.path.join(self.top, "conf", "db", "skipstamp"), "wb") as out:
            out.write(b"\0\0\0\1")
        self.conf = os.path.join(self.top, "imapd.conf")
        with open(self.conf, "w") as out:
            out.write("configdirectory: %s/conf\npartition-default: %s/spool\n" % (self.top, self.top))
        self.hand_over()

    def hand_over(self):
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", os.environ["CYRUS_USER"], self.top], check=True)

    def path(self, name):
        return os.path.join(self.top, name)

    # ---- output ----

    def title(self, text):
        print("\n%s\n%-34s %9s %9s %8s %9s %9s" % (text, "", "ours s", "real s", "faster", "ours MiB", "real MiB"), flush=True)

    def row(self, name, ours, real, target=None, memory=None):
        ratio = real.seconds / ours.seconds if real else None
        print("%-34s %9.2f %9s %8s %9.1f %9s" % (
            name, ours.seconds, "%.2f" % real.seconds if real else "-", "%.1fx" % ratio if real else "-", ours.memory,
            "%.1f" % real.memory if real else "-"), flush=True)
        if real and target and ratio < target:
            self.missed.append("%s: %.1fx, wanted %.1fx" % (name, ratio, target))
        if memory and ours.memory > memory:
            self.missed.append("%s: %.1f MiB, wanted less than %d" % (name, ours.memory, memory))

    # ---- rows ----

    def make_records(self):
        """Keys and values of the size of mailboxes.db's, sorted for every order."""
        with open(self.path("a.flat"), "w") as out:
            for i in range(self.options.records):
                out.write("user%08d\t%%(I uniqueid%08d P default V 1795327063 C 1 F 3 M 1795327114 A %%(user%08d "
                          "lrswipkxtecdan))\n" % (i, i, i))
        self.hand_over()

    def convert(self, source, from_kind, name, to_kind, real=True):
        runs = {}
        for who in ("ours", "real") if real else ("ours",):
            target = self.path("%s.%s" % (name, who))
            if os.path.exists(target):
                os.unlink(target)
            quiet = ["-q"] if who == "ours" else []
            runs[who] = Run(self.command(who, "cvt_cyrusdb", *quiet, self.path(source), from_kind, target, to_kind))
        self.row("%s to %s" % (from_kind, to_kind), runs["ours"], runs.get("real"), FASTER, MEMORY_LIMIT)

    def conversions(self):
        self.title("cvt_cyrusdb, %d records" % self.options.records)
        self.convert("a.flat", "flat", "b", "twoskip")
        self.convert("a.flat", "flat", "c", "skiplist")
        self.convert("b.ours", "twoskip", "d", "skiplist")
        self.convert("c.ours", "skiplist", "e", "twoskip")
        self.convert("b.ours", "twoskip", "f", "flat", real=False)
        self.convert("c.ours", "skiplist", "g", "flat", real=False)
        for name in ("f.ours", "g.ours"):
            if subprocess.run(["cmp", self.path(name), self.path("a.flat")]).returncode != 0:
                sys.exit("records changed on the way")

    def quota(self):
        self.title("cvt_cyrusdb, %d quota roots" % self.options.roots)
        with open(self.path("q.flat"), "w") as out:
            for i in range(self.options.roots):
                out.write("user.q%08d\t%%(S (%d 1000) M (1) AS (0) NF (1) MODSEQ 3)\n" % (i, i))
        for who in ("ours", "real"):
            os.makedirs(self.path("tree." + who), exist_ok=True)
        self.hand_over()
        runs = {who: Run(self.command(who, "cvt_cyrusdb", self.path("q.flat"), "flat",
                                      self.path("tree.%s/quota" % who), "quotalegacy")) for who in ("ours", "real")}
        done = sum(len(names) for _, _, names in os.walk(self.path("tree.real/quota")))
        runs["real"].seconds *= self.options.roots / done    # the real one stopped there
        self.row("flat to quotalegacy", runs["ours"], runs["real"], FASTER, MEMORY_LIMIT)
        runs = {who: Run(self.command(who, "cvt_cyrusdb", self.path("tree.%s/quota" % who), "quotalegacy",
                                      self.path("q.%s" % who), "twoskip")) for who in ("ours", "real")}
        runs["real"].seconds *= self.options.roots / done
        if done < self.options.roots:
            print("(the real one converted %d roots; its seconds are given for as many as ours)" % done)
        self.row("quotalegacy to twoskip", runs["ours"], runs["real"], FASTER, MEMORY_LIMIT)

    def show(self):
        self.title("cyr_dbtool show, %d records" % self.options.records)
        for name, kind in (("b.ours", "twoskip"), ("c.ours", "skiplist"), ("a.flat", "flat")):
            runs = {who: Run(self.command(who, "cyr_dbtool", self.path(name), kind, "show")) for who in ("ours", "real")}
            self.row(kind, runs["ours"], runs["real"], 1.0)

    def batch(self, who, name, kind, script, prefix=()):
        with open(script) as lines:
            return Run(list(prefix) + self.command(who, "cyr_dbtool", "-n", self.path(name), kind, "batch"), stdin=lines)

    def lookups(self):
        count = min(100000, self.options.records)
        self.title("cyr_dbtool batch, %d lookups in %d records" % (count, self.options.records))
        script = self.path("get")
        random.seed(1)
        with open(script, "w") as out:
            for _ in range(count):
                out.write("GET user%08d\n" % random.randrange(self.options.records))
        for name, kind in (("b.ours", "twoskip"), ("c.ours", "skiplist"), ("a.flat", "flat")):
            runs = {who: self.batch(who, name, kind, script) for who in ("ours", "real")}
            self.row(kind, runs["ours"], runs["real"], 1.0)

    def syncs(self, who, kind, script, transactions):
        """Syncs of files and directories per transaction, counted by strace."""
        if not shutil.which("strace"):
            return None
        trace = self.path("trace")
        for old in (trace, self.path("count." + who)):
            if os.path.exists(old):
                os.unlink(old)
        self.batch(who, "count." + who, kind, script,
                   ("strace", "-f", "-o", trace, "-e", "trace=fsync,fdatasync,msync,sync_file_range"))
        with open(trace, errors="replace") as lines:
            return sum("sync(" in line for line in lines) / transactions

    def transactions(self, where):
        count = self.options.transactions
        script, few = self.path("set"), self.path("few")
        for name, lines in ((script, count), (few, 200)):
            with open(name, "w") as out:
                for i in range(lines):
                    out.write("SET user%08d value%08d\n" % (i * 7919 % max(lines, 1), i))
        self.title("cyr_dbtool batch, %d single-key transactions, %s" % (count, where))
        for kind in ("twoskip", "skiplist"):
            runs = {}
            for who in ("ours", "real"):
                runs[who] = self.batch(who, "set.%s.%s" % (kind, who), kind, script)
            self.row(kind, runs["ours"], runs["real"])
            counts = {who: self.syncs(who, kind, few, 200) for who in ("ours", "real")}
            if counts["ours"] is not None:
                print("%-34s %9.2f %9.2f syncs per transaction" % ("", counts["ours"], counts["real"]), flush=True)
                if counts["ours"] > counts["real"] + 0.05:
                    self.missed.append("%s: more syncs per transaction" % kind)

    def run(self):
        rows = self.options.rows
        self.prepare(self.work)
        if {"convert", "show", "lookups"} & set(rows):
            self.make_records()
            self.conversions()
        for name, row in (("quota", self.quota), ("show", self.show), ("lookups", self.lookups)):
            if name in rows:
                row()
        if "transactions" in rows:
            self.transactions("on disk")
            shutil.rmtree(self.top)
            if os.access("/dev/shm", os.W_OK):
                self.prepare("/dev/shm")
                self.transactions("in memory")
        shutil.rmtree(self.top, ignore_errors=True)
        print("\n" + ("\n".join("missed: " + line for line in self.missed) or "every target is met"))
        return 1 if self.missed else 0


def main():
    rows = ("convert", "quota", "show", "lookups", "transactions")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--oracle", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--records", type=int, default=1000000)
    parser.add_argument("--roots", type=int, default=100000)
    parser.add_argument("--transactions", type=int, default=100000)
    parser.add_argument("--rows", nargs="+", choices=rows, default=list(rows))
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    sys.exit(Bench(options).run())


if __name__ == "__main__":
    main()
