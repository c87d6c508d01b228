"""Programs that are run with the recorder and without it."""

from tests.support.recorded_programs import hook_folder, run_program

__all__ = ["hook_folder", "run_program"]
