#!/usr/bin/env python3
"""lmtpd, pop3d and master beside those of the real Cyrus 3.6.1: the same dialogue with both on two copies of a store has to
get the same answers, but for names, times and session ids, and leave the same messages in the mailboxes; then the real
reconstruct finds nothing wrong with ours. master: the real imapd and lmtpd under ours, our lmtpd under the real one."""
import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from companions import SOURCE, Copy, Failed

SERVICES = {"lmtpd": "lmtp", "pop3d": "pop3"}

MESSAGE = """Return-Path: <old@example.org>
From: Ann <ann@example.org>
To: {to}
Subject: {id}
Message-ID: <{id}@example.org>
Date: Thu, 26 Nov 2026 04:00:00 +0000

Hello
..dot
.
"""

# What both say the same. Words of the product and of the session are taken out of the answers.
LMTP = f"""LHLO client.test
RCPT TO:<bovik>
DATA
MAIL FROM:bad
MAIL FROM:<ann@example.org> FOO=1
RSET
MAIL FROM:<ann@example.org> SIZE=300 BODY=8BITMIME
MAIL FROM:<x>
DATA
RCPT TO:bovik
RCPT TO:<bovik>
RCPT TO:<bovik+Drafts@example.org>
RCPT TO:<BOVIK+nosuch>
RCPT TO:<nosuch>
RCPT TO:<+nosuch.box>
RCPT TO:<wes> IGNOREQUOTA
RCPT TO:<wes> FOO
RCPT TO:<>
DATA
{MESSAGE.format(to="bovik", id="services-1")}DATA
NOOP
VRFY x
HELO x
LHLO
FOO
RSET
MAIL FROM:<>
RCPT TO:<wes>
DATA
{MESSAGE.format(to="wes", id="services-1")}MAIL FROM:<>
RCPT TO:<@a,@b:wes@c>
DATA
Subject: no colon on the next line
this is none

x
.
MAIL FROM:<>
RCPT TO:<wes>
DATA
{MESSAGE.format(to="wes", id="services-2")}NOOP x
QUIT x
QUIT
"""

POP3 = """CAPA
STAT
FOO
USER
PASS x
USER bovik
PASS secret
USER x
STAT
LIST 1
LIST 999
LIST x
UIDL 1
UIDL
LIST
TOP 1 0
TOP 2 3
TOP 1
TOP 1 x
RETR
RETR 999
RETR 3
DELE 1
DELE 1
LIST 1
RETR 1
UIDL 1
STAT
STAT x
NOOP
NOOP x
RSET
STAT
LAST
CAPA
DELE 2
DELE 5
QUIT x
QUIT
"""

WORDS = [
    (r"SESSIONID=<[^>]*>", "SESSIONID=<>"),
    (r" <[0-9]+\.[0-9]+@[^>]*>", ""),
    (r"mail\.example\.org (Cyrus|cyrkit) (LMTP|POP3) \S+ server", r"HOST \2 server"),
    (r"(IMPLEMENTATION) .*", r"\1"),
    (r"\t by mail.example.org \((Cyrus|cyrkit) \S+\)", "\t by HOST"),
    (r"\t \w\w\w, \d+ \w\w\w \d+ [\d:]+ [+-]\d+", "\t DATE"),
    (r"X-Cyrus-Session-Id: .*", "X-Cyrus-Session-Id:"),
    (r"X-Sieve: .*\r?\n", ""),  # ours runs no Sieve
    (r"from client.test \(.*?\)", "from CLIENT"),
]


def plain(text):
    for pattern, other in WORDS:
        text = re.sub(pattern, other, text)
    return text


def talk(command, service, text):
    """The dialogue as one burst on a socket that the service has as its standard input and output."""
    ours, theirs = socket.socketpair()
    with ours:
        environment = {**os.environ, "CYRUS_SERVICE": service, "CYRUS_ID": "0"}
        process = subprocess.Popen([*command, "-X"], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL,
                                   env=environment)
        theirs.close()
        ours.settimeout(60)
        ours.sendall(text.replace("\n", "\r\n").encode())
        out = b""
        try:
            while piece := ours.recv(65536):
                out += piece
        except ConnectionResetError:                     # it ended with commands of the burst unread; all it said has come
            pass
        process.wait(60)
    return plain(out.decode(errors="replace"))


def messages(copy, oracle, mailbox):
    """UID, flags, size without the words of the product, and text of every message that is not expunged."""
    status, path, _ = copy.run([oracle, "mbpath"], [mailbox])
    if status != 0:
        raise Failed(f"mbpath {mailbox}")
    found = []
    for name in os.listdir(path.replace("ROOT", copy.root).strip()):
        if re.fullmatch(r"\d+\.", name):
            with open(os.path.join(path.replace("ROOT", copy.root).strip(), name), encoding="latin-1", newline="") as file:
                found.append((int(name[:-1]), plain(file.read())))
    return sorted(found)


def compare(what, real, ours):
    if real != ours:
        lines = [f"- {a!r}\n+ {b!r}" for a, b in zip(real, ours) if a != b][:5]
        raise Failed(f"{what}: real ({len(real)}) and ours ({len(ours)}) differ\n" + "\n".join(lines))


def check_dialogue(scratch, oracle, bin_dir, program, text, options):
    real = Copy(scratch, "default", program + "-real")
    ours = Copy(scratch, "default", program + "-ours")
    with open(ours.conf, "a", encoding="utf-8") as file:
        file.write("sieve_ignore: yes\n")  # the scripts of the store keep what they get
    service = SERVICES[program]
    said = [talk([oracle, program, "-C", real.conf, *options], service, text),
            talk([os.path.join(bin_dir, program), "-C", ours.conf, *options], service, text)]
    compare(f"{program}: answers", said[0].splitlines(), said[1].splitlines())
    for mailbox in ("user/bovik", "user/bovik/Drafts", "user/wes"):
        compare(f"{program}: {mailbox}", messages(real, oracle, mailbox), messages(ours, oracle, mailbox))
        status, out, err = ours.run([oracle, "reconstruct"], ["-n", mailbox])
        if status != 0 or out.strip() not in ("", mailbox) or err.strip():
            raise Failed(f"reconstruct -n {mailbox} after our {program}: {status} {out} {err}")
    print(f"{program}: {len(said[0].splitlines())} lines of answers and the mailboxes are the same")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def first_line(port):
    end = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
                return peer.makefile("rb").readline().decode()
        except OSError:
            if time.monotonic() > end:
                raise Failed(f"nobody answers on port {port}") from None
            time.sleep(0.1)


def oracle_environment(oracle):
    """The variables with which the wrapper starts a real program, for those that a master starts."""
    root = os.path.join(os.path.dirname(os.path.realpath(oracle)), "root")
    library = next(folder for folder, _, names in os.walk(os.path.join(root, "usr/lib")) if "libcyrus.so.0" in names)
    return root, {**os.environ, "LD_LIBRARY_PATH": f"{library}:{library}/cyrus:" + library.replace("/usr/lib/", "/lib/"),
                  "SASL_PATH": library + "/sasl2"}


def check_master(scratch, oracle, bin_dir, name, master, programs, environment):
    """Services of one house under the master of the other: greetings of five connections, HUP, an orderly end."""
    copy = Copy(scratch, "default", name)
    ports = {program: free_port() for program in programs}
    services = os.path.join(scratch, name, "cyrus.conf")
    with open(services, "w", encoding="utf-8") as file:
        file.write("SERVICES {\n" + "".join(
            f'  {program} cmd="{path} -C {copy.conf}" listen="127.0.0.1:{ports[program]}" prefork={index}\n'
            for index, (program, path) in enumerate(programs.items())) + "}\n")
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "nobody:", os.path.join(scratch, name)], check=True)
    process = subprocess.Popen([*master, "-C", copy.conf, "-M", services, "-p", os.path.join(scratch, name, "pid"), "-D"],
                               env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(5):
            for program, port in ports.items():
                if "server ready" not in first_line(port):
                    raise Failed(f"{name}: {program} does not greet")
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        for program, port in ports.items():
            if "server ready" not in first_line(port):
                raise Failed(f"{name}: {program} does not greet after HUP")
        process.terminate()
        if process.wait(20) != 0:
            raise Failed(f"{name}: master ended with {process.returncode}")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    print(f"{name}: {', '.join(programs)} greet, also after HUP; a clean end")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    arguments = parser.parse_args()
    oracle = os.path.join(os.environ.get("CYRKIT_ORACLE") or os.path.join(SOURCE, "build/oracle"), "run")
    if not os.path.exists(oracle):
        print("there is no real Cyrus here: scripts/fetch-oracle")
        return 77
    root, environment = oracle_environment(oracle)
    if os.getuid() == 0:
        environment.update(CYRUS_USER="nobody", CYRUS_GROUP=subprocess.run(
            ["id", "-gn", "nobody"], capture_output=True, text=True, check=False).stdout.strip())
    os.environ.update({key: environment[key] for key in ("CYRUS_USER", "CYRUS_GROUP") if key in environment})
    scratch = tempfile.mkdtemp(prefix="services-")
    os.chmod(scratch, 0o755)
    try:
        check_dialogue(scratch, oracle, arguments.bin, "lmtpd", LMTP, ["-a"])
        check_dialogue(scratch, oracle, arguments.bin, "pop3d", POP3, [])
        real = {name: os.path.join(root, "usr/lib/cyrus/bin", name) for name in ("imapd", "lmtpd")}
        check_master(scratch, oracle, arguments.bin, "our-master", [os.path.join(arguments.bin, "master")],
                     {"imap": real["imapd"], "lmtp": real["lmtpd"] + " -a"}, environment)
        own = os.path.join(scratch, "bin")  # where the user of the store can reach them
        os.mkdir(own)
        for program in SERVICES:
            shutil.copy(os.path.join(arguments.bin, program), own)
        check_master(scratch, oracle, arguments.bin, "real-master", [oracle, "master"],
                     {"lmtp": os.path.join(own, "lmtpd") + " -a", "pop3": os.path.join(own, "pop3d")}, environment)
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
