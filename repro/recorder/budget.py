"""Time that the recorder may spend, as a share of the time that training takes."""

import time


class Stopwatch:
    """Seconds that this process worked, at most as many as passed: those in which others had the processor are free.

    A third of the time counts in any case, since a GPU's work and a slow disk's are not the processor's.
    """

    def __init__(self):
        self._began = time.perf_counter()
        self._worked = time.process_time()

    def seconds(self):
        """Return the seconds since it was made."""
        passed = time.perf_counter() - self._began
        return max(min(passed, time.process_time() - self._worked), passed / 3)


class Budget:
    """Seconds spent against an allowance and a share of the seconds that pass between `start` and `stop`."""

    def __init__(self, share, allowance):
        self.share = share
        self.allowance = allowance
        self.spent = 0.0
        self._passed = 0.0
        self._since = None

    def start(self):
        """Begin to count the time that training takes."""
        if self._since is None:
            self._since = time.perf_counter()

    def stop(self):
        """Training pauses."""
        if self._since is not None:
            self._passed += time.perf_counter() - self._since
            self._since = None

    def passed(self):
        """Return the seconds of training so far."""
        return self._passed + (time.perf_counter() - self._since if self._since is not None else 0.0)

    def left(self):
        """Return the seconds that may be spent now; below 0 where too many were."""
        return self.allowance + self.share * self.passed() - self.spent

    def open(self):
        """Return whether there is anything left."""
        return self.left() > 0.0

    def spend(self, seconds):
        """Count seconds as spent."""
        self.spent += seconds
