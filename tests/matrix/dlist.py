"""The dlist text form (mailboxes.db, cyrus.header, quota): parse() gives dicts, lists, str (None for NIL).

Strings are decoded as UTF-8 with surrogateescape, so that any octets survive a round trip.
"""


class Bad(Exception):
    pass


def text(octets):
    return octets.decode("utf-8", "surrogateescape")


def parse(data):
    value, at = _item(data, 0, 0)
    if at != len(data):
        raise Bad("octet %d: more follows the value" % at)
    return value


def _item(data, at, depth):
    if depth > 32:
        raise Bad("octet %d: too deep" % at)
    if data[at:at + 2] == b"%(":
        return _map(data, at + 2, depth)
    if data[at:at + 1] == b"(":
        return _list(data, at + 1, depth)
    return _string(data, at)


def _map(data, at, depth):
    out = {}
    while True:
        at = _blanks(data, at)
        if data[at:at + 1] == b")":
            return out, at + 1
        key, at = _string(data, at)
        out[key], at = _item(data, _blanks(data, at), depth + 1)


def _list(data, at, depth):
    out = []
    while True:
        at = _blanks(data, at)
        if data[at:at + 1] == b")":
            return out, at + 1
        value, at = _item(data, at, depth + 1)
        out.append(value)


def _blanks(data, at):
    while data[at:at + 1] == b" ":
        at += 1
    if at >= len(data):
        raise Bad("octet %d: the value is not closed" % at)
    return at


def _string(data, at):
    first = data[at:at + 1]
    if first == b'"':
        out = bytearray()
        at += 1
        while data[at:at + 1] != b'"':
            if data[at:at + 1] == b"\\":
                at += 1
            if at >= len(data):
                raise Bad("octet %d: the quoted string is not closed" % at)
            out += data[at:at + 1]
            at += 1
        return text(bytes(out)), at + 1
    if first == b"{":
        close = data.find(b"}\r\n", at)
        digits = data[at + 1:close].rstrip(b"+") if close > 0 else b""
        if not digits.isdigit() or close + 3 + int(digits) > len(data):
            raise Bad("octet %d: bad literal" % at)
        end = close + 3 + int(digits)
        return text(data[close + 3:end]), end
    end = data.find(b" ", at)
    end = len(data) if end < 0 else end
    while end > at and data[end - 1:end] == b")":
        end -= 1
    if end == at:
        raise Bad("octet %d: a value is missing" % at)
    word = data[at:end]
    return (None if word == b"NIL" else text(word)), end
