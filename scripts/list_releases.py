"""Write environments/releases.json: the releases of Keras and TensorFlow with their days, as the package index tells.

    python -m scripts.list_releases

`repro` reads the index itself; the table is for where there is none.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from repro.base import shipped
from repro.environment import releases

PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "tf-keras")


def main() -> None:
    """Write the table; an index that does not answer ends the script with its reason."""
    packages = {}
    for package in PACKAGES:
        releases_of_package = releases.of(package)
        if not releases_of_package.is_current:
            raise SystemExit(f"{package}: the package index does not answer")
        packages[package] = releases_of_package.days
    table = releases.Table(1, datetime.now(UTC).date(), packages)
    text = msgspec.json.format(msgspec.json.encode(table), indent=1)
    (shipped.folder("environments") / releases.TABLE).write_bytes(text + b"\n")
    print(", ".join(f"{package}: {len(days)} releases" for package, days in packages.items()))


if __name__ == "__main__":
    main()
