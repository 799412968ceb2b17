#!/usr/bin/env python3
"""twisted.mail.imap4's client, whose parser takes nothing that the grammar does not have: every call, each login, STARTTLS and TLS."""
import mail_site
import program
from mail_site import PASSWORD


def check(site, checks):
    program.compare(site, checks, ["/usr/bin/python3", "twisted_imap4.py", "localhost", str(site.ports["imap"]), str(site.ports["imaps"]),
                                   PASSWORD, site.certificate])


if __name__ == "__main__":
    mail_site.run(check, programs=("/usr/bin/python3",), options=program.OPTIONS)
