"""One run as lines of its screen: what it is, how far it is, why it ended, what each phase says of the images."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from repro.base.text import one_line, rounded, share
from repro.runs.ids import RECORDED
from repro.runs.progress import Progress
from repro.runs.records import Result, RunRecord
from repro.runs.summary import OWN_TRAINING, RunSummary
from tui.text import BAD, BUSY, GOOD, HIGH, LOW, ODD, QUIET, bar, duration, rows, size, word

STAGES = {
    "import": "importing the framework",
    "build": "building the network",
    "fit": "training",
    "measure": "measuring",
    "hash": "hashing the weights",
    "program": "the program's own code",
}
RIGHT = 0.999  # accuracies of float32 are not exactly 1
LOG_LINES_OF_A_FAILURE = 6


def heading(
    summary: RunSummary, record: RunRecord | None, result: Result | None, state: str, *, is_frozen: bool
) -> Content:
    """Which run it is, and its verdict or state."""
    run = record or summary
    is_recording = run.environment == RECORDED
    outcome = word(RECORDED if is_recording and result else (result.verdict if result else None) or state)
    place = OWN_TRAINING if is_recording else f"{one_line(run.environment, 40)}  seed {run.seed}"
    parts: list[tuple[str, str]] = [
        (one_line(run.scenario, 60), "bold"),
        (f"  {place}   ", QUIET),
        (f"{outcome.sign} {outcome.word}", f"bold {outcome.style}"),
    ]
    if result is not None and result.degraded:
        parts.append(("  degraded: another device than asked for", ODD))
    if is_frozen:
        parts.append(("   view is frozen (p)", ODD))
    return Content.assemble(*parts)


def progress_line(progress: Progress, state: str, result: Result | None, seconds_silent: float, width: int) -> Content:
    """How far a run is, or how long it took; `seconds_silent`: since its last event came."""
    step = progress.step_seconds or (progress.epoch_seconds[0] if progress.epoch_seconds else None)
    facts = [f"epoch {progress.epoch} of {progress.epochs}"] if progress.epochs else []
    if step is not None:
        facts.append(f"{duration(step)} {'an epoch' if progress.recorded is not None else 'a step'}")
    if state == "running":
        return _running_line(progress, facts, seconds_silent, width)
    if result is not None:
        facts.append(f"{duration(result.seconds.get('total'))} in all")
        if progress.peak_memory_bytes:
            facts.append(f"{size(progress.peak_memory_bytes)} at the peak")
    elif progress.checkpoint is not None:
        facts.append(f"checkpoint after epoch {progress.checkpoint.epoch}")
    if progress.attempt > 1:
        facts.append(f"{progress.attempt} attempts")
    return Content.styled("  ·  ".join(facts), QUIET)


def _running_line(progress: Progress, facts: list[str], seconds_silent: float, width: int) -> Content:
    facts = [*facts, _stage(progress)]
    seconds_left = progress.seconds_left
    if seconds_left is not None and progress.epoch < progress.epochs:
        facts.append(f"about {duration(seconds_left)} left")
    done = progress.epoch / progress.epochs if progress.epochs else 0.0
    # The seconds before what may be cut off: in a narrow terminal nothing else moves while the step is traced.
    return Content.assemble(
        (f"{bar(done, 16 if width >= 80 else 8)}▏", BUSY),
        (f"  {duration(progress.seconds_so_far + seconds_silent)}  ·  ", QUIET),
        "  ·  ".join(facts),
    )


def _stage(progress: Progress) -> str:
    """What a running run is at."""
    if progress.stop_requested:
        return "stopping with a checkpoint"
    if progress.stage == "fit" and progress.epoch == 0:
        return "tracing the first step, the slow one"
    if progress.stage:
        return STAGES.get(progress.stage, one_line(progress.stage, 20))
    # A standby worker is taken before it is ready: it says nothing until then.
    return "importing, building and tracing, begun ahead" if "warm" in progress.seconds else "starting"


def reason(
    progress: Progress, state: str, damage: str, log_tail: Sequence[str], *, is_recording: bool = False
) -> Content:
    """Why there is no verdict, with the end of the log if the worker failed; then the run's warnings."""
    ended = progress.ended
    lines: list[Content] = []
    if state == "damaged":
        lines.append(Content.styled(one_line(damage or "damaged", 400), BAD))
    elif state == "failed":
        lines.append(Content.styled(one_line(ended.reason if ended else "failed", 500), BAD))
        lines += [Content.styled("  " + line[:300], QUIET) for line in log_tail[-LOG_LINES_OF_A_FAILURE:]]
    elif state in ("stopped", "interrupted") and is_recording:
        text = ended.reason if ended else "the program is gone: killed, or the machine went down"
        lines.append(Content.styled(f"{one_line(text, 300)}.  only the program itself can train on", ODD))
    elif state in ("stopped", "interrupted"):
        text = ended.reason if ended else "the supervisor is gone: killed, or the machine went down"
        start = "goes on from the last checkpoint" if progress.checkpoint else "begins from the start"
        lines.append(Content.styled(f"{one_line(text, 300)}.  r {start}", ODD))
    elif state == "elsewhere":
        lines.append(Content.styled("another machine or container is at it", BUSY))
    return rows([*lines, *(Content.styled(f"! {one_line(text, 300)}", ODD) for text in progress.warnings)])


def phases(progress: Progress) -> Content:
    """Loss and accuracy of the same weights in both phases, as measured last."""
    epoch = max((epoch for _, epoch in progress.evaluations), default=None)
    if epoch is None:
        return Content.styled("not measured yet", QUIET)
    lines = [Content.styled(f"{'after epoch ' + str(epoch):<18}{'loss':<16}accuracy", QUIET)]
    for phase, name in (("training", "training phase"), ("inference", "inference")):
        evaluated = progress.evaluations.get((phase, epoch))
        if evaluated is None:
            continue
        if evaluated.accuracy is None:
            lines.append(Content(f"{name:<18}{rounded(evaluated.loss):<16}-"))
            continue
        is_right = float(evaluated.accuracy) >= RIGHT
        lines.append(
            Content.assemble(
                f"{name:<18}",
                f"{rounded(evaluated.loss):<16}",
                (f"{share(evaluated.accuracy)}  ", GOOD if is_right else BAD),
                (bar(float(evaluated.accuracy), 8), LOW if is_right else HIGH),
            )
        )
    return rows(lines)
