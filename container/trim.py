"""Removes from an installed prefix what no Python program loads: `python trim.py PREFIX`.

Runs under Python 3.6 and 3.12. What goes and why is listed in docs/container.md; `--build-arg TRIM=no` keeps it.
"""

import os
import shutil
import struct
import sys

# Headers and sources for compiling custom operations: the image has no compiler.
FOLDERS = ("tensorflow/include", "tensorflow/xla_aot_runtime_src", "external")
SYMBOL_SECTIONS = (".symtab", ".strtab", ".debug")
ALLOCATED = 2
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")


def main(prefix):
    """Trim `prefix` and say on stdout how many bytes each step saved."""
    saved = {"headers": 0, "static libraries": 0, "symbol tables": 0}
    for folder, _, files in os.walk(prefix):
        if os.path.basename(folder) == "site-packages":
            for name in FOLDERS:
                path = os.path.join(folder, name)
                if os.path.isdir(path):
                    saved["headers"] += tree_size(path)
                    shutil.rmtree(path)
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            if name.endswith(".a"):
                saved["static libraries"] += os.path.getsize(path)
                os.unlink(path)
            elif ".so" in name:
                saved["symbol tables"] += drop_symbols(path)
    for what, size in saved.items():
        print("%-16s %8.1f MB" % (what, size / 1e6))


def tree_size(folder):
    """Bytes of all files under `folder`."""
    return sum(
        os.path.getsize(os.path.join(at, name))
        for at, _, files in os.walk(folder)
        for name in files
        if not os.path.islink(os.path.join(at, name))
    )


def drop_symbols(path):
    """Cut the static symbol table off a shared library; returns the bytes saved.

    The loader reads segments and the dynamic symbols; `.symtab` serves debuggers only. Bytes that are loaded stay
    where they are: only a tail of the file behind every segment is replaced, and a file laid out otherwise is left.
    """
    with open(path, "rb") as stream:
        data = stream.read(HEADER.size)
        if len(data) < HEADER.size or data[:6] != b"\x7fELF\x02\x01":
            return 0
        header = list(HEADER.unpack(data))
        segments_at, sections_at, segment_count, section_count, names_index = (
            header[5],
            header[6],
            header[10],
            header[12],
            header[13],
        )
        if section_count == 0:
            return 0
        stream.seek(segments_at)
        segments = [struct.unpack("<IIQQQQQQ", stream.read(56)) for _ in range(segment_count)]
        stream.seek(sections_at)
        sections = [list(SECTION.unpack(stream.read(SECTION.size))) for _ in range(section_count)]
        stream.seek(sections[names_index][4])
        table = stream.read(sections[names_index][5])
    names = [table[section[0] :].split(b"\0", 1)[0].decode() for section in sections]
    dropped = {i for i, name in enumerate(names) if name.startswith(SYMBOL_SECTIONS) and not sections[i][2] & ALLOCATED}
    if not dropped:
        return 0
    kept = [i for i in range(section_count) if i not in dropped]
    # End of all that stays, the names' table excepted: it is written anew.
    end = max(
        [segments_at + 56 * segment_count]
        + [segment[2] + segment[5] for segment in segments]
        + [sections[i][4] + sections[i][5] for i in kept if sections[i][1] not in (0, 8) and i != names_index]
    )
    number = {old: new for new, old in enumerate(kept)}
    for i in kept:
        link, info, flags = sections[i][6], sections[i][7], sections[i][2]
        if link in dropped or (flags & 0x40 and info in dropped) or sections[i][1] == 17:
            return 0
        sections[i][6] = number[link]
        if flags & 0x40:
            sections[i][7] = number[info]
    size = os.path.getsize(path)
    sections[names_index][4], sections[names_index][5] = end, len(table)
    sections_at = (end + len(table) + 7) // 8 * 8
    if sections_at + SECTION.size * len(kept) >= size:
        return 0
    header[6], header[12], header[13] = sections_at, len(kept), number[names_index]
    times = os.stat(path)
    with open(path, "r+b") as stream:
        stream.write(HEADER.pack(*header))
        stream.seek(end)
        stream.write(table.ljust(sections_at - end, b"\0"))
        for i in kept:
            stream.write(SECTION.pack(*sections[i]))
        stream.truncate()
    os.utime(path, (times.st_atime, times.st_mtime))
    return size - os.path.getsize(path)


if __name__ == "__main__":
    main(sys.argv[1])
