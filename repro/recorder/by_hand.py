"""Recording by hand: for notebooks, other machines and loops of one's own."""

import contextlib
import functools

from repro_recorder import fingerprint, fit, generations, hooks, process, recordings, sources, wrappers


def watch():
    """Record every model that is trained from now on."""
    hooks.install()
    wrappers.MODE["all"] = True


def recorder():
    """Return a callback that does nothing: a `fit` that has it is recorded. TypeError where no Keras is imported."""
    hooks.install()
    base = generations.callback_class()

    class Recorder(base):
        """Marks a `fit` that is to be recorded."""

        records_this_fit = True

    return Recorder()


@contextlib.contextmanager
def recording(model, x, y=None, sample_weight=None, batch_size=None):
    """Record a loop of one's own on `model`."""
    hooks.install()
    owner = process.current()
    loop = None if owner.off else process.guarded("recording", Loop, owner, model, (x, y, sample_weight), batch_size)
    error = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        if loop is not None:
            process.guarded("after the loop", loop.end, error)


class Loop:
    """A loop of the program's own: its steps are the updates of optimizers that change the model's weights."""

    def __init__(self, owner, model, data, batch_size):
        lens = generations.lens_of(model)
        record = recordings.of_model(owner, lens, 1)
        if record is None:
            raise OSError("no recording could be made")  # which has been said already
        fit.end_loop(record)
        source = sources.Source(lens, *data, batch_size=batch_size)
        self.session = fit.FitSession(record, lens, "recording", source, None, wrappers.described({}), 1, 0, None)
        self.session.epoch_begins()
        self.session.step_begins()
        self.weights = {id(variable) for _, _, variable in lens.variables()}
        self.optimizers = {}  # id: (optimizer, its iterations when the loop first used it)
        self.inside = False
        self.patched = [self._patch(kind, name) for kind, name in lens.update_methods()]
        if getattr(model, "optimizer", None) is not None:
            self._remember(model.optimizer)

    def _patch(self, kind, name):
        original = kind.__dict__[name]
        loop = self

        @functools.wraps(original)
        def update(optimizer, *arguments, **options):
            process.guarded("loop", loop._remember, optimizer)
            if loop.inside:
                return original(optimizer, *arguments, **options)
            loop.inside = True
            try:
                result = original(optimizer, *arguments, **options)
            finally:
                loop.inside = False
            process.guarded("loop", loop._updated)
            return result

        setattr(kind, name, update)
        return kind, name, original

    def _remember(self, optimizer):
        if id(optimizer) not in self.optimizers:
            self.optimizers[id(optimizer)] = optimizer, self.session.lens.iterations_of(optimizer)

    def _updated(self):
        """Count a step, unless TensorFlow is only tracing it."""
        if self.session.lens.tf.executing_eagerly():
            self.session.step_ends(None)
            self.session.step_begins()

    def end(self, error):
        """The loop has ended."""
        for kind, name, original in self.patched:
            setattr(kind, name, original)
        session = self.session
        counts = [
            now - before
            for now, before in (
                (session.lens.iterations_of(optimizer), before) for optimizer, before in self.optimizers.values()
            )
            if now is not None and before is not None
        ]
        missed = max(counts + [0]) - session.steps
        if missed > 0:
            session.step_ends(None, missed)
        elif not session.steps and session.ready and fingerprint.digests(session.lens) != session.before_fit:
            session.step_ends(None, 1)
            session.recording.missing("steps", "no optimizer of Keras counts them: they count as one", session.fit)
        session.before_epoch_ends()
        session.end(error)
