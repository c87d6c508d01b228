"""Copies the libraries that an interpreter needs beside it: `python collect_libraries.py PREFIX`.

The legacy base image and the final one are different Debians: libffi, libssl and others have other versions there.
Everything outside glibc that `ldd` names for the interpreter and each extension module goes to PREFIX/lib; glibc itself
stays with the system, since a newer one runs programs built for an older one.
"""

import os
import re
import shutil
import subprocess
import sys

# libnsl.so.1 only: libnsl.so.2 is another project's, as is libcrypt.
GLIBC = re.compile(
    r"^(ld-linux-x86-64|libc|libm|libdl|libpthread|librt|libutil|libresolv|libanl|libmvec"
    r"|libBrokenLocale|libthread_db|libnss_[a-z]+)\.so\.\d+$|^libnsl\.so\.1$"
)
LINE = re.compile(r"^\s*(\S+) => (not found|\S+)", re.M)


def is_elf(path):
    """Whether `path` is a regular ELF file."""
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as stream:
        return stream.read(4) == b"\x7fELF"


def needed(path, folder):
    """(name, file or None) of each library that `path` needs.

    Beside `folder`, the library's own folder is searched: what wheels bundle is found there through the rpath of
    the module that loads it.
    """
    text = subprocess.run(
        ["ldd", path],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "LD_LIBRARY_PATH": folder + ":" + os.path.dirname(path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
    ).stdout
    return [(os.path.basename(name), None if file == "not found" else file) for name, file in LINE.findall(text)]


def main(prefix):
    """Copy what lies outside `prefix`; of its own extension modules, drop those whose library is nowhere."""
    library = os.path.join(prefix, "lib")
    binaries = [os.path.join(at, name) for at, _, names in os.walk(prefix) for name in names]
    missing = []
    for binary in sorted(filter(is_elf, binaries)):
        for name, file in needed(binary, library):
            if file is None:
                missing.append((binary, name))
            elif not GLIBC.match(name) and not os.path.realpath(file).startswith(os.path.realpath(prefix) + os.sep):
                print("copied %s" % os.path.realpath(file))
                shutil.copy2(os.path.realpath(file), os.path.join(library, name))
    failed = []
    for binary, name in missing:
        if os.path.basename(os.path.dirname(binary)) != "lib-dynload":
            failed.append("%s needs %s, which is nowhere" % (binary, name))
        elif os.path.exists(binary):
            # As in the official image, which has no Tcl/Tk: the module could not be loaded there either.
            print("dropped %s: it needs %s" % (os.path.relpath(binary, prefix), name))
            os.unlink(binary)
    sys.exit("\n".join(failed) or 0)


if __name__ == "__main__":
    main(sys.argv[1])
