#!/usr/bin/env python3
"""Horde_Imap_Client, the library of Horde and of webmail made with it: every call of it, with a cache, so that it selects by QRESYNC
and believes CONDSTORE; LIST with SPECIAL-USE and STATUS, ESEARCH, SORT and THREAD in ESORT's form, CATENATE by hand, METADATA,
ACL, QUOTA; each login, plain, STARTTLS and TLS; its POP3 client."""
import mail_site
import program
from mail_site import HOST, PASSWORD


def check(site, checks):
    site.quota("bovik", 10000)
    site.append("wes", "INBOX", [mail_site.message("pop %d" % n, n, number=n) for n in range(5)])
    ports = [str(site.ports[name]) for name in ("imap", "imaps", "pop3", "pop3s")]
    program.compare(site, checks, ["php", "php_horde.php", HOST, *ports, PASSWORD, site.certificate])
    checks.equal("what POP3 left", site.subjects("wes", "INBOX"), ["pop 3", "pop 4"])


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "wes"), programs=("php",), options=program.OPTIONS)
