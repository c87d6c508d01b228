"""Types that several threads decode for the first time at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import repro
import tui

PROGRAM = """
import sys, threading, types
import msgspec
from repro.base.decoding import convert, decode_json

sys.setswitchinterval(1e-6)
SOURCE = '''
import msgspec
class Layer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    units: list[int] = []
class Model(msgspec.Struct):
    first: Layer
    layers: dict[str, Layer]
class Run(msgspec.Struct):
    model: Model
    others: list[Model]
'''
layer = {"name": "dense", "units": [1]}
model = {"first": layer, "layers": {"a": layer}}
run = {"model": model, "others": [model]}
for number in range(300):
    module = types.ModuleType(f"module_{number}")
    sys.modules[module.__name__] = module
    exec(SOURCE, module.__dict__)
    start = threading.Barrier(4)
    results = []
    def work(function, data, type_):
        start.wait()
        results.append(function(data, type_))
    jobs = [
        (convert, run, module.Run),
        (decode_json, msgspec.json.encode(run), module.Run),
        (convert, model, module.Model),
        (decode_json, msgspec.json.encode(layer), module.Layer),
    ]
    threads = [threading.Thread(target=work, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
"""


def test_threads_decode_a_new_type_at_once() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_types_are_decoded_in_one_place_only() -> None:
    elsewhere = [
        f"{file.name}: {line.strip()}"
        for package in (repro, tui)
        for file in Path(package.__path__[0]).rglob("*.py")
        if file.name != "decoding.py"
        for line in file.read_text().splitlines()
        if "msgspec.convert(" in line or "json.Decoder(" in line or ("json.decode(" in line and "type=" in line)
    ]
    assert elsewhere == []
