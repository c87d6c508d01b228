"""What this machine and a run's own records know that must not leave."""

from __future__ import annotations

import os
import pwd
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["user", "host", "path", "name", "secret", "input", "column", "label"]

MIN_NAME = 5
MIN_SECRET = 6

# Names that everyone has, and words that records hold for other reasons: replaced as path components only.
COMMON_WORDS = frozenset(
    [
        *("admin", "administrator", "builder", "container", "debian", "docker", "fedora", "jenkins", "linux"),
        *("localhost", "nobody", "runner", "sandbox", "service", "student", "tester", "ubuntu", "users", "vagrant"),
        *("true", "false", "none", "null"),
    ]
)
# Fields that hold a name or a home folder: their value is replaced, however short.
FIELD_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("user", "username", "login"), "user"),
    **dict.fromkeys(("host", "hostname", "node", "nodename", "fqdn"), "host"),
    "home": "path",
}

_SECRET_NAME = re.compile(
    r"(?i)(token|secret|passw|passphrase|pwd$|api_?key|private|credential|cookie|auth|access_?key|session|signature|_key$)"
)
_CREDENTIALS_IN_URL = re.compile(r"://[^/\s]*@")
_RANDOM_WORD = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_+=.-]{20,}")
_NAME_OF_WORDS = re.compile(r"[a-z]{3,}[-._][a-z]{3,}")


@dataclass(frozen=True)
class PrivateText:
    """A text that must not leave."""

    kind: Kind
    text: str


def private_texts_here(variables: Mapping[str, str] | None = None, allowed: Iterable[str] = ()) -> list[PrivateText]:
    """Return user, host, home and secret variables of this process; variables named in `allowed` are not secret."""
    variables = os.environ if variables is None else variables
    host = socket.gethostname()
    texts = [
        *(
            PrivateText("user", variables[key])
            for key in ("USER", "LOGNAME", "SUDO_USER", "USERNAME")
            if key in variables
        ),
        *(PrivateText("host", variables[key]) for key in ("HOSTNAME", "HOST") if key in variables),
        PrivateText("host", host),
        PrivateText("host", host.partition(".")[0]),
        *([PrivateText("path", variables["HOME"].rstrip("/"))] if variables.get("HOME") else []),
        *_texts_of_account(),
    ]
    public_names = set(allowed)
    texts += [
        PrivateText("secret", value)
        for name, value in variables.items()
        if name not in public_names and is_secret_variable(name, value)
    ]
    return texts


def _texts_of_account() -> list[PrivateText]:
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return []
    texts = [PrivateText("user", entry.pw_name), PrivateText("path", entry.pw_dir.rstrip("/"))]
    full_name = entry.pw_gecos.partition(",")[0].strip()
    return [*texts, PrivateText("user", full_name)] if " " in full_name else texts


def is_secret_variable(name: str, value: str) -> bool:
    """Return whether a variable's value must not leave: by its name, as a URL with credentials, or as a random word."""
    if len(value) < MIN_SECRET or (value.isdigit() and len(value) < 8) or value.startswith("/"):
        return False
    if _SECRET_NAME.search(name) or _CREDENTIALS_IN_URL.search(value):
        return True
    return bool(_RANDOM_WORD.fullmatch(value)) and not _NAME_OF_WORDS.search(value)
