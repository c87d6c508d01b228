"""One worker process: ties its life to the supervisor's, reads the request, answers it."""

import ctypes
import io
import os
import signal
import sys
import traceback

from repro_worker.channel import Channel, read_request

PR_SET_PDEATHSIG = 1


def die_with(parent):
    """Have the kernel kill this process when its supervisor ends, however that ends."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        pass
    if os.getppid() != parent:
        os._exit(1)


def make_adapter(name):
    """The module that speaks one generation of Keras."""
    if name == "keras-3":
        from repro_worker.adapters.keras_3 import Keras3

        return Keras3()
    if name == "tf-keras":
        from repro_worker.adapters.tf_keras import TFKeras

        return TFKeras()
    if name == "keras-2":
        from repro_worker.adapters.keras_2 import Keras2

        return Keras2()
    raise ValueError("no adapter is called {!r}".format(name))


def main(arguments):
    """Exit code 0 when the request was answered; 1 when it failed (the reason is the last event)."""
    channel = Channel(int(arguments[0]))
    lines = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8")
    request = read_request(lines)
    die_with(request["supervisor"])
    try:
        from repro_worker import abilities, derive, probe, training, warm, what_if

        adapter = make_adapter(request["adapter"])
        if request["kind"] == "probe":
            adapter.start(request)
            channel.send("environment_probed", record=probe.record(adapter, request))
        elif request["kind"] == "abilities":
            adapter.start(request)
            channel.send("environment_probed", record={"abilities": abilities.find(adapter)})
        elif request["kind"] == "what_if":
            what_if.serve(adapter, request, channel, iter(lines.readline, ""))
        elif request["kind"] == "warm":
            warm.serve(adapter, request, channel, lines)
        elif request["kind"] == "derive":
            derive.derive(adapter, request, channel)
        else:
            training.train(adapter, request, channel)
        return 0
    except MemoryError:
        channel.send("worker_failed", kind="MemoryError", message="out of memory", traceback=traceback.format_exc())
    except Exception as error:
        channel.send(
            "worker_failed",
            kind=type(error).__name__,
            message=str(error)[:4000],
            traceback=traceback.format_exc()[-20000:],
        )
    return 1
