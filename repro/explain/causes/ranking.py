"""Asks every cause's rule, and puts what they find in order."""

from __future__ import annotations

import math

from repro.base.text import percent, rounded
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
from repro.explain.causes.evidence import Evidence, Other, Score
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
    outliers.find_proved,
    not_converged.find,
    mixed_domains.find,
    outliers.find_consistent,
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
    if evidence.inference is not None and evidence.training is not None:
        qualities = evidence.quality(evidence.inference), evidence.quality(evidence.training)
        if any(quality is None or math.isnan(quality) for quality in qualities):
            return [_without_score(evidence)]
    else:
        says = f"the two phases were not measured{evidence.why_unmeasured}"
        return [cannot(evidence, says, "measure both phases: let fit end, and add both to what is measured")]
    found = [*_of_phases(evidence), *_of_others(evidence)]
    if not any(finding.cause == "stochastic-layers" for finding in found):
        found += [finding for finding in [stochastic_layers.find_harmless(evidence)] if finding is not None]
    if found:
        return [finding for finding in found if finding.cause != "cannot-be-told"] or found
    if evidence.differs(evidence.training, evidence.inference):
        return [_noisy_training(evidence) or _unexplained(evidence)]
    for rule in (output_and_loss.find, not_learning.find, label_order.find_shuffled_rows):
        if (finding := rule(evidence)) is not None:
            return [finding]
    return [_no_discrepancy(evidence)]


def _of_phases(evidence: Evidence) -> list[Finding]:
    """What accounts for a difference between the phases on the samples of training."""
    for rule_of_outputs in (batch_dependent.find, stochastic_layers.find_in_inference):
        if (finding := rule_of_outputs(evidence)) is not None:
            return [finding]
    if not evidence.norms:
        return []
    # A larger batch holds the samples that spoil the averages more often.
    is_polluted = outliers.find_proved(evidence) is not None
    if not is_polluted and (small := small_batch.find(evidence)) is not None:
        return [small]
    if not evidence.is_better(evidence.training, evidence.inference):
        # Dropout can lower training as far as its shifted statistics lower inference.
        shifted = stochastic_layers.find_variance_shift(evidence)
        return [] if shifted is None else [shifted]
    found: list[Finding] = []
    for rule in PHASE_RULES:
        if (finding := rule(evidence)) is not None:
            found.append(finding)
            if rule is not outliers.find_proved:  # which the initial values may join
                break
    proved = [finding for finding in found if finding.numbers["confidence"] == PROVED]
    return proved or found[:1]


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


def _without_score(evidence: Evidence) -> Finding:
    """Compare the phases by their outputs: the model has neither a loss that Keras can work out, nor classes."""
    problem = f": {evidence.problem}" if evidence.problem else ""
    if evidence.inference is not None and evidence.inference.loss is not None:
        return cannot(evidence, evidence.phases, "look at the loss function: outputs and weights are finite")
    if evidence.compared_layers and evidence.first_apart is None:
        count = evidence.inference.samples if evidence.inference is not None else 0
        says = (
            f"no discrepancy: all {evidence.compared_layers} layers give the same in both phases, on {count} "
            f"{evidence.samples}; there is no loss to compare them by{problem}"
        )
        return Finding("no-discrepancy", says, numbers(evidence, PROVED), "nothing to change")
    parted = f"; the phases part at {evidence.first_apart}" if evidence.first_apart else ""
    remedy = "give compile a loss; look at each layer (repro show --layers)"
    return cannot(evidence, f"there is no loss to compare the phases by{problem}{parted}", remedy)


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
    small, large = evidence.say(small_batch.in_own_batches(evidence)), evidence.say(largest.score)
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
        return cannot(evidence, f"{says}, and {evidence.why_no_norms}", sentences.LOOK_AT_OTHER_LAYERS)
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
        agree = "1 later call of the program agrees" if len(calls) == 1 else f"{len(calls)} later calls agree"
        says += f"; {agree} with that"
    if evidence.are_norms_known and not evidence.norms:
        says += f"; {evidence.why_no_norms}"
    if evidence.drawing is not None:
        says += f"; {evidence.drawing} draws random numbers in inference phase, too"
    if evidence.by_right and evidence.differs_in_loss(evidence.training, evidence.inference):
        training, inference = evidence.training, evidence.inference
        says += f"; only the loss differs: {_loss(training)} in training phase, {_loss(inference)} in inference"
    remedy = "nothing to change"
    quality = evidence.quality(evidence.inference) or 0.0
    if evidence.by_right and not has_learned(quality):
        says += f"; but the model has not learned its training data ({percent(quality)} right)"
        remedy = "train longer, or a larger model, until it knows its training data"
        figures["confidence"] = CONSISTENT
    elif not evidence.others:
        remedy += "; without validation data overfitting cannot be told"
    return Finding("no-discrepancy", says, figures, remedy)


def _loss(score: Score | None) -> str:
    return "-" if score is None else rounded(score.loss)
