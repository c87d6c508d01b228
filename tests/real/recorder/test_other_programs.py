"""What programs of public repositories brought to light: nothing is invented, nothing is a recorder's fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from repro.explain.diagnosis import diagnose
from repro.runs.directory import RunDirectory
from tests.support.recorded_programs import Outcome, only, select

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.mark.parametrize("keras", ["keras", "tf_keras"])
def test_programs_that_do_what_ours_do_not(keras: str, run_program: Callable[..., Outcome]) -> None:
    plain = run_program("others.py", recorded=False, BITS_KERAS=keras)
    recorded = run_program("others.py", "a" * 5000, BITS_KERAS=keras)
    assert plain.code == 0, plain.errors
    assert (recorded.code, recorded.output, recorded.errors) == (0, plain.output, plain.errors)

    drawing, own_step, parts, lookup, wrong_calls, long_names = recorded.recordings
    for number in range(6):
        assert not select(recorded.events(number), "recorder_failed")
    finding = diagnose(RunDirectory(drawing))[0]
    assert (finding.cause, finding.numbers["layer"]) == ("stochastic-layers", "always")
    finding = diagnose(RunDirectory(own_step))[0]
    assert finding.cause == "no-discrepancy" and "there is no loss" in finding.says
    finding = diagnose(RunDirectory(parts))[0]
    assert finding.cause == "cannot-be-told" and "only its parts" in finding.says
    assert "not numbers" in only(recorded.events(3), "missing", what="measurements")["reason"]
    assert all(diagnose(RunDirectory(run)) for run in (lookup, wrong_calls, long_names))
    assert [event["ended"] for event in select(recorded.events(4), "fit_ended")][-1] == "returned"
