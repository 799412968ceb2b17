#!/usr/bin/env python3
"""offlineimap3: an account down, changes on both sides, new folders, two runs that have nothing to do; STARTTLS, TLS and
CRAM-MD5, status in SQLite."""
import os

import mail_site
import maildir
from mail_site import HOST, PASSWORD, message

CONFIG = """[general]
accounts = site
metadata = {home}/.offlineimap
ui = basic
socktimeout = 60

[Account site]
localrepository = here
remoterepository = there

[Repository here]
type = Maildir
localfolders = {mail}
sync_deletes = yes

[Repository there]
type = IMAP
remotehost = {host}
remoteport = {port}
remoteuser = bovik
remotepass = {password}
auth_mechanisms = {mechanism}
ssl = {tls}
starttls = {starttls}
sslcacertfile = {certificate}
ssl_version = tls1_2
maxconnections = 2
expunge = yes
"""


def configure(site, mail, how, mechanism):
    return site.file(".offlineimaprc", CONFIG.format(
        home=site.home, mail=mail, host=HOST if how == "plain" else "localhost", password=PASSWORD, mechanism=mechanism,
        port=site.ports["imaps" if how == "tls" else "imap"], tls="yes" if how == "tls" else "no",
        starttls="yes" if how == "starttls" else "no", certificate=site.certificate))


def sync(site, checks, config, what):
    status, said = site.run(["offlineimap", "-o", "-c", config], timeout=300)
    good = status == 0 and "ERROR" not in said and "WARNING" not in said and "Traceback" not in said
    checks.true("offlineimap, " + what, good, "exit %d: %s" % (status, said[-1500:]))
    return said


def same(site, checks, mail, what, folder="INBOX"):
    here, there = maildir.mails(os.path.join(mail, folder.replace("/", "."))), site.messages("bovik", folder).values()
    checks.equal(what + ": messages", sorted(m.subject for m in here), sorted(m.subject for m in there))
    checks.equal(what + ": flags", {m.subject: m.flags for m in here}, {m.subject: m.flags for m in there})
    return [m.subject for m in there]


def change(site, inbox):
    mails = {m.subject: m for m in maildir.mails(inbox)}
    maildir.mark(mails["down 1"], "FS")
    os.unlink(mails["down 2"].path)
    maildir.add(inbox, "1800000000.1.home", message("written here"), "S")
    with site.imap("bovik") as client:
        client.select("INBOX")
        client.store("5", "+FLAGS", r"(\Answered)")
        client.store("6", "+FLAGS", r"(\Deleted)")
        client.expunge()
    site.append("bovik", "INBOX", [message("written there")])


def check(site, checks):
    mail = os.path.join(site.home, "Mail")
    site.append("bovik", "INBOX", [message("down %d" % n, n, number=n) for n in range(60)], r"(\Seen)")
    site.append("bovik", "Work/2026", [message("work %d" % n, number=n) for n in range(5)], make=True)
    config = configure(site, mail, "plain", "CRAM-MD5")
    sync(site, checks, config, "first run")
    checks.equal("all came", len(same(site, checks, mail, "first run")), 60)
    same(site, checks, mail, "a folder", "Work/2026")
    change(site, os.path.join(mail, "INBOX"))
    maildir.make(os.path.join(mail, "Home"))
    maildir.add(os.path.join(mail, "Home"), "1.home", message("in a new folder"))
    config = configure(site, mail, "starttls", "PLAIN")
    sync(site, checks, config, "changes on both sides")
    left = same(site, checks, mail, "after the changes")
    checks.equal("what is left", sorted(set(left) ^ {"down %d" % n for n in range(60)}),
                 ["down 2", "down 5", "written here", "written there"])
    checks.equal("a new folder went there", site.subjects("bovik", "Home"), ["in a new folder"])
    config = configure(site, mail, "tls", "LOGIN")
    said = sync(site, checks, config, "nothing to do")
    checks.true("nothing was copied", "Copy message" not in said and "Deleting" not in said, said)
    same(site, checks, mail, "in the end")
    checks.equal("nothing twice", len(left), len(set(left)))


if __name__ == "__main__":
    mail_site.run(check, programs=("offlineimap",))
