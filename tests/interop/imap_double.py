"""A small IMAP server for tests of cyradm where the real one will not do: it can hang up, lie, and talk without end.
Mailboxes, rights and quotas live in memory; every line that comes in is kept in `received`."""
import base64
import re
import socket
import ssl
import threading

CAPABILITIES = "IMAP4rev1 LITERAL+ ID ACL QUOTA METADATA MAILBOX-REFERRALS LIST-EXTENDED SPECIAL-USE AUTH=PLAIN"
PASSWORD = "secret"


def words_of(line):
    """Atoms, quoted strings and lists of one command line, literals resolved already."""
    out = []
    for match in re.finditer(r'"((?:[^"\\]|\\.)*)"|(\([^)]*\))|([^ ]+)', line):
        quoted, listed, atom = match.groups()
        out.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else listed or atom)
    return out


class Double:
    """Serves on a free loopback port while used as a context manager. `hook(server, connection, tag, words)` may answer a
    command itself: it returns text to send, or None. `greeting` and `capabilities` may be replaced."""

    def __init__(self, hook=None, capabilities=CAPABILITIES, greeting=None, context=None):
        self.hook, self.capabilities, self.context = hook, capabilities, context
        self.greeting = greeting or "* OK ready\r\n"
        self.received, self.connections, self.open = [], 0, []
        self.mailboxes = ["user/alice", "user/alice/Sent", "user/bob", "user/bob smith", "shared"]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)     # wakes accept()
        except OSError:
            pass
        self.listener.close()
        self.drop()

    def drop(self):
        dropped, self.open = self.open, []               # one that is accepted meanwhile is not meant
        for connection in dropped:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            connection.sendall(self.greeting.encode())
            self.loop(connection)
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()

    def loop(self, connection):
        file = connection.makefile("rb")
        while True:
            line = file.readline().decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                return
            while re.search(r"\{\d+\+\}$", line):
                size = int(line[line.rindex("{") + 1:-2])
                literal = file.read(size).decode("utf-8", "replace")
                line = line[:line.rindex("{")] + '"' + literal.replace('"', '\\"') + '"' + file.readline().decode().rstrip("\r\n")
            self.received.append(line)
            tag, _, rest = line.partition(" ")
            words = words_of(rest)
            answer = self.hook(self, connection, tag, words) if self.hook and words else None
            if answer is None:
                if words and words[0] == "STARTTLS" and self.context:
                    connection.sendall((tag + " OK go\r\n").encode())
                    connection = self.context.wrap_socket(connection, server_side=True)
                    file = connection.makefile("rb")
                    continue
                answer = self.answer(connection, file, tag, words)
            connection.sendall(answer.encode())

    def answer(self, connection, file, tag, words):
        command = words[0].upper() if words else ""
        ok = tag + " OK done\r\n"
        if command == "CAPABILITY":
            return "* CAPABILITY %s\r\n" % self.capabilities + ok
        if command == "AUTHENTICATE":
            connection.sendall(b"+ \r\n")
            reply = file.readline().strip()
            self.received.append(reply.decode())
            good = base64.b64decode(reply).split(b"\0")[-1] == PASSWORD.encode()
            return ok if good else tag + " NO authentication failure\r\n"
        if command in ("LIST", "RLIST"):
            if words[1:] == ["", ""]:
                return '* LIST (\\Noselect) "/" ""\r\n' + ok
            arguments = [w for w in words[1:] if not w.startswith("(") and w != "RETURN"]
            pattern = re.escape(arguments[1]).replace(r"\*", ".*").replace("%", "[^/]*")
            lines = ['* LIST (\\HasNoChildren) "/" "%s"\r\n' % m for m in self.mailboxes if re.fullmatch(pattern, m)]
            return "".join(lines) + ok
        if command == "GETACL":
            if words[1] not in self.mailboxes:
                return tag + " NO Mailbox does not exist\r\n"
            return '* ACL "%s" anyone lrs\r\n' % words[1] + ok
        if command in ("CREATE", "DELETE", "SETACL", "SETQUOTA", "SETMETADATA", "SUBSCRIBE"):
            if command == "CREATE":
                self.mailboxes.append(words[1])
            if command == "DELETE":
                self.mailboxes.remove(words[1])
            return ok
        if command == "GETQUOTA":
            return tag + " NO Quota root does not exist\r\n"
        return tag + " BAD Unrecognized command\r\n"
