"""Where a store keeps its things: imapd.conf, names and paths, written from the format pages and independent of the
C++ code.  A store may lie anywhere: Store(root) maps the directory its configuration names to ROOT.
"""
import os

US, GS = "\x1f", "\x1d"                                  # separators of the key form in mailboxes.db
META_KINDS = ("header", "index", "cache", "annotations")


def read_conf(path):
    options = {}
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            line = line.strip()
            if line and not line.startswith("#") and ":" in line:
                key, _, value = line.partition(":")
                options[key.strip().lower()] = value.strip()
    return options


def hash_plain(text):
    first = text[:1].lower()
    return first if "a" <= first <= "z" else "q"


def hash_full(text):
    n = 0
    for byte in text.encode("utf-8", "surrogateescape"):
        if byte == ord("."):
            break
        n = ((((n << 3) & 0xFFFFFFFF) ^ (n >> 5)) ^ byte) & 0xFFFFFFFF
    return chr(65 + n % 23)


def split_domain(internal):
    domain, mark, local = internal.rpartition("!")
    return (domain, local) if mark else ("", internal)


def user_of(internal):
    """The user id that owns a mailbox, '' for a shared one (deleted ones count as shared)."""
    domain, local = split_domain(internal)
    parts = local.split(".")
    if parts[0] != "user" or len(parts) < 2:
        return ""
    return parts[1].replace("^", ".") + ("@" + domain if domain else "")


class Store:
    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.conf = read_conf(os.path.join(self.root, "etc/imapd.conf"))
        self.home = os.path.dirname(self.conf["configdirectory"])
        self.confdir = self.place("configdirectory")
        self.hash = hash_full if self.on("fulldirhash") else hash_plain
        self.virtual = self.conf.get("virtdomains", "off") not in ("off", "no")

    def on(self, option, default="no"):
        return self.conf.get(option, default).lower() in ("yes", "on", "true", "1")

    def here(self, path):
        return self.root + path[len(self.home):] if path.startswith(self.home) else path

    def place(self, option):
        return self.here(self.conf[option])

    def partitions(self):
        return sorted(k[len("partition-"):] for k in self.conf if k.startswith("partition-"))

    def separator(self):
        return "/" if self.on("unixhierarchysep", "yes") else "."

    def external(self, internal):
        """The administrator's spelling of an internal name."""
        domain, local = split_domain(internal)
        if self.separator() == "/":
            local = local.replace(".", "/").replace("^", ".")
        return local + ("@" + domain if domain else "")

    def internal(self, external):
        local, at, domain = external.partition("@") if self.virtual else (external, "", "")
        if self.separator() == "/":
            local = local.replace(".", "^").replace("/", ".")
        return (domain + "!" if at and domain != self.conf.get("defaultdomain") else "") + local

    def below(self, internal, uniqueid, legacy):
        """The mailbox directory below a partition root."""
        if not legacy:
            return "uuid/%s/%s/%s" % (uniqueid[0], uniqueid[1], uniqueid)
        domain, local = split_domain(internal)
        parts, out = local.split("."), []
        hashed = self.on("hashimapspool")
        if domain:
            out += ["domain"] + ([self.hash(domain)] if hashed else []) + [domain]
        if hashed:
            out.append(self.hash((parts[1] if len(parts) > 1 else parts[0]).replace("^", ".")))
        return "/".join(out + parts)

    def spool(self, partition, below):
        return os.path.join(self.place("partition-" + partition), below)

    def archive(self, partition, below):
        option = "archivepartition-" + partition
        return os.path.join(self.place(option), below) if option in self.conf else None

    def meta(self, kind, partition, below):
        for option in ("metadir-%s-%s" % (kind, partition), "metapartition-" + partition):
            wanted = option.startswith("metadir") or kind in self.conf.get("metapartition_files", "").split()
            if wanted and option in self.conf:
                return os.path.join(self.place(option), below)
        return self.spool(partition, below)

    def user_file(self, user, suffix, inbox_id):
        """INBOX_ID: uniqueid of an INBOX kept by id; None for the by-name place."""
        if inbox_id:
            return os.path.join(self.confdir, "user/uuid", inbox_id[0], inbox_id[1], inbox_id, suffix + ".db")
        local, _, domain = user.partition("@")
        top = os.path.join(self.confdir, "domain", self.hash(domain), domain) if domain else self.confdir
        return os.path.join(top, "user", self.hash(local), "%s.%s" % (local, suffix))
