"""The tables of docs/reliability.md: what was tried, how often, and what happened. No figure in them is typed by hand.

    python -m scripts.reliability [PYTEST OPTIONS]

runs tests/faults and keeps in docs/evidence/faults.json how often each fault was tried; rows of tests that were left
out (`-m "not real"`) stay.

docs/evidence/kill-test.json comes from `make kill-test`; `python -m scripts.evidence tables` writes the tables.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
EVIDENCE = ROOT / "docs/evidence"
FOLDER = "tests/faults"


class Row(NamedTuple):
    """One line of a table: a fault, what is promised, what trying it brought to light, and the tests that try it."""

    fault: str
    promise: str
    found: str
    tests: tuple[str, ...]


DISK = (
    Row(
        "disk full at each write in turn: making the run, events, log, record, trace, snapshot, checkpoint, result",
        "one line; not begun (exit 3) and nothing left, or failed with the reason (exit 4); runs before whole; "
        "resumed when there is room",
        "the reason itself did not fit: 16 KiB are kept for it now",
        (
            "test_disk.py::test_a_disk_that_is_full_at_every_write_in_turn",
            "test_disk.py::test_the_last_event_has_room_of_its_own",
            "test_disk.py::test_the_reserve_is_kept_while_a_run_lives_and_given_back",
        ),
    ),
    Row(
        "disk full under run, resume, export; runs, show, watch, compare, delete on it",
        "the first three refuse in one line and change nothing, the others work",
        "a resume began without room for its last event",
        (
            "test_disk.py::test_commands_on_a_full_disk",
            "test_disk.py::test_a_resume_without_room_for_its_last_event_changes_nothing",
            "test_disk.py::test_the_store_is_swept_on_a_full_disk_too",
        ),
    ),
    Row(
        "disk full when `result.json` is written",
        "failed with the reason; a resume writes it without training",
        "it was trained anew, since its checkpoints had gone",
        ("test_disk.py::test_a_result_that_does_not_fit_is_written_by_a_resume",),
    ),
    Row(
        "a real trace that meets a full disk",
        "failed with the reason, resumed to the bits of a run that had room",
        "",
        ("test_real_faults.py::test_a_real_trace_that_meets_a_full_disk",),
    ),
    Row(
        "quota exceeded (the error alone: no file system here has quotas)",
        "told like a full disk",
        "",
        ("test_disk.py::test_a_quota_is_told_like_a_full_disk",),
    ),
    Row(
        "read-only store",
        "read as ever; run, resume, delete refuse in one line (exit 3)",
        "",
        ("test_disk.py::test_a_read_only_store_is_read_and_not_written",),
    ),
    Row(
        "slow disk: 0.3 s for each fsync",
        "the run is slower and whole",
        "",
        ("test_disk.py::test_a_slow_disk_delays_a_run_and_nothing_else",),
    ),
    Row(
        "store on another file system than /tmp",
        "run, export, verify, delete work",
        "",
        ("test_disk.py::test_a_store_on_another_file_system_than_the_temporary_one",),
    ),
    Row(
        "out of memory: a cgroup's limit, the worker's own exceptions, a kill by somebody else",
        "failed, *out of memory* in words, and only then",
        "every SIGKILL was called *probably out of memory*; the kernel's count decides now",
        (
            "test_memory.py::test_a_worker_that_the_kernel_kills_for_want_of_memory",
            "test_memory.py::test_a_kill_is_laid_at_the_kernels_door_only_where_it_counted_one",
            "test_memory.py::test_a_worker_that_says_itself_that_memory_ran_out",
            "test_memory.py::test_the_count_is_that_of_the_nearest_cgroup",
            "test_real_faults.py::test_real_training_that_runs_out_of_memory",
        ),
    ),
)
PLACE = (
    Row(
        "clock set back or forward by an hour, within and between stretches",
        "durations and the time left stay true, events in order",
        "stages took minus an hour, and resumed runs too",
        (
            "test_time.py::test_durations_survive_a_clock_that_is_set_while_a_run_goes_on",
            "test_time.py::test_durations_survive_a_clock_that_was_set_between_two_stretches",
            "test_time.py::test_a_log_of_an_older_clock_gives_no_negative_durations",
            "test_time.py::test_heartbeats_carry_a_run_on_by_no_more_than_their_interval",
            "test_time.py::test_the_time_left_comes_from_the_workers_own_clock",
        ),
    ),
    Row(
        "clock set back between runs",
        "`last` is the run made last (up to a day back), the queue keeps its order",
        "both followed the clock",
        (
            "test_time.py::test_last_is_the_run_that_was_made_last",
            "test_time.py::test_an_id_far_in_the_future_is_not_followed",
            "test_time.py::test_tickets_stay_in_turn",
        ),
    ),
    Row(
        "clock set back after a crash",
        "the run is interrupted and can be resumed",
        "it was *elsewhere* until the old time came again",
        (
            "test_time.py::test_a_sign_of_life_from_the_future_is_none",
            "test_time.py::test_a_run_directory_says_what_became_of_it_whatever_the_clock",
            "test_time.py::test_what_is_swept_is_old_by_a_clock_that_may_have_been_set",
        ),
    ),
    Row(
        "time zones, one of them nonsense",
        "the same output, UTC in ids",
        "",
        ("test_time.py::test_time_zones_change_no_figure",),
    ),
    Row(
        "two users on one store",
        "what may be read is read; what may not is one line, or one run's reason, and hides no other",
        "one unreadable file ended every list, and kept others from running",
        (
            "test_place.py::test_another_users_store_is_read_and_not_written",
            "test_place.py::test_a_running_run_of_another_user",
            "test_place.py::test_a_store_for_two",
            "test_place.py::test_a_store_that_may_not_be_listed",
        ),
    ),
    Row(
        "10,000 runs in a store",
        "`repro runs` under 1 s of a core; first paint under 1.5 times that with 500 (`benchmarks/tui_start.py`)",
        "it took 1.1 s, and takes 0.6 s now",
        ("test_place.py::test_ten_thousand_runs_are_listed_in_a_second",),
    ),
    Row(
        "spaces, quotes, other scripts in every name; names that are no UTF-8",
        "everything works, in any locale",
        "an ASCII locale and a store that is no UTF-8 ended in a traceback; the undo of delete was not quoted",
        (
            "test_place.py::test_names_with_spaces_and_other_letters",
            "test_place.py::test_a_store_whose_name_is_no_utf8",
        ),
    ),
    Row(
        "paths near 4096 bytes (no sockets are used but Dask's, over TCP)",
        "the longest store that can hold a run works, a longer one is refused before anything is written",
        "a run failed in the middle",
        ("test_place.py::test_a_path_that_is_as_long_as_it_may_be",),
    ),
    Row(
        "locales C, POSIX and an unknown one, with and without Python's UTF-8 mode",
        "commands and screen work, JSON is UTF-8",
        "",
        (
            "test_place.py::test_a_locale_without_utf8",
            "test_place.py::test_the_screen_in_a_locale_without_utf8",
        ),
    ),
    Row("umask 077", "works; nothing for others", "", ("test_place.py::test_a_strict_umask",)),
    Row(
        "HOME unset; a user without name and home",
        "works; installing asks for a folder in one line",
        "a traceback, on the screen too",
        (
            "test_place.py::test_without_a_home",
            "test_place.py::test_a_user_without_a_name_and_a_home",
            "test_place.py::test_the_screen_without_a_home",
        ),
    ),
)
# Victim: (what is promised, what trying it brought to light).
KILLS = {
    "supervisor": (
        "interrupted (or finished); its worker ends with it; resumed to the same bits",
        "killed before `result.json` it was trained anew; now the result is written",
    ),
    "worker": (
        "failed, with the reason; resumed to the same bits",
        "half-written files entered the result of the resumed run",
    ),
    "screen": (
        "the terminal has the modes it had; runs go on",
        "mouse and alternate screen stayed on; the lock file of its warm worker stayed",
    ),
    "queue": ("its run goes on; what waits can be gone on with", "a ticket stood as started for ever"),
    "sweep": ("its runs keep a checkpoint, the same command goes on", ""),
    "dask worker": ("another worker makes its run", ""),
    "container": ("interrupted; resumed in another container", ""),
    "export": ("a whole bundle or none", "half a bundle stayed under a hidden name"),
    "what-if": ("its worker ends with it", "its temporary folder stayed"),
}
KILL_TESTS = "`test_kill_test.py::test_twenty_kills_lose_nothing`, `test_kills.py`"


def _read(name: str) -> dict[str, Any]:
    file = EVIDENCE / name
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def tables() -> dict[str, str]:
    """The tables by the names of their marks."""
    counts = {row["test"]: row for row in _read("faults.json").get("tests", [])}
    return {
        "kills": _kills(_read("kill-test.json").get("kills", [])),
        "disk": _rows(DISK, counts),
        "place": _rows(PLACE, counts),
    }


HEAD = ("fault", "how often tried", "promised", "what happened", "test")


def _table(rows: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [HEAD, ("---",) * len(HEAD), *rows])


def _kills(kills: list[dict[str, Any]]) -> str:
    lines = []
    for victim, (promise, found) in KILLS.items():
        mine = [kill for kill in kills if kill["victim"] == victim]
        if not mine:
            continue
        moments = ", ".join(f"{name} {count}" for name, count in sorted(Counter(k["moment"] for k in mine).items()))
        states = Counter(kill["state"] for kill in mine if kill["state"] != "-")
        faulty = sum(bool(kill["faults"]) for kill in mine)
        said = ["as promised" if not faulty else f"**{faulty} not as promised**"]
        said += [f"{count} {state}" for state, count in sorted(states.items())]
        happened = ", ".join(said) + (f". Found: {found}" if found else "")
        lines.append((f"SIGKILL to the {victim}: {moments}", str(len(mine)), promise, happened, KILL_TESTS))
    resumed = sum(kill["resumed"] for kill in kills)
    faulty = sum(bool(kill["faults"]) for kill in kills)
    promise = "no finished run lost, no state stuck, nothing left behind"
    happened = f"{resumed} resumed to the end, {faulty} not as promised"
    lines.append(("**all**", str(len(kills)), promise, happened, "`make kill-test`"))
    return _table(lines)


def _rows(rows: tuple[Row, ...], counts: dict[str, Any]) -> str:
    lines = []
    for row in rows:
        found = [counts.get(f"{FOLDER}/{test}", {"tried": 0, "failed": 0, "skipped": 0}) for test in row.tests]
        tried, failed = sum(one["tried"] for one in found), sum(one["failed"] for one in found)
        happened = "as promised" if not failed else f"**{failed} not as promised**"
        if not tried:
            happened = "not tried here"
        happened += f". Found: {row.found}" if row.found else ""
        tests = ", ".join(f"`{test}`" for test in row.tests)
        lines.append((row.fault, str(tried), row.promise, happened, tests))
    return _table(lines)


def collect(options: list[str]) -> int:
    """Run the tests and keep how often each tried its fault; the exit code of pytest."""
    kept = {row["test"]: row for row in _read("faults.json").get("tests", [])}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", FOLDER, "-q", "-o", "junit_family=xunit1", "--junitxml", str(report)]
        deselected = ["--deselect", f"{FOLDER}/test_kill_test.py"]
        code = subprocess.run([*command, *deselected, *options], cwd=ROOT, check=False).returncode
        found: dict[str, dict[str, Any]] = {}
        for case in ElementTree.parse(report).iter("testcase"):
            name = str(case.get("classname")).replace(".", "/") + ".py::" + str(case.get("name")).partition("[")[0]
            row = found.setdefault(name, {"test": name, "tried": 0, "failed": 0, "skipped": 0})
            given = [int(one.get("value", 1)) for one in case.iter("property") if one.get("name") == "tried"]
            if case.find("skipped") is not None:
                row["skipped"] += 1
            else:
                row["tried"] += given[0] if given else 1
                row["failed"] += case.find("failure") is not None or case.find("error") is not None
    rows = ",\n".join(f"  {json.dumps(row)}" for _, row in sorted({**kept, **found}.items()))
    (EVIDENCE / "faults.json").write_text(f'{{\n "format": 1,\n "tests": [\n{rows}\n ]\n}}\n', encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(collect(sys.argv[1:]))
