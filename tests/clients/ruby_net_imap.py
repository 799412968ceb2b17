#!/usr/bin/env python3
"""Ruby's net/imap: every method of it, and its strict parser on envelopes, body structures, threads, quotas and namespaces."""
import mail_site
import program
from mail_site import HOST, PASSWORD


def check(site, checks):
    site.quota("bovik", 10000)
    program.compare(site, checks, ["ruby", "ruby_net_imap.rb", HOST, str(site.ports["imap"]), str(site.ports["imaps"]), PASSWORD,
                                   site.certificate])
    checks.equal("moved and copied", site.subjects("bovik", "Ruby/Deeper"), [
        "Re: ruby 0", "Re: ruby 0", "ruby 0", "ruby 0", "ruby 1", "ruby 2"])


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "wes"), programs=("ruby",), options=program.OPTIONS)
