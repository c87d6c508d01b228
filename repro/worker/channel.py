"""Events as JSON lines on a descriptor of their own, never standard output."""

import json
import math
import os


def jsonable(value):
    """`value` with numpy scalars as Python's and numbers that are not finite as "nan", "inf", "-inf"."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if value is None or isinstance(value, (bool, int)):
        return value
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    number = float(value)
    if math.isfinite(number):
        return number
    return "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"


def read_request(lines):
    """The next request of a stream of lines; None at its end."""
    line = lines.readline()
    if not line:
        return None
    request = json.loads(line)
    for part in (request, request.get("source") or {}):
        if "directory" in part:  # each of its bytes as a character: not every path is UTF-8
            part["directory"] = os.fsdecode(part["directory"].encode("latin-1"))
    return request


class Channel:
    """Writes one line an event; each line in as few system calls as the pipe allows."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def send(self, event, **fields):
        """Write the event named `event`."""
        line = json.dumps(dict(jsonable(fields), event=event), sort_keys=True, allow_nan=False) + "\n"
        data = line.encode("utf-8")
        while data:
            data = data[os.write(self.descriptor, data) :]
