"""Asks every cause's rule, and puts what they find in order."""

from __future__ import annotations

from repro.base.text import percent
from repro.explain import sentences
from repro.explain.causes import (
    batch_dependent,
    label_order,
    mixed_domains,
    never_updated,
    non_finite,
    not_converged,
    not_learning,
    outliers,
    output_and_loss,
    overfitting,
    preprocessing,
    small_batch,
    stale,
    stochastic_layers,
    unseen_classes,
)
from repro.explain.causes.evidence import Evidence, Other
from repro.explain.causes.finding import (
    CONSISTENT,
    PROVED,
    Finding,
    cannot,
    numbers,
    statistics_rows,
)
from repro.explain.causes.others import compared, is_worse
from repro.explain.criteria import FEWEST_SAMPLES, has_learned

# Of a difference between the phases, the most special first: the first that applies leaves the others nothing.
PHASE_RULES = (
    preprocessing.find_in_fit,
    never_updated.find,
    outliers.find,
    not_converged.find,
    mixed_domains.find,
    stochastic_layers.find_variance_shift,
    stale.find,
)
# Of samples that are answered worse than those of training.
OTHER_RULES = (
    never_updated.find_in_call,
    preprocessing.find,
    label_order.find,
    unseen_classes.find,
    overfitting.find,
)
FIRST_LAYER = "look at each layer (repro show --layers): the first one whose phases differ is where to look"


def judge(evidence: Evidence) -> list[Finding]:
    """Return the findings, the likeliest cause first; never empty."""
    if (bad := non_finite.find(evidence)) is not None:
        return [bad]
    if evidence.quality(evidence.inference) is None or evidence.quality(evidence.training) is None:
        says = f"the two phases were not measured{evidence.why_unmeasured}"
        return [cannot(evidence, says, "measure both phases: let fit end, and add both to what is measured")]
    found = [*_of_phases(evidence), *_of_others(evidence)]
    if not any(finding.cause == "stochastic-layers" for finding in found):
        found += [finding for finding in [stochastic_layers.find_harmless(evidence)] if finding is not None]
    found.sort(key=lambda finding: finding.cause == "cannot-be-told")
    if found:
        return found
    if evidence.differs(evidence.training, evidence.inference):
        return [_noisy_training(evidence) or _unexplained(evidence)]
    for rule in (output_and_loss.find, not_learning.find, label_order.find_shuffled_rows):
        if (finding := rule(evidence)) is not None:
            return [finding]
    return [_no_discrepancy(evidence)]


def _of_phases(evidence: Evidence) -> list[Finding]:
    """What accounts for a difference between the phases on the samples of training."""
    if (dependent := batch_dependent.find(evidence)) is not None:
        return [dependent]
    if not evidence.norms:
        return []
    if not _is_polluted(evidence) and (small := small_batch.find(evidence)) is not None:
        return [small]
    if not evidence.is_better(evidence.training, evidence.inference):
        # Dropout can lower training as far as its shifted statistics lower inference.
        shifted = stochastic_layers.find_variance_shift(evidence)
        return [] if shifted is None else [shifted]
    found: list[Finding] = []
    for rule in PHASE_RULES:
        if (finding := rule(evidence)) is not None:
            found.append(finding)
            if finding.cause != "outliers":  # which the initial values may join
                break
    proved = [finding for finding in found if finding.numbers["confidence"] == PROVED]
    return proved or found[:1]


def _is_polluted(evidence: Evidence) -> bool:
    """Whether a few batches are proved to spoil the averages: a larger batch holds one of them more often."""
    polluted = outliers.find(evidence)
    return polluted is not None and polluted.numbers["confidence"] == PROVED


def _of_others(evidence: Evidence) -> list[Finding]:
    """Why other samples are answered worse than those of training, each cause once."""
    findings: dict[str, Finding] = {}
    for other in evidence.others:
        if other.score.samples < FEWEST_SAMPLES or not is_worse(evidence, other):
            continue
        for finding in _of_one(evidence, other):
            findings.setdefault(finding.cause, finding)
    return list(findings.values())


def _of_one(evidence: Evidence, other: Other) -> list[Finding]:
    if other.weights is not None and not other.weights.is_equal:
        statistics = never_updated.find_in_call(evidence, other)
        return [statistics or _other_weights(evidence, other)]
    found = [finding for rule in OTHER_RULES[1:-1] if (finding := rule(evidence, other)) is not None]
    proved = [finding for finding in found if finding.numbers["confidence"] == PROVED]
    if proved or found:
        return proved or found
    if (learned := overfitting.find(evidence, other)) is not None:
        return [learned]
    remedy = "compare how these samples and those of fit are made"
    return [cannot(evidence, f"{compared(evidence, other)}; nothing that was looked at explains it", remedy)]


def _other_weights(evidence: Evidence, other: Other) -> Finding:
    assert other.weights is not None
    count, of = other.weights.other_trainable, other.weights.trainable
    says = f"{other.what} used other weights than fit left ({count} of {of} variables); {compared(evidence, other)}"
    return cannot(evidence, says, "compare it with the model whose fit is recorded here")


def _noisy_training(evidence: Evidence) -> Finding | None:
    """The phase of training is worse in its small batches only; inference gets all right."""
    largest = small_batch.deciding_trial(evidence)
    if largest is None or not small_batch.is_harmless(evidence):
        return None
    small, large = evidence.say(evidence.training), evidence.say(largest.score)
    says = (
        f"no discrepancy to repair: {evidence.say(evidence.inference)} in inference. Only what training reports is "
        f"noisy: {small} in batches of {evidence.batch_size}, but {large} in batches of {largest.batch_size}"
    )
    figures = numbers(evidence, PROVED, batch_size=evidence.batch_size)
    return Finding(
        "no-discrepancy", says, figures, "nothing to change in inference; larger batches train more steadily"
    )


def _unexplained(evidence: Evidence) -> Finding:
    """What can be said of a difference that no rule explains."""
    says = evidence.phases
    if evidence.is_better(evidence.inference, evidence.training):
        return cannot(evidence, f"inference phase is the better one: {says}", FIRST_LAYER)
    if not evidence.norms:
        return cannot(evidence, f"{says}, and {sentences.NO_BATCH_NORM}", sentences.LOOK_AT_OTHER_LAYERS)
    made = statistics_rows(evidence)
    if made and not any(row.works for row in made):
        says += ", and other moving statistics do not change that"
    remedy = FIRST_LAYER if made else evidence.why_untried or FIRST_LAYER
    return cannot(evidence, says, remedy, made)


def _no_discrepancy(evidence: Evidence) -> Finding:
    same = evidence.say(evidence.training) == evidence.say(evidence.inference)
    phases = f"{evidence.say(evidence.inference)} in both phases" if same else evidence.phases
    count = evidence.inference.samples if evidence.inference is not None else 0
    says = f"no discrepancy: {phases}, on {count} {evidence.samples}"
    figures = numbers(evidence, PROVED)
    for other in evidence.others:
        if not other.is_call:
            says += f", and {evidence.say(other.score)} on {other.score.samples} of {other.what}"
            figures |= {
                "validation_accuracy" if evidence.by_right else "validation_loss": evidence.quality(other.score)
            }
    calls = [other for other in evidence.others if other.is_call]
    if calls:
        says += f"; {len(calls)} later call{'s' if len(calls) > 1 else ''} of the program agree with that"
    if not evidence.norms:
        says += f"; {sentences.NO_BATCH_NORM}"
    remedy = "nothing to change"
    quality = evidence.quality(evidence.inference) or 0.0
    if evidence.by_right and not has_learned(quality):
        says += f"; but the model has not learned its training data ({percent(quality)} right)"
        remedy = "train longer, or a larger model, until it knows its training data"
        figures["confidence"] = CONSISTENT
    elif not evidence.others:
        remedy += "; without validation data overfitting cannot be told"
    return Finding("no-discrepancy", says, figures, remedy)
