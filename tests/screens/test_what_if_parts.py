"""What the what-if screen is made of: questions in order, layers replayed, bars."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from repro.base.errors import EndedEarlyError, InputError
from repro.environment import definition
from repro.environment.machine import ONEDNN
from repro.scenario import load
from repro.supervise.what_if import WhatIfSession, snapshots
from tests.support.runs import recorded
from tui.commands import Request, worth_a_trace
from tui.what_if_queue import Question, QuestionQueue
from tui.widgets.heatmap import tall_bar


def test_questions_go_newest_first_and_once() -> None:
    def one(momentum: float) -> Question:
        return Question(momentum, 5, "moving")

    questions = QuestionQueue()
    questions.put(one(0.1), [one(0.2), one(0.3)])
    questions.put(one(0.5), [one(0.2), one(0.3), one(0.5)])
    assert questions.take() == one(0.5)
    questions.put(one(0.5), [one(0.3), one(0.2)])
    assert [questions.take(), questions.take()] == [one(0.3), one(0.2)]
    waiting: list[Question | None] = []
    thread = threading.Thread(target=lambda: waiting.append(questions.take()))
    thread.start()
    questions.close()
    thread.join(5)
    assert waiting == [None] and questions.is_closed


def test_zero_debiased_averages_are_not_replayed(store: Path) -> None:
    run = recorded.traced(store)
    file = run.file("run.json")
    file.write_text(file.read_text().replace('"keras-3"', '"keras-2.2.4"'))
    with pytest.raises(InputError, match=r"keras-2\.2\.4 zero-debiases its moving statistics"):
        WhatIfSession(run)


@pytest.mark.parametrize(("then", "now"), [("0", None), (None, "0"), ("1", "0")])
def test_the_worker_takes_the_kernels_of_the_run(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str | None, now: str | None
) -> None:
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "environments"))
    environment = definition.get("keras-3")
    environment.python.parent.mkdir(parents=True)
    environment.python.write_text(f"#!/bin/sh\nexec env > {tmp_path}/given\n")
    environment.python.chmod(0o755)
    (environment.prefix / definition.MARKER).write_text("{}")
    run = recorded.traced(store)
    variables = {} if then is None else {ONEDNN: then}
    run.file("environment.json").write_text(json.dumps({"format": 1, "facts": {"variables": variables}}))
    monkeypatch.delenv(ONEDNN, raising=False)
    if now is not None:
        monkeypatch.setenv(ONEDNN, now)
    with WhatIfSession(run) as session, pytest.raises(EndedEarlyError, match="without an answer"):
        session.ask(0.5, snapshots(run)[-1])
    given = dict(line.partition("=")[::2] for line in (tmp_path / "given").read_text().splitlines())
    assert given.get(ONEDNN) == then and "KERAS_HOME" in given


def test_bars_and_short_runs() -> None:
    assert [tall_bar(0.5, row, 4) for row in range(4)] == [" ", " ", "█", "█"]
    assert [tall_bar(0.0, 1, 2), tall_bar(None, 1, 2), tall_bar(2.0, 0, 2)] == ["▁", "·", "█"]
    loaded = {file.stem: load.load(file, environments=definition.names()).scenario for file in load.shipped_files()}
    short, long, renorm = loaded["original-bug"], loaded["epochs-1000"], loaded["batch-renorm"]
    assert worth_a_trace(["keras-3", "tf-keras"], [short])
    assert not worth_a_trace(["keras-3"], [short, long]) and not worth_a_trace(["keras-2.0.9"], [short])
    assert not worth_a_trace(["keras-3"], [renorm]), "training reads the moving statistics"
    assert Request(["a"], traced=True).arguments()[-1] == "--trace"
