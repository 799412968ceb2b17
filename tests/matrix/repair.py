"""Runs our repair programs on a damaged store, and what a careful administrator would look at around it."""
import hashlib
import os
import subprocess

import facts
import golden
import mailboxfile
import model
from storepaths import user_of

SAVED = "undo."                                          # where old versions are kept, below every partition and config/


# Damages of the usage itself, which quota -f is for: the quota root's, and the figure that a mailbox adds to it.
WRONG_QUOTA = ("quota-stale", "index-wrong-usage")
DAMAGE_REMAINS = 2                                       # exit status: repaired, but something is lost for good
COMMON = ("config/mailboxes.db", "config/quotas.db", "config/statuscache.db")


class Result:
    def __init__(self):
        self.output, self.problems = "", []


def commands(case):
    """What is run; the golden files ran the same (repair.txt), but for what real Cyrus cannot do at all."""
    target = case.target["mailbox"]
    extra = {"messages-missing": [["reconstruct", "-R", target]], "messages-extra": [["reconstruct", "-R", target]],
             "messages-changed": [["reconstruct", "-G", target]], "cache-bitflip": [["reconstruct", "-G", target]]}
    if case.damage in model.DATABASE:
        return [["reconstruct"]]
    if case.damage == "mboxlist-entry-missing":
        return [["reconstruct", "-f", target]]
    if case.damage == "quota-stale":
        return []
    return [["reconstruct", target]] + extra.get(case.damage, [])


def state(root):
    """{path: (size, mtime, mode, digest)} of everything but locks, old versions and the disposable statuscache.db."""
    out = {}
    for path, entry in tree(root).items():
        if SAVED in path.split("/") or path.startswith("config/lock/") or path.endswith("statuscache.db"):
            continue
        mode = os.lstat(os.path.join(root, path)).st_mode
        out[path] = (entry, mode)
    return out


def call(root, bindir, words):
    conf = os.path.join(root, "etc/imapd.conf")
    got = subprocess.run([os.path.join(bindir, words[0]), "-C", conf, *words[1:]], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, env={**os.environ, "TZ": "UTC"})
    return got.returncode, got.stdout.decode("utf-8", "surrogateescape")


def run_commands(case, root, bindir):
    """Only the repair, quota -f included."""
    for words in commands(case) + [["quota", "-f", "-q"]]:
        call(root, bindir, words)


def run(case, root, bindir):
    result = Result()
    start = tree(root)
    for words in commands(case):
        code, output = call(root, bindir, words)
        result.output += output
        if code not in (0, DAMAGE_REMAINS):
            result.problems.append("%s: exit %d: %s" % (" ".join(words), code, output.strip().split("\n")[-1][:200]))
    code, output = call(root, bindir, ["quota", "-f", "-q"])
    result.output += output
    if code:
        result.problems.append("quota -f: exit %d: %s" % (code, output.strip()[:200]))
    elif case.damage not in WRONG_QUOTA:
        known = wrong_before(case)
        result.problems += ["quota -f had to correct what reconstruct left: " + line
                            for line in output.split("\n") if line and line.split(" usage was")[0] not in known]
    touched(case, start, tree(root), result)
    second_run(case, root, bindir, result)
    return result


def wrong_before(case):
    """'ROOT: RESOURCE' that the real quota -f corrects in the intact store already (versions: made by conversions)."""
    path = os.path.join(case.scratch.golden(case.store), "intact/quota-f.txt")
    lines = golden.transcript(path)[0][1].decode("utf-8", "surrogateescape").split("\n")
    return {line.split(" usage was")[0] for line in lines if " usage was" in line}


def touched(case, before, after, result):
    """A repair of one mailbox changes this mailbox, the list, the quota and caches of them, and nothing else."""
    own = case.dirs + [case.target["dir"].replace("spool/", "archive/", 1)]
    for path in sorted(k for k in {**before, **after} if before.get(k) != after.get(k)):
        if os.path.dirname(path) in own or "/" + SAVED + "/" in "/" + path:
            continue
        if path.startswith(("config/quota", "config/domain/")) and "/quota/" in path or path in COMMON:
            continue
        if path.endswith(("counters", "counters.db")):   # a root's usage has a modseq of its owner's
            continue
        result.problems.append("touched %s, which has nothing to do with the damage" % path)


def second_run(case, root, bindir, result):
    """A second run prints names only and changes not one byte."""
    target = case.target["mailbox"]
    before = stamps(root)
    code, output = call(root, bindir, ["reconstruct", target])
    if code:
        result.problems.append("second run: exit %d: %s" % (code, output.strip()[:200]))
    standing = STANDING.get(case.damage, ())
    lines = [x for x in output.split("\n") if x and x != target and not any(word in x for word in standing)]
    if lines:
        result.problems.append("second run says: " + " / ".join(lines)[:300])
    after = stamps(root)
    changed = sorted(k for k in {**before, **after} if before.get(k) != after.get(k))
    if changed:
        result.problems.append("second run changed: " + ", ".join(changed)[:300])


# What a second run has to say again, because the run was not told what to do with it.
# (The real program says "not found", without a line end, of the file whose name has a leading zero.)
STANDING = {"messages-extra": ("odd file", "run reconstruct with -O", " not found"),
            "messages-changed": ("guid mismatch", "run reconstruct with -R")}


def files_below(root):
    """(path from ROOT, os.DirEntry) of everything but directories, lock and process files."""
    todo = [(root, "")]
    while todo:
        folder, prefix = todo.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if prefix or entry.name != "run":
                        todo.append((entry.path, prefix + entry.name + "/"))
                else:
                    yield prefix + entry.name, entry


def tree(root):
    """{path: (size, mtime, digest)} of everything but lock and process files."""
    return {path: tree_entry(root, path) for path, _ in files_below(root)}


def stamps(root):
    """The same without reading: for comparing two moments of one tree. Whoever writes to a file changes its ctime."""
    out = {}
    for path, entry in files_below(root):
        st = entry.stat(follow_symlinks=False)
        out[path] = st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns
    return out


def tree_entry(root, path):
    here = os.path.join(root, path)
    if os.path.islink(here):
        return os.readlink(here)
    if not os.path.exists(here):
        return None
    st = os.stat(here)
    with open(here, "rb") as f:
        return st.st_size, st.st_mtime_ns, hashlib.sha1(f.read()).hexdigest()


def saved_facts(reader, left, ours):
    """Facts of messages that are gone, and so no longer in the live store, but are in the old versions that were kept
    (below index version 12 what the owner has seen is in his seen database, which no repair touches)."""
    root = reader.store.root
    kinds = model.RECORD_KINDS | {"annotation"}
    missing = {k for k in left if k not in ours and k[0] in kinds and ("message", *k[1:3]) not in ours}
    out = {}
    for folder, _, files in os.walk(root) if missing else ():
        if "/" + SAVED + "/" in folder + "/":
            if "cyrus.index" in files:
                out.update(saved_records(folder, missing, left))
            if "cyrus.annotations" in files:
                out.update(saved_annotations(os.path.join(folder, "cyrus.annotations"), missing, left))
    for key in [k for k in missing if k[0] == "flag" and k[3] == "\\Seen" and k not in out]:
        path = reader.user_files("seen").get(user_of(key[1]))
        record = facts.read_seen(path).get(reader.list[key[1]]["uniqueid"], {}) if path else {}
        if key[2] in facts.expand(record.get("uids", "")):
            out[key] = True
    return out


def saved_annotations(path, missing, left):
    """Those of MISSING that a saved cyrus.annotations has."""
    out, got = {}, facts.try_read(facts.read_annotations, path)
    for name in {k[1] for k in missing if "error" not in got}:
        owner = user_of(name)
        have = model.annotation_facts(name, [(int(uid), entry, owner if user == facts.OWNER else user, value)
                                             for (uid, entry, user), value in got.items()])
        out.update({k: left[k] for k in missing if have.get(k) == left[k]})
    return out


def saved_records(folder, missing, left):
    """Those of MISSING that a saved index has."""
    path, out = os.path.join(folder, "cyrus.header"), {}
    header = path if os.path.exists(path) else live_path(path)
    names = facts.try_read(lambda: mailboxfile.read_header(facts.octets(header))).get("flags", [])
    index = facts.octets(os.path.join(folder, "cyrus.index"))
    got = facts.try_read(lambda: mailboxfile.read_index(index, tolerant=True))
    for record in got[1] if isinstance(got, tuple) else []:
        for key in [k for k in missing if k[0] != "annotation" and k[2] == record["uid"]]:
            if key[0] == "flag":
                good = any(key[3] in mailboxfile.flag_names(record, known) for known in (names, []))  # name or number
            elif key[0] == "expunged":
                good = bool(record["system_flags"] & mailboxfile.EXPUNGED)
            else:
                good = record.get(key[0]) == left[key]
            if good:
                out[key] = left[key]
    return out


def live_path(path):
    """The live file that a saved one was: <root>/undo./<id>/<path> -> <root>/<path>."""
    top, _, rest = path.partition("/" + SAVED + "/")
    return os.path.join(top, rest.split("/", 1)[1]) if "/" in rest else path
