#!/bin/sh
# Trims, completes, compiles and marks the Python 3.6 environment $1 in /usr/local: the last step of its stage.
set -eu
if [ "$TRIM" = yes ]; then python trim.py /usr/local; fi
python collect_libraries.py /usr/local
# Its commands name /usr/local/bin/python, which is Python 3.12 in the image: only the interpreter stays in bin.
find /usr/local/bin -type f ! -name 'python3.6*' -delete
find /usr/local/bin -xtype l -delete
python -m compileall -q -j 0 -x 'lib2to3/tests/data' /usr/local/lib || true
python mark_installation.py "$1" requirements.lock /usr/local
