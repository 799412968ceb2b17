"""The real Cyrus 3.6.1 (scripts/fetch-oracle, or where CYRKIT_ORACLE says): its tools, its server, an IMAP client.

As root the store is given to `nobody`, as whom the real programs then run; otherwise they run as whoever started us."""
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVICES = """START {{
  recover cmd="{programs}/ctl_cyrusdb -C {conf} -r"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {conf}" listen="127.0.0.1:{port}" proto="tcp4" prefork=0
}}
EVENTS {{
}}
"""
SKIPPED = 77                                             # exit status that CTest counts as skipped


def gate():
    """Ends the program when there is no real Cyrus: skipped, or failed where CYRKIT_REQUIRE_ORACLE is set."""
    reason = why_not()
    if reason:
        required = os.environ.get("CYRKIT_REQUIRE_ORACLE")
        print("%s: %s" % ("failed" if required else "skipped", reason), file=sys.stderr)
        sys.exit(1 if required else SKIPPED)


def home():
    return os.environ.get("CYRKIT_ORACLE") or os.path.join(os.path.dirname(os.path.dirname(HERE)), "build/oracle")


def why_not():
    if not os.access(os.path.join(home(), "run"), os.X_OK):
        return "no real Cyrus in %s (scripts/fetch-oracle fetches it)" % home()
    return None


def reachable(path):
    while path != "/":
        if not os.stat(path).st_mode & 1:
            return False
        path = os.path.dirname(path)
    return True


def end_session(process):
    """Stops a master that leads a session of its own, and the services that it leaves."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Oracle:
    def __init__(self, scratch):
        self.home = os.path.realpath(home())
        self.root = os.geteuid() == 0
        if self.root:
            os.chmod(scratch.top, 0o711)
            if not reachable(os.path.join(self.home, "root")):
                self.home = os.path.join(scratch.top, "oracle")
                if not os.path.isdir(self.home):
                    shutil.copytree(home(), self.home, symlinks=True)
        self.programs = os.path.join(self.home, "root/usr/lib/cyrus/bin")
        self.environment = {}                            # the wrapper sets what is needed

    def hand_over(self, root):
        """Gives the store to the user that the real programs run as."""
        if self.root:
            user = pwd.getpwnam("nobody")
            for folder, _, names in os.walk(root):
                os.chown(folder, user.pw_uid, user.pw_gid)
                for name in names:
                    os.lchown(os.path.join(folder, name), user.pw_uid, user.pw_gid)

    def command(self, program, root, *words):
        return [os.path.join(self.home, "run"), program, "-C", os.path.join(root, "etc/imapd.conf"), *words]

    def run(self, root, program, *words):
        """(exit status, standard output and error together)"""
        got = subprocess.run(self.command(program, root, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=120, env={**os.environ, "TZ": "UTC"})
        return got.returncode, got.stdout


class Ours:
    """Our programs in place of an Oracle's, for a Server; for the same user."""

    def __init__(self, scratch, folder):
        self.programs, self.environment = os.path.abspath(folder), {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            self.environment = {"CYRUS_USER": "nobody", "CYRUS_GROUP": grp.getgrgid(user.pw_gid).gr_name}
            if not reachable(self.programs):
                self.programs = os.path.join(scratch.top, "programs")
                if not os.path.isdir(self.programs):
                    shutil.copytree(folder, self.programs)

    def command(self, program, root, *words):
        return [os.path.join(self.programs, program), "-C", os.path.join(root, "etc/imapd.conf"), *words]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A master with imapd, of an Oracle or Ours, on a free loopback port; a context manager."""

    def __init__(self, oracle, root, services=None):
        self.oracle, self.root, self.port = oracle, root, free_port()
        self.services = services or SERVICES

    def __enter__(self):
        conf = os.path.join(self.root, "etc/imapd.conf")
        services = os.path.join(self.root, "run/services.conf")
        with open(services, "w", encoding="utf-8") as f:
            f.write(self.services.format(programs=self.oracle.programs, conf=conf, port=self.port))
        os.chmod(services, 0o644)
        self.log = open(os.path.join(self.root, "run/master.log"), "wb")
        command = self.oracle.command("master", self.root, "-M", services, "-p", os.path.join(self.root, "run/master.pid"))
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                                        start_new_session=True, env={**os.environ, "TZ": "UTC", **self.oracle.environment})
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=30) as s:
                    if s.recv(1):
                        return self
            except OSError:
                time.sleep(0.05)
        self.__exit__()
        with open(self.log.name, "rb") as f:
            raise RuntimeError("the server did not come up: %r" % f.read()[-500:])

    def __exit__(self, *_):
        end_session(self.process)
        self.log.close()


class Client:
    """Just enough IMAP: one command at a time, untagged responses as octets with their literals inside."""

    def __init__(self, port, user, password="secret"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.socket.makefile("rb")
        self.number = 0
        self.response()
        self.user = user
        self.ok("LOGIN %s %s" % (quoted(user), quoted(password)))

    def close(self):
        self.file.close()
        self.socket.close()

    def response(self):
        line = self.file.readline()
        if not line:
            raise RuntimeError("the server closed the connection")
        while line.endswith(b"}\r\n") and line[line.rindex(b"{") + 1:-3].isdigit():
            line += self.file.read(int(line[line.rindex(b"{") + 1:-3])) + self.file.readline()
        return line[:-2]

    def command(self, text):
        """(untagged responses, tagged answer without the tag)"""
        self.number += 1
        tag = b"t%d " % self.number
        self.socket.sendall(tag + text.encode("utf-8", "surrogateescape") + b"\r\n")
        out = []
        while True:
            line = self.response()
            if line.startswith(tag):
                return out, line[len(tag):]
            out.append(line)

    def ok(self, text):
        out, answer = self.command(text)
        if not answer.startswith(b"OK"):
            raise RuntimeError("%s: %s: %s" % (self.user, text, answer.decode("utf-8", "replace")))
        return out

    def messages(self, items):
        """{uid: {item: octets}} of UID FETCH 1:* (ITEMS)"""
        out = {}
        for line in self.ok("UID FETCH 1:* (%s)" % items):
            words = line.split(b" ", 3)
            if len(words) == 4 and words[2] == b"FETCH":
                got = attributes(words[3])
                out[int(got["UID"])] = got
        return out


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def value_end(data, at):
    """Where the value that begins at AT ends."""
    first = data[at:at + 1]
    if first == b'"':
        at += 1
        while data[at:at + 1] != b'"':
            at += 2 if data[at:at + 1] == b"\\" else 1
        return at + 1
    if first == b"{":
        close = data.index(b"}\r\n", at)
        return close + 3 + int(data[at + 1:close])
    if first == b"(":
        at += 1
        while data[at:at + 1] != b")":
            at = at + 1 if data[at:at + 1] == b" " else value_end(data, at)
        return at + 1
    while at < len(data) and data[at:at + 1] not in b" ()":
        at += 1
    return at


def attributes(data):
    """{name: value as sent} of a parenthesised FETCH list."""
    out, at = {}, 1
    while at < len(data) and data[at:at + 1] != b")":
        end = data.index(b" ", at)
        name, at = data[at:end].decode(), end + 1
        end = value_end(data, at)
        out[name] = data[at:end]
        at = end + (data[end:end + 1] == b" ")
    return out
