"""What differs between environment records, ranked by how likely it explains a changed result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.base.difference import DifferenceRow
from repro.environment.facts import facts_of

_KERAS_THREADS = "keras issues 6977, 7177, 9214"
_FACTS_VERSIONS = "our measurements over six pairs of Keras and TensorFlow (docs/environment-record.md)"


@dataclass(frozen=True)
class Rule:
    """Facts under one of `keys` (regular expressions over dotted names) belong to `group`.

    Not `explains`: they can be the reason of no figure.
    """

    group: str
    keys: str
    why: str
    source: str
    explains: bool = True

    def matches(self, key: str) -> bool:
        return re.match(self.keys, key) is not None


# The order is the rank: the first rule that matches a key gives its group and its sentence.
RULES: tuple[Rule, ...] = (
    Rule(
        "framework",
        r"versions\.(tensorflow|backend)$|packages\.(tensorflow|tensorflow-cpu|tensorflow-gpu)$",
        "another TensorFlow has other kernels and graph rewrites: digits change, and so can what is computed",
        _FACTS_VERSIONS,
    ),
    Rule(
        "framework",
        r"tensorflow_build\.",
        "the same version built otherwise (compiler, instruction sets, CUDA) has other kernels",
        "tensorflow issue 57749",
    ),
    Rule(
        "Keras",
        r"versions\.keras$|packages\.(keras|tf-keras|tensorflow-estimator|keras-applications|keras-preprocessing)$",
        "Keras decides how moving averages are updated and what ResNet50 is: zero-debiasing came with 2.1.3 and went "
        "with 2.3.0, epsilon and the stem changed",
        "keras pull requests 9003 and 9965; " + _FACTS_VERSIONS,
    ),
    Rule(
        "Keras",
        r"(keras_config\.|variables\.(KERAS_|TF_USE_LEGACY_KERAS))",
        "float type, epsilon, image layout and backend enter every layer",
        "keras.io, configuration of keras.json; " + _KERAS_THREADS,
    ),
    Rule(
        "Keras",
        r"model\.",
        "another network, another BatchNormalization setting or other initial weights: a different experiment",
        "keras.applications sources",
    ),
    Rule("settings", r"environment$", "another environment: the rows below say what that means", "environments/"),
    Rule(
        "kernels",
        r"onednn|variables\.TF_ENABLE_ONEDNN_OPTS|tensorflow_math\.",
        "oneDNN's kernels add in another order; round-off differs and five steps of Adam at learning rate 0.001 "
        "amplify it",
        "TensorFlow's oneDNN notes (TF_ENABLE_ONEDNN_OPTS); tensorflow issue 57749",
    ),
    Rule(
        "kernels",
        r"jit_compile|variables\.(XLA_FLAGS|TF_XLA_FLAGS)|determinism\.jit_compile",
        "XLA fuses operations, which changes the order of additions",
        "Keras compile(jit_compile=...)",
    ),
    Rule(
        "kernels",
        r"graph_passes_left_out",
        "the graph optimizer rearranges operations; without these passes our tests find the same bits",
        "repro/worker/adapters/graph_optimizer.py",
    ),
    Rule(
        "device",
        r"(device|gpus|cuda_libraries|nvidia)(\.|\[|$)|packages\.nvidia-|variables\.(CUDA_|NVIDIA_|TF_FORCE_GPU)",
        "a GPU adds in another order than a CPU, and cuDNN chooses algorithms by model and version",
        "NVIDIA framework-reproducibility; tensorflow pull request 50505",
    ),
    Rule(
        "determinism",
        r"determinism\.|variables\.(TF_DETERMINISTIC_OPS|TF_CUDNN_DETERMINISTIC|PYTHONHASHSEED)",
        "seeds give weights and order of images; op determinism picks other kernels and resolves jit_compile to False",
        "tf.config.experimental.enable_op_determinism; keras 3.7 changes",
    ),
    Rule(
        "threads",
        r"threads\.|variables\.OMP_NUM_THREADS|cpu\.usable|cgroup\.cpu_quota",
        "sums are split by the number of threads, so that round-off depends on it",
        "tf.config.threading; tensorflow issue 61510",
    ),
    Rule(
        "instruction sets",
        r"cpu\.(model|vendor|family_model_stepping|instruction_sets|machine)|architecture",
        "kernels are chosen by what the CPU can do: AVX2 and AVX-512 paths round differently",
        "tensorflow issues 57749 and 61510",
    ),
    Rule(
        "images",
        r"images?(\.|\[|$)",
        "other pixels, another order or another label: a different experiment",
        "Stack Overflow 47157526 (os.listdir's order binds labels to files)",
    ),
    Rule(
        "packages the worker loads",
        r"(numpy|blas|math_libraries)(\.|\[|$)|packages\.(numpy|h5py|scipy|pillow|ml-dtypes|opt-einsum|protobuf|absl-py|"
        r"optree|namex|astunparse|gast|google-pasta|flatbuffers|termcolor|wrapt|six|grpcio|typing-extensions|libclang|"
        r"rich|packaging|tensorflow-io-gcs-filesystem)$",
        "imported by the training process; numpy shuffles the images and draws random numbers",
        "numpy's NEP 19 (streams may change between versions)",
    ),
    Rule(
        "interpreter",
        r"python\.",
        "the interpreter runs no kernel; it decides which packages can be installed",
        "Python's documentation of random and hash",
    ),
    Rule(
        "system",
        r"(os|kernel|libc|platform)(\.|\[|$)",
        "libm and the kernel seldom change a figure; glibc's exp and log did between versions",
        "glibc's release notes (math)",
    ),
    Rule(
        "container",
        r"container(\.|\[|$)",
        "an image changes no figure by itself; what it holds (packages, libc) is compared on its own",
        "docs/container.md",
        explains=False,
    ),
    Rule(
        "lock",
        r"lock_sha256$|drift",
        "the set of packages is not the same; see the packages that differ",
        "docs/environment-record.md",
    ),
    Rule(
        "settings that the worker does not see",
        r"(withheld_variables|user_keras_json)(\.|\[|$)",
        "of the user's shell; the worker gets none of them, so they can explain a plain script's figures, not these",
        "docs/environment-record.md",
        explains=False,
    ),
    Rule(
        "machine",
        r"(cpu|processor|cgroup|memory_bytes|disk)",
        "size and limits change the time, not the figures",
        "docs/environment-record.md",
        explains=False,
    ),
    Rule(
        "other packages",
        r"packages\.",
        "installed, and not known to be loaded by the training process",
        "docs/environment-record.md",
        explains=False,
    ),
    Rule("the rest", r"", "not known to change a figure", "docs/environment-record.md", explains=False),
)

ONE_SIDED = Rule(
    "recorded on one side only",
    r"",
    "a fact that one record lacks explains nothing: another version wrote it, or it could not be had there",
    "docs/environment-record.md",
    explains=False,
)
# Where a fact that is absent says something: not installed, not set, no such device.
_ABSENT_TELLS = re.compile(r"(packages|variables|gpus|nvidia|container)(\.|\[|$)")


def rule_of(key: str) -> tuple[int, Rule]:
    """Return the rank (0: most likely to explain) and the rule of a dotted key."""
    for rank, rule in enumerate(RULES):
        if rule.matches(key):
            return rank, rule
    raise AssertionError("the last rule matches everything")


def rows(records: Sequence[Mapping[str, Any]]) -> list[DifferenceRow]:
    """Return a row for every fact of the records, the most likely explanations first."""
    flat = [facts_of(record) for record in records]
    ranked = []
    for key in dict.fromkeys(key for facts in flat for key in facts):
        rank, rule = rule_of(key)
        if not _ABSENT_TELLS.match(key) and not all(key in facts for facts in flat):
            rank, rule = len(RULES), ONE_SIDED
        values = tuple(facts.get(key) for facts in flat)
        row = DifferenceRow("environment", key, values, rule.group, rule.why, rule.source, rule.explains)
        ranked.append((rank, key, row))
    return [row for _, _, row in sorted(ranked, key=lambda item: item[:2])]


def differences(records: Sequence[Mapping[str, Any]]) -> list[DifferenceRow]:
    """Return the rows of the facts that are not the same in all records, the most likely explanations first."""
    return [row for row in rows(records) if row.differs]
