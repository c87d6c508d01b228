"""What the tests of environments and of bisect find in the package index: a history of Keras in miniature."""

from __future__ import annotations

import sys

from tests.support.package_index import PackageIndex

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def fill(index: PackageIndex) -> None:
    """Add Keras 2.0.9 to 2.1.3 and 3.0.5 with the TensorFlow of their days, and the tools that each lock has."""
    for tool, version in (("setuptools", "59.4.0"), ("wheel", "0.37.0")):
        index.add(tool, version, "2021-11-01")
    for version, day in (
        ("1.3.0", "2017-08-17"),
        ("1.4.0", "2017-11-02"),
        ("1.4.1", "2017-12-08"),
        ("2.0.0", "2019-09-30"),
    ):
        index.add("tensorflow", version, day, needs=("six",), size=2_000_000)
    index.add("tensorflow", "2.16.1", "2024-03-08", needs=("six", "keras>=3"))
    index.add("tensorflow-cpu", "2.16.1", "2024-03-08", needs=("six", "keras>=3"))
    index.add("six", "1.11.0", "2017-09-17")
    index.add("six", "1.12.0", "2018-12-10")
    for version, day in (
        ("2.0.9", "2017-11-01"),
        ("2.1.0", "2017-11-13"),
        ("2.1.1", "2017-11-14"),
        ("2.1.2", "2017-12-06"),
        ("2.1.3", "2018-01-16"),
        ("2.2.0", "2018-06-06"),
        ("2.1.7", "2018-07-01"),
        ("3.0.5", "2024-02-20"),
    ):
        index.add("keras", version, day, needs=("six",))
