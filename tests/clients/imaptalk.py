#!/usr/bin/env python3
"""Mail::IMAPTalk, which FastMail made against Cyrus: all of its calls but those for FastMail's own commands; raw and parsed envelopes
and body structures, IDLE, METADATA and annotations, ACLs, quotas, TLS, a socket handed on."""
import mail_site
import program
from mail_site import HOST, PASSWORD


def check(site, checks):
    site.quota("bovik", 10000)
    program.compare(site, checks, ["perl", "imaptalk.pl", HOST, str(site.ports["imap"]), str(site.ports["imaps"]), PASSWORD,
                                   site.certificate])


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "wes"), programs=("perl",), options=program.OPTIONS)
