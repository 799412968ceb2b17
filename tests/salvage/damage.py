"""The damages of the salvage table, applied to copies. Each gives back where it struck."""
import mmap
import os
import random

BLOCK = 512                                              # bytes


# Each changes the bytes (a bytearray or a mapped file) where they are, and gives back how many of them are left.
def truncate(data, rng):
    return rng.randrange(len(data))


def zero_block(data, rng):
    at = rng.randrange((len(data) + BLOCK - 1) // BLOCK) * BLOCK
    end = min(at + BLOCK, len(data))
    data[at:end] = bytes(end - at)
    return len(data)


def zero_tail(data, rng):
    at = rng.randrange(len(data))
    data[at:] = bytes(len(data) - at)
    return len(data)


def flip_bit(data, rng):
    at = rng.randrange(len(data) * 8)
    data[at // 8] ^= 1 << (at % 8)
    return len(data)


def lose_header(data, rng):
    size = min(64, len(data))
    data[:size] = rng.randbytes(size)
    return len(data)


def random_bytes(data, rng):
    for _ in range(max(1, len(data) // 100)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return len(data)


DAMAGES = {
    "truncated": truncate,
    "512-byte block zeroed": zero_block,
    "tail zeroed": zero_tail,
    "one bit flipped": flip_bit,
    "header lost": lose_header,
    "1 % random bytes": random_bytes,
}


def files_below(path):
    if os.path.isfile(path):
        return [path]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)


def strike(path, damage, seed):
    """Damages the database at `path` in place: a file, or the files of a quota tree taken as one run of bytes. A tree has
    no header: the damages of a place hit the file there, those of a share of the bytes a tenth of them. Gives back the files
    that it hit."""
    rng = random.Random("%s %s" % (damage, seed))
    names = files_below(path)
    if not os.path.isdir(path):
        targets = names
    elif damage in ("truncated", "tail zeroed", "header lost", "1 % random bytes"):
        targets = rng.sample(names, max(1, len(names) // 10))
    else:
        targets = [rng.choice(names)]
    for name in targets:
        if os.path.getsize(name) == 0:
            continue
        with open(name, "r+b") as f:
            with mmap.mmap(f.fileno(), 0) as data:
                left = DAMAGES[damage](data, rng)
            f.truncate(left)
    return targets
