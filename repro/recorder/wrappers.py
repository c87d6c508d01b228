"""Wraps the methods of Keras's Model that train, evaluate and predict.

A wrapper calls the original with the arguments it got, data aside, whatever happens in the recorder.
"""

import functools
import inspect
import threading

from repro_recorder import calls, fit, generations, process, recordings, sources, values

TRAINING = ("fit", "fit_generator")
ASKING = (
    "evaluate",
    "predict",
    "evaluate_generator",
    "predict_generator",
    "test_on_batch",
    "predict_on_batch",
)
BATCHES = ("train_on_batch",)
WRAPPED = "_repro_recorder"
OWN = threading.local()


def wrap_model(kind):
    """Wrap the methods that a Model class itself defines."""
    for name in TRAINING + ASKING + BATCHES:
        method = kind.__dict__.get(name)
        if method is None or hasattr(method, WRAPPED):
            continue
        begin = _begin_fit if name in TRAINING else _begin_batch if name in BATCHES else _begin_call
        setattr(kind, name, _wrapped(method, name, begin))


def _wrapped(method, name, begin):
    """Return the method with `begin` before it; what that returns is told how the call ends."""
    signature = _signature(method)

    @functools.wraps(method)
    def wrapper(self, *arguments, **options):
        owner = process.current()
        stack = owner.stack()
        if owner.off or any(model is self for model in stack) or getattr(OWN, "busy", False):
            return method(self, *arguments, **options)
        with owner.measuring:
            stack.append(self)
        try:
            call, fault = _guarded_begin(begin, owner, name, signature, self, arguments, options)
            if call is None:
                result = method(self, *arguments, **options)
                if fault is not None:  # where Keras raises, the arguments were wrong, and it says so better
                    owner.failed(name, fault)
                return result
            try:
                result = method(*call.bound.args, **call.bound.kwargs)
            except BaseException as error:
                _guarded_end(call, None, error)
                raise
            _guarded_end(call, result, None)
            return result
        finally:
            stack.pop()

    setattr(wrapper, WRAPPED, True)
    return wrapper


def _guarded_begin(begin, owner, name, signature, model, arguments, options):
    """Return (call, None), or (None, what went wrong in the recorder)."""
    OWN.busy = True
    try:
        with values.quiet():
            return begin(owner, name, Bound(signature, (model,) + arguments, options)), None
    except Exception as error:
        return None, error
    finally:
        OWN.busy = False


def _guarded_end(call, result, error):
    if call.session.recording.is_inherited:
        return
    OWN.busy = True
    try:
        with values.quiet():
            call.end(result, error)
    except Exception as fault:
        process.current().failed("after " + call.name, fault)
    finally:
        OWN.busy = False


def _signature(method):
    return inspect.signature(method)


# Keras 2 takes these names of Keras 1, and warns.
LEGACY = {"nb_epoch": "epochs", "nb_worker": "workers", "pickle_safe": "use_multiprocessing", "val_samples": "steps"}
LEGACY_ONLY = ("samples_per_epoch", "nb_val_samples", "max_q_size")


class Bound:
    """The arguments of a call by name; data may be replaced, all else goes on as it was given."""

    def __init__(self, signature, positional, options):
        self.parameters = signature.parameters
        self._positional, self._options = positional, options
        known = {LEGACY.get(name, name): value for name, value in options.items() if name not in LEGACY_ONLY}
        self.arguments = dict(signature.bind_partial(*positional, **known).arguments)
        self._names = list(self.parameters)[: len(positional)]

    @property
    def args(self):
        """The positional arguments, as many as were given."""
        replaced = [self.arguments.get(name, value) for name, value in zip(self._names, self._positional)]
        return replaced + list(self._positional[len(replaced) :])

    @property
    def kwargs(self):
        """The arguments that were given by name, under the same names."""
        return {name: self.arguments.get(name, value) for name, value in self._options.items()}


class _Call:
    """A call that is on its way: its arguments, and what is told when it ends."""

    def __init__(self, name, bound, session=None):
        self.name = name
        self.bound = bound
        self.session = session

    def end(self, result, error):
        """Tell the session."""
        self.session.end(error)


SESSIONS = threading.local()  # `.stack`: the fits that this thread is in


def sessions():
    """Return the fits that this thread is in, the innermost last."""
    if not hasattr(SESSIONS, "stack"):
        SESSIONS.stack = []
    return SESSIONS.stack


class _Fit(_Call):
    def end(self, result, error):
        stack = sessions()
        if self.session in stack:
            stack.remove(self.session)
        self.session.end(error)


def _begin_fit(owner, name, bound):
    given = bound.arguments
    model = given["self"]
    if not wanted(given.get("callbacks")):
        return None
    lens = generations.lens_of(model)
    epochs = _integer(given.get("epochs"), _default(bound, "epochs"))
    record = recordings.of_model(owner, lens, epochs)
    if record is None:
        return None
    fit.end_loop(record)
    data = "generator" if "generator" in given else "x"
    x, y = given.get(data), given.get("y")
    weights = given.get("sample_weight")
    batch_size = given.get("batch_size")
    shuffle = given.get("shuffle", True)
    source, validation = _sources(lens, given, x, y, weights, batch_size, bool(shuffle), record)
    if source.kind == "arrays" and not batch_size and not given.get("steps_per_epoch"):
        source.batch_size = 32
    if source.passed_on is not x:
        given[data] = source.passed_on
    if validation is not None and validation.original is given.get("validation_data"):
        given["validation_data"] = validation.passed_on
    session = fit.FitSession(
        record,
        lens,
        name,
        source,
        validation,
        described(given),
        epochs,
        _integer(given.get("initial_epoch"), 0),
        given.get("steps_per_epoch") or _steps(source),
    )
    sessions().append(session)
    return _Fit(name, bound, session)


def _sources(lens, given, x, y, weights, batch_size, shuffle, record):
    """Return the sources of training and validation data."""
    split = given.get("validation_split") or 0.0
    batch_size = _integer(batch_size, None)
    budget = record.look_budget
    if split and given.get("validation_data") is None:
        structures = [sources.as_arrays(part) for part in (x, y, weights)]
        rows = len(values.leaves(structures[0])[0][1])
        at = int(rows * (1.0 - split))
        first, last = ([sources.take_rows(part, cut) for part in structures] for cut in (slice(0, at), slice(at, rows)))
        source = sources.Source(lens, *first, batch_size=batch_size or 32, shuffled=shuffle, budget=budget)
        source.original = source.passed_on = x
        source.class_name = type(x).__name__
        return source, sources.Source(lens, *last, batch_size=batch_size or 32, shuffled=True)
    processes = bool(given.get("use_multiprocessing"))
    source = sources.Source(lens, x, y, weights, batch_size, shuffle, budget, processes=processes)
    asked = given.get("validation_batch_size") or batch_size
    validation = process.guarded("validation data", fit.validation_source, lens, given.get("validation_data"), asked)
    return source, validation


def described(given):
    """Return `arguments` of `fit_started`."""
    listed = _listed(given.get("callbacks"))
    weights = given.get("class_weight")
    return {
        "shuffle": values.jsonable(given.get("shuffle", True)),
        "class_weight": values.jsonable(weights) if isinstance(weights, dict) else None,
        "sample_weight": given.get("sample_weight") is not None,
        "validation_split": given.get("validation_split") or 0.0,
        "validation_freq": values.jsonable(given.get("validation_freq", 1)),
        "callbacks": [type(callback).__name__ for callback in listed],
    }


def _steps(source):
    return source.batches or None if source.kind in ("arrays", "dataframe", "tensors") else None


def _integer(value, default):
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def _default(bound, name):
    parameter = bound.parameters.get(name)
    return parameter.default if parameter is not None and isinstance(parameter.default, int) else 1


class _Batch(_Call):
    def end(self, result, error):
        if error is not None:
            fit.end_loop(self.session.recording)
        else:
            self.session.step_ends(result)


def _begin_batch(owner, name, bound):
    given = bound.arguments
    if not MODE["all"]:
        return None
    record = None
    for each in owner.recordings:
        if each.model() is given["self"]:
            record = each
    if record is None or record.loop is None:
        lens = generations.lens_of(given["self"])
        record = recordings.of_model(owner, lens, 1)
        if record is None:
            return None
        source = sources.Source(lens, None, batch_size=None, budget=record.look_budget, kind="batch")
        record.loop = fit.FitSession(record, lens, name, source, None, described(given), 1, 0, None)
        record.loop.epoch_begins()
    session = record.loop
    session.source.look((given.get("x"), given.get("y"), given.get("sample_weight")))
    session.step_begins()
    return _Batch(name, bound, session)


class _Asked(_Call):
    def end(self, result, error):
        self.session.end(result, error)


def _begin_call(owner, name, bound):
    model = bound.arguments["self"]
    if not owner.recordings:
        return None
    session = calls.begin(owner, name, bound, model)
    return None if session is None else _Asked(name, bound, session)


MODE = {"all": False}  # whether every fit is recorded, or those with a Recorder among their callbacks


def wanted(callbacks):
    """Return whether a fit with these callbacks is to be recorded."""
    return MODE["all"] or any(getattr(callback, "records_this_fit", False) for callback in _listed(callbacks))


def _listed(callbacks):
    """Return callbacks, given as a list, one alone or a CallbackList, as a list."""
    callbacks = getattr(callbacks, "callbacks", callbacks)
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


# Callback lists: steps and epochs of the innermost fit.


def wrap_callbacks(kind):
    """Wrap what a CallbackList class is told in training."""
    step_begins = "on_train_batch_begin" if "on_train_batch_begin" in kind.__dict__ else "on_batch_begin"
    step_ends = step_begins.replace("begin", "end")
    _after(kind, "on_epoch_begin", lambda session, logs, index: session.epoch_begins())
    _after(kind, step_begins, lambda session, logs, index: session.step_begins())
    _after(kind, step_ends, _step_ends)
    _after(
        kind,
        "on_epoch_end",
        lambda session, logs, index: session.epoch_ends(logs),
        before=lambda session: session.before_epoch_ends(),
    )


def _step_ends(session, logs, index):
    """Count the steps up to `index` of the epoch: with steps_per_execution several are one call."""
    count = index + 1 - session.epoch_steps if isinstance(index, int) else 1
    session.step_ends(logs, max(1, count))


def _after(kind, name, action, before=None):
    method = kind.__dict__.get(name)
    if method is None or hasattr(method, WRAPPED):
        return

    @functools.wraps(method)
    def wrapper(self, index, logs=None):
        stack = sessions()
        session = stack[-1] if stack else None
        if session is not None and before is not None:
            _guarded_action(session, lambda: before(session))
        result = method(self, index, logs)
        if session is not None:
            _guarded_action(session, lambda: action(session, logs or _of_history(self, name), index))
        return result

    setattr(wrapper, WRAPPED, True)
    setattr(kind, name, wrapper)


def _of_history(callbacks, name):
    """Return what History noted of the epoch that has ended; {} where it did not.

    Keras 2 fills a dict of its own instead of one that is given to it empty, which it is without validation.
    """
    if name != "on_epoch_end":
        return {}
    for callback in _listed(callbacks):
        if type(callback).__name__ == "History":
            return {name: listed[-1] for name, listed in callback.history.items() if listed}
    return {}


def _guarded_action(session, action):
    if session.broken or session.recording.is_inherited:
        return
    OWN.busy = True
    try:
        with values.quiet():
            action()
    except Exception as error:
        session.broken = True
        process.current().failed("in fit", error, session.recording)
    finally:
        OWN.busy = False
