#!/usr/bin/env python3
"""Mailboxes by turns: something breaks and our reconstruct mends it, the real imapd 3.6.1 serves and changes what we
wrote, and so on; after every turn the real server, our mbexamine and the independent reader must all show what a model says.

  mailbox_rounds.py --bin DIR [--store NAME ...] [--rounds N] [--seed N]
"""
import argparse
import os
import random
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import accept  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import mailboxfile  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import repair  # noqa: E402

STORES = ("default", "classic", "skiplist", "modern")    # the lists, quotas and seen states of all backends
FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "\\Seen", "$Forwarded", "Round", "Turn")
ROOM = 12                                                # how many messages the mailbox may grow by


class Disagreement(Exception):
    pass


class Rounds:
    def __init__(self, scratch, store, bindir, seed):
        self.random = random.Random("%s %d" % (store, seed))
        self.oracle, self.bindir = real_cyrus.Oracle(scratch), bindir
        self.root = scratch.copy(store, store + ".rounds")
        self.oracle.hand_over(self.root)
        tags = os.path.join(scratch.golden(store), "damaged")
        self.target = golden.target(os.path.join(tags, sorted(os.listdir(tags))[0], "target.txt"))["mailbox"]
        self.reader = facts.Reader(self.root)
        self.name = self.reader.store.internal(self.target)
        self.user, self.selected = accept.Reading(self.reader).reader_of(self.name, self.reader.list[self.name]["acl"] or {})
        self.places = self.reader.places(self.name, self.reader.list[self.name])
        for words in (["quota", "-f"], ["reconstruct", self.target]):
            self.call(*words)
        self.model = self.on_disk()
        self.room = len(self.model) + ROOM
        self.counts = {"damages": 0, "changes": 0}

    def call(self, *words):
        code, output = repair.call(self.root, self.bindir, list(words))
        if code not in (0, repair.DAMAGE_REMAINS):
            raise Disagreement("our %s: exit %d: %s" % (" ".join(words), code, output))
        return output

    def on_disk(self):
        """{uid: (flags, internal date)} by the independent reader."""
        box = self.reader.mailbox(self.name)["index"]
        if "error" in box:
            raise Disagreement(box["error"])
        return {uid: (frozenset(r["flags"]), r["internaldate"]) for uid, r in box["records"].items() if not r["expunged"]}

    def same(self, got, who):
        for uid in sorted({*got, *self.model}):
            if got.get(uid) != self.model.get(uid):
                raise Disagreement("%s: uid %d is %s, the model says %s" % (who, uid, got.get(uid), self.model.get(uid)))

    def turn(self, server):
        self.damage_and_repair()
        self.check("after our repair")
        self.serve_and_change(server)
        self.check("after the real server's changes")

    # Our turn.

    def damage_and_repair(self):
        damage = self.random.choice((self.lose_cache, self.cut_cache, self.flip_record, self.flip_header, self.add_file,
                                     self.remove_file, self.leave_alone))
        adopt = damage()
        self.oracle.hand_over(self.root)
        options = ["-G"] if damage == self.leave_alone else []
        self.last = damage.__name__ + ": " + self.call("reconstruct", *options, self.target)
        self.counts["damages"] += damage != self.leave_alone
        if adopt:                                        # the model cannot know the date of a file that was found
            found = self.on_disk()
            if adopt not in found or found[adopt][0]:
                raise Disagreement("our reconstruct did not take uid %d: %s" % (adopt, self.last))
            self.model[adopt] = found[adopt]

    def leave_alone(self):
        pass

    def lose_cache(self):
        os.unlink(self.places["cache"])

    def cut_cache(self):
        os.truncate(self.places["cache"], os.stat(self.places["cache"]).st_size // 2)

    def flip(self, at):
        with open(self.places["index"], "r+b") as f:
            f.seek(at)
            octet = f.read(1)[0]
            f.seek(at)
            f.write(bytes([octet ^ 1 << self.random.randrange(8)]))

    def index_fields(self):
        return mailboxfile.read_index(facts.octets(self.places["index"]))

    def flip_record(self):
        fields, records = self.index_fields()
        if records:
            start = fields["start_offset"] + self.random.randrange(len(records)) * fields["record_size"]
            self.flip(start + self.random.randrange(fields["record_size"]))

    def flip_header(self):
        at = {name: offset for name, offset, _, _, last in mailboxfile.HEADER_FIELDS if last == 17}
        self.flip(at[self.random.choice(("exists", "deleted", "answered", "flagged", "quota_mailbox_used", "sync_crc_basic"))] + 1)

    def add_file(self):
        uid = self.index_fields()[0]["last_uid"] + 1 + self.random.randrange(3)
        if len(self.model) >= self.room:
            return None
        with open(os.path.join(self.places["spool"], "%d." % uid), "wb") as f:
            f.write(self.message("found %d" % uid))
        return uid

    def remove_file(self):
        here = [uid for uid in self.model if os.path.exists(self.file_of(uid))]
        if here:
            uid = self.random.choice(here)
            files = facts.message_files(self.places["spool"])
            os.unlink(self.file_of(uid))
            if not any(f["sha1"] == files[uid]["sha1"] for other, f in files.items() if other != uid):
                del self.model[uid]                      # else it is copied from the other one, expunged or not

    def file_of(self, uid):
        return os.path.join(self.places["spool"], "%d." % uid)

    def message(self, subject):
        body = "\r\n".join("line %d of %s" % (i, subject) for i in range(self.random.randrange(40)))
        return ("From: Fred <fred@example.com>\r\nTo: Bovik <bovik@example.com>\r\nSubject: %s\r\n"
                "Message-ID: <%d@example.com>\r\n\r\n%s\r\n" % (subject, self.random.randrange(1 << 30), body)).encode()

    # What everybody sees.

    def check(self, when):
        self.same(self.on_disk(), when + ", on disk")
        shown = golden.mbexamine(self.call("mbexamine", self.target).encode("utf-8", "surrogateescape")).get(self.target)
        names = self.reader.mailbox(self.name)["header"]["flags"]
        self.same({uid: (frozenset(mailboxfile.flag_names(r, names)), r["internaldate"])
                   for uid, r in shown["records"].items()}, when + ", our mbexamine")
        for words in (["reconstruct", "-n", self.target], ["quota", "-f", "-n", "-q"]):
            said = [line for line in self.call(*words).split("\n") if line and line != self.target]
            if said:
                raise Disagreement("%s, our %s says: %s" % (when, " ".join(words), " / ".join(said)))
        code, output = self.oracle.run(self.root, "reconstruct", "-n", self.target)
        if code or output.decode("utf-8", "surrogateescape").strip() != self.target:
            raise Disagreement("%s, the real reconstruct -n says (%d): %s" % (when, code, output.decode("utf-8", "replace")))

    # Its turn.

    def serve_and_change(self, server):
        client = real_cyrus.Client(server.port, self.user)
        client.ok("SELECT " + real_cyrus.quoted(self.selected))
        self.same(self.served(client), "the real imapd serves")
        for _ in range(self.random.randrange(1, 5)):
            self.random.choice((self.append, self.append, self.store, self.store, self.expunge, self.copy))(client)
            self.counts["changes"] += 1
        self.same(self.served(client), "the real imapd after its changes")
        client.close()

    def served(self, client):
        if not self.model:
            return {}
        return {uid: (frozenset(got["FLAGS"].strip(b"()").decode().split()) - {"\\Recent"},
                      accept.internal_date(got["INTERNALDATE"]))
                for uid, got in client.messages("UID FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE").items()}

    def some_flags(self):
        return self.random.sample(FLAGS, self.random.randrange(4))

    def append(self, client):
        if len(self.model) >= self.room:
            return
        flags, date = self.some_flags(), "%2d-Mar-20%02d 10:11:12 +0000" % (self.random.randrange(1, 29), self.random.randrange(24))
        data = self.message("appended").decode()
        _, answer = client.command('APPEND %s (%s) "%s" {%d+}\r\n%s' % (
            real_cyrus.quoted(self.selected), " ".join(flags), date, len(data), data))
        uid = re.match(rb"OK \[APPENDUID \d+ (\d+)\]", answer)
        if uid:
            self.model[int(uid.group(1))] = frozenset(flags), accept.internal_date(b'"%s"' % date.encode())
        elif b"OVERQUOTA" not in answer and b"quota" not in answer.lower():
            raise Disagreement("APPEND: %r" % answer)

    def pick(self):
        return self.random.sample(sorted(self.model), min(len(self.model), self.random.randrange(1, 6)))

    def store(self, client):
        uids, flags, sign = self.pick(), self.some_flags(), self.random.choice("+-")
        if uids:
            client.ok("UID STORE %s %sFLAGS.SILENT (%s)" % (",".join(map(str, uids)), sign, " ".join(flags)))
        for uid in uids:
            had, date = self.model[uid]
            self.model[uid] = (had | set(flags) if sign == "+" else had - set(flags)), date

    def expunge(self, client):
        uids = self.pick() if len(self.model) > ROOM else []
        if uids:
            chosen = ",".join(map(str, uids))
            client.ok("UID STORE %s +FLAGS.SILENT (\\Deleted)" % chosen)
            client.ok("UID EXPUNGE " + chosen)
        for uid in uids:
            del self.model[uid]

    def copy(self, client):
        uids = self.pick()[:1]
        if not uids or len(self.model) >= self.room:
            return
        _, answer = client.command("UID COPY %d %s" % (uids[0], real_cyrus.quoted(self.selected)))
        new = re.match(rb"OK \[COPYUID \d+ \d+ (\d+)\]", answer)
        if new:
            self.model[int(new.group(1))] = self.model[uids[0]]
        elif b"quota" not in answer.lower():
            raise Disagreement("COPY: %r" % answer)


def run(scratch, store, args):
    rounds, number = Rounds(scratch, store, args.bin, args.seed), 0
    try:
        with real_cyrus.Server(rounds.oracle, rounds.root) as server:
            for number in range(1, args.rounds + 1):
                rounds.turn(server)
    except Disagreement as why:
        print("%s, round %d (%s): %s" % (store, number, rounds.last.strip().replace("\n", " / "), why))
        return False
    print("%-9s %d rounds in %s: %d damages mended by us, %d changes by the real imapd, %d messages at the end"
          % (store, args.rounds, rounds.target, rounds.counts["damages"], rounds.counts["changes"], len(rounds.model)))
    return True


def main():
    parser = argparse.ArgumentParser(description="Mailboxes changed by us and by the real Cyrus 3.6.1 in turn")
    parser.add_argument("--bin", required=True, help="our programs")
    parser.add_argument("--store", action="append")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    real_cyrus.gate()
    start = time.monotonic()
    with golden.Scratch() as scratch:
        good = [run(scratch, store, args) for store in args.store or STORES]
    print("%d of %d stores, %.0f s" % (sum(good), len(good), time.monotonic() - start))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
