"""Nothing that tells who or where leaves in a bundle."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from repro.base import shipped
from repro.base.errors import InputError
from repro.bundle import export, read
from repro.bundle.archive import zipped
from repro.bundle.redact import paths, private
from repro.bundle.redact.command_line import public_word
from repro.bundle.redact.private import PrivateText
from repro.bundle.redact.redactor import Redactor
from repro.runs.view import RunView
from tests.support.runs.copied import make_run

USER, HOST = "qarnavel", "zyxhost-07"
HOME = f"/home/{USER}/zq home"
IMAGE_FOLDER = "/data/zqpatients/zqscans 2026"
IMAGES = ["zqanna.png", "zqberta.png", "zqcarla.jpeg"]
TOKEN = "ghp_" + "zQ9" * 12
PASSWORD = "zq-Pa55/w0rd!"
DATABASE = "postgres://zqadmin:zqsecret@db.zqcorp.internal:5432/zqtable"
ADDRESS = "10.77.66.55"
CANARIES = [
    USER, HOST, "zq home", "zqpatients", "zqscans", "zqanna", "zqberta", "zqcarla", "zQ9zQ9", PASSWORD, "zqadmin",
    "zqsecret", "zqcorp", "zqtable", ADDRESS, "zqwork", "zqparam", "zqkerberos", "fe80::dead:beef:cafe:1",
    "zqmail", "zqfolder", "zqshare",
]  # fmt: skip


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with canaries everywhere that we know of."""
    for name, value in {
        "USER": USER, "LOGNAME": USER, "HOSTNAME": HOST, "HOME": HOME, "MY_SERVICE_TOKEN": TOKEN,
        "BACKUP_PASSWORD": PASSWORD, "DATABASE_URL": DATABASE,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(private.socket, "gethostname", lambda: f"{HOST}.zqcorp.internal")


def planted(store: Path, **more: Any) -> RunView:
    def run(record: dict[str, Any]) -> None:
        record["command"] = [
            f"{HOME}/zqwork/bin/repro", "run", "original-bug", "--environment", "keras-2.0.9",
            f"--images={IMAGE_FOLDER}", "--store", "zqfolder", "--seed", "0",
        ]  # fmt: skip
        record["shipped_images"] = False
        for image, name in zip(record["images"], IMAGES, strict=True):
            image["name"] = name

    def environment(record: dict[str, Any]) -> None:
        record["facts"]["variables"].update(
            {
                "MY_SERVICE_TOKEN": TOKEN,
                "KERAS_HOME": f"{HOME}/.keras",
                "XLA_FLAGS": f"--xla_dump_to={HOME.replace(' ', '_')}/zqwork",
            }
        )
        record["facts"]["hostname"] = "vm"
        record["facts"]["deep"] = {
            "user": "root",
            "list": [{"note": f"mounted from //zqshare.{HOST}/x by {USER.upper()}"}],
        }
        record["missing"]["gpus"] = f"cannot read {IMAGE_FOLDER}/x: ask zqmail@zqcorp.internal"

    log = (
        f"reading '{IMAGE_FOLDER}/{IMAGES[0]}' for {USER}@{HOST} ({ADDRESS}, fe80::dead:beef:cafe:1)\n"
        f"GET https://example.org/data?zqparam={PASSWORD} with Authorization: Bearer zqkerberos12345\n"
        f"connect {DATABASE}\npercent: {PASSWORD.replace('/', '%2F').replace('!', '%21')}\n"
    )
    failed = {
        "event": "worker_failed",
        "time": 0.0,
        "kind": "OSError",
        "message": f"[Errno 2] No such file: '{IMAGE_FOLDER}/{IMAGES[1]}' token={TOKEN}",
        "traceback": f'Traceback\n  File "{HOME}/zqwork/a.py", line 3, in x\n    open({IMAGES[2]!r}) # {PASSWORD}\n',
    }
    ended = {"event": "run_ended", "time": 0.0, "state": "failed", "reason": f"in {HOME}: {DATABASE}", "exit_code": 4}
    return make_run(
        store, run=run, environment=environment, log=log, more_events=[failed, ended], finished=False, **more
    )


def everything(data: bytes) -> dict[str, bytes]:
    """The archive's own bytes, and every member's name and bytes."""
    found = {"the zip": data}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            found[member.filename] = member.filename.encode() + archive.read(member) + member.comment
    return found


def test_no_canary_in_any_byte(machine: None, store: Path) -> None:
    contents = export.collect([planted(store)], own_images=True)
    for name, data in everything(zipped(contents.files)).items():
        for canary in CANARIES:
            assert canary.lower().encode() not in data.lower(), f"{canary} in {name}"


def test_canaries_of_another_machine_are_found_by_shape(store: Path) -> None:
    contents = export.collect([planted(store)])
    for name, data in everything(zipped(contents.files)).items():
        for canary in [USER, "zqpatients", "zqanna", "zQ9zQ9", "zqadmin", "zqsecret", ADDRESS, "zqwork", "zqmail"]:
            assert canary.encode() not in data, f"{canary} in {name}"


def test_what_was_replaced_is_listed_without_the_original(machine: None, store: Path) -> None:
    contents = export.collect([planted(store)])
    assert contents.manifest is not None
    listed = {(one.path.rpartition("/")[2], one.kind) for one in contents.manifest.replaced}
    assert {("events.jsonl", "token"), ("environment.json", "host"), ("worker.log", "address")} <= listed
    for one in contents.manifest.replaced:
        assert re.fullmatch(r"<[a-z]+-\d+>", one.alias)
        assert contents.files[one.path].count(one.alias.encode()) >= 1


def test_aliases_are_the_same_everywhere(machine: None, store: Path) -> None:
    files = export.collect([planted(store)]).files
    log = next(data for name, data in files.items() if name.endswith("worker.log")).decode()
    events = next(data for name, data in files.items() if name.endswith("events.jsonl")).decode()
    alias = re.search(r"connect (<url-\d+>)", log)
    assert alias is not None and alias[1] in events


def test_variables_are_allow_listed(machine: None, store: Path) -> None:
    files = export.collect([planted(store)]).files
    record = json.loads(next(data for name, data in files.items() if name.endswith("environment.json")))
    assert "MY_SERVICE_TOKEN" not in record["facts"]["variables"]
    assert record["facts"]["variables"]["KERAS_BACKEND"] == "tensorflow"


def test_own_images_stay_unless_asked_for(machine: None, store: Path) -> None:
    run = planted(store)
    without = export.collect([run])
    assert not [name for name in without.files if name.endswith(("images.npy", ".png"))]
    assert without.manifest is not None and without.manifest.runs[0].images == "hashes"
    assert [left.reason for left in without.manifest.left_out] == ["images stay here"]
    with_them = export.collect([run], own_images=True)
    assert len([name for name in with_them.files if name.endswith(".png")]) == 3
    record = json.loads(next(data for name, data in with_them.files.items() if name.endswith("run.json")))
    assert [image["name"] for image in record["images"]] == ["image-0", "image-1", "image-2"]


def test_files_of_the_users_own_are_not_even_named(run: RunView) -> None:
    run.run.file("notes-of-qarnavel.txt").write_text("x")
    run.run.file("weights/final.npz").write_text("x")
    contents = export.collect([run])
    assert contents.manifest is not None
    assert {left.path.rpartition("/")[2]: left.reason for left in contents.manifest.left_out} == {
        "final.npz": "weights",
        "other-0": "not a file of a report",
    }
    assert b"notes-of" not in zipped(contents.files)


def test_pictures_hold_pixels_only(run: RunView) -> None:
    for name, data in export.collect([run]).files.items():
        if name.endswith(".png"):
            kinds = re.findall(rb"(?:IHDR|IDAT|IEND|eXIf|tEXt|iTXt|zTXt|tIME)", data)
            assert set(kinds) <= {b"IHDR", b"IDAT", b"IEND"}


def test_a_known_secret_that_is_left_refuses_the_export(
    monkeypatch: pytest.MonkeyPatch, run: RunView, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", TOKEN)
    monkeypatch.setattr(Redactor, "text", lambda self, text, file: text)
    with run.run.file("worker.log").open("a") as log:
        log.write(TOKEN)
    with pytest.raises(InputError, match="must not leave"):
        export.collect([run])


@pytest.mark.parametrize("name", ["epoch", "model", "keras", "batch", "norma", "root", "vm", "e", "numpy"])
def test_common_and_short_names_neither_corrupt_nor_block(
    monkeypatch: pytest.MonkeyPatch, store: Path, name: str, tmp_path: Path
) -> None:
    plain = make_run(store, tail="aaaa")
    monkeypatch.setenv("USER", name)
    monkeypatch.setenv("HOSTNAME", name)
    monkeypatch.setattr(private.socket, "gethostname", lambda: name)
    contents = export.collect([plain])
    target = tmp_path / "b.zip"
    export.write(contents, target)
    with read.opened(target) as bundle:
        assert bundle.runs[0].measurements == plain.measurements
        assert bundle.runs[0].environment["facts"]["packages"] == plain.environment["facts"]["packages"]


def test_short_names_go_as_path_components_and_in_their_own_fields() -> None:
    redactor = Redactor([PrivateText("user", "root"), PrivateText("host", "vm")])
    assert redactor.text("the root cause on a vm", "f") == "the root cause on a vm"
    assert "root" not in redactor.text("see data/root/x and root@vm", "f")
    assert redactor.value({"user": "root", "host": "vm", "note": "vm"}, "f")["note"] == "vm"
    assert set(redactor.value({"user": "root", "host": "vm"}, "f").values()) == {"<user-1>", "<host-1>"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('File "/x/y/lib/python3.6/site-packages/keras/a.py", line 3', "lib/python3.6/site-packages/keras/a.py"),
        ("/job:localhost/replica:0/task:0/device:CPU:0", "/job:localhost/replica:0/task:0/device:CPU:0"),
        ("2026-11-24 18:48:58.221853: I tensorflow/core/platform/x.cc:137] AVX2 and/or N/A 1/3", None),
        ("nvidia-cublas-cu12==12.9.1.4 v1.4.0-rc1-11-g130a514 tensorflow::ops::Add", None),
        ("see https://github.com/keras-team/keras/pull/9003 and 127.0.0.1", None),
    ],
)
def test_what_tells_nothing_stays(text: str, kept: str | None) -> None:
    cleaned = Redactor([]).text(text, "f")
    assert (kept in cleaned) if kept is not None else cleaned == text


def modules() -> list[Path]:
    """Every module of the package, relative to its folder."""
    return sorted(path.relative_to(shipped.PACKAGE) for path in shipped.PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", modules(), ids=str)
def test_paths_of_our_own_modules_stay(module: Path) -> None:
    line = f'File "/home/jane/work/repro/{module}", line 3, in x'
    assert Redactor([]).text(line, "f") == f'File "<path-1>/repro/{module}", line 3, in x'


@pytest.mark.parametrize(
    "path",
    ["repro/patients/a.py", "repro/secret.py", "repro/clinic/a.py", "xrepro/cli/run.py", "repro/cli/my notes.py"],
)
def test_paths_that_only_look_like_ours_go(path: str) -> None:
    assert Redactor([]).text(f'File "/home/jane/work/{path}"', "f") == 'File "<path-1>"'


def test_every_folder_of_the_package_is_known() -> None:
    folders = {path.parts[0] for path in modules() if len(path.parts) > 1}
    assert {"base", "cli", "supervise", "sweep", "worker"} <= folders <= set(paths.own_modules())


@pytest.mark.parametrize(
    "word", ["run", "sweep", "resume", "verify", "--seed=0:3", "original-bug", "keras-3", "--trace"]
)
def test_our_own_words_of_a_command_stay(word: str) -> None:
    assert public_word(word, 3) == word


@pytest.mark.parametrize(
    ("word", "public"), [("acme", "<argument-3>"), ("--store=acme", "--store=<argument-3>"), ("acme,0", "<argument-3>")]
)
def test_other_words_of_a_command_go(word: str, public: str) -> None:
    assert public_word(word, 3) == public


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no /data/Acme Corp/secret project/x.txt: gone", "no <path-1>: gone"),
        ("5 in /mnt/My Clients/Jane Doe.png now", "5 in <path-1> now"),
        ("no C:\\Users\\Jane Doe\\My Docs\\a.png: gone", "no <path-1>: gone"),
        ("~/My Pictures/Jane Doe.jpg: gone", "<path-1>: gone"),
        ("//server/My Share/Jane Doe.png", "<path-1>"),
        ("/home/jane/My Docs/Jane Doe.png was read", "<path-1> was read"),
        ("/data/x and then /y/z", "<path-1> and then <path-2>"),
        ("/data/x is what was read", "<path-1> is what was read"),
    ],
)
def test_paths_with_spaces_go_whole(text: str, left: str) -> None:
    assert Redactor([PrivateText("path", "/home/jane")]).text(text, "f") == left


def test_a_secret_in_the_scenarios_name_refuses(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    monkeypatch.setenv("USER", "qarnavel")

    def rename(record: dict[str, Any]) -> None:
        record["id"] = record["id"].replace("original-bug", "qarnavel-net")
        record["scenario"] = "qarnavel-net"

    run = make_run(store, run=rename, scenario=lambda text: text.replace("name: original-bug", "name: qarnavel-net"),
                   result=lambda found: found.update(scenario="qarnavel-net"))  # fmt: skip
    moved = run.run.path.rename(run.run.path.with_name(run.id.replace("original-bug", "qarnavel-net")))
    with pytest.raises(InputError):
        export.collect([RunView(type(run.run)(moved))])
