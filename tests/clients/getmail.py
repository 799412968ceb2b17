#!/usr/bin/env python3
"""getmail6: POP3 and IMAP, plain and over TLS, into a Maildir; what was read is not read again, messages taken away, several
mailboxes."""
import os

import mail_site
import maildir
from mail_site import PASSWORD, message

CONFIG = """[retriever]
type = {retriever}
server = localhost
port = {port}
username = bovik
password = {password}
{more}

[destination]
type = MDA_external
path = {program}
arguments = ("{mail}", )
allow_root_commands = true

[options]
read_all = {read_all}
delete = {delete}
verbose = 2
delivered_to = false
received = false
"""
COUNT = 15
# getmail 6.18.11 forks first and prepares to hear of its child's end after that; a child as quick as its own Maildir delivery
# is missed, and getmail waits for three minutes. So a slower one.
MDA = """#!/bin/sh
sleep 0.2
exec cat > "$1/new/$$.mail"
"""


class Getmail:
    def __init__(self, site, checks):
        self.site, self.checks = site, checks
        self.folder = os.path.join(site.home, ".getmail")
        os.makedirs(self.folder, mode=0o700)
        self.program = site.file("mda", MDA, 0o755)

    def __call__(self, what, retriever, service, mail, more="", read_all="false", delete="false"):
        if "SSL" in retriever:
            more += "\nca_certs = " + self.site.certificate
        self.site.file(".getmail/rc", CONFIG.format(
            retriever=retriever, port=self.site.ports[service], password=PASSWORD, more=more, mail=mail, read_all=read_all,
            delete=delete, program=self.program))
        status, said = self.site.run(["getmail", "--getmaildir", self.folder, "--rcfile", "rc"], timeout=180)
        self.checks.true("getmail, " + what, status == 0 and "rror" not in said, "exit %d: %s" % (status, said[-1500:]))


def check(site, checks):
    getmail = Getmail(site, checks)
    want = sorted("get %d" % n for n in range(COUNT))
    site.append("bovik", "INBOX", [message("get %d" % n, n, number=n) for n in range(COUNT)])
    site.append("bovik", "Work", [message("work")], make=True)
    for retriever, service in (("SimplePOP3Retriever", "pop3"), ("SimplePOP3SSLRetriever", "pop3s"),
                               ("SimpleIMAPRetriever", "imap"), ("SimpleIMAPSSLRetriever", "imaps")):
        mail = os.path.join(site.home, retriever)
        maildir.make(mail)
        getmail(retriever, retriever, service, mail)
        checks.equal(retriever, maildir.subjects(mail), want)
        getmail(retriever + " again", retriever, service, mail)
        checks.equal(retriever + ", nothing twice", maildir.subjects(mail), want)
    texts = sorted(m.text.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for m in maildir.mails(mail))
    checks.equal("texts", texts, sorted(message("get %d" % n, n, number=n).replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]
                                        for n in range(COUNT)))
    both = os.path.join(site.home, "both")
    maildir.make(both)
    getmail("two mailboxes, taken away", "SimpleIMAPSSLRetriever", "imaps", both, 'mailboxes = ("INBOX", "Work")', "true", "true")
    checks.equal("two mailboxes", maildir.subjects(both), sorted([*want, "work"]))
    checks.equal("taken away", site.subjects("bovik", "INBOX") + site.subjects("bovik", "Work"), [])
    site.append("bovik", "INBOX", [message("last")])
    getmail("POP3, taken away", "SimplePOP3SSLRetriever", "pop3s", both, "", "true", "true")
    checks.equal("POP3, taken away", ("last" in maildir.subjects(both), site.subjects("bovik", "INBOX")), (True, []))


if __name__ == "__main__":
    mail_site.run(check, programs=("getmail",))
