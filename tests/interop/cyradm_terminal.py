#!/usr/bin/env python3
"""cyradm as a person drives it, on a terminal of its own (pty): completion, history, quotes over several lines, Ctrl-C,
Ctrl-D, a resized window, a wrong password three times, a server that goes away, questions before deletes."""
import argparse
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from imap_double import Double  # noqa: E402

FAILURES = []
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


class Terminal:
    """A program on a terminal; what it shows, escapes taken out."""

    def __init__(self, command, home, columns=80):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(HOME=home, TERM="xterm", INPUTRC="/dev/null", LC_ALL="C.UTF-8", USER="admin")
            os.environ.pop("COLUMNS", None)
            os.execv(command[0], command)
        self.shown = self.raw = ""
        self.resize(columns)

    def resize(self, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536).decode("utf-8", "replace")
        except OSError:
            return False
        self.raw += data
        self.shown = ESCAPES.sub("", self.raw)
        return bool(data)

    def expect(self, name, text, seconds=20):
        """Waits until TEXT is shown; forgets what came up to it and returns it."""
        end = time.time() + seconds
        while text not in self.shown and time.time() < end:
            if not self.read(max(0.05, end - time.time())) and time.time() > end - seconds + 1 and self.ended():
                break
        if text not in self.shown:
            FAILURES.append(name)
            print("FAILED: %s: no %r in %r" % (name, text, self.shown[-600:]))
            return ""
        before, _, self.raw = self.shown.partition(text)
        self.shown = self.raw
        return before

    def send(self, text):
        os.write(self.fd, text.encode())

    def ended(self):
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def finish(self, seconds=60):
        """The exit status; None when the program has not ended after SECONDS."""
        end = time.time() + seconds
        while not self.ended() and time.time() < end:
            if not self.read(0.2):
                time.sleep(0.01)
        if not self.ended():
            return None
        try:
            status = os.waitpid(self.pid, 0)[1]
        except ChildProcessError:
            return None
        return os.waitstatus_to_exitcode(status)

    def kill(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)


def check(name, condition, seen):
    if not condition:
        FAILURES.append(name)
        print("FAILED: %s: %r" % (name, seen))


def editing(program, home):
    with Double() as server:
        t = Terminal([program, "--norc", "127.0.0.1", str(server.port)], home)
        t.expect("password is asked", "Password: ")
        t.send("secret\r")
        t.expect("prompt", "127.0.0.1> ")
        check("the password is not shown", "secret" not in t.shown, t.shown)
        t.send("listaclm\tshar\t\r")
        t.expect("command and mailbox completed", "anyone lrs")
        t.expect("prompt", "127.0.0.1> ")
        t.send("lam user/bob\t\t")
        t.expect("several matches are shown", "user/bob\\ smith")
        t.send("\x03")
        t.expect("Ctrl-C takes the line away", "^C")
        t.expect("prompt after Ctrl-C", "127.0.0.1> ")
        t.send("setmd shared comment \"one\r")
        t.expect("a quote goes on", "> ")
        t.send("two\"\r")
        t.expect("undo hint", "127.0.0.1> ")
        check("value over two lines", any('one\ntwo' in line for line in server.received), server.received[-2:])
        t.send("lm user/alice*\r")
        wide = t.expect("wide", "127.0.0.1> ")
        t.resize(30)
        time.sleep(0.2)
        t.send("\x1b[A\r")  # the line before again
        narrow = t.expect("narrow, from the history", "127.0.0.1> ")
        check("columns fit the window", wide.count("\n") < narrow.count("\n"), (wide, narrow))
        t.resize(80)
        t.send("dm user/alice*\r")
        t.expect("what would be deleted is shown", "user/alice/Sent")
        t.expect("and asked", "[y/N] ")
        t.send("n\r")
        t.expect("not deleted", "nothing was changed")
        check("nothing was deleted", "user/alice" in server.mailboxes, server.mailboxes)
        t.send("dm user/alice\r")
        t.expect("children are told", "below user/alice")
        t.send("y\r")
        t.expect("prompt", "127.0.0.1> ")
        check("deleted after yes", "user/alice" not in server.mailboxes, server.mailboxes)
        t.send("lam nosuch\r")
        t.expect("command, mailbox and reason", "listaclmailbox: nosuch: Mailbox does not exist")
        t.send("help sq\r")
        t.expect("help has examples", "> sq user/bovik none")
        t.expect("prompt", "127.0.0.1> ")  # a Ctrl-D that comes before readline has the terminal is no character for it
        t.send("\x04")
        check("Ctrl-D ends with 0", t.finish() == 0, t.shown)
        t.kill()
    with Double() as server:
        t = Terminal([program, "--norc", "127.0.0.1", str(server.port)], home)
        t.expect("password is asked", "Password: ")
        t.send("secret\r")
        t.expect("prompt", "127.0.0.1> ")
        t.send("\x1b[A\x1b[A\r")
        t.expect("history of the last session", "listaclmailbox: nosuch")
        t.expect("prompt", "127.0.0.1> ")
        t.send("exit 3\r")
        check("exit status", t.finish() == 3, t.shown)
        t.kill()


def wrong_password(program, home):
    with Double() as server:
        t = Terminal([program, "--norc", "127.0.0.1", str(server.port)], home)
        for _ in range(3):
            t.expect("asked", "Password: ")
            t.send("wrong\r")
            t.expect("refused", "Login failed: authentication failure")
        t.expect("given up", "cannot authenticate to server as admin")
        check("status 1", t.finish() == 1, t.shown)
        t.kill()
        t = Terminal([program, "--norc", "127.0.0.1", str(server.port)], home)
        t.expect("asked", "Password: ")
        t.send("\x03")
        check("Ctrl-C at the password", t.finish() == 1, t.shown)
        t.kill()


def server_gone(program, home):
    state = {"silent": True}

    def hook(server, connection, tag, words):
        if words[0] == "GETACL" and state["silent"]:
            return ""
        return None
    with Double(hook=hook) as server:
        t = Terminal([program, "--norc", "127.0.0.1", str(server.port)], home)
        t.expect("asked", "Password: ")
        t.send("secret\r")
        t.expect("prompt", "127.0.0.1> ")
        t.send("lam shared\r")
        time.sleep(0.5)
        t.send("\x03")
        t.expect("Ctrl-C ends the waiting", "interrupted")
        t.expect("prompt", "127.0.0.1> ")
        state["silent"] = False
        t.send("lam shared\r")
        t.expect("connected again, without asking for the password", "anyone lrs")
        t.expect("prompt", "127.0.0.1> ")
        server.stop()
        t.send("lam shared\r")
        t.expect("the server is gone", "Connection to server lost")
        t.expect("prompt", "127.0.0.1> ")
        t.send("\x04")
        check("the shell has gone on", t.finish() == 0, t.shown)
        t.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    arguments = parser.parse_args()
    home = tempfile.mkdtemp(prefix="cyrkit-terminal.")
    try:
        program = os.path.join(os.path.abspath(arguments.bin), "cyradm")
        editing(program, home)
        wrong_password(program, home)
        server_gone(program, home)
    finally:
        shutil.rmtree(home)
    print("%d failures" % len(FAILURES))
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
