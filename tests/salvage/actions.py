"""Every action of cyr_dbtool on one damaged file: no crash, no hang, no memory without bound, a status that is documented."""
import os
import resource
import shutil
import subprocess

LIMIT = 60                                               # seconds
# The documented statuses of every action, and for what they may be.
STATUSES = {0, 1, 2, 65, 75}
WORDS = {
    "show": [], "get": [b"user.alpha0.box"], "set": [b"user.new", b"0 1"], "delete": [b"user.alpha0.box"], "dump": [],
    "consistent": [], "consistency": [], "check": [], "stat": [], "repack": [], "diff": [], "salvage": ["--dry-run"],
    "batch": [],
}
MUST = {"check": {0, 65}, "stat": {0, 65}, "salvage": {0, 2}, "dump": {0, 65, 69, 75}}
FEED = b"BEGIN\nSET user.new2 value\nDELETE user.new2\nCOMMIT\nSHOW user.alpha\n"


def memory_limit(size):
    """Address space for a file of `size` bytes: what the program needs itself, and a multiple of the file."""
    def limit():
        most = (512 << 20) + 40 * size
        if not os.environ.get("CYRKIT_SANITIZED"):       # ASan reserves terabytes of it
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return limit


def try_action(binary, path, backend, action, size):
    words = list(WORDS[action])
    if action == "diff":
        words = [path + ".copy", backend]
    command = [binary, path, backend, action, *words]
    try:
        got = subprocess.run(command, input=FEED if action == "batch" else b"", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             timeout=LIMIT, preexec_fn=memory_limit(size), check=False)
    except subprocess.TimeoutExpired:
        return "takes more than %d seconds" % LIMIT
    if got.returncode < 0:
        return "killed by signal %d" % -got.returncode
    if got.returncode not in MUST.get(action, STATUSES):
        return "exit status %d: %s" % (got.returncode, got.stderr.decode("utf-8", "replace").strip()[:200])
    if got.returncode not in (0, 1, 2) and not got.stderr and action != "check":
        return "exit status %d without a word" % got.returncode
    return None


def size_of(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return 1 << 20


def put(path, to):
    if os.path.isdir(to):
        shutil.rmtree(to)
    if os.path.isdir(path):
        shutil.copytree(path, to)
    else:
        shutil.copyfile(path, to)


def try_all(binary, path, backend, name):
    """What went wrong, one line each. Every action gets its own copy."""
    failures = []
    folder = os.path.join(os.path.dirname(path), "actions")
    work = os.path.join(folder, "conf/quota" if backend == "quotalegacy" else "x.db")
    for action in WORDS:
        os.makedirs(os.path.dirname(work), exist_ok=True)
        put(path, work)
        if action == "diff":
            other = work + ".copy"
            if backend == "quotalegacy":
                continue                                  # a second tree beside the first would be the same tree
            put(path, other)
        trouble = try_action(binary, work, backend, action, size_of(path))
        if trouble:
            failures.append("%s: %s: %s" % (name, action, trouble))
        shutil.rmtree(folder)
    return failures
