"""A keyword has a blank in its name, which no mail program can say to the server: its messages cannot be found by it."""
MAILBOX = "user.fred.Work.2003"


def damage(box):
    box.write_header_file(box.read("header").replace(b" Bills ", b' "Bi lls" '))
    assert box.header()["flags"] == ["Recipes", "Bi lls", "Holiday", "Read-It"]


def check(box, before):
    assert box.header()["flags"] == ["Recipes", "flag-1", "Holiday", "Read-It"]
    was, now = before.index()[1], box.index()[1]
    assert sorted(u for u in now if "flag-1" in now[u]["flags"]) == [2, 4]
    for uid, record in was.items():
        assert now[uid] == {**record, "flags": [f.replace("Bills", "flag-1") for f in record["flags"]]}
