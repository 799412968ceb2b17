#!/usr/bin/env python3
"""Makes scripts/demo/store.tar.xz: the `classic` store of tests/data, cut down by a real Cyrus 3.6.1 server.

  scripts/fetch-oracle && sudo scripts/demo/make_store.py

For maintainers; scripts/run only unpacks the result. Everything in it was written by Cyrus: mailboxes are deleted and
messages expunged over IMAP, then the server purges them and is stopped.
"""
import imaplib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
ORACLE = os.environ.get("CYRKIT_ORACLE", TOP + "/build/oracle")
KEEP = ["user.bovik", "user.bovik.Sent", "user.bovik.Work", "user.bovik.Work.2003.Q1", "user.bovik.Entw&APw-rfe",
        "user.fred", "user.fred.Lists", "user.ted", "user.ted.Keywords", "user.mona", "archive"]
BIGGEST = 20000  # octets; larger messages go


def wait_for(port):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).recv(1)
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server did not come up")


def mailbox_names(imap):
    lines = imap.list()[1]
    return [re.match(rb'\(.*?\) "." "?(.*?)"?$', line).group(1).decode() for line in lines if line]


def cut_down(port):
    admin = imaplib.IMAP4("127.0.0.1", port)
    admin.login("cyrus", "secret")
    for name in sorted(mailbox_names(admin), reverse=True):
        inner = any(k.startswith(name + ".") for k in KEEP)
        if name not in KEEP and not inner:
            admin.setacl('"%s"' % name, "cyrus", "lrswipkxtecda")
            print(name, admin.delete('"%s"' % name)[0])
    admin.logout()
    for user in ("bovik", "fred"):
        imap = imaplib.IMAP4("127.0.0.1", port)
        imap.login(user, "secret")
        imap.select()
        for number in imap.search(None, "LARGER", str(BIGGEST))[1][0].split():
            imap.store(number, "+FLAGS", "\\Deleted")
        imap.expunge()
        imap.logout()


def main():
    work = tempfile.mkdtemp(prefix="demo-store.")
    os.chmod(work, 0o755)
    root = work + "/cyrus"
    subprocess.run(["tar", "--zstd", "-C", work, "-xf", TOP + "/tests/data/stores/classic.tar.zst"], check=True)
    conf = root + "/etc/imapd.conf"
    with open(conf, encoding="utf-8") as f:
        original = f.read()
    with open(conf, "w", encoding="utf-8") as f:
        f.write(original.replace("/srv/cyrus", root).replace("_mode: delayed", "_mode: immediate"))
    for name in ("run/lock", "run/proc", "config/socket", "config/proc"):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    owner = "nobody" if os.getuid() == 0 else None
    if owner:
        subprocess.run(["chown", "-R", owner, root], check=True)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    programs = ORACLE + "/root/usr/lib/cyrus/bin"
    with open(work + "/cyrus.conf", "w", encoding="utf-8") as f:
        f.write('START {\n recover cmd="%s/ctl_cyrusdb -C %s -r"\n}\nSERVICES {\n imap cmd="%s/imapd -C %s" '
                'listen="127.0.0.1:%d" proto="tcp4"\n}\nEVENTS {\n}\n' % (programs, conf, programs, conf, port))
    master = subprocess.Popen([ORACLE + "/run", "master", "-C", conf, "-M", work + "/cyrus.conf", "-p", work + "/pid"])
    try:
        wait_for(port)
        cut_down(port)
    finally:
        master.send_signal(signal.SIGTERM)
        master.wait()
    for command in (["cyr_expire", "-C", conf, "-E", "1", "-X", "0", "-D", "0"], ["quota", "-C", conf, "-f", "-q"],
                    ["reconstruct", "-C", conf, "-q"], ["quota", "-C", conf]):
        subprocess.run([ORACLE + "/run"] + command, check=True)
    with open(conf, "w", encoding="utf-8") as f:
        f.write("\n".join(x for x in original.split("\n") if not x.startswith("sasl_")))
    for name in ("run", "config/socket", "config/proc", "config/log", "config/msg", "sieve"):
        shutil.rmtree(os.path.join(root, name), ignore_errors=True)
    for name in ("etc/sasldb2", "etc/populate.log", "etc/cyrus.conf", "config/deliver.db", "config/caldav_alarm.sqlite3",
                 "config/statuscache.db"):
        if os.path.exists(os.path.join(root, name)):
            os.unlink(os.path.join(root, name))
    subprocess.run("tar -C '%s' --sort=name --owner=0 --group=0 --numeric-owner -c cyrus | xz -9e > '%s/store.tar.xz'"
                   % (work, HERE), shell=True, check=True)
    shutil.rmtree(work)
    print("store.tar.xz", os.path.getsize(HERE + "/store.tar.xz"))


if __name__ == "__main__":
    main()
