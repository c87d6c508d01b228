"""Waits for Keras, with as little as that takes: most processes that inherit the recorder never import it."""

import os
import sys

TRAINING = (
    ".engine.training", ".callbacks", ".callback_list", ".tensorflow.trainer", ".jax.trainer", ".torch.trainer",
)  # fmt: skip


class Door:
    """A finder that calls the recorder in when the first module of Keras that it wraps is about to be imported."""

    def find_spec(self, name, path=None, target=None):
        """Return None before that; by then the recorder's own finder comes first."""
        if name.endswith(TRAINING) and "keras" in name:
            sys.meta_path.remove(self)
            try:
                from repro_recorder import hooks

                hooks.install()
                for finder in sys.meta_path:
                    if isinstance(finder, hooks.Finder):
                        return finder.find_spec(name, path, target)
            except Exception as error:
                sys.stderr.write("repro: the recorder could not be started ({}): the program continues\n".format(error))
        return None


def prepare():
    """Wait for Keras; where it is imported already, wrap it. Nothing is recorded before somebody asks for it."""
    if os.environ.get("REPRO_RECORD_OFF") or any(type(finder).__module__ == __name__ for finder in sys.meta_path):
        return
    # By now the program has not changed its folder yet.
    for name in ("REPRO_RECORD_STORE", "REPRO_RECORD_MARK"):
        if os.environ.get(name):
            os.environ[name] = os.path.abspath(os.environ[name])
    mark = os.environ.get("REPRO_RECORD_MARK")
    if mark:
        try:
            with open(mark, "a") as stream:
                stream.write("loaded {}\n".format(os.getpid()))
        except OSError:
            pass
    if any(name.endswith(TRAINING) and "keras" in name for name in list(sys.modules)):
        from repro_recorder import hooks

        hooks.install()
    else:
        sys.meta_path.insert(0, Door())
