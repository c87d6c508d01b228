"""The one place that makes run directories without training.

`planned`: from the scenario of the fixture `folder`, as `repro run` begins one, with the events that a test names.
`copied`: a real run of keras-2.0.9 from `data`, with changes; its hashes are right again.
`recorded`: a real run of keras-3 from tests/data, and runs and sweeps whose events a screen reads.
"""
