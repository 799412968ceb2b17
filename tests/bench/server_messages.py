"""The messages of server_bench.py: deterministic, with the headers that people's mail has, in threads by References.

Sizes are lognormal, median 4 KB and mean about 8 KB: a third of what lies in people's mailboxes (make_store.py has those), so
that 50,000 of them fit on three servers. A half is plain text, a third has an HTML version, the others an attachment."""
import math
import random
import time

WORDS = ("river letter garden market silver window candle bridge harbor meadow anchor basket circle engine feather hammer "
         "island ladder orange pencil thunder velvet winter button copper stone paper north quiet lake wheel apple").split()
NAMES = ("Ann Bob Cleo Dan Eve Finn Gus Hana Ivan June Karl Lea Mona Nils Olga Paul Quin Rosa Sven Tara Udo Vera Wim Xena Yves "
         "Zoe").split()
EPOCH = 1500000000
STEP = 3600                    # seconds between two messages: 50,000 of them cover almost six years
RARE = "zanzibar"              # a word in the text of every hundredth message
MEDIAN, MEAN, LARGEST = 4096, 8192, 1 << 20
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
MAILERS = ("Thunderbolt 91.2 (X11; Linux x86_64)", "Nutt 2.2.9", "Posthorn 16.0.5 (Build 1234)", "Pigeon Mobile 17")


class Messages:
    """make(number) is the message; .flags and .date(number) what APPEND says of it."""

    def __init__(self, seed=1):
        r = random.Random("pool %d" % seed)
        self.seed = seed
        self.senders = ["%s %s <%s.%s@%s.example.net>" % (first, last.title(), first.lower(), last, r.choice(WORDS))
                        for first in NAMES for last in WORDS[:16]]
        self.text = self.pool(" ".join(r.choices(WORDS, k=r.randint(6, 11))) + "\r\n" for _ in range(20000))
        self.html = self.pool("<p style=\"margin:0\"><b>%s</b> %s</p>\r\n" % (r.choice(WORDS), " ".join(r.choices(WORDS, k=7)))
                              for _ in range(20000))
        self.base64 = self.pool("".join(r.choices(ALPHABET, k=76)) + "\r\n" for _ in range(20000))

    @staticmethod
    def pool(lines):
        return "".join(lines)

    @staticmethod
    def piece(pool, r, size):
        """SIZE octets of a pool or a little less, whole lines."""
        start = pool.index("\n", r.randrange(len(pool) // 2)) + 1
        out = pool[start:start + max(size, 100)]
        return out[:out.rfind("\n") + 1]

    # What is known of a message by its number alone.

    def random(self, number):
        return random.Random("%d %d" % (self.seed, number))

    @staticmethod
    def thread(number):
        """The messages before it in its thread: threads of one to eight, forty messages apart."""
        place = (number // 40) % 8
        length = 1 + number * 7919 % 8
        first = number - 40 * place
        return [first + 40 * n for n in range(place)] if place < length else []

    def identity(self, number):
        return "<%08x.%d@%s.example.net>" % (number * 2654435761 % (1 << 32), number, WORDS[number % len(WORDS)])

    @staticmethod
    def seconds(number):
        return EPOCH + STEP * number

    def date(self, number):
        t = time.gmtime(self.seconds(number))
        return "%02d-%s-%d %02d:%02d:%02d +0000" % (t.tm_mday, MONTHS[t.tm_mon - 1], *t[0:1], *t[3:6])

    @staticmethod
    def flags(number):
        words = ["\\Seen"] if number % 5 else []
        words += ["\\Answered"] if number % 10 == 1 else []
        words += ["$Label1"] if number % 20 == 3 else []
        return "(%s)" % " ".join(words)

    # The message.

    def subject(self, number, before):
        r = random.Random("subject %d %d" % (self.seed, before[0] if before else number))
        words = " ".join(r.choices(WORDS, k=r.randint(2, 6)))
        if r.random() < 0.1:
            words = "=?utf-8?Q?" + words.replace(" ", "_") + "_f=C3=BCr_alle?="
        return ("Re: " if before else "") + words

    def headers(self, r, number):
        before = self.thread(number)
        # Written a little before or after its neighbours arrive: no mailbox is in the order of its Date headers.
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(self.seconds(number) - r.randrange(4 * STEP)))
        sender, to, mark = r.choice(self.senders), r.choice(self.senders), r.getrandbits(32)
        out = ["Return-Path: <%s" % sender.rpartition("<")[2]]
        for hop in range(r.randint(2, 4)):
            out.append("Received: from relay%d.example.net (relay%d.example.net [192.0.2.%d])\r\n\tby mx%d.example.org (Postbox) with "
                       "ESMTPS id %08X\r\n\tfor <%s; %s" % (hop, hop, mark % 256, hop, mark + hop, to.rpartition("<")[2], date))
        out.append("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=mail;\r\n\th=from:to:subject:date;"
                   "\r\n\tbh=%s=;\r\n\tb=%s" % (self.base64[mark % 10000 * 78:][:43], self.base64[mark % 9000 * 78:][:76]))
        out.append("From: %s\r\nTo: %s" % (sender, to))
        if mark % 3 == 0:
            out.append("Cc: " + ",\r\n\t".join(r.choices(self.senders, k=3)))
        out.append("Subject: %s\r\nDate: %s\r\nMessage-ID: %s" % (self.subject(number, before), date, self.identity(number)))
        if before:
            out.append("In-Reply-To: %s\r\nReferences: %s" % (
                self.identity(before[-1]), "\r\n\t".join(self.identity(n) for n in before)))
        if mark % 4 == 0:
            out.append("List-Id: Talk of the %s <talk.%s.example.net>\r\nPrecedence: list" % ((WORDS[mark % 32],) * 2))
        out.append("X-Mailer: %s\r\nX-Spam-Status: No, score=-%d.%d\r\nMIME-Version: 1.0\r\n" % (MAILERS[mark // 7 % 4], mark % 5, mark % 9))
        return "\r\n".join(out)

    def make(self, number):
        r = self.random(number)
        size = int(min(r.lognormvariate(math.log(MEDIAN), math.sqrt(2 * math.log(MEAN / MEDIAN))), LARGEST))
        head = self.headers(r, number)
        size = max(size - len(head), 200)
        kind, edge = r.random(), "=_%08x" % r.getrandbits(32)
        plain = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        rare = RARE + "\r\n" if number % 100 == 50 else ""
        if kind < 0.5:
            text = head + plain + rare + self.piece(self.text, r, size)
        elif kind < 0.85:
            text = "%sContent-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%s\r\n%s%s%s\r\n--%s\r\nContent-Type: text/html; " \
                "charset=utf-8\r\n\r\n<html><body>\r\n%s</body></html>\r\n--%s--\r\n" % (
                    head, edge, edge, plain, rare, self.piece(self.text, r, size // 3), edge,
                    self.piece(self.html, r, size * 2 // 3), edge)
        else:
            text = "%sContent-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n%s%s%s\r\n--%s\r\nContent-Type: application/pdf; " \
                "name=\"paper.pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"paper.pdf\"\r\n" \
                "\r\n%s--%s--\r\n" % (head, edge, edge, plain, rare, self.piece(self.text, r, size // 5), edge,
                                      self.piece(self.base64, r, size * 4 // 5), edge)
        return text.encode("ascii")
