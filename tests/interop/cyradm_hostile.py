#!/usr/bin/env python3
"""cyradm against a server that lies: nothing makes it crash or hang, believe what came before TLS, or send the password
in clear. And what it does when the connection drops, or a referral sends it elsewhere."""
import argparse
import base64
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from imap_double import CAPABILITIES, PASSWORD, Double  # noqa: E402

SECRETS = (PASSWORD, base64.b64encode(b"\0admin\0" + PASSWORD.encode()).decode())
FAILURES = []


class Runner:
    def __init__(self, program, scratch):
        self.program, self.scratch = program, scratch
        self.password = os.path.join(scratch, "password")
        with open(self.password, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(PASSWORD + "\n")

    def __call__(self, port, command, *options, timeout=20):
        started = time.time()
        done = subprocess.run([self.program, "--norc", "-u", "admin", "--password-file", self.password, *options, "-e",
                               command, "127.0.0.1", str(port)], capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, check=False, env={**os.environ, "HOME": self.scratch})
        return done.returncode, done.stdout, done.stderr, time.time() - started


def check(name, condition, seen):
    if not condition:
        FAILURES.append(name)
        print("FAILED: %s: %s" % (name, seen))


def in_clear(server):
    return any(secret in line for line in server.received for secret in SECRETS)


def refuses(run, name, words, secret=False, **settings):
    """cyradm gives up with `words` in its message, and has not shown the password."""
    options = settings.pop("options", ())
    command = settings.pop("command", "lm")
    with Double(**settings) as server:
        seen = run(server.port, command, *options)
        check(name, seen[0] == 1 and words in seen[2], seen)
        check(name + ": the password stays", secret or not in_clear(server), server.received)


def answering(command, text):
    """A hook that answers one command with `text`, where TAG stands for the tag."""
    return lambda server, connection, tag, words: text.replace("TAG", tag) if words[0].upper() == command else None


def before_tls(run):
    offered = CAPABILITIES + " STARTTLS"
    refuses(run, "STARTTLS refused", "offers STARTTLS and refuses it", capabilities=offered,
            hook=answering("STARTTLS", "TAG NO not today\r\n"))
    refuses(run, "STARTTLS not understood", "offers STARTTLS and refuses it", capabilities=offered,
            hook=answering("STARTTLS", "TAG BAD what\r\n"))
    refuses(run, "responses injected before TLS", "somebody may stand in between", capabilities=offered,
            hook=answering("STARTTLS", "TAG OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n3 OK done\r\n"))
    refuses(run, "garbage instead of TLS", "cannot connect to server", capabilities=offered,
            hook=lambda s, c, tag, words: (c.sendall((tag + " OK go\r\n").encode()), c.recv(1), "nonsense\r\n" * 9)[2]
            if words[0] == "STARTTLS" else None)

    def cut(server, connection, tag, words):
        if words[0] == "STARTTLS":
            connection.sendall((tag + " OK go\r\n").encode())
            connection.recv(1)
            connection.close()
        return None
    refuses(run, "TLS cut short", "cannot connect to server", capabilities=offered, hook=cut)
    refuses(run, "STARTTLS required and not offered", "does not offer STARTTLS", options=["--require-tls"])
    refuses(run, "login disabled without TLS", "wants TLS", capabilities="IMAP4rev1 LOGINDISABLED")


def certificates(run, scratch):
    openssl = shutil.which("openssl")
    if not openssl:
        return
    pem = os.path.join(scratch, "server.pem")
    subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", pem + ".key", "-out", pem, "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, pem + ".key")
    offered = CAPABILITIES + " STARTTLS"
    refuses(run, "a certificate nobody vouches for", "certificate", capabilities=offered, context=context)
    for name, options in (("trusted by --cafile", ["--cafile", pem]), ("--insecure", ["--insecure"])):
        with Double(capabilities=offered, context=context) as server:
            seen = run(server.port, "lm shared", *options)
            check("TLS, " + name, seen[0] == 0 and seen[1].startswith("shared") and "1 CAPABILITY" in server.received, seen)
    with Double(capabilities=offered, context=context) as server:
        seen = run(server.port, "lm shared", "--cafile", pem, "--server", "localhost:%d" % server.port)
        check("server twice", seen[0] == 64, seen)


def bad_answers(run):
    refuses(run, "no IMAP server", "this is no IMAP server", greeting="220 mail ESMTP\r\n")
    refuses(run, "no room", "too many connections", greeting="* BYE too many connections\r\n")
    refuses(run, "a greeting without end", "cannot connect to server", greeting="* OK " + "x" * (3 << 20))
    refuses(run, "untagged talk without end", "talks without end",
            hook=answering("CAPABILITY", "* OK more\r\n" * 5000))
    for name, text in (("a literal of 2^63", "* METADATA x (a {9223372036854775808}\r\n"),
                       ("a literal of 2^70", "* METADATA x (a {1180591620717411303424}\r\n"),
                       ("a literal of 100 MB", "* METADATA x (a {100000000}\r\n"),
                       ("an overlong line", "* METADATA x (a " + "y" * (3 << 20) + ")\r\n"),
                       ("lists in lists", "* METADATA " + "(" * 100000 + "\r\n"),
                       ("a NUL in the middle", "* METADATA x (a \0b\r\n"),
                       ("somebody else's answer", "77 OK done\r\n"),
                       ("a request for more", "+ go on\r\n"),
                       ("a closed connection", "* BYE I am going down\r\n")):
        def hook(server, connection, tag, words, text=text):
            if words[0] == "GETMETADATA":
                connection.sendall(text.encode())
                time.sleep(0.1)
                connection.shutdown(socket.SHUT_RDWR)
                return ""
            return None
        refuses(run, name, "Connection to server lost", secret=True, command="info x", hook=hook)
    refuses(run, "a challenge out of turn", "where it is our turn", hook=answering("AUTHENTICATE", "+ !!!\r\n"))
    refuses(run, "a wrong password", "Login failed: wrong", secret=True, hook=answering("AUTHENTICATE", "TAG NO wrong\r\n"))
    refuses(run, "a mechanism that is not offered", "cannot authenticate to server with CRAM-MD5 as admin",
            options=["--auth", "CRAM-MD5"])
    with Double(hook=answering("GETACL", '* ACL x "\x1b]0;owned\x07" lrs\r\nTAG OK done\r\n')) as server:
        seen = run(server.port, "lam x")
        check("control characters are shown, not obeyed", "\x1b" not in seen[1] and "\\x1b" in seen[1], seen)


def silence(run):
    with Double(hook=lambda s, c, tag, words: "" if words[0] == "GETACL" else None) as server:
        seen = run(server.port, "lam shared", "--timeout", "1")
        check("a server that does not answer", seen[0] == 1 and seen[3] < 10 and "in time" in seen[2], seen)


def drops(run):
    def once(command):
        state = {"left": 1}

        def hook(server, connection, tag, words):
            if words[0] == command and state["left"]:
                state["left"] -= 1
                server.drop()
                return ""
            return None
        return hook
    with Double(hook=once("GETACL")) as server:
        seen = run(server.port, "lam shared")
        check("a question is asked again", seen[:2] == (0, "anyone lrs\n") and server.connections == 2, seen)
    with Double(hook=once("CREATE")) as server:
        seen = run(server.port, "cm user/new")
        check("a change is not repeated", seen[0] == 1 and "not known whether" in seen[2] and
              "user/new" not in server.mailboxes, seen)
    with Double(hook=once("CREATE")) as server:
        seen = run(server.port, "cm user/one; cm user/two", "--keep-going")
        check("the next command has a new connection", "user/two" in server.mailboxes and server.connections == 2, seen)


def referrals(run):
    with Double() as other:
        other.mailboxes = ["user/far away"]
        url = "imap://admin;AUTH=*@127.0.0.1:%d/user/far%%20away" % other.port
        with Double(hook=answering("GETACL", "TAG NO [REFERRAL %s] elsewhere\r\n" % url)) as server:
            seen = run(server.port, "lam user/near")
            check("a referral is followed", seen[:2] == (0, "anyone lrs\n") and other.connections == 1, seen)
    for url in ("imap://", "http://x/y", "imap://h:99999/x"):
        refuses(run, "a referral to " + url, "referral", secret=True, command="lam x",
                hook=answering("GETACL", "TAG NO [REFERRAL %s] elsewhere\r\n" % url))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    arguments = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="cyrkit-hostile.")
    try:
        run = Runner(os.path.join(arguments.bin, "cyradm"), scratch)
        before_tls(run)
        certificates(run, scratch)
        bad_answers(run)
        silence(run)
        drops(run)
        referrals(run)
    finally:
        shutil.rmtree(scratch)
    print("%d failures" % len(FAILURES))
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
