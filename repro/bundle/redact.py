"""Takes out of records and text what tells who and where: names, paths, addresses, tokens.

Each thing is replaced by an alias that is the same wherever it stood. What is replaced is decided by shape (any
absolute path, any address, any token) and by what this machine knows of itself (user, host, home, secret variables),
so that a run made elsewhere is treated as strictly as one made here. `Redactor.leaks` looks for what is left.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import pwd
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

import msgspec

from repro.base.errors import InputError

MIN_NAME = 5
MIN_SECRET = 6
MAX_DEPTH = 100

# Names that are everyone's, and words that records hold for other reasons: replaced as path components only.
COMMON_WORDS = frozenset(
    [
        "admin",
        "administrator",
        "builder",
        "container",
        "debian",
        "docker",
        "fedora",
        "jenkins",
        "linux",
        "localhost",
        "nobody",
        "runner",
        "sandbox",
        "service",
        "student",
        "tester",
        "ubuntu",
        "users",
        "vagrant",
        "true",
        "false",
        "none",
        "null",
    ]
)
# Fields that hold a name or a home: whatever stands there is replaced, however short.
OWN_FIELDS = {
    **dict.fromkeys(("user", "username", "login"), "user"),
    **dict.fromkeys(("host", "hostname", "node", "nodename", "fqdn"), "host"),
    "home": "path",
}

_SECRET_NAME = re.compile(
    r"(?i)(token|secret|passw|passphrase|pwd$|api_?key|private|credential|cookie|auth|access_?key|session|signature|_key$)"
)
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20})://([^\s\"'<>\\^`{|}]+)")
_PUBLIC_HOSTS = (
    "github.com",
    "tensorflow.org",
    "keras.io",
    "stackoverflow.com",
    "arxiv.org",
    "nvidia.com",
    "intel.com",
    "python.org",
    "numpy.org",
    "creativecommons.org",
    "json-schema.org",
    "wikipedia.org",
    "google.com",
    "googleapis.com",
)
_SECRET_PARAMETER = re.compile(r"(?i)[?&;#][^\s]*(token|secret|key|sig|auth|pass|credential|code)[^=&]*=")
_TOKEN_FORMS = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[A-Z0-9]{12,}|ASIA[A-Z0-9]{12,}|AIza[\w-]{30,}|npm_[A-Za-z0-9]{30,}"
    r"|py[a-z]{2}-AgEI[\w-]{20,}|dckr_pat_[\w-]{16,}|SG\.[\w-]{16,}\.[\w-]{16,})"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.|\n)*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_NAMED_TOKENS = re.compile(
    r"(?i)(\b(?:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{6,})"
    r"|(\b[\w-]*(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|private[_-]?key)[\w-]*[\"']?\s*[=:]\s*"
    r"[\"']?)((?!<)[^\s\"',;&<>]{4,})"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_QUOTED_PATH = re.compile(r"([\"'`])((?:/|~[\w-]*/|[A-Za-z]:\\)[^\"'`\n]+)\1")
# An unquoted path goes on over spaces where a few words on stands another slash, or the suffix of a file.
_WORD = r" [\w.@+%~&-]+"
_SUFFIX = r"\.(?:png|jpe?g|bmp|gif|webp|tiff?|npy|npz|h5|hdf5|keras|py|ya?ml|json|csv|txt|log|zip|pdf|docx?|xlsx?)"
_FURTHER = rf"(?:(?:{_WORD}){{1,4}}?[/\\][^\s\"'`<>|:;,()\[\]{{}}]*)*"
_WITH_SPACES = rf"{_FURTHER}(?:(?:{_WORD}){{0,3}}? [\w.@+%~&-]*\w{_SUFFIX}(?![\w/\\]))?"
_PATH = re.compile(r"(?<![\w.<>/~-])/(?!/)[\w.@+%~-][^\s\"'`<>|:;,()\[\]{}*?\\]*" + _WITH_SPACES)
_NETWORK_PATH = re.compile(r"(?<![\w:/])//[\w.-]+/[^\s\"'`<>|:;,()\[\]{}]*" + _WITH_SPACES)
_HOME_PATH = re.compile(r"(?<![\w/])~[\w-]*/[^\s\"'`<>|:;,()\[\]{}]*" + _WITH_SPACES)
_WINDOWS_PATH = re.compile(r"(?<!\w)(?:[A-Za-z]:\\|\\\\\w)[^\s\"'`<>|:;,()\[\]{}]*" + _WITH_SPACES)
_IPV4 = re.compile(r"(?<![\w.=-])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]|-\w)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-fA-F:]*\d)(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?:%\w+)?(?![\w:])")
_MAC = re.compile(r"(?<![\w:-])(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}(?![\w:-])")
_HOME_OF = re.compile(r"(?:/home/|/Users/|\\Users\\|/export/home/|/var/home/)([\w.@-]+)")

# Paths that every machine of a kind has, and TensorFlow's names of devices.
_PUBLIC_PATH = re.compile(
    r"/(?:usr/(?:lib(?:32|64)?|bin|sbin|share|include|libexec)|usr/local/(?:lib/(?:lib)?python[\d.]*|cuda[\w.-]*|bin/python[\d.]*)"
    r"|lib(?:32|64)?|bin|sbin|proc|sys|dev)(?:/|$)|/(?:job|replica|task|device|cpu|gpu|CPU|GPU)(?::|$)|/opt/repro(?:/|$)"
)
# What of a private path may stay: public code, and the run's own files.
_KEPT_TAIL = re.compile(
    r"/(?:lib(?:64)?/python\d[\d.]*(?:/.*)?|bin/python[\d.]*|repro/(?:worker|runs|cli|environment|scenario|bundle)/[\w/]+\.py"
    r"|site-packages/.*)$"
)
_RUN_TAIL = re.compile(r"/(\d{8}T\d{6}\.\d{6}Z-[\w.-]+-s\d+-[a-z0-9]{4}(?:/.*)?)$")


_Expressions = tuple[re.Pattern[str] | None, re.Pattern[str] | None, re.Pattern[str] | None]


@dataclass(frozen=True)
class Known:
    """What this machine, or the run itself, tells that must not leave: kind is user, host, path, name or secret."""

    kind: str
    text: str


@dataclass(frozen=True, order=True)
class Replacement:
    """How often something was replaced by `alias` in `file`."""

    file: str
    alias: str
    kind: str
    count: int


def known_here(variables: Mapping[str, str] | None = None, allowed: Iterable[str] = ()) -> list[Known]:
    """User, host, home and secret variables of this process."""
    variables = os.environ if variables is None else variables
    found = [
        Known("user", variables[name]) for name in ("USER", "LOGNAME", "SUDO_USER", "USERNAME") if name in variables
    ]
    found += [Known("host", variables[name]) for name in ("HOSTNAME", "HOST") if name in variables]
    host = socket.gethostname()
    found += [Known("host", host), Known("host", host.partition(".")[0])]
    if variables.get("HOME"):
        found.append(Known("path", variables["HOME"].rstrip("/")))
    try:
        entry = pwd.getpwuid(os.getuid())
        found += [Known("user", entry.pw_name), Known("path", entry.pw_dir.rstrip("/"))]
        person = entry.pw_gecos.partition(",")[0].strip()
        if " " in person:
            found.append(Known("user", person))
    except KeyError:
        pass
    known_allowed = set(allowed)
    for name, value in variables.items():
        if name not in known_allowed and is_secret_variable(name, value):
            found.append(Known("secret", value))
    return found


def is_secret_variable(name: str, value: str) -> bool:
    """Whether a variable's value must never leave: by its name, as a URL with credentials, or as a random word."""
    if len(value) < MIN_SECRET or (value.isdigit() and len(value) < 8) or value.startswith("/"):
        return False
    if _SECRET_NAME.search(name) or re.search(r"://[^/\s]*@", value):
        return True
    random = re.fullmatch(r"[A-Za-z0-9_+=.-]{20,}", value) and re.search(r"\d", value) and re.search(r"[A-Za-z]", value)
    return bool(random) and not re.search(r"[a-z]{3,}[-._][a-z]{3,}", value)


class Redactor:
    """Replaces in text and plain data, remembers what and where, and finds what is left.

    `public` is text that everybody has (our sources, scenarios, locks): a name that stands in it tells nothing, and
    replacing it would spoil that text, so it is replaced as a path component only, as names under five letters are.
    """

    def __init__(self, known: Iterable[Known], *, public: str = "") -> None:
        self._public = public.lower()
        self._aliases: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()
        self._replaced: Counter[tuple[str, str, str]] = Counter()
        self._file = ""
        self._words: dict[str, Known] = {}
        self._paths: list[str] = []
        self._short: dict[str, Known] = {}
        self._regexes: _Expressions | None = None
        self._clean: set[str] = set()
        for one in known:
            self.learn(one)

    def learn(self, one: Known) -> None:
        """Add something that must not leave."""
        text = one.text.strip()
        if not text:
            return
        if one.kind == "path":
            if (
                len(text) >= MIN_NAME
                and text.count("/") >= 1
                and not _PUBLIC_PATH.match(text)
                and text not in self._paths
            ):
                self._paths.append(text)
        elif len(text) >= MIN_NAME and text.lower() not in COMMON_WORDS and text.lower() not in self._public:
            self._words.setdefault(text.lower(), Known(one.kind, text))
        else:
            self._short.setdefault(text, Known(one.kind, text))
        self._regexes = None
        self._clean.clear()

    def learn_from(self, text: str) -> None:
        """Take user names out of home paths in `text`."""
        for name in _HOME_OF.findall(text):
            self.learn(Known("user", name.rstrip(".")))

    def learn_fields(self, value: Any, depth: int = 0) -> None:
        """Take names out of the fields of plain data that hold them."""
        if depth > MAX_DEPTH or not isinstance(value, (Mapping, list)):
            return
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            kind = OWN_FIELDS.get(str(key).lower())
            if kind is not None and isinstance(item, str) and not item.startswith("<"):
                self.learn(Known(kind, item))
            self.learn_fields(item, depth + 1)

    @property
    def replaced(self) -> list[Replacement]:
        """What was replaced where, without the originals."""
        return sorted(Replacement(file, alias, kind, count) for (file, alias, kind), count in self._replaced.items())

    # --- replacing ---

    def text(self, text: str, file: str) -> str:
        """`text` with aliases."""
        if text in self._clean:
            return text
        self._file = file
        before = text
        words, paths, components = self._expressions()
        if paths is not None:
            text = paths.sub(lambda match: self._path(match[0]), text)
        text = _URL.sub(self._url, text)
        text = _TOKEN_FORMS.sub(lambda match: self._alias("token", match[0]), text)
        text = _NAMED_TOKENS.sub(self._token, text)
        text = _QUOTED_PATH.sub(lambda match: match[1] + self._path(match[2]) + match[1], text)
        text = _PATH.sub(self._unquoted, text)
        text = _NETWORK_PATH.sub(lambda match: self._path(match[0]), text)
        text = _HOME_PATH.sub(lambda match: self._path(match[0]), text)
        text = _WINDOWS_PATH.sub(lambda match: self._path(match[0]), text)
        text = _EMAIL.sub(lambda match: self._alias("email", match[0]), text)
        text = _MAC.sub(lambda match: self._alias("address", match[0].lower()), text)
        text = _IPV4.sub(self._address, text)
        text = _IPV6.sub(self._address, text)
        if words is not None:
            text = words.sub(lambda match: self._word(match[0]), text)
        if components is not None:
            text = components.sub(lambda match: self._word(match[0]), text)
        if text == before and len(text) < 400:
            self._clean.add(text)
        return text

    def value(self, value: Any, file: str, key: str = "", depth: int = 0) -> Any:
        """Plain data with aliases in every string and key."""
        if depth > MAX_DEPTH:
            return "..."
        if isinstance(value, str):
            return self._string(value, file, key)
        if isinstance(value, Mapping):
            return {
                self.text(str(name), file): self.value(item, file, str(name), depth + 1) for name, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.value(item, file, key, depth + 1) for item in value]
        return value

    def _string(self, value: str, file: str, key: str) -> str:
        self._file = file
        kind = OWN_FIELDS.get(key.lower())
        if kind is not None and value:
            return self._alias(kind, value if kind == "path" else value.lower())
        if value.startswith("/") and "\n" not in value and not _PUBLIC_PATH.match(value):
            return self.text(self._path(value), file)
        return self.text(value, file)

    def _unquoted(self, match: re.Match[str]) -> str:
        path = match[0]
        end = path.rstrip(".!")
        return self._path(end) + path[len(end) :]

    def _path(self, path: str) -> str:
        if path.startswith("/") and (_PUBLIC_PATH.match(path) or re.fullmatch(r"/[a-zA-Z0-9]", path)):
            return path
        if run := _RUN_TAIL.search(path):
            return self._alias("path", path[: run.start()]) + "/" + run[1]
        if kept := _KEPT_TAIL.search(path):
            return self._alias("path", path[: kept.start()] or "/") + kept[0]
        return self._alias("path", path.rstrip("/"))

    def _url(self, match: re.Match[str]) -> str:
        scheme, rest = match[1], match[2]
        if scheme.lower() == "file":
            return self._alias("path", rest)
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
        host = authority.rpartition("@")[2].partition(":")[0].lower().rstrip(".,)")
        public = any(host == name or host.endswith("." + name) for name in _PUBLIC_HOSTS)
        if "@" in authority or not public or _SECRET_PARAMETER.search(rest):
            return self._alias("url", match[0])
        return match[0]

    def _token(self, match: re.Match[str]) -> str:
        name, token = (match[1], match[2]) if match[1] is not None else (match[3], match[4])
        return name + self._alias("token", token)

    def _address(self, match: re.Match[str]) -> str:
        try:
            address = ipaddress.ip_address(match[0].partition("%")[0])
        except ValueError:
            return match[0]
        if address.is_loopback or address.is_unspecified:
            return match[0]
        return self._alias("address", str(address))

    def _word(self, text: str) -> str:
        known = self._words.get(text.lower()) or self._short.get(text)
        if known is None:
            return self._alias("name", text.lower())
        return self._alias(known.kind, known.text.lower() if known.kind != "secret" else known.text)

    def _alias(self, kind: str, text: str) -> str:
        if re.fullmatch(r"<[a-z]+-\d+>", text):
            return text
        alias = self._aliases.get((kind, text))
        if alias is None:
            self._counts[kind] += 1
            alias = self._aliases[kind, text] = f"<{kind}-{self._counts[kind]}>"
        self._replaced[self._file, alias, kind] += 1
        return alias

    def _expressions(self) -> _Expressions:
        """Regular expressions of known words, known paths, and short names as path components."""
        if self._regexes is None:
            longest = sorted((one.text for one in self._words.values()), key=lambda word: (-len(word), word))
            variants = list(dict.fromkeys(form for word in longest for form in _forms(word)))
            hosts = [re.escape(one.text) for one in self._words.values() if one.kind == "host"]
            # A known host takes the names before and after it along: share.HOST, HOST.example.
            whole = [rf"(?:[\w-]+\.)*(?:{'|'.join(hosts)})(?:\.[A-Za-z][\w-]*)*"] if hosts else []
            words = re.compile("|".join([*whole, *map(re.escape, variants)]), re.IGNORECASE) if variants else None
            roots = sorted(self._paths, key=lambda path: (-len(path), path))
            tail = r"(?![\w])(?:/[^\s\"'`<>|:;,()\[\]{}]*" + _WITH_SPACES + ")?"
            paths = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, roots))}){tail}") if roots else None
            one_of = "|".join(map(re.escape, sorted(self._short, key=lambda name: (-len(name), name))))
            place = rf"(?<=/)(?:{one_of})(?=[/\s\"':,)\]]|$)|(?<![\w@.-])(?:{one_of})(?=@\w)|(?<=\w@)(?:{one_of})\b"
            self._regexes = (words, paths, re.compile(place) if one_of else None)
        return self._regexes

    def json(self, raw: bytes, file: str) -> bytes:
        """A JSON file with aliases; the very same bytes where nothing had to be replaced."""
        try:
            data = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise InputError("damaged (not JSON)", do="delete the run", file=file) from None
        cleaned = self.value(data, file)
        if cleaned == data:
            return raw
        return msgspec.json.format(msgspec.json.encode(cleaned), indent=1) + b"\n"

    def json_lines(self, raw: bytes, file: str) -> bytes:
        """A file of JSON lines with aliases; lines in which nothing had to be replaced stay as they are."""
        lines = []
        for line in raw.split(b"\n"):
            if not line.strip():
                lines.append(line)
                continue
            try:
                data = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise InputError("damaged (a line is not JSON)", do="delete the run", file=file) from None
            cleaned = self.value(data, file)
            lines.append(line if cleaned == data else msgspec.json.encode(cleaned))
        return b"\n".join(lines)

    def plain(self, raw: bytes, file: str) -> bytes:
        """A text file with aliases; the very same bytes where nothing had to be replaced."""
        text = raw.decode("utf-8", errors="replace")
        cleaned = self.text(text, file)
        return raw if cleaned == text else cleaned.encode()

    # --- looking for what is left ---

    def leaks(self, name: str, data: bytes, *, is_text: bool = True) -> str | None:
        """The kind of the first thing in a file, or in its name, that must not leave; None where there is none."""
        for kind, pattern in self._bytes_patterns():
            if pattern.search(data) or pattern.search(name.encode()):
                return kind
        if is_text:
            text = data.decode("utf-8", errors="replace")
            for kind, check in _SHAPES:
                if check(text):
                    return kind
        return None

    def _bytes_patterns(self) -> list[tuple[str, re.Pattern[bytes]]]:
        found = []
        for known in self._words.values():
            forms = {
                form.encode(encoding) for form in _forms(known.text) for encoding in ("utf-8", "utf-16-le", "utf-16-be")
            }
            forms.add(base64.b64encode(known.text.encode()).rstrip(b"="))
            forms.add(known.text.encode().hex().encode())
            pattern = b"|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form)))
            found.append((known.kind, re.compile(pattern, re.IGNORECASE)))
        for path in self._paths:
            found.append(("path", re.compile(rb"(?<![\w.])" + re.escape(path.encode()) + rb"(?!\w)")))
        return found


def _forms(text: str) -> list[str]:
    """How a word may be written: as it is, percent-encoded, in HTML, in JSON, in a Python string."""
    escaped = text.encode("unicode_escape").decode()
    return list(
        dict.fromkeys(
            [text, quote(text), quote(text, safe=""), escape(text), msgspec.json.encode(text).decode()[1:-1], escaped]
        )
    )


def _has_credentials(text: str) -> bool:
    return bool(re.search(r"://[^\s/@\"'<>]+:[^\s/@\"'<>]+@", text))


def _has_home(text: str) -> bool:
    return any(not name.startswith("<") for name in _HOME_OF.findall(text))


_SHAPES: list[tuple[str, Callable[[str], bool]]] = [
    ("URL with credentials", _has_credentials),
    ("home folder", _has_home),
    ("token", lambda text: bool(_TOKEN_FORMS.search(text))),
]
