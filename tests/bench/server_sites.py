"""The three servers of server_bench.py on free loopback ports: ours, the real Cyrus 3.6.1 with the very same configuration
(both are tests/clients/mail_site.py's) and Dovecot 2.3 from an unpacked package."""
import glob
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
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "clients"))
import mail_site  # noqa: E402

real_cyrus = mail_site.real_cyrus
SYNCS = re.compile(r"\b(fsync|fdatasync|msync|sync_file_range|sync|syncfs)\((?:\d+<([^>]*)>)?")
TRACED = "fsync,fdatasync,msync,sync_file_range,sync,syncfs,setsockopt"

# Maildir: a file a message, as in Cyrus and ours, and the format that most of its users have; Debian's own default is mbox.
# mail_fsync stays at its default, optimized: whatever would be lost in a power failure is synced. Users in a plain file,
# because the others have theirs in a local one, too.
DOVECOT_CONF = """base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/dovecot.log
import_environment = TZ LD_PRELOAD
protocols = imap pop3 lmtp
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Ln
mail_location = maildir:~/Maildir
mail_max_userip_connections = 0
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {top}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={top}/home/%n
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  user = {user}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
"""


class Common:
    """What the servers have in common beside their ports: processes, and the system calls that strace has written."""

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))      # so that a stopped run leaves nothing behind
        try:
            self.make()
            self.start()
            self.make_users()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        """A second signal does not stop the cleaning up."""
        before = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGINT, signal.SIGTERM)]
        self.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)
        for number, handler in before:
            signal.signal(number, handler)

    def trace_command(self, command):
        if not self.traced:
            return command
        self.trace = os.path.join(self.scratch, "trace")
        return ["strace", "-f", "-y", "--seccomp-bpf", "-o", self.trace, "-e", "trace=" + TRACED, *command]

    def trace_position(self):
        time.sleep(0.3)                                  # strace writes behind
        return os.path.getsize(self.trace)

    def trace_since(self, position):
        time.sleep(0.3)
        with open(self.trace, errors="replace") as file:
            file.seek(position)
            return file.read()

    def processes(self):
        """The master and all below it."""
        parents = {}
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path) as file:
                    parents[int(path.split("/")[2])] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                pass
        found, wave = [], [self.process.pid]
        while wave:
            found += wave
            wave = [pid for pid, parent in parents.items() if parent in wave]
        return found

    def memory(self):
        """MiB of memory, each page divided by the number of processes that have it mapped (PSS)."""
        total = 0
        for pid in self.processes():
            try:
                with open("/proc/%d/smaps_rollup" % pid) as file:
                    total += int(re.search(r"^Pss: +(\d+)", file.read(), re.M).group(1))
            except (OSError, AttributeError):
                pass
        return total / 1024


class Cyrus(Common, mail_site.Site):
    """The real one, or ours."""

    def __init__(self, kind, bindir, users, traced=False):
        super().__init__(kind, bindir, users)
        self.traced = traced

    def master(self):
        command, folder = super().master()
        return self.trace_command(command), folder


class Dovecot(Common):
    def __init__(self, root, users, traced=False):
        self.kind, self.users, self.traced, self.process = "dovecot", users, traced, None
        self.scratch = tempfile.mkdtemp(prefix="cyrkit-dovecot.")
        os.chmod(self.scratch, 0o755)
        self.root = os.path.join(self.scratch, "mail")
        self.programs = root
        self.ports = {name: real_cyrus.free_port() for name in ("imap", "pop3", "lmtp")}
        self.log = os.path.join(self.root, "dovecot.log")

    def make(self):
        root_user = os.geteuid() == 0
        self.account = ("nobody" if root_user else output("id", "-un"), output("id", "-gn", *(["nobody"] if root_user else [])))
        for folder in ("run", "state", "home"):
            os.makedirs(os.path.join(self.root, folder))
        with open(os.path.join(self.root, "users"), "w") as file:
            file.writelines("%s:%s\n" % (user, mail_site.PASSWORD) for user in self.users)
        self.conf = os.path.join(self.root, "dovecot.conf")
        with open(self.conf, "w") as file:
            file.write(DOVECOT_CONF.format(top=self.root, user=self.account[0], group=self.account[1],
                                           **self.ports))
        if root_user:
            mail_site.quiet(["chown", "-R", "nobody:" + self.account[1], self.root])

    def start(self):
        """In a name space of its own where the unpacked package lies over /usr: its programs know no other place. As the user
        of the mail."""
        mount = 'mount -t overlay overlay -o "lowerdir=$0/usr:/usr" /usr && exec "$@"'
        server = ["/usr/sbin/dovecot", "-F", "-c", self.conf]
        if os.geteuid() == 0:
            command = ["unshare", "--mount", "sh", "-c", mount, self.programs, "setpriv", "--reuid", self.account[0],
                       "--regid", self.account[1], "--clear-groups", *server]
        else:
            command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, self.programs, "unshare", "--user",
                       "--map-user=%d" % os.getuid(), "--map-group=%d" % os.getgid(), *server]
        with open(os.path.join(self.scratch, "output"), "ab") as log:
            self.process = subprocess.Popen(self.trace_command(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env={**os.environ, "TZ": "UTC"})
        for name in self.ports:
            self.wait_for(name)

    def wait_for(self, name):
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with socket.create_connection((mail_site.HOST, self.ports[name]), timeout=30) as peer:
                    if peer.recv(1):
                        return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("dovecot's %s did not come up: %s" % (name, self.said()[-2000:]))

    def said(self):
        out = ""
        for path in (os.path.join(self.scratch, "output"), self.log):
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    out += file.read()
        return out

    def make_users(self):
        """They have their mailboxes with the first login."""

    def complaints(self):
        return [line for line in self.said().splitlines() if re.search(r"Error:|Fatal:|Panic:", line)]

    def stop(self):
        if self.process:
            real_cyrus.end_session(self.process)
            self.process = None


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def make(kind, options, users, traced=False):
    if kind == "dovecot":
        return Dovecot(os.path.realpath(options.dovecot), users, traced)
    return Cyrus(kind, os.path.realpath(options.bin), users, traced)
