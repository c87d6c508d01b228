"""Recording by hand: for notebooks, other machines and loops of one's own."""

import contextlib

from repro_recorder import fit, generations, hooks, process, recordings, sources, wrappers


def watch():
    """Record every model that is trained from now on."""
    wrappers.ONLY_WITH_CALLBACK["on"], wrappers.WATCHING["on"] = False, True
    _install()


def _install():
    owner = process.current()
    owner.mark("loaded", owner.pid)
    hooks.install()


def recorder():
    """Return a callback that does nothing: a `fit` that has it is recorded. TypeError where no Keras is imported."""
    if not wrappers.WATCHING["on"]:
        wrappers.ONLY_WITH_CALLBACK["on"] = True
    _install()
    base = generations.callback_class()

    class Recorder(base):
        """Marks a `fit` that is to be recorded."""

        records_this_fit = True

    return Recorder()


@contextlib.contextmanager
def recording(model, x, y=None, sample_weight=None, batch_size=None):
    """Record a loop of one's own on `model`."""
    _install()
    owner = process.current()
    session = process.guarded("recording", _begin, owner, model, x, y, sample_weight, batch_size)
    error = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        if session is not None:
            process.guarded("after the loop", _end, session, error)


def _begin(owner, model, x, y, sample_weight, batch_size):
    lens = generations.lens_of(model)
    record = recordings.of_model(owner, lens, 1)
    fit.end_loop(record)
    source = sources.Source(lens, x, y, sample_weight, batch_size)
    session = fit.FitSession(record, lens, "recording", source, None, wrappers._described({}), 1, 0, None)
    session.iterations = lens.iterations()
    session.epoch_begins()
    return session


def _end(session, error):
    now = session.lens.iterations()
    if now is not None and session.iterations is not None and now > session.iterations:
        session.step_ends(None, now - session.iterations)
    elif fit.fingerprint.digests(session.lens) != session.before_fit:
        session.step_ends(None, 1)  # trained, by an unknown number of steps
        session.recording.missing("steps", "the optimizer does not count them", session.fit)
    session.before_epoch_ends()
    session.end(error)
