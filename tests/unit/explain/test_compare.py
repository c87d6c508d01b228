"""The comparison is one table; text, Markdown, CSV and JSON say the same and never round a number into a lie."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.base.difference import DifferenceRow, all_equal
from repro.base.text import exact, exact_row
from repro.bundle import export
from repro.environment import diff
from repro.explain import compare
from repro.explain.compare import Comparison
from repro.runs.view import RunView
from tests.support.command_line import Repro
from tests.support.runs.copied import Change, make_run, validated


def worse(result: dict[str, Any]) -> None:
    result["measurements"]["evaluate"]["loss"] = 10.745396614074709
    result["measurements"]["fit"]["accuracy"][-1] = 0.9999999
    result["measurements"]["predict"]["probabilities"][0][1] = 0.99999994
    result["verdict"] = "NOT_REPRODUCED"
    result["claims"][0].update(outcome="failed", measured=0.9999999)


def newer(record: dict[str, Any]) -> None:
    record["facts"]["versions"]["keras"] = "2.2.4"
    record["facts"]["packages"].update({"keras": "2.2.4", "zipp": "9.9", "numpy": "1.16.7"})
    record["facts"]["cpu"]["instruction_sets"] = ["avx512f"]
    record["facts"]["threads"]["intra_op"] = 8


@pytest.fixture
def two(store: Path) -> list[RunView]:
    return [make_run(store, tail="aaaa"), make_run(store, tail="bbbb", result=worse, environment=newer)]


def test_numbers_keep_every_digit_that_makes_them_true(two: list[RunView]) -> None:
    text = compare.as_text(compare.compare(two), all_rows=False)
    assert "10.745396614074707" in text and "10.745396614074709" in text
    assert "0.9999999" in text and "0.99999994" in text
    assert "(+1.78e-15)" in text


@settings(deadline=None)
@given(st.floats())
def test_any_number_is_read_back_as_it_was(value: float) -> None:
    assert repr(float(exact(value))) == repr(value)


def test_what_differs_on_validation_images_is_shown(store: Path) -> None:
    def unseen(name: str) -> Change:
        return lambda record: record.update(validation_images=[{**record["images"][0], "name": name}])

    runs = [
        make_run(store, tail="aaaa", run=unseen("a.png"), result=validated(2.5, 0.4)),
        make_run(store, tail="bbbb", run=unseen("b.png"), result=validated(0.1, 0.95)),
    ]
    shown = [row.name for row in compare.compare(runs).shown(all_rows=False) if not row.always]
    assert shown == ["validation image 0", "validation.loss", "validation.accuracy"]


def test_of_many_images_only_how_many_differ_is_shown(store: Path) -> None:
    def many(value: float) -> Any:
        def change(result: Any) -> None:
            rows = [[value, 1 - value]] * 5 + [[0.25, 0.75]] * 20
            result["measurements"]["predict"] |= {"probabilities": rows, "classes": [1] * 25}

        return change

    runs = [make_run(store, tail="abc2", result=many(0.5)), make_run(store, tail="abc3", result=many(0.125))]
    rows = [row for row in compare.compare(runs).rows if row.name.startswith("predict.probabilities")]
    assert [(row.name.partition(", ")[2], row.values) for row in rows] == [
        ("images that differ from the first run", (0, 5))
    ]


def test_only_what_differs_unless_asked(two: list[RunView]) -> None:
    table = compare.compare(two)
    shown = {row.name for row in table.shown(all_rows=False)}
    everything = {row.name for row in table.shown(all_rows=True)}
    assert "evaluate.loss" in shown and "evaluate.accuracy" not in shown
    assert "evaluate.accuracy" in everything and "cpu.vendor" in everything
    assert "import" in shown, "times are shown always"


def test_the_likeliest_explanation_comes_first(two: list[RunView]) -> None:
    rows = [row for row in compare.compare(two).shown(all_rows=False) if row.section == "environment"]
    assert [row.name for row in rows] == [
        "packages.keras",
        "versions.keras",
        "threads.intra_op",
        "cpu.instruction_sets",
        "packages.numpy",
        "packages.zipp",
    ]
    assert all(row.why and row.source for row in rows)
    assert [row.explains for row in rows] == [True] * 5 + [False]


def test_what_explains_nothing_is_no_reason(two: list[RunView]) -> None:
    text = compare.as_text(compare.compare(two), all_rows=False)
    rows, reasons = text.split("what of the environment's differences can be the reason")
    assert "packages.zipp" in rows
    assert "CPU" in reasons or "instruction" in reasons
    assert "other packages" not in reasons and "not known to" not in reasons


def test_every_format_comes_from_the_same_rows(two: list[RunView], repro: Repro) -> None:
    table = compare.compare(two)
    names = [row.name for row in table.shown(all_rows=False)]
    found = json.loads(repro("compare", two[0].id, two[1].id, "--json")[1])
    assert [row["name"] for row in found["rows"]] == names
    assert (found["format"], found["same_verdicts"]) == (1, False)
    explains = {row["name"]: row["explains"] for row in found["rows"]}
    assert (explains["evaluate.loss"], explains["versions.keras"], explains["packages.zipp"]) == (None, True, False)
    rows = list(csv.reader(io.StringIO(repro("compare", two[0].id, two[1].id, "--format", "csv")[1])))
    assert [row[1] for row in rows[1:]] == names and {len(row) for row in rows} == {8}
    markdown = repro("compare", two[0].id, two[1].id, "--format", "markdown")[1]
    assert sum(line.startswith("| ") for line in markdown.splitlines()) >= len(names)


def test_long_values_are_seen_to_differ_wherever_they_do() -> None:
    left, right = [*range(199), 198], [*range(199), 0]
    table = Comparison(
        ["A", "B"], ["a", "b"], [None, None], [DifferenceRow("measurements", "predict.classes", (left, right))]
    )
    (row,) = list(csv.reader(io.StringIO(compare.as_csv(table, all_rows=False))))[1:]
    assert row[2:5] == [str(left), str(right), "yes"]
    lines = compare.as_text(table, all_rows=False).splitlines()
    assert [line[-6:] for line in lines if line.startswith("    ")] == [", 198]", "98, 0]"]
    assert ", 198]" in compare.as_markdown(table, all_rows=False).replace("\\", "")


def test_equal_long_values_begin_at_their_beginning() -> None:
    first, second = exact_row([list(range(300))] * 2)
    assert first == second and first.startswith("[0, 1, 2")


def test_an_empty_fact_is_empty_in_csv() -> None:
    table = Comparison(
        ["A", "B"], ["a", "b"], [None, None], [DifferenceRow("environment", "python.branch", ("", "=x"))]
    )
    (row,) = list(csv.reader(io.StringIO(compare.as_csv(table, all_rows=False))))[1:]
    assert row[2:4] == ["", "'=x"]


def test_exit_code_says_whether_verdicts_are_the_same(two: list[RunView], store: Path, repro: Repro) -> None:
    assert repro("compare", two[0].id, two[1].id)[0] == 1
    third = make_run(store, tail="cccc")
    code, out, err = repro("compare", two[0].id, third.id)
    assert (code, err) == (0, "") and "nothing differs but the time" in out


def test_bundles_and_runs_mix(two: list[RunView], tmp_path: Path, repro: Repro) -> None:
    export.write(export.collect([two[0]]), tmp_path / "b.zip")
    code, out, _ = repro("compare", tmp_path / "b.zip", two[0].id, "--json")
    assert code == 0
    assert {row["section"] for row in json.loads(out)["rows"]} == {"seconds"}


def test_fifty_runs_make_one_table(store: Path, repro: Repro) -> None:
    import string

    for index in range(50):
        make_run(store, tail=f"a{string.ascii_lowercase[index // 25]}{string.ascii_lowercase[index % 25]}x")
    names = [folder.name for folder in store.iterdir()]
    code, out, _ = repro("compare", *names)
    assert code == 0 and len(out.splitlines()) > 50


def test_hostile_text_is_harmless_in_every_format(store: Path, repro: Repro) -> None:
    def evil(record: dict[str, Any]) -> None:
        record["facts"]["os"]["name"] = "\x1b[2J<script>|a|\n=cmd()"
        record["facts"]["packages"]["=x|\x1b]0;a\x07"] = "=HYPERLINK(1)"

    first, second = make_run(store, tail="aaaa"), make_run(store, tail="bbbb", environment=evil)
    for kind in ("table", "markdown", "csv"):
        out = repro("compare", first.id, second.id, "--format", kind)[1]
        assert "\x1b" not in out and "\x07" not in out
        if kind == "markdown":
            assert "<script>" not in out
            assert {line.replace("\\|", "").count("|") for line in out.splitlines() if line.startswith("|")} == {5}
        if kind == "csv":
            cells = [value for row in csv.reader(io.StringIO(out)) for value in row]
            assert not [value for value in cells if value.startswith(("=", "@"))]


def test_unfinished_runs_are_compared_as_far_as_they_go(store: Path, repro: Repro) -> None:
    make_run(store, tail="aaaa")
    ended = {"event": "run_ended", "time": 0.0, "state": "failed", "reason": "x", "exit_code": 4}
    other = make_run(store, tail="bbbb", finished=False, more_events=[ended])
    code, out, _ = repro("compare", "aaaa", other.id)
    assert code == 1 and "failed" in out


@pytest.mark.parametrize(
    ("key", "group"),
    [
        ("packages.tensorflow-cpu", "framework"),
        ("tensorflow_build.compiler", "framework"),
        ("versions.keras", "Keras"),
        ("model.momentum", "Keras"),
        ("onednn", "kernels"),
        ("gpus[0].device_name", "device"),
        ("packages.nvidia-cudnn-cu12", "device"),
        ("determinism.op_determinism", "determinism"),
        ("threads.intra_op", "threads"),
        ("cpu.instruction_sets", "instruction sets"),
        ("packages.numpy", "packages the worker loads"),
        ("math_libraries.libopenblas.so.threads", "packages the worker loads"),
        ("libc", "system"),
        ("memory_bytes", "machine"),
        ("packages.zipp", "other packages"),
        ("something.new", "the rest"),
    ],
)
def test_each_fact_has_a_group(key: str, group: str) -> None:
    assert diff.rule_of(key)[1].group == group


def test_passes_left_out_are_not_taken_for_xla() -> None:
    _, rule = diff.rule_of("graph_passes_left_out")
    assert rule.group == "kernels"
    assert "graph optimizer" in rule.why


def test_the_order_of_groups_is_that_of_the_documents() -> None:
    order = list(dict.fromkeys(rule.group for rule in diff.RULES))
    wanted = ["framework", "Keras", "kernels", "device", "determinism", "threads", "instruction sets"]
    assert [group for group in order if group in wanted] == wanted
    assert order[-2:] == ["other packages", "the rest"]


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_record_can_be_compared(facts: Any) -> None:
    record = {"facts": facts}
    diff.differences([record, {"facts": {"versions": {"keras": "1"}}}])


def test_what_one_record_lacks_comes_last() -> None:
    found = diff.differences(
        [{"facts": {"onednn": True, "numpy": "1"}}, {"facts": {"numpy": "2", "packages": {"h5py": "3"}}}]
    )
    assert [(row.name, row.group) for row in found] == [
        ("numpy", "packages the worker loads"),
        ("packages.h5py", "packages the worker loads"),
        ("onednn", "recorded on one side only"),
    ]


def test_true_is_not_one() -> None:
    assert not all_equal([True, 1]) and all_equal([1, 1.0]) and all_equal([[1], [1]])


def test_drift_of_a_resume_is_a_difference(two: list[RunView]) -> None:
    """`resume --allow-drift`: the first record knows nothing of it."""
    before = {row.name for row in diff.differences([one.facts_record for one in two])}
    facts = {**two[1].environment["facts"], "drift": ["numpy: locked 2, installed 1"]}
    two[1].run.file("environment-2.json").write_text(json.dumps({"format": 1, "facts": facts}))
    found = diff.differences([two[0].facts_record, RunView(two[1].run).facts_record])
    (new,) = [row for row in found if row.name not in before]
    assert (new.name, new.group, new.explains) == ("drift", "lock", True)
    assert new.values == ([], ["environment-2: numpy: locked 2, installed 1"])


def test_environment_diff_of_runs(two: list[RunView], repro: Repro) -> None:
    code, out, _ = repro("environment", "diff", two[0].id, two[1].id, "--json")
    rows = json.loads(out)["rows"]
    assert code == 0 and rows[0]["name"] == "packages.keras" and rows[0]["values"] == ["2.0.9", "2.2.4"]
    assert [row["explains"] for row in rows] == [True] * (len(rows) - 1) + [False]
    assert "threads: sums are split" in repro("environment", "diff", two[0].id, two[1].id)[1]
