#!/usr/bin/env python3
"""PHP's imap extension, which is the c-client library: every function that speaks to a server, IMAP and POP3, each login, plain,
STARTTLS and TLS."""
import mail_site
import program
from mail_site import HOST, PASSWORD


def check(site, checks):
    site.quota("bovik", 10000)
    site.append("wes", "INBOX", [mail_site.message("pop %d" % n, n, number=n) for n in range(5)])
    ports = [str(site.ports[name]) for name in ("imap", "imaps", "pop3", "pop3s")]
    program.compare(site, checks, ["php", "php_imap.php", HOST, *ports, PASSWORD, site.certificate])
    checks.equal("what POP3 left", site.subjects("wes", "INBOX"), ["pop 2", "pop 3", "pop 4"])  # its STARTTLS is TLS 1.0, which OpenSSL refuses
    checks.equal("closed with expunge", site.subjects("bovik", "Php/Deeper"), [])


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "wes"), programs=("php",), options=program.OPTIONS)
