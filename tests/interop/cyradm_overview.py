#!/usr/bin/env python3
"""The examples of the two overview documents of Cyrus (of 2.1 and of today), one by one as printed there, in cyradm: against
the real imapd 3.6.1 and, on a store of its own, without a server. Lines with "> " are typed, the others are the answer. Names
of a group stand for one that every system has, and rights without the later 'n' for those with it; "listaclmamilbox" is the
document's own slip; an owner's entry cannot go, so ted's stays before that of anyone.

  cyradm_overview.py --bin DIR
"""
import argparse
import os
import re
import subprocess
import sys

import cyradm as shell
import golden
import oracle as real_cyrus

# Access Control Lists, Quota, Partitions, of the present document; names with '/'.
CURRENT = r"""
> cm user/bovik
> cm user/bovik/public
> setaclmailbox user/bovik/public bovik all group:users lrsp anyone lrs
> listaclmailbox user/bovik/public
bovik lrswipkxtecda
group:users lrsp
anyone lrs
> cm tech; cm tech/Commits; cm tech/abuse; cm tech/security; cm tech/support
> dam tech/% *
Deleting acl on tech/Commits...OK.
Deleting acl on tech/abuse...OK.
Deleting acl on tech/security...OK.
Deleting acl on tech/support...OK.
> sam tech/Commits group:users lrswipkxtea anyone lrs
> sam tech/abuse group:users lrswipkxtecda anyone lrsp
> sam tech/security anyone lrsp group:users lrswipkxtecda
> sam tech/support group:users lrswipkxtecda anyone lrsp
> listaclmailbox tech/%
tech/Commits:
  group:users lrswipkxtecda
  anyone lrs
tech/abuse:
  group:users lrswipkxtecda
  anyone lrsp
tech/security:
  anyone lrsp
  group:users lrswipkxtecda
tech/support:
  group:users lrswipkxtecda
  anyone lrsp
> cm user/ted; cm user/ted/Drafts; cm user/ted/Sent; cm 'user/ted/Sent Items'; cm user/ted/Spam; cm user/ted/Trash
> sam user/ted/Spam anyone p
> listaclmailbox user/ted/%
user/ted/Drafts:
  ted lrswipkxtecda
user/ted/Sent:
  ted lrswipkxtecda
user/ted/Sent Items:
  ted lrswipkxtecda
user/ted/Spam:
  ted lrswipkxtecda
  anyone p
user/ted/Trash:
  ted lrswipkxtecda
> cm rights; dam rights *
> setaclmailbox rights a lrs b lrsp c lr d rs e lrsip
> listaclmailbox rights
a lrs
b lrsp
c lr
d rs
e lrsip
> setaclmailbox rights a none b read c post d append e write f delete g all
> listaclmailbox rights
b lrs
c lrsp
d lrsip
e lrswipkxtecd
f lrxtecd
g lrswipkxtecda
> deleteaclmailbox rights b c d e f g
> setaclmailbox rights root lrs group:staff lrsp anonymous p anyone p
> listaclmailbox rights
root lrs
group:staff lrsp
anonymous p
anyone p
> dam rights *
> sam rights anyone lrsp fred lwi -anonymous s
> listaclmailbox rights
anyone lrsp
fred lwi
-anonymous s
> cm rights/below; listaclmailbox rights/below
anyone lrsp
fred lwi
-anonymous s
> cm user/fred; listaclmailbox user/fred
fred lrswipkxtecda
> cm forum; listaclmailbox forum
anyone lrs
> cm user/bovik/list/imap; cm user/bovik/list/info-cyrus; cm user/bovik/saved; cm user/bovik/todo
> setquota user/bovik STORAGE 1000 MESSAGE 100 X-NUM-FOLDERS 50 X-ANNOTATION-STORAGE 20
> setquota user/bovik/list 2000
quota:2000
> setquota user/bovik/saved 3000
quota:3000
> listquotaroot user/bovik
user/bovik STORAGE 0/1000 (0%) MESSAGE 0/100 (0%) X-ANNOTATION-STORAGE 0/20 (0%) X-NUM-FOLDERS 3/50 (6%)
> listquotaroot user/bovik/todo
user/bovik STORAGE 0/1000 (0%) MESSAGE 0/100 (0%) X-ANNOTATION-STORAGE 0/20 (0%) X-NUM-FOLDERS 3/50 (6%)
> listquotaroot user/bovik/list/imap
user/bovik/list STORAGE 0/2000 (0%)
> listquotaroot user/bovik/list/info-cyrus
user/bovik/list STORAGE 0/2000 (0%)
> listquotaroot user/bovik/saved
user/bovik/saved STORAGE 0/3000 (0%)
> listquota user/bovik/list
 STORAGE 0/2000 (0%)
> create user/moved two
> rename user/moved user/moved default
> rename user/bovik/todo user/bovik/todo two
> listquotaroot user/bovik/todo
user/bovik STORAGE 0/1000 (0%) MESSAGE 0/100 (0%) X-ANNOTATION-STORAGE 0/20 (0%) X-NUM-FOLDERS 3/50 (6%)
"""
# Of the document of 2.1: names with '.', users without dots, storage only.
OLD = r"""
> cm user.bovik; cm user.bovik.work; cm user.bovik.list.imap; cm user.bovik.list.info-cyrus; cm user.bovik.saved; cm user.bovik.todo
> sam user.bovik.work anyone lrs; sam user.bovik.work anyone lrsp; sam user.bovik.work a lr b rs c lrsip
> lam user.bovik.work
bovik lrswipkxtecda
anyone lrsp
a lr
b rs
c lrsip
> sam user.bovik.work root lrs group:staff lrs -fred lrs
> lam user.bovik.work
bovik lrswipkxtecda
anyone lrsp
a lr
b rs
c lrsip
root lrs
group:staff lrs
-fred lrs
> setquota user.bovik 1000; setquota user.bovik.list 2000; setquota user.bovik.saved 3000
quota:1000
quota:2000
quota:3000
> lqr user.bovik; lqr user.bovik.todo; lqr user.bovik.list.imap; lqr user.bovik.list.info-cyrus; lqr user.bovik.saved
user.bovik STORAGE 0/1000 (0%)
user.bovik STORAGE 0/1000 (0%)
user.bovik.list STORAGE 0/2000 (0%)
user.bovik.list STORAGE 0/2000 (0%)
user.bovik.saved STORAGE 0/3000 (0%)
> create user.moved two; rename user.moved user.moved default
> cm comp.infosystems.www; lm -one comp*
comp
comp.infosystems
comp.infosystems.www
"""


def steps(text):
    """[(typed, [printed])]"""
    out = []
    for line in text.strip("\n").split("\n"):
        if line.startswith("> "):
            out.append((line[2:], []))
        else:
            out[-1][1].append(line)
    return out


def steady(line):
    return re.sub(r"(lrswipk?x?t?ec?d?a)n?\b|(?<=kxt)ea\b", lambda m: "lrswipkxtecda" if m.group(1) else "ecda", line.rstrip())


def compare(name, text, printed):
    for (typed, wanted), got in zip(steps(text), printed):
        shell.check("%s: %s" % (name, typed), [steady(line) for line in wanted] == [steady(line) for line in got], got)
    shell.check(name + ": answers", len(printed) == len(steps(text)), len(printed))


def answers(text, prompt):
    parts = re.split("^" + re.escape(prompt), text, flags=re.M)[1:]
    return [part.splitlines()[1:] for part in parts if part.strip()]


def without_server(scratch, program, name, more, text):
    site = shell.Site(scratch, program, name + ".local", more)
    with site.server:                                    # makes the databases of a new store
        pass
    conf = os.path.join(site.root, "etc/imapd.conf")
    script = site.write("overview", "".join(typed + "\n" for typed, _ in steps(text)))
    done = subprocess.run([program, "--norc", "--local", conf, "--echo", "-f", script], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return answers(done.stdout, conf + "> ")


def with_server(scratch, program, name, more, text, after):
    site = shell.Site(scratch, program, name, more)
    with site.server:
        script = site.write("overview", "".join(typed + "\n" for typed, _ in steps(text)))
        printed = answers(site.run("--echo", "-f", script, merged=True)[1], "127.0.0.1> ")
        after(site)
    return printed


def rights_of_fred(site):
    """Negative Rights: fred is granted lrswip."""
    client = real_cyrus.Client(site.server.port, "fred")
    line = client.ok('MYRIGHTS "Shared Folders/rights"')[0].decode()
    client.close()
    shell.check("the rights of fred", set(line.split()[-1]) == set("lrswip"), line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    program = os.path.join(os.path.abspath(parser.parse_args().bin), "cyradm")
    real_cyrus.gate()
    with golden.Scratch() as scratch:
        cases = (("overview-current", CURRENT, ("altnamespace: yes",), rights_of_fred), ("overview-2.1", OLD, ("unixhierarchysep: no",), lambda _: None))
        for name, text, more, after in cases:
            compare(name, text, with_server(scratch, program, name, more, text, after))
            compare(name + ", no server", text, without_server(scratch, program, name, more, text))
    print("%d failures" % len(shell.FAILURES))
    return 1 if shell.FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
