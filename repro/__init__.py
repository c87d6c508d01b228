"""The engine: scenarios, environments, runs, verdicts, evidence. Imports neither TensorFlow nor Textual."""

__version__ = "0.1.0"
