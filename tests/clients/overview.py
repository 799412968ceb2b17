#!/usr/bin/env python3
"""The sentences of Cyrus's overview document about rights, logins, quotas, partitions, delivery, logs and POP3, one check or
more for each, on one server; the sentence, or what it comes to, is the name of the check. With --server cyrus the real
3.6.1 has to agree."""
import glob
import os
import re
import smtplib
import socket
import time
import traceback

import mail_site
from mail_site import ADMIN, HOST, PASSWORD, message, quoted, trusting

CONFIGURATION = """partition-second: {top}/second
defaultpartition: default
defaultacl: anyone lrsp
allowanonymouslogin: yes
delete_mode: delayed
expunge_mode: delayed
lmtp_downcase_rcpt: yes
pop_exclusive: yes
"""
USERS = ("bovik", "fred", "wes", "ted", "leena")
KIB = 1024


class Imap:
    """A connection that shows the server's lines as they are."""

    def __init__(self, site, user, password=PASSWORD, login=True):
        self.socket = socket.create_connection((HOST, site.ports["imap"]), timeout=60)
        self.file = self.socket.makefile("rb")
        self.number = 0
        self.greeting = self.line()
        if login:
            self.must("LOGIN %s %s" % (user, password))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def line(self):
        line = self.file.readline()
        if not line:
            raise RuntimeError("the server hung up")
        return line.decode("utf-8", "replace").rstrip("\r\n")

    def do(self, command, literal=None):
        """("OK ...", [untagged lines]); `literal` follows the command."""
        self.number += 1
        tag = "a%d" % self.number
        data = b"" if literal is None else b" {%d+}\r\n%s" % (len(literal), literal)
        self.socket.sendall(("%s %s" % (tag, command)).encode() + data + b"\r\n")
        lines = []
        while True:
            line = self.line()
            if line.startswith(tag + " "):
                return line[len(tag) + 1:], lines
            lines.append(line)

    def must(self, command, literal=None):
        status, lines = self.do(command, literal)
        if not status.startswith("OK"):
            raise RuntimeError("%s: %s" % (command, status))
        return lines

    def append(self, mailbox, data):
        return self.do("APPEND " + quoted(mailbox), data)[0]

    def rights(self, mailbox):
        """Those of 3.6.1 without the two old letters that stand for others."""
        got = self.must("MYRIGHTS " + quoted(mailbox))[0].split()[-1].strip('"')
        return "".join(sorted(set(got) - set("cd")))

    def acl(self, mailbox):
        words = re.findall(r'"[^"]*"|\S+', self.must("GETACL " + quoted(mailbox))[0])[3:]
        return dict(zip(words[::2], words[1::2]))

    def roots(self, mailbox):
        for line in self.must("GETQUOTAROOT " + quoted(mailbox)):
            if line.startswith("* QUOTAROOT"):
                return [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)[3:]]
        return None

    def usage(self, root):
        """{resource: (used, limit)}"""
        line = next(line for line in self.must("GETQUOTA " + quoted(root)) if line.startswith("* QUOTA "))
        return {name: (int(used), int(limit)) for name, used, limit in re.findall(r"([A-Z-]+) (\d+) (\d+)", line)}

    def count(self, mailbox):
        return int(re.search(r"MESSAGES (\d+)", "\n".join(self.must("STATUS %s (MESSAGES)" % quoted(mailbox)))).group(1))

    def names(self, pattern="*"):
        return sorted(re.search(r'"/" "?(.*?)"?$', line).group(1) for line in self.must('LIST "" %s' % quoted(pattern)))


def mail(subject, size=None, recipient="bovik@example.org"):
    """A message of about, or with SIZE of exactly, so many octets."""
    data = message(subject, recipient=recipient)
    return data + b"x" * (size - len(data) - 2) + b"\r\n" if size else data


def deliver(site, data, *recipients, options=()):
    """The final answer for each recipient, of RCPT or, when that was accepted, of DATA: {recipient: (code, text)}"""
    out = {}
    with socket.create_connection((HOST, site.ports["lmtp"]), timeout=60) as peer, peer.makefile("rb") as file:
        def answer():
            lines = [file.readline().decode()]
            while lines[-1][3:4] == "-":
                lines.append(file.readline().decode())
            return int(lines[-1][:3]), lines[-1][4:].strip()

        def say(text):
            peer.sendall(text.encode() + b"\r\n")
            return answer()

        answer()
        say("LHLO client.test")
        say("MAIL FROM:<ann@example.org>")
        for recipient in recipients:
            out[recipient] = say(" ".join(["RCPT TO:<%s>" % recipient, *options]))
        accepted = [r for r in recipients if out[r][0] == 250]
        if accepted and say("DATA")[0] == 354:
            peer.sendall(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
            for recipient in accepted:
                out[recipient] = answer()
        say("QUIT")
    return out


def delivered(site, data, recipient, **more):
    return deliver(site, data, recipient, **more)[recipient]


def files_of(site, partition):
    """Message files below one partition, by inode."""
    found = {}
    for folder, _, names in os.walk(os.path.join(site.root, partition)):
        for name in names:
            if re.fullmatch(r"[1-9][0-9]*\.", name):
                info = os.stat(os.path.join(folder, name))
                found.setdefault(info.st_ino, []).append(os.path.join(folder, name))
    return found


def holding(site, text):
    """Files that hold this text, as {partition: [links of each]}."""
    out = {}
    for partition in ("spool", "second"):
        for paths in files_of(site, partition).values():
            with open(paths[0], "rb") as file:
                if text.encode() in file.read():
                    out.setdefault(partition, []).append(len(paths))
    return {partition: sorted(links) for partition, links in out.items()}


def restart(site, *lines):
    """The server again, with other values of these options."""
    site.stop()
    path = os.path.join(site.root, "imapd.conf")
    with open(path, encoding="utf-8") as file:
        kept = [line for line in file if line.split(":")[0] not in {new.split(":")[0] for new in lines}]
    site.write("imapd.conf", "".join(kept) + "\n".join(lines) + "\n")
    site.start()


# Access Control Lists.

def calculated_rights(site, checks, admin):
    admin.must("CREATE rights")
    admin.must("SETACL rights anyone lrsp")
    admin.must("SETACL rights fred lwi")
    admin.must("SETACL rights -anonymous s")
    for user, want in (("fred", "ilprsw"), ("anonymous", "lpr"), ("wes", "lprs")):
        with Imap(site, user) as client:
            checks.equal("the union of the user's rights less the negative ones: " + user, client.rights("Shared Folders/rights"), want)


def implicit_rights(site, checks, admin):
    admin.must("CREATE user/ted/private")
    admin.must("DELETEACL user/ted/private ted")
    got = admin.rights("user/ted/private")
    checks.true("administrators implicitly have l and a on all mailboxes", {"l", "a"} <= set(got), got)
    checks.true("and no r by that", "r" not in got, got)
    with Imap(site, "ted") as ted:
        got = ted.rights("private")
        checks.true("users implicitly have l and a on their personal mailboxes", {"l", "a"} <= set(got), got)
        checks.has("without r a mailbox cannot be selected", ted.do("SELECT private")[0], "^NO")
        ted.must("SETACL private ted lrswipkxtecda")
        checks.has("but its owner may give himself the rights back", ted.do("SELECT private")[0], "^OK")


def initial_acls(site, checks, admin):
    checks.equal("the ACL of a user's INBOX starts with all rights to the user alone", list(admin.acl("user/bovik")), ["bovik"])
    got = "".join(sorted(set(admin.acl("user/bovik")["bovik"]) - set("cd")))
    checks.true("which are all of them", set("lrswipkxtea") <= set(got), got)
    admin.must("SETACL user/bovik wes lrs")
    with Imap(site, "bovik") as bovik:
        bovik.must("CREATE copied")
        checks.equal("a new mailbox starts with a copy of its closest parent's ACL", bovik.acl("copied"), bovik.acl("INBOX"))
    admin.must("DELETEACL user/bovik wes")
    admin.must("CREATE toplevel")
    checks.equal("a mailbox that is no user's and has no parent gets defaultacl", admin.acl("toplevel"), {"anyone": "lrsp"})


def posting(site, checks, admin):
    admin.must("CREATE user/bovik/box")
    checks.equal("anonymous always has p on user INBOXes", delivered(site, mail("implicit p"), "bovik")[0], 250)
    delivered(site, mail("no right"), "bovik+box")
    with Imap(site, "bovik") as bovik:
        checks.equal("without p on a mailbox its submission address leads to the INBOX", (bovik.count("box"), bovik.count("INBOX")), (0, 2))
        admin.must("SETACL user/bovik/box anyone p")
        delivered(site, mail("posted"), "bovik+box")
        checks.equal("with p one may send to the submission address of the mailbox", bovik.count("box"), 1)
        bovik.append("box", mail("appended"))
        bovik.must("SELECT box")
        text = ["\n".join(bovik.must("FETCH %d BODY.PEEK[HEADER]" % n)) for n in (1, 2)]
    checks.has("messages posted get trace information", text[0], r"^Return-Path: <ann@example\.org>[\s\S]*^Received: ")
    checks.true("messages inserted get none", "Return-Path" not in text[1] and "Received" not in text[1], text[1])


def rights_in_use(site, checks, admin):
    box = "Other Users/ted/Right"
    with Imap(site, "ted") as ted, Imap(site, "leena") as leena:
        ted.must("CREATE Right")
        for n in range(3):
            ted.append("Right", mail("right %d" % n))
        give = lambda rights: ted.must("SETACL Right leena " + rights)  # noqa: E731
        give("rs")
        checks.equal("rs: the mailbox is not visible in lists", leena.names("Other Users/ted/*"), [])
        checks.has("rs: who knows the name can read it", leena.do("SELECT " + quoted(box))[0], r"^OK")
        leena.must("STORE 1 +FLAGS (\\Seen)")
        leena.must("CLOSE")
        leena.must("SELECT " + quoted(box))
        checks.has("rs: Seen is kept", leena.must("FETCH 1 FLAGS")[0], r"\\Seen")
        ted.must("SELECT Right")
        checks.true("Seen is kept per user", "\\Seen" not in ted.must("FETCH 1 FLAGS")[0])
        checks.has("without w no flag can be changed", leena.do("STORE 1 +FLAGS (\\Flagged)")[0], "^NO|READ-ONLY")
        leena.must("UNSELECT")
        give("lr")
        leena.must("SELECT " + quoted(box))
        leena.do("STORE 2 +FLAGS (\\Seen)")
        leena.must("UNSELECT")
        leena.must("SELECT " + quoted(box))
        checks.true("lr: no Seen may be set", "\\Seen" not in leena.must("FETCH 2 FLAGS")[0])
        checks.has("lr: no message may be inserted", leena.append(box, mail("no")), "^NO")
        leena.must("UNSELECT")
        give("lrsip")
        checks.has("lrsip: one can append", leena.append(box, mail("yes")), "^OK")
        give("lrt")
        leena.must("SELECT " + quoted(box))
        checks.has("t: Deleted may be stored", leena.do("STORE 1 +FLAGS (\\Deleted)")[0], "^OK")
        checks.has("t does not confer expunge rights", leena.do("EXPUNGE")[0], "^NO")
        leena.must("UNSELECT")
        give("lre")
        leena.must("SELECT " + quoted(box))
        leena.do("STORE 2 +FLAGS (\\Deleted)")
        checks.true("e does not confer delete rights", "\\Deleted" not in leena.must("FETCH 2 FLAGS")[0])
        checks.has("e: messages that are marked can be expunged", leena.do("EXPUNGE")[0], "^OK")
        checks.equal("and are gone", ted.count("Right"), 3)
        leena.must("UNSELECT")
        give("lrd")
        checks.true("d is a macro for t and e", {"t", "e"} <= set(leena.rights(box)), leena.rights(box))
        give("lrk")
        checks.has("k: mailboxes can be created in it", leena.do("CREATE " + quoted(box + "/kid"))[0], "^OK")
        checks.has("k is not x: the mailbox cannot be deleted", leena.do("DELETE " + quoted(box + "/kid"))[0], "^NO")
        ted.must("SETACL Right/kid leena lrx")
        checks.has("x: the mailbox itself can be deleted", leena.do("DELETE " + quoted(box + "/kid"))[0], "^OK")
        checks.has("without a no ACL can be changed", leena.do("SETACL %s wes lrs" % quoted(box))[0], "^NO")
        give("lra")
        checks.has("a: the ACL can be changed", leena.do("SETACL %s wes lrs" % quoted(box))[0], "^OK")


# Login Authentication.

def logins(site, checks, _):
    with Imap(site, "", login=False) as client:
        checks.has("with allowanonymouslogin any password of anonymous is good", client.do("LOGIN anonymous what@ever")[0], "^OK")
    restart(site, "allowplaintext: no", "allowanonymouslogin: no")
    with Imap(site, "", login=False) as client:
        checks.has("with allowplaintext: no LOGIN fails", client.do("LOGIN bovik " + PASSWORD)[0], "^NO|^BAD")
        capability = " ".join(client.must("CAPABILITY"))
        checks.has("and says so before", capability, "LOGINDISABLED")
        checks.true("PLAIN is not offered without TLS", "AUTH=PLAIN" not in capability, capability)
        client.must("STARTTLS")
        client.socket = trusting(site).wrap_socket(client.socket, server_hostname="localhost")
        client.file = client.socket.makefile("rb")
        checks.has("PLAIN under TLS is still allowed", client.do("AUTHENTICATE PLAIN AGJvdmlrAHNlY3JldA==")[0], "^OK")
    with Imap(site, "", login=False) as client:
        checks.has("without allowanonymouslogin there is no anonymous", client.do("LOGIN anonymous what@ever")[0], "^NO|^BAD")
    restart(site, "allowplaintext: yes", "allowanonymouslogin: yes")


# Quota.

def quota_roots(site, checks, admin):
    for name in ("list/imap", "list/info-cyrus", "saved", "todo"):
        admin.must("CREATE user/bovik/" + name)
    for root in ("user/bovik", "user/bovik/saved"):
        admin.must("SETQUOTA %s (STORAGE 1000)" % root)
    status = admin.do("SETQUOTA user/bovik/list (STORAGE 500)")[0]
    checks.has("quota roots need not also be mailboxes, and setquota makes them", status, "^OK")
    for mailbox, root in (("", ""), ("/todo", ""), ("/list/imap", "/list"), ("/list/info-cyrus", "/list"), ("/saved", "/saved")):
        checks.equal("the quota root of user/bovik%s" % mailbox, admin.roots("user/bovik" + mailbox), ["user/bovik" + root])
    with Imap(site, "bovik") as bovik:
        before = admin.usage("user/bovik")["STORAGE"][0]
        for folder in ("todo", "list/imap", "list/info-cyrus", "saved"):
            bovik.append(folder, mail("nested " + folder, 20 * KIB))
        checks.equal("a root has the usage at its level and below that is under no other root",
                     admin.usage("user/bovik")["STORAGE"][0] - before, 20)
        checks.equal("and the one below has the sum of its mailboxes", admin.usage("user/bovik/list")["STORAGE"], (40, 500))
        bovik.must("SELECT saved")
        bovik.must("COPY 1 saved")
        checks.equal("each copy of a message is counted", admin.usage("user/bovik/saved")["STORAGE"][0], 40)
        links = [len(paths) for paths in files_of(site, "spool").values() if any(os.path.getsize(p) == 20 * KIB for p in paths)]
        checks.true("even when the server makes hard links", max(links, default=0) >= 2, links)
        bovik.must("STORE 1 +FLAGS (\\Deleted)")
        bovik.must("EXPUNGE")
        checks.equal("expunged messages are not charged, with delayed expunge", admin.usage("user/bovik/saved")["STORAGE"][0], 20)
        bovik.must("UNSELECT")
        bovik.must("DELETE todo")
    checks.equal("deleted mailboxes are not charged, with delayed delete", admin.usage("user/bovik")["STORAGE"][0], before)
    checks.has("quota roots are not deleted through the protocol", str(admin.do("SETQUOTA user/bovik/list ()")), "OK")
    checks.equal("but can have no limits", admin.usage("user/bovik/list"), {})


def four_resources(site, checks, admin):
    limits = "STORAGE 100 MESSAGE 3 X-NUM-FOLDERS 3 X-ANNOTATION-STORAGE 10"
    checks.has("STORAGE, MESSAGE, X-NUM-FOLDERS and X-ANNOTATION-STORAGE", admin.do("SETQUOTA user/fred (%s)" % limits)[0], "^OK")
    checks.equal("each with its limit", {name: limit for name, (_, limit) in admin.usage("user/fred").items()},
                 {"STORAGE": 100, "MESSAGE": 3, "X-NUM-FOLDERS": 3, "X-ANNOTATION-STORAGE": 10})
    with Imap(site, "fred") as fred:
        size = 3 * KIB + 100
        fred.append("INBOX", mail("counted", size))
        got = admin.usage("user/fred")
        checks.equal("STORAGE counts kilobytes of messages, not index and cache", got["STORAGE"][0], size // KIB)
        checks.equal("MESSAGE counts messages", got["MESSAGE"][0], 1)
        checks.equal("X-NUM-FOLDERS counts folders", got["X-NUM-FOLDERS"][0], 1)
        fred.must("CREATE one")
        fred.must("CREATE two")
        checks.has("no more folders than the limit", fred.do("CREATE three")[0], r"^NO.*(OVERQUOTA|quota)")
        for n in (2, 3):
            fred.append("one", mail("number %d" % n))
        checks.has("no more messages than the limit, below the root", fred.append("two", mail("number 4")), r"^NO.*(OVERQUOTA|quota)")
        status = fred.do('SETMETADATA INBOX (/private/comment "%s")' % ("x" * 11 * KIB))[0]
        checks.has("no more annotations than the limit", status, r"^NO.*(OVERQUOTA|quota|TOOBIG|MAXSIZE)|^NO")


def inserting(site, checks, admin):
    admin.must("SETQUOTA user/wes (STORAGE 20)")
    with Imap(site, "wes") as wes:
        checks.has("a message is inserted when there is room", wes.append("INBOX", mail("fits", 15 * KIB)), "^OK")
        checks.has("and refused when it would go over the limit", wes.append("INBOX", mail("too much", 6 * KIB)), r"^NO .*[Oo]ver quota")
        wes.must("SELECT INBOX")
        checks.has("COPY asks the same", wes.do("COPY 1 INBOX")[0], r"^NO .*[Oo]ver quota")
        checks.equal("nothing came of it", wes.count("INBOX"), 1)
    # Usage is 15 of 20 now. A server does not warn twice within ten minutes, and 3.6.1 counts a look that found nothing.
    restart(site)
    with Imap(site, "wes") as wes, Imap(site, ADMIN) as admin:
        checks.equal("delivery: as long as usage is not over the limit any size is taken", delivered(site, mail("large", 50 * KIB), "wes")[0], 250)
        checks.equal("the usage is over the limit then", admin.usage("user/wes")["STORAGE"], (65, 20))
        code, text = delivered(site, mail("late"), "wes")
        checks.equal("over the limit delivery fails with a temporary error", code, 452)
        checks.has("with its enhanced status", text, r"^4\.2\.2")
        checks.equal("IGNOREQUOTA is an administrator's way around", delivered(site, mail("forced"), "wes", options=("IGNOREQUOTA",))[0], 250)
        alert = "\n".join(wes.must("SELECT INBOX"))
        checks.has("selecting a mailbox over its limit alerts", alert, r"^\* NO \[ALERT\]")
        admin.must("SETACL user/wes fred lrs")
        with Imap(site, "fred") as fred:
            lines = "\n".join(fred.must("SELECT " + quoted("Other Users/wes")))
            checks.true("who has no d right gets no alert", "ALERT" not in lines, lines)
        admin.must("SETACL user/wes fred lrsd")
        with Imap(site, "fred") as fred:
            checks.has("who has it does", "\n".join(fred.must("SELECT " + quoted("Other Users/wes"))), "ALERT")
    restart(site)
    with Imap(site, "wes") as wes, Imap(site, ADMIN) as admin:
        admin.must("SETQUOTA user/wes (STORAGE 70)")
        checks.has("close to the limit alerts too", "\n".join(wes.must("SELECT INBOX")), r"\[ALERT\].*9[0-9]%")
    restart(site)
    with Imap(site, "wes") as wes, Imap(site, ADMIN) as admin:
        admin.must("SETQUOTA user/wes (STORAGE 700)")
        checks.true("far from it nothing is said", "ALERT" not in "\n".join(wes.must("SELECT INBOX")))
        admin.must("SETQUOTA user/wes (STORAGE 20)")
    restart(site, "lmtp_over_quota_perm_failure: yes")
    code, text = delivered(site, mail("for good"), "wes")
    checks.equal("lmtp_over_quota_perm_failure: a permanent error", code, 552)
    checks.has("with its enhanced status", text, r"^5\.2\.2")
    restart(site, "lmtp_over_quota_perm_failure: no", "lmtp_strict_quota: yes")
    with Imap(site, ADMIN) as again:
        again.must("SETQUOTA user/wes (STORAGE 100)")
        checks.equal("lmtp_strict_quota: what fits is delivered", delivered(site, mail("small"), "wes")[0], 250)
        checks.equal("lmtp_strict_quota: what would go over is refused", delivered(site, mail("strict", 60 * KIB), "wes")[0], 452)
    restart(site, "lmtp_strict_quota: no")


# Partitions.

def partition_of(site, mark):
    return sorted(holding(site, mark))


def partitions(site, checks, admin):
    def put(client, mailbox, mark):
        status = client.append(mailbox, mail(mark))
        if not status.startswith("OK"):
            raise RuntimeError("APPEND %s: %s" % (mailbox, status))

    with Imap(site, "leena") as leena:
        admin.must("CREATE user/leena/far second")
        put(leena, "far", "placed one")
        checks.equal("create with a partition", partition_of(site, "placed one"), ["second"])
        checks.has("others may not say a partition", leena.do("CREATE mine second")[0], "^NO|^BAD")
        leena.must("CREATE far/below")
        put(leena, "far/below", "placed two")
        checks.equal("a mailbox inherits the partition of its parent", partition_of(site, "placed two"), ["second"])
        leena.must("CREATE near")
        put(leena, "near", "placed three")
        checks.equal("and here that of the INBOX", partition_of(site, "placed three"), ["spool"])
        admin.must("CREATE lonely")
        admin.must("SETACL lonely cyrus lrswipkxtea")
        put(admin, "lonely", "placed four")
        checks.equal("without a parent it gets defaultpartition", partition_of(site, "placed four"), ["spool"])
        admin.must("SETQUOTA user/leena (STORAGE 1000)")
        used = admin.usage("user/leena")["STORAGE"]
        admin.must("RENAME user/leena/near user/leena/near second")
        checks.equal("rename to the same name changes the partition", partition_of(site, "placed three"), ["second"])
        checks.equal("and nothing else", (leena.count("near"), admin.usage("user/leena")["STORAGE"]), (1, used))
        checks.equal("a quota root applies to mailboxes in different partitions", admin.roots("user/leena/near"), ["user/leena"])
        leena.must("RENAME near nearer")
        checks.equal("rename without a partition leaves it", partition_of(site, "placed three"), ["second"])
        admin.must("RENAME user/leena/nearer lonely/moved")
        checks.equal("also below a parent on another one", partition_of(site, "placed three"), ["second"])


# Message Delivery.

def single_instance(site, checks, admin):
    admin.must("CREATE user/fourth second")
    admin.must("CREATE user/fifth second")
    admin.must("SETQUOTA user/fred (STORAGE 10000)")
    got = deliver(site, mail("one body"), "bovik", "fred", "ted", "fourth", "fifth")
    checks.equal("one message for several recipients", [code for code, _ in got.values()], [250] * 5)
    checks.equal("is one file per partition, with hard links", holding(site, "Subject: one body"), {"spool": [3], "second": [2]})
    checks.equal("a second message of the same content is delivered to others", delivered(site, mail("one body"), "leena")[0], 250)
    restart(site, "singleinstancestore: no")
    deliver(site, mail("two bodies"), "bovik", "ted")
    checks.equal("singleinstancestore: no turns it off", holding(site, "Subject: two bodies"), {"spool": [1, 1]})
    restart(site, "singleinstancestore: yes")


def duplicates(site, checks, admin):
    twice = mail("twice")
    with Imap(site, "bovik") as bovik:
        before = bovik.count("INBOX")
        checks.equal("the second of two messages with one message-id and recipient", [delivered(site, twice, "bovik")[0] for _ in "ab"], [250, 250])
        checks.equal("is a duplicate and not stored", bovik.count("INBOX") - before, 1)
        delivered(site, twice.replace(b"Message-ID", b"X-No-ID"), "bovik")
        delivered(site, twice.replace(b"Message-ID", b"X-No-ID"), "bovik")
        checks.equal("without a message-id nothing is one", bovik.count("INBOX") - before, 3)
        bovik.must("SELECT INBOX")
        bovik.must("STORE 1:* +FLAGS (\\Deleted)")
        bovik.must("EXPUNGE")
        delivered(site, twice, "bovik")
        checks.equal("also when the first is gone again", bovik.count("INBOX"), 0)
        with Imap(site, "ted") as ted:
            ours = ted.count("INBOX")
            delivered(site, twice, "ted")
            checks.equal("for another recipient it is none", ted.count("INBOX") - ours, 1)
        checks.true("it is kept in deliver.db", os.path.exists(os.path.join(site.root, "config/deliver.db")))
        restart(site, "duplicatesuppression: no")
    with Imap(site, "bovik") as bovik:
        delivered(site, twice, "bovik")
        checks.equal("duplicatesuppression: no turns it off", bovik.count("INBOX"), 1)
    restart(site, "duplicatesuppression: yes")


def lmtp_logins(site, checks, _):
    with smtplib.LMTP(HOST, site.ports["lmtpauth"]) as client:
        client.ehlo()
        checks.true("LMTP over TCP wants AUTH", client.mail("<ann@example.org>")[0] in (430, 530), "")
        code = try_login(client, "bovik")
        checks.true("who is no administrator may not log in", 400 <= code < 600, code)
    with smtplib.LMTP(HOST, site.ports["lmtpauth"]) as client:
        client.ehlo()
        checks.equal("an LMTP administrator may log in", try_login(client, ADMIN), 235)
        checks.equal("and deliver", client.mail("<ann@example.org>")[0], 250)


def try_login(client, user):
    client.user, client.password = user, PASSWORD
    try:
        return client.auth("CRAM-MD5", client.auth_cram_md5, initial_response_ok=False)[0]
    except smtplib.SMTPAuthenticationError as refused:
        return refused.smtp_code


# Configuration directory, POP3, syslog.

def log_and_proc(site, checks, _):
    folder = os.path.join(site.root, "config/log/bovik")
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    with Imap(site, "bovik") as bovik:
        bovik.must("SELECT INBOX")
        found = proc_line(site, "bovik")
        checks.true("the proc directory has one file for each process, named by its id", found, os.listdir(os.path.join(site.root, "config/proc")))
        if found:
            checks.has("with client and user", found, r"127\.0\.0\.1\]?\tbovik\t")
            if site.kind == "ours":                       # 3.6.1 writes it a moment later
                checks.has("and selected mailbox", found, r"\tuser\.bovik(\t|$)")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and proc_line(site, "bovik"):
        time.sleep(0.1)
    checks.true("and none for a session that is over", not proc_line(site, "bovik"))
    logs = glob.glob(folder + "/*")
    checks.true("a telemetry log, where log/USER is", logs)
    text = "".join(open(path, encoding="utf-8", errors="replace").read() for path in logs)
    checks.has("has the protocol session", text, "SELECT INBOX")
    checks.true("from the first command after authentication on", " LOGIN bovik" not in text and PASSWORD not in text, text[:300])
    checks.true("its file name is the process id", all(re.fullmatch(r"(imap-|pop3-)?\d+(-\d+)?", os.path.basename(p)) for p in logs), logs)


def proc_line(site, user):
    for path in glob.glob(os.path.join(site.root, "config/proc/*")):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                line = file.readline()
        except OSError:
            continue
        if user in line.split("\t") and os.path.basename(path).isdigit():
            return line
    return ""


def severities(site, checks, _):
    if site.kind == "ours":                               # the other one writes to syslog only
        checks.has("NOTICE: authentications, successful ones", site.said(), r"login: .* bovik ")
        checks.has("NOTICE: and unsuccessful ones", site.said(), r"badlogin: ")
        checks.has("INFO: mailbox openings", site.said(), r"open: user bovik opened INBOX")
        checks.has("INFO: duplicate delivery suppression", site.said(), r"dupelim: eliminated duplicate message")


def pop3(site, checks, _):
    def connect():
        peer = socket.create_connection((HOST, site.ports["pop3"]), timeout=60)
        file = peer.makefile("rb")
        file.readline()

        def say(text):
            peer.sendall(text.encode() + b"\r\n")
            return file.readline().decode().strip()
        say("USER ted")
        return peer, say, say("PASS " + PASSWORD)

    first, say, status = connect()
    checks.has("POP3 opens the INBOX", status, r"^\+OK")
    with Imap(site, "ted") as ted:
        checks.has("and only that", say("STAT"), r"^\+OK %d " % ted.count("INBOX"))
    second, _, status = connect()
    if site.kind == "ours":                               # as an option; 3.6.1 does so no more
        checks.has("only one POP3 server may exist for a user at a time", status, r"^-ERR \[IN-USE\]")
    second.close()
    say("QUIT")
    first.close()
    third, say, status = connect()
    checks.has("after it has ended the next may", status, r"^\+OK")
    say("QUIT")
    third.close()


PARTS = (calculated_rights, implicit_rights, initial_acls, posting, rights_in_use, quota_roots, four_resources, partitions, logins,
         inserting, single_instance, duplicates, pop3, lmtp_logins, log_and_proc, severities)


def check(site, checks):
    for part in PARTS:
        try:
            with Imap(site, ADMIN) as admin:
                part(site, checks, admin)
        except Exception:
            checks.true(part.__name__, False, traceback.format_exc())


if __name__ == "__main__":
    mail_site.run(check, users=USERS, configuration=CONFIGURATION)
