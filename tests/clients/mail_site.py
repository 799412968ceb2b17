"""A mail server of its own for one client's script: store, users, certificate, master with imapd, pop3d and lmtpd on free
loopback ports; ours or, with --server cyrus, the real Cyrus 3.6.1 with the very same configuration. And the counting of
checks. Everything lies in one scratch folder and is gone in the end.

  mail_site.run(check, users=..., programs=...)   is all of a script's main: check(site, checks) does the work."""
import argparse
import collections
import email.utils
import hashlib
import imaplib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(SOURCE, "tests/matrix"))
import oracle as real_cyrus  # noqa: E402

SKIPPED = real_cyrus.SKIPPED
HOST = "127.0.0.1"
PASSWORD = "secret"
REALM = "mail.example.org"
ADMIN = "cyrus"

IMAPD_CONF = """configdirectory: {top}/config
partition-default: {top}/spool
sievedir: {top}/sieve
servername: %s
admins: %s
allowplaintext: yes
failedloginpause: 0
unixhierarchysep: yes
altnamespace: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {top}/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
tls_server_cert: {top}/cert.pem
tls_server_key: {top}/key.pem
lmtpsocket: {top}/config/socket/lmtp
duplicatesuppression: yes
annotation_enable_legacy_commands: yes
""" % (REALM, ADMIN)

SERVICES = {  # name: program and options, in the order of the file
    "imap": "imapd", "imaps": "imapd -s", "pop3": "pop3d", "pop3s": "pop3d -s", "lmtp": "lmtpd -a", "lmtpauth": "lmtpd"}

# What a server says only when something went wrong in it. A service that is stopped while it starts ends by that signal.
COMPLAINTS = re.compile(r"IOERROR|DBERROR|FATAL|signaled to death by signal (?!15 )|assert|corrupt|exited, status [1-9]", re.I)


class Checks:
    """What was looked at, and what was not as it should be."""

    def __init__(self):
        self.count, self.problems = 0, []

    def true(self, what, good, detail=""):
        self.count += 1
        if not good:
            self.problems.append("%s%s" % (what, ": %s" % detail if detail else ""))
            print("FAILED: " + self.problems[-1][:2000], flush=True)
        return bool(good)

    def equal(self, what, got, want):
        return self.true(what, got == want, "got %s, not %s" % (short(got), short(want)))

    def has(self, what, text, part):
        """PART, a word or a regular expression, stands in TEXT."""
        return self.true(what, re.search(part, text, re.M), "no %r in %s" % (part, short(text)))

    def finish(self):
        print("%d checks, %d problems" % (self.count, len(self.problems)))
        return 1 if self.problems or not self.count else 0


def short(value, most=600):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[:most // 2] + " ... " + text[-most // 2:]


class Site:
    """The server; a context manager."""

    def __init__(self, kind, bindir, users, configuration="", environment=None):
        self.kind, self.bindir, self.users, self.configuration = kind, bindir, users, configuration
        self.environment = environment or {}             # of the server, beside ours
        self.scratch = tempfile.mkdtemp(prefix="cyrkit-clients.")
        self.top = self.scratch                          # as real_cyrus.Oracle wants it
        os.chmod(self.scratch, 0o755)
        self.root = os.path.join(self.scratch, "mail")
        self.home = os.path.join(self.scratch, "home")   # of the clients
        self.log = os.path.join(self.scratch, "server.log")
        self.certificate = os.path.join(self.root, "cert.pem")
        self.ports = {name: real_cyrus.free_port() for name in SERVICES}
        self.process = None
        self.expected = "^$"                             # complaints of the server that a script provokes

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))      # so that a stopped test leaves nothing behind
        try:
            self.make()
            self.start()
            self.make_users()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)

    # The store.

    def make(self):
        for folder in ("config/socket", "config/proc", "config/lock", "config/log", "config/db", "config/user",
                       "config/quota", "spool", "sieve"):
            os.makedirs(os.path.join(self.root, folder))
        os.mkdir(self.home)
        self.write("imapd.conf", (IMAPD_CONF + self.configuration).format(top=self.root))
        quiet(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:%s" % HOST,
               "-keyout", os.path.join(self.root, "key.pem"), "-out", self.certificate])
        for user in [*self.users, ADMIN]:
            quiet(["saslpasswd2", "-p", "-c", "-f", os.path.join(self.root, "sasldb2"), "-u", REALM, user],
                  input=PASSWORD.encode())

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)

    def configure(self, line):
        """One more line of imapd.conf, for the next start."""
        with open(os.path.join(self.root, "imapd.conf"), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    # The programs.

    def master(self):
        """(command before the options, folder of the services)"""
        if self.kind == "cyrus":
            oracle = real_cyrus.Oracle(self)
            return [os.path.join(oracle.home, "run"), "master"], os.path.join(oracle.home, "root/usr/lib/cyrus/bin")
        folder = self.bindir
        if os.geteuid() == 0 and not real_cyrus.reachable(folder):
            folder = os.path.join(self.scratch, "bin")   # where the user of the store can reach them
            os.makedirs(folder, exist_ok=True)
            for name in ("master", "imapd", "pop3d", "lmtpd", "ctl_cyrusdb"):
                shutil.copy(os.path.join(self.bindir, name), folder)
        return [os.path.join(folder, "master")], folder

    def start(self):
        command, folder = self.master()
        conf, services = os.path.join(self.root, "imapd.conf"), os.path.join(self.root, "cyrus.conf")
        lines = ['  %s cmd="%s/%s -C %s" listen="%s:%d" prefork=0' % (
            name, folder, what, conf, HOST, self.ports[name])
            for name, what in SERVICES.items()]
        self.write("cyrus.conf", 'START {\n  recover cmd="%s/ctl_cyrusdb -C %s -r"\n}\nSERVICES {\n%s\n}\nEVENTS {\n}\n' % (
            folder, conf, "\n".join(lines)))
        environment = {**os.environ, "TZ": "UTC", **self.environment}
        if os.geteuid() == 0:
            quiet(["chown", "-R", "nobody:", self.root])
            group = subprocess.run(["id", "-gn", "nobody"], capture_output=True, text=True, check=True).stdout.strip()
            environment.update(CYRUS_USER="nobody", CYRUS_GROUP=group)
        command += ["-C", conf, "-M", services, "-p", os.path.join(self.root, "master.pid")]
        command += ["-D", "-L", "-"] if self.kind == "ours" else ["-D"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=environment)
        for name in ("imap", "pop3", "lmtp"):
            self.wait_for(name)

    def wait_for(self, name):
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with socket.create_connection((HOST, self.ports[name]), timeout=30) as peer:
                    if peer.recv(1):
                        return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the server's %s did not come up: %s" % (name, self.said()[-1000:]))

    def stop(self):
        if not self.process:
            return
        real_cyrus.end_session(self.process)
        self.process = None

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def complaints(self):
        return [line for line in self.said().splitlines() if COMPLAINTS.search(line) and not re.search(self.expected, line)]

    # Accounts and mailboxes.

    def make_users(self):
        with self.imap(ADMIN) as admin:
            for user in self.users:
                must(admin.create("user/" + user))

    def imap(self, user):
        client = imaplib.IMAP4(HOST, self.ports["imap"], timeout=60)
        client.login(user, PASSWORD)
        return client

    def quota(self, user, storage):
        """STORAGE in KiB on the user's INBOX."""
        with self.imap(ADMIN) as admin:
            must(admin.setquota("user/" + user, "(STORAGE %d)" % storage))

    def append(self, user, folder, messages, flags="", make=False):
        """Messages into a folder, one connection for all."""
        with self.imap(user) as client:
            if make:
                client.create(quoted(folder))
            for message in messages:
                must(client.append(quoted(folder), flags, None, message))

    def folders(self, user):
        with self.imap(user) as client:
            lines = must(client.list('""', '"*"'))
        names = [re.match(rb'\(.*?\) (?:"."|NIL) "?(.*?)"?$', line).group(1).decode() for line in lines if line]
        return sorted(names)

    def messages(self, user, folder):
        """{uid: Message} of a folder, as a client sees it that changes nothing."""
        with self.imap(user) as client:
            if client.select(quoted(folder), readonly=True)[0] != "OK":
                return {}
            return dict(fetched(client))

    def subjects(self, user, folder):
        return sorted(message.subject for message in self.messages(user, folder).values())

    # The clients.

    def run(self, words, input=None, timeout=120, environment=None, cwd=None):
        """A client; (exit status, standard output and error together)."""
        data = input.encode() if isinstance(input, str) else input
        got = subprocess.run(words, input=data if data is not None else b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=timeout, check=False, cwd=cwd or self.home,
                             env={**os.environ, "HOME": self.home, "LC_ALL": "C.UTF-8", "TZ": "UTC", **(environment or {})})
        return got.returncode, got.stdout.decode("utf-8", "replace")

    def file(self, name, text, mode=0o600):
        """A file in the clients' home; its path."""
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path


Message = collections.namedtuple("Message", "flags size date sha1 subject")


def fetched(client):
    for item in must(client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")):
        if not isinstance(item, tuple):
            continue
        head, body = item
        flags = frozenset(word.decode() for word in imaplib.ParseFlags(head) if word != rb"\Recent")
        subject = re.search(rb"^Subject: ?(.*?)\r?$", body, re.M | re.I)
        date = re.search(rb'INTERNALDATE "([^"]*)"', head).group(1).decode()
        yield int(re.search(rb"UID (\d+)", head).group(1)), Message(
            flags, int(re.search(rb"RFC822\.SIZE (\d+)", head).group(1)), date, hashlib.sha1(body).hexdigest(),
            subject.group(1).decode("utf-8", "replace") if subject else "")


def must(answer):
    if answer[0] != "OK":
        raise RuntimeError("the server refused: %r" % (answer,))
    return answer[1]


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def message(subject, lines=3, recipient="bovik@example.org", number=0):
    """A message with CRLF line ends, not two of them alike; a line of it begins with a dot and one with From."""
    body = "".join("%s: line %d %s\r\n" % (subject, n, hashlib.sha1(b"%d %d" % (n, number)).hexdigest()) for n in range(lines))
    return ("From: Ann <ann@example.org>\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s@clients.example.org>\r\nDate: %s\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            "%s.a dot\r\nFrom here on: Entwürfe\r\n" % (recipient, subject, hashlib.sha1(subject.encode()).hexdigest()[:16],
                                                       email.utils.formatdate(1700000000 + number), body)).encode()


def trusting(site):
    """A TLS context that accepts the site's certificate only."""
    return ssl.create_default_context(cafile=site.certificate)


def quiet(words, **more):
    got = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)
    if got.returncode:
        raise RuntimeError("%s: exit %d: %s" % (words[0], got.returncode, got.stdout.decode(errors="replace")[-500:]))


def skip(reason):
    print("skipped: " + reason, file=sys.stderr)
    sys.exit(SKIPPED)


def run(check, users=("bovik",), programs=(), options=None, configuration="", environment=None):
    """main of a client's script: CHECK(site, checks), then the server's own log. Ends the process. CONFIGURATION: further
    lines of imapd.conf; ENVIRONMENT: what the server gets beside ours, made of the arguments."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", help="folder of our programs")
    parser.add_argument("--server", choices=("ours", "cyrus"), default="ours")
    for words, how in options or ():
        parser.add_argument(words, **how)
    args = parser.parse_args()
    if args.server == "cyrus":
        real_cyrus.gate()
    elif not args.bin:
        parser.error("--bin is needed for our server")
    for program in ("openssl", "saslpasswd2", *programs):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            skip("there is no %s here" % program)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    checks = Checks()
    folder = os.path.realpath(args.bin) if args.bin else None
    with Site(args.server, folder, list(users), configuration, environment and environment(args)) as site:
        site.options = args
        try:
            check(site, checks)
        except Exception:                                # a script that breaks down is a finding, with the server's log
            checks.true("the script", False, traceback.format_exc())
        site.stop()
        checks.equal("the server's log", site.complaints(), [])
        if checks.problems and args.server == "ours":
            print("the last words of the server:\n" + site.said()[-3000:])
    sys.exit(checks.finish())
