"""A worker that is started before its run is asked for: it does what it can, then waits."""

from repro_worker import training
from repro_worker.channel import read_request


class Held:
    """Takes events like a channel and keeps them."""

    def __init__(self):
        self.events = []

    def send(self, event, **fields):
        """Keep the event named `event`."""
        self.events.append((event, fields))


def serve(adapter, request, channel, lines):
    """Answer a request of kind "warm": prepare, and make the run once its own request comes.

    What is said before is said when the run begins, so that its log has the order of every run's.
    """
    held = Held()
    prepared = training.prepare(adapter, request, held)
    adapter.rehearse(request)
    channel.send("worker_ready")
    asked = read_request(lines)
    if asked is None:
        return
    for event, fields in held.events:
        channel.send(event, **fields)
    training.train(adapter, asked, channel, prepared)
