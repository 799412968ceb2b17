"""mailboxes.db of every generation, independent of the C++ code: read(path) gives {internal name: entry}."""
import cyrusdb
import dlist
from facts import internal_name, number

TEXT_FLAGS = {1: "r", 2: "z", 4: "n", 8: "m", 16: "d"}


def acl_pairs(text):
    words = text.split("\t")
    return dict(zip(words[0::2], words[1::2]))


def text_entry(value):
    text = dlist.text(value)
    kind, _, rest = text.partition(" ")
    place, _, acl = rest.partition(" ")
    server, mark, partition = place.rpartition("!")
    return {"flags": "".join(c for bit, c in TEXT_FLAGS.items() if int(kind) & bit), "partition": partition or None,
            "server": server if mark else None, "acl": acl_pairs(acl), "uniqueid": None, "uidvalidity": None, "history": []}


def map_entry(got):
    return {"flags": "".join(sorted(set(got.get("T") or "e") - set("el"))), "partition": got.get("P"), "server": got.get("S"),
            "acl": got.get("A") or {}, "uniqueid": got.get("I"), "uidvalidity": number(got, "V"), "history": []}


def read(path):
    _, records = cyrusdb.read(path)
    names, histories = {}, {}
    for key, value in records:
        key = dlist.text(key)
        if not value or key.startswith("$"):
            continue
        keyed = value.startswith(b"%(T ") and key[:1] in "NI"
        if keyed and key[0] == "I":
            got = dlist.parse(value)
            histories[internal_name(got["N"])] = [internal_name(h["N"]) for h in got.get("H") or []]
        elif keyed:
            names[internal_name(key[1:])] = map_entry(dlist.parse(value))
        else:
            names[key] = map_entry(dlist.parse(value)) if value.startswith(b"%") else text_entry(value)
    for name, history in histories.items():
        if name in names:
            names[name]["history"] = history
    return names


def active(entries):
    return {name: e for name, e in entries.items() if not set("dimrz") & set(e["flags"])}
