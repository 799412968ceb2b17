"""One mailbox of a store on the disk, for cases: what lies where, how to spoil it, what is in it.

Everything here reads and writes octets by itself (tests/matrix/mailboxfile.py, cyrusdb.py); none of it is our C++."""
import glob
import os
import struct
import subprocess
import zlib

import cyrusdb
import facts
import mailboxfile

MESSAGE = (b"From: bovik@example.org\r\nTo: ted@example.org\r\nSubject: %s\r\nDate: Tue, 9 Nov 2004 11:33:20 +0000\r\n"
           b"Message-ID: <%s@example.org>\r\n\r\nbody\r\n")


class Box:
    _index = _header = None
    places = {}                                          # of a damage of the store

    def __init__(self, root, mailbox, bindir):
        self.root, self.name, self.bindir = root, mailbox, bindir
        self.reader = facts.Reader(root)
        self.external = mailbox and (mailbox.replace(".", "/") if self.slashes() else mailbox)
        if mailbox and "error" not in self.reader.list and mailbox in self.reader.list:
            self.entry = self.reader.list[mailbox]       # as it was when this object was made
            self.places = self.reader.places(mailbox, self.entry)

    def slashes(self):
        return self.reader.store.conf.get("unixhierarchysep", "no") in ("yes", "1", "on", "true", "t")

    def remember(self):
        """Keeps what index() and header() give now, for a comparison after the repair."""
        if self.name and os.path.exists(self.path("index")):
            self._index, self._header = self.index(), self.header()

    # --- paths

    def path(self, name):
        """'index', 'header', 'cache', 'annotations': that file; a number: that message's file; else a path below ROOT."""
        if isinstance(name, int):
            return os.path.join(self.places["spool"], "%d." % name)
        return self.places.get(name) or os.path.join(self.root, name)

    def archive_path(self, uid):
        return os.path.join(self.places["archive"], "%d." % uid)

    def in_mailbox(self, name):
        return os.path.join(self.places["spool"], name)

    # --- octets

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def write(self, name, data):
        """A new inode, so that hard links of it stay what they are; a new file is of 2004."""
        path = self.path(name)
        old = os.stat(path) if os.path.exists(path) else None
        with open(path + ".case", "wb") as f:
            f.write(data)
        os.chmod(path + ".case", old.st_mode & 0o777 if old else 0o600)
        os.rename(path + ".case", path)
        when = (old.st_atime_ns, old.st_mtime_ns) if old else (1100000000 * 10**9,) * 2
        os.utime(path, ns=when)

    def remove(self, name):
        os.unlink(self.path(name))

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def flip(self, name, offset, mask):
        data = bytearray(self.read(name))
        data[offset] ^= mask
        self.write(name, bytes(data))

    def new_message(self, name, subject="new"):
        self.write(name, MESSAGE % (subject.encode(), subject.encode()))

    # --- the index

    def index(self, tolerant=False):
        """(header fields, {uid: record fields}), with 'flags' as names."""
        if self._index:
            return self._index
        header, records = mailboxfile.read_index(self.read("index"), tolerant=tolerant)
        names = facts.try_read(lambda: mailboxfile.read_header(self.read("header"))).get("flags", [])
        return header, {r["uid"]: {**r, "flags": mailboxfile.flag_names(r, names)} for r in records}

    def header(self):
        return self._header or mailboxfile.read_header(self.read("header"))

    def uids(self, expunged=False):
        return sorted(uid for uid, r in self.index()[1].items() if expunged or not r["system_flags"] & mailboxfile.EXPUNGED)

    def set_index(self, sum_too=True, **values):
        """Fields of the index header by name, its CRC made right again unless SUM_TOO is false."""
        data = bytearray(self.read("index"))
        self._put(mailboxfile.HEADER_FIELDS, data, 0, values)
        if sum_too:
            self.fix_header_crc(data)
        self.write("index", bytes(data))

    def set_record(self, uid, sum_too=True, **values):
        """Fields of one record by name; 'uid' too."""
        data = bytearray(self.read("index"))
        at, size, minor = self.record_at(uid)
        self._put(mailboxfile.RECORD_FIELDS, data, at, values)
        if sum_too and minor >= 12:
            struct.pack_into(">I", data, at + size - 4, zlib.crc32(bytes(data[at:at + size - 4])))
        self.write("index", bytes(data))

    def record_at(self, uid):
        """(offset, size, minor version) of a record"""
        data = self.read("index")
        minor, start, size, count = struct.unpack_from(">4I", data, 8)
        for at in range(start, start + count * size, size):
            if struct.unpack_from(">I", data, at)[0] == uid:
                return at, size, minor
        raise KeyError(uid)

    def fix_header_crc(self, data):
        minor = struct.unpack_from(">I", data, 8)[0]
        size = mailboxfile.SIZES[minor][0]
        if minor >= 12:
            struct.pack_into(">I", data, size - 4, zlib.crc32(bytes(data[:size - 4])))

    def write_header_file(self, data):
        """A new cyrus.header, with its CRC in the index, as the server writes it."""
        self.write("header", data)
        if struct.unpack_from(">I", self.read("index"), 8)[0] >= 12:
            self.set_index(header_file_crc=zlib.crc32(data))

    @staticmethod
    def _put(fields, data, at, values):
        minor = struct.unpack_from(">I", data, 8)[0]
        for name, value in values.items():
            (offset, form), = [(o, f) for n, o, f, first, last in fields if n == name and first <= minor <= last]
            struct.pack_into(">" + form, data, at + offset, *(value if isinstance(value, tuple) else (value,)))

    # --- databases

    def database(self, path):
        """{key: value} in octets"""
        return dict(cyrusdb.read(self.path(path))[1])

    def edit_database(self, path, backend, changes):
        """CHANGES {key: value or None}, made by our cyr_dbtool, which is what an administrator would take."""
        for key, value in changes.items():
            words = ["set", key, value] if value is not None else ["delete", key]
            subprocess.run([os.path.join(self.bindir, "cyr_dbtool"), "-C", self.path("etc/imapd.conf"), self.path(path),
                            backend, *words], check=True, stdout=subprocess.DEVNULL)

    # --- quota roots and old versions

    def quota(self, path):
        """{resource: [used, limit or None]} of the file of a quota root"""
        return facts.read_quota(self.read(path).rstrip(b"\n"))

    def kept(self, path):
        """The octets of each old version of PATH that runs have kept; of a file below the root that its first directory is."""
        top, rest = path.split("/", 1)
        return [facts.octets(p) for p in sorted(glob.glob(os.path.join(self.root, top, "undo.", "*", glob.escape(rest))))]

    def edit_annotations(self, backend, changes):
        """CHANGES {(uid, entry, user): octets or None} of the message annotations, made like edit_database."""
        for (uid, entry, user), text in changes.items():
            words = ["set" if text is not None else "delete", b"\0".join([b"%d" % uid, entry, user, b""]).hex()]
            if text is not None:
                words.append((struct.pack(">I4x", len(text)) + text + b"\0text/plain\0" + bytes(8 + 8 + 1)).hex())
            subprocess.run([os.path.join(self.bindir, "cyr_dbtool"), "-C", self.path("etc/imapd.conf"), "--hex",
                            self.path("annotations"), backend, *words], check=True, stdout=subprocess.DEVNULL)

    def drop_record(self, uid):
        """An expunged record leaves the index, as when cyr_expire has purged it."""
        data = self.read("index")
        at, size, _ = self.record_at(uid)
        (gone,) = [r for r in mailboxfile.read_index(data)[1] if r["uid"] == uid]
        count, = struct.unpack_from(">I", data, 20)
        self.write("index", data[:at] + data[at + size:])
        self.set_index(num_records=count - 1, first_expunged=0, deletedmodseq=gone["modseq"])

    def kept_of(self, path):
        """kept() of an absolute path"""
        return self.kept(os.path.relpath(path, self.root))

    def index_as_told(self):
        """index() but for what each writing of the file changes: the time of it, and with that the header's CRC."""
        header, records = self.index()
        return {k: v for k, v in header.items() if k not in ("last_repack_time", "header_crc")}, records
