"""The client's side of server_bench.py: sockets that look at nothing but the end of an answer, so that the client costs next
to nothing beside the server."""
import re
import select
import socket
import threading
import time

HOST = "127.0.0.1"
PASSWORD = "secret"
TIMEOUT = 1800
TAIL = 4096                    # longer than any line that ends an answer


class Peer:
    """A connection to a port; the greeting is read."""

    def __init__(self, port, buffer=1 << 16):
        self.socket = socket.create_connection((HOST, port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = memoryview(bytearray(buffer))
        self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self, ended, keep=False):
        """Everything up to where ENDED(its last octets) is true; only the last octets without KEEP. And how much it was."""
        tail, parts, count = b"", [], 0
        while True:
            got = self.socket.recv_into(self.buffer)
            if not got:
                raise RuntimeError("the server closed the connection after %r" % tail)
            count += got
            if keep:
                parts.append(bytes(self.buffer[:got]))
            tail = bytes(self.buffer[got - TAIL:got]) if got >= TAIL else (tail + bytes(self.buffer[:got]))[-TAIL:]
            if tail.endswith(b"\r\n") and ended(tail):
                return (b"".join(parts) if keep else tail), count

    def line(self):
        return self.answer(lambda tail: True)[0]


class Imap(Peer):
    def __init__(self, port, user, buffer=1 << 20):
        super().__init__(port, buffer)
        self.ok("LOGIN %s %s" % (user, PASSWORD))

    def ok(self, command, keep=False, also=b""):
        """A command with its answer, which must be OK: (seconds, octets, what was read)."""
        begin = time.perf_counter()
        self.send(b"t " + (command if isinstance(command, bytes) else command.encode()) + b"\r\n" + also)
        got, count = self.answer(completed, keep)
        seconds = time.perf_counter() - begin
        last = got[got.rfind(b"\nt ") + 1:]
        if not last.startswith(b"t OK"):
            raise RuntimeError("%s: %r" % (command[:200], last[:300]))
        return seconds, count, got

    def refused(self, command):
        """True when the server says NO or BAD."""
        try:
            self.ok(command)
        except RuntimeError:
            return True
        return False

    def select(self, folder="INBOX"):
        return self.ok("SELECT " + folder)

    def append(self, folder, message, flags="()"):
        return self.ok(b"APPEND %s %s {%d+}" % (folder.encode(), flags.encode(), len(message)), also=message + b"\r\n")

    def fill(self, folder, parts):
        """Many (flags, date, message) by one command."""
        out = [b"t APPEND " + folder.encode()]
        for flags, date, message in parts:
            out.append(b' %s "%s" {%d+}\r\n' % (flags.encode(), date.encode(), len(message)))
            out.append(message)
        out.append(b"\r\n")
        self.send(b"".join(out))
        got, _ = self.answer(completed)
        if b"t OK" not in got:
            raise RuntimeError("APPEND: %r" % got[-300:])


def completed(tail):
    start = tail.rfind(b"\n", 0, -2) + 1
    return tail.startswith(b"t ", start)


class Lmtp(Peer):
    def __init__(self, port):
        super().__init__(port)
        self.send(b"LHLO bench.example.org\r\n")
        self.answer(lambda tail: re.search(rb"(^|\n)250 [^\r\n]*\r\n$", tail))

    def deliver(self, user, stuffed):
        """A message with its dots doubled and the final one."""
        self.send(b"MAIL FROM:<sender@example.net>\r\nRCPT TO:<%s>\r\nDATA\r\n" % user.encode())
        got, _ = self.answer(lambda tail: re.search(rb"(^|\n)[345]\d\d [^\n]*\n$", tail))
        if b"354 " not in got:
            raise RuntimeError("LMTP: %r" % got)
        self.send(stuffed)
        got = self.line()
        if not got.startswith(b"250"):
            raise RuntimeError("LMTP: %r" % got)


def stuff(message):
    return message.replace(b"\r\n.", b"\r\n..") + b".\r\n"


class Pop3(Peer):
    def __init__(self, port, user):
        super().__init__(port, 1 << 20)
        for command in (b"USER %s\r\n" % user.encode(), b"PASS %s\r\n" % PASSWORD.encode()):
            self.send(command)
            got = self.line()
            if not got.startswith(b"+OK"):
                raise RuntimeError("POP3: %r" % got)
        self.send(b"STAT\r\n")
        self.count = int(self.line().split()[1])

    def retrieve(self, number):
        self.send(b"RETR %d\r\n" % number)
        return self.answer(lambda tail: tail.endswith(b"\r\n.\r\n"))[1]

    def retrieve_all(self, batch=100):
        """The commands a hundred at a time, as a client does that knows PIPELINING."""
        for first in range(1, self.count + 1, batch):
            last = min(first + batch, self.count + 1)
            self.send(b"".join(b"RETR %d\r\n" % n for n in range(first, last)))
            self.ends(last - first)

    def ends(self, wanted):
        tail = b""
        while wanted:
            got = self.socket.recv_into(self.buffer)
            if not got:
                raise RuntimeError("POP3: the server closed the connection")
            data = tail + bytes(self.buffer[:got])
            wanted -= data.count(b"\r\n.\r\n")
            end = data.rfind(b"\r\n.\r\n")
            tail = data[max(len(data) - 4, end + 5 if end >= 0 else 0):]


def login_once(port, user):
    with Imap(port, user, 1 << 14) as peer:
        peer.send(b"t LOGOUT\r\n")
        while peer.socket.recv_into(peer.buffer):
            pass


def at_once(jobs):
    """Runs the functions each in a thread of its own; seconds until the last is done."""
    problems = []

    def guarded(job):
        try:
            job()
        except Exception as problem:        # told by the main thread
            problems.append(problem)
    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    if problems:
        raise problems[0]
    return seconds


def quiet_for(peer, seconds):
    """True when the server says nothing for so long."""
    return not select.select([peer.socket], [], [], seconds)[0]
