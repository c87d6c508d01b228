"""Shapes of what must not leave: URLs, tokens, paths, addresses."""

from __future__ import annotations

import re

URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20})://([^\s\"'<>\\^`{|}]+)")
PUBLIC_HOSTS = (
    *("github.com", "tensorflow.org", "keras.io", "stackoverflow.com", "arxiv.org", "nvidia.com", "intel.com"),
    *("python.org", "numpy.org", "creativecommons.org", "json-schema.org", "wikipedia.org", "google.com"),
    "googleapis.com",
)
SECRET_PARAMETER = re.compile(r"(?i)[?&;#][^\s]*(token|secret|key|sig|auth|pass|credential|code)[^=&]*=")
CREDENTIALS_IN_URL = re.compile(r"://[^\s/@\"'<>]+:[^\s/@\"'<>]+@")

TOKEN = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[A-Z0-9]{12,}|ASIA[A-Z0-9]{12,}|AIza[\w-]{30,}|npm_[A-Za-z0-9]{30,}"
    r"|py[a-z]{2}-AgEI[\w-]{20,}|dckr_pat_[\w-]{16,}|SG\.[\w-]{16,}\.[\w-]{16,})"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.|\n)*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
# The token is the second or the fourth group; what names it comes before.
NAMED_TOKEN = re.compile(
    r"(?i)(\b(?:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{6,})"
    r"|(\b[\w-]*(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|private[_-]?key)[\w-]*[\"']?\s*[=:]\s*"
    r"[\"']?)((?!<)[^\s\"',;&<>]{4,})"
)

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
IPV4 = re.compile(r"(?<![\w.=-])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]|-\w)")
IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-fA-F:]*\d)(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?:%\w+)?(?![\w:])")
MAC = re.compile(r"(?<![\w:-])(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}(?![\w:-])")
USER_OF_HOME = re.compile(r"(?:/home/|/Users/|\\Users\\|/export/home/|/var/home/)([\w.@-]+)")

# An unquoted path continues over spaces if a slash or a file's suffix follows within a few words.
_WORD = r" [\w.@+%~&-]+"
_SUFFIX = r"\.(?:png|jpe?g|bmp|gif|webp|tiff?|npy|npz|h5|hdf5|keras|py|ya?ml|json|csv|txt|log|zip|pdf|docx?|xlsx?)"
_FURTHER = rf"(?:(?:{_WORD}){{1,4}}?[/\\][^\s\"'`<>|:;,()\[\]{{}}]*)*"
WITH_SPACES = rf"{_FURTHER}(?:(?:{_WORD}){{0,3}}? [\w.@+%~&-]*\w{_SUFFIX}(?![\w/\\]))?"
REST_OF_PATH = r"[^\s\"'`<>|:;,()\[\]{}]*" + WITH_SPACES

QUOTED_PATH = re.compile(r"([\"'`])((?:/|~[\w-]*/|[A-Za-z]:\\)[^\"'`\n]+)\1")
PATH = re.compile(r"(?<![\w.<>/~-])/(?!/)[\w.@+%~-][^\s\"'`<>|:;,()\[\]{}*?\\]*" + WITH_SPACES)
NETWORK_PATH = re.compile(r"(?<![\w:/])//[\w.-]+/" + REST_OF_PATH)
HOME_PATH = re.compile(r"(?<![\w/])~[\w-]*/" + REST_OF_PATH)
WINDOWS_PATH = re.compile(r"(?<!\w)(?:[A-Za-z]:\\|\\\\\w)" + REST_OF_PATH)
