"""One damaged store as real Cyrus saw it: makes the damage, and gives the facts after the repair by real Cyrus 3.6.1
out of the golden files (the mailbox's files, the list dump, the quota report and the difference of the file list)."""
import difflib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile

import facts
import golden


class Case:
    def __init__(self, scratch, store, tag, damage):
        self.scratch, self.store, self.tag, self.damage = scratch, store, tag, damage
        self.said = os.path.join(scratch.golden(store), "damaged", tag, damage)
        self.target = golden.target(os.path.join(scratch.golden(store), "damaged", tag, "target.txt"))
        self.name = "%s.%s.%s" % (store, tag, damage)

    @property
    def dirs(self):
        return sorted({self.target["dir"], self.target["meta"]})

    def read(self, name):
        with open(os.path.join(self.said, name), encoding="utf-8", errors="surrogateescape") as f:
            return f.read()

    def make(self):
        """A damaged copy of the store; fails when it is not the damage that the golden files are about."""
        root = self.scratch.copy(self.store, self.name)
        if self.damage == "mboxlist-entry-missing":
            shutil.copyfile(os.path.join(self.said, "mailboxes.db.damaged"), os.path.join(root, "config/mailboxes.db"))
        else:
            command = [sys.executable, os.path.join(golden.DATA, "damage.py"), self.damage, "--root", root]
            for option in ("dir", "meta", "quota"):
                command += ["--" + option, self.target[option]] if self.target[option] else []
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        want = sorted(strip(line) for line in self.read("before.txt").split("\n") if line)
        got = sorted(strip(line) for d in self.dirs for line in listing(root, d))
        if want != got:
            difference = "\n".join(difflib.unified_diff(want, got, n=0))
            raise RuntimeError("%s: not the damage of the golden files:\n%s" % (self.name, difference))
        return root

    def real(self, damaged):
        """A Reader on what real Cyrus left: the damaged store (read only) with the golden files laid over a part of it."""
        root = os.path.join(self.scratch.top, "real", self.name)
        for part in ["etc", "config"] + self.dirs + self.archive_dirs(damaged):
            if os.path.isdir(os.path.join(damaged, part)):
                ignore = None if part in ("etc", "config") else only_files
                shutil.copytree(os.path.join(damaged, part), os.path.join(root, part), ignore=ignore, symlinks=True)
        golden.rewrite_from(root, damaged)
        self.lay_over(damaged, root)
        reader = facts.Reader(root)
        if not self.has_database() or "error" in reader.list:
            dump = json.loads(self.read("ctl_mboxlist-d-after.txt") or "{}")
            reader.list = {name: entry_of(got) for name, got in dump.items()}
        return reader

    def has_database(self):
        """Whether the golden files have mailboxes.db itself; the dump tells nothing of old names."""
        with tarfile.open(os.path.join(self.said, "after.tar")) as tar:
            return "config/mailboxes.db" in tar.getnames()

    def archive_dirs(self, damaged):
        archive = self.target["dir"].replace("spool/", "archive/", 1)
        return [archive] if os.path.isdir(os.path.join(damaged, "archive")) else []

    def lay_over(self, damaged, root):
        by_digest = {}
        for line in self.read("changed-files.diff").split("\n"):
            path, mark, rest = line[1:].partition(" f ")
            if not mark or line[:2] in ("--", "++") or os.path.dirname(path) not in self.dirs + self.archive_dirs(damaged):
                continue
            digest, here = rest.split(" ")[-1], os.path.join(root, path)
            if line[0] == "-":
                if os.path.exists(here):
                    by_digest[digest] = facts.octets(here), os.stat(here)
                    os.unlink(here)
            elif digest in by_digest:                    # renamed by the repair
                os.makedirs(os.path.dirname(here), exist_ok=True)
                with open(here, "wb") as f:
                    f.write(by_digest[digest][0])
                os.utime(here, ns=(by_digest[digest][1].st_atime_ns, by_digest[digest][1].st_mtime_ns))
        with tarfile.open(os.path.join(self.said, "after.tar")) as tar:
            for member in tar.getmembers():
                here = os.path.join(root, member.name)
                os.makedirs(os.path.dirname(here), exist_ok=True)
                with open(here, "wb") as f:
                    f.write(tar.extractfile(member).read())

    def real_limits(self, reader):
        """{('limit', root, resource): limit} after the real quota -f."""
        output = golden.transcript(os.path.join(self.said, "quota-f.txt"))[0][1]
        return {("limit", reader.store.internal(root), golden.RESOURCES[r]): limit
                for root, got in golden.quota_report(output).items() for r, (_, limit) in got.items()}


def only_files(folder, names):
    return [n for n in names if os.path.isdir(os.path.join(folder, n))]


def entry_of(got):
    number = {k: int(got[k]) for k in ("uidvalidity", "createdmodseq", "foldermodseq", "mtime") if k in got}
    return {"type": got.get("mbtype", "e"), "partition": got.get("partition"), "uniqueid": got.get("uniqueid"),
            "acl": got.get("acl"), "uidvalidity": None, "createdmodseq": None, "foldermodseq": None, "mtime": None, "id_record": True,
            "history": [h.get("name") for h in got.get("name_history", [])], **number}


def listing(root, folder):
    """'path f mode links size sha256' of the files right in FOLDER, as in before.txt."""
    out, top = [], os.path.join(root, folder)
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else []:
        path = os.path.join(top, name)
        if os.path.isfile(path):
            data = facts.octets(path)
            out.append("%s/%s f 0 0 %d %s" % (folder, name, len(data), hashlib.sha256(data).hexdigest()))
    return out


def strip(line):
    """Without mode and link count, which depend on who unpacks."""
    path, _, rest = line.partition(" f ")
    return path + " " + " ".join(rest.split(" ")[2:])
