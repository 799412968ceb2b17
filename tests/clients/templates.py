#!/usr/bin/env python3
"""Workers and the templates that fork them: whose children they are, what they share, and what becomes of sessions when a
template, a worker, imapd.conf or cyrus.conf is not what it was. Only for our master."""
import os
import re
import signal
import socket
import time

import mail_site
from hostile_clients import Peer
from mail_site import HOST, PASSWORD, message

SESSIONS = 30
MOST_OWN_MEMORY = 768                                    # KiB that a session has for itself; 1,900 without templates


def children(site):
    """{pid: program} of master's children."""
    out = {}
    for name in os.listdir("/proc"):
        try:
            with open("/proc/%s/stat" % name, encoding="ascii", errors="replace") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            if parent == site.process.pid:
                out[int(name)] = os.path.basename(os.readlink("/proc/%s/exe" % name))
        except (OSError, ValueError, IndexError):
            pass
    return out


def is_template(pid):
    """It has descriptor 5, and no lock file of those that wait for a connection."""
    try:
        return os.readlink("/proc/%d/fd/5" % pid).startswith("socket:") and not any(
            os.readlink("/proc/%d/fd/%s" % (pid, fd)).endswith(".lock") for fd in os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return False


def templates(site, program):
    return [pid for pid, name in children(site).items() if name == program and is_template(pid)]


def own_memory(pid):
    """KiB that no other process shares."""
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
        return int(re.search(r"^Private_Dirty: *(\d+)", file.read(), re.M).group(1))


def sessions(site, count):
    out = []
    for _ in range(count):
        peer = Peer(site, "imap")
        peer.send(b"a LOGIN bovik %s\r\nb SELECT INBOX\r\n" % PASSWORD.encode())
        line = peer.line()
        while line and not line.startswith(b"b "):
            line = peer.line()
        out.append((peer, line))
    return out


def alive(peers):
    """How many of the sessions answer."""
    for peer in peers:
        peer.send(b"c NOOP\r\n")
    return sum((peer.line() or b"").startswith(b"c OK") for peer in peers)


def until(what, seconds=15.0):
    """Waits for something to come true."""
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def check_family(site, checks, peers):
    workers = [pid for pid, name in children(site).items() if name == "imapd" and not is_template(pid)]
    checks.true("the workers are master's children", len(workers) >= SESSIONS, "%d of %d" % (len(workers), SESSIONS))
    checks.equal("one template of imapd", len(templates(site, "imapd")), 1)
    memory = sorted(own_memory(pid) for pid in workers)
    checks.true("what a session has for itself", memory[len(memory) // 2] <= MOST_OWN_MEMORY, "KiB: %s" % memory)
    checks.equal("all of them answer", alive(peers), SESSIONS)


def check_deaths(site, checks, peers):
    old = templates(site, "imapd")[0]
    os.kill(old, signal.SIGKILL)
    (peer, line), = sessions(site, 1)
    with peer:
        checks.has("the template was killed: the next client", line.decode(), "^b OK")
    checks.true("another template", until(lambda: templates(site, "imapd") not in ([], [old])))
    checks.equal("the sessions go on", alive(peers), SESSIONS)
    before = set(children(site))
    (peer, _), = sessions(site, 1)
    with peer:
        new = set(children(site)) - before
        for pid in new - set(templates(site, "imapd")):
            os.kill(pid, signal.SIGKILL)
            checks.equal("a killed worker's client hears nothing more", peer.line(), b"")
    checks.equal("the others go on", alive(peers), SESSIONS)


def greetings(site, wanted, most=SESSIONS):
    """Connects, and stays connected, until somebody greets with this: those who wait already are of the old kind."""
    kept = []
    try:
        for _ in range(most):
            kept.append(Peer(site, "imap"))
            if re.search(wanted, kept[-1].greeting):
                return True
        return False
    finally:
        for peer in kept:
            peer.__exit__()


def check_configuration(site, checks, peers):
    old = templates(site, "imapd")
    site.configure("serverinfo: off")
    checks.true("a change of imapd.conf needs no signal", greetings(site, rb"^\* OK (?!.*cyrkit).*server ready"))
    checks.true("by another template", templates(site, "imapd") not in ([], old))
    checks.equal("the sessions go on after the change", alive(peers), SESSIONS)


def check_limits(site, checks):
    """prefork and maxchild hold after a HUP."""
    with open(os.path.join(site.root, "cyrus.conf"), encoding="utf-8") as file:
        text = file.read()
    site.write("cyrus.conf", re.sub(r'(  imap cmd=.*) prefork=0', r"\1 prefork=2 maxchild=3", text))
    os.kill(site.process.pid, signal.SIGHUP)
    checks.true("prefork after HUP", until(lambda: len(
        [pid for pid, name in children(site).items() if name == "imapd" and not is_template(pid)]) == 2))
    three = [Peer(site, "imap") for _ in range(3)]
    with socket.create_connection((HOST, site.ports["imap"]), timeout=1) as fourth:
        try:
            checks.true("maxchild: the fourth waits", not fourth.recv(1))
        except TimeoutError:
            checks.true("maxchild: the fourth waits", True)
        three.pop().__exit__()
        fourth.settimeout(15)
        checks.equal("and is served when another one leaves", fourth.recv(4), b"* OK")
    for peer in three:
        peer.__exit__()


def check_end(site, checks):
    held = sessions(site, 2)
    began = time.monotonic()
    known = list(children(site))
    os.kill(site.process.pid, signal.SIGTERM)
    site.process.wait(20)
    checks.equal("master ends as told", site.process.returncode, 0)
    checks.true("at once", time.monotonic() - began < 10)
    checks.equal("and all of its processes with it", [pid for pid in known if os.path.exists("/proc/%d" % pid)], [])
    for peer, _ in held:
        peer.__exit__()


def check(site, checks):
    if site.kind != "ours":
        mail_site.skip("the real master has no templates")
    site.expected = r"signaled to death by signal 9|terminated abnormally"
    site.append("bovik", "INBOX", [message("one")])
    held = sessions(site, SESSIONS)
    peers = [peer for peer, _ in held]
    check_family(site, checks, peers)
    check_deaths(site, checks, peers)
    check_configuration(site, checks, peers)
    for peer in peers:
        peer.__exit__()
    check_limits(site, checks)
    check_end(site, checks)


if __name__ == "__main__":
    mail_site.run(check)
