"""The command line. Each command's module is imported when it is called (a help page needs none of them).

Commands import at their top. Only what some calls of a command need is imported where it is used: NumPy by `record`,
which starts the program first, what trains by `verify` without `--no-run` (0.1 s each), Dask by sweeps on a cluster.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from repro import __version__
from repro.base import defects
from repro.base.errors import ExitCode, InputError, ReproError
from repro.base.text import one_line
from repro.cli.basics import FilePath, echo_raw

# Command: (module, one line of help). The module's `command` is a click command.
COMMANDS: dict[str, tuple[str, str]] = {
    "list": ("repro.cli.list_scenarios", "List the scenarios and their latest verdicts."),
    "check": ("repro.cli.check", "Check scenario files and their images without training."),
    "new": ("repro.cli.new", "Write a commented scenario to start from."),
    "schema": ("repro.cli.schema", "Print the JSON Schema of scenario files."),
    "record": ("repro.cli.record", "Run your own program and record what it trains."),
    "recorder": ("repro.cli.recorder", "Write the recorder as one file, for notebooks and other machines."),
    "import": ("repro.cli.import_", "Take in recordings that were made elsewhere."),
    "run": ("repro.cli.run", "Train scenarios and decide their claims."),
    "runs": ("repro.cli.runs", "List the runs in the store."),
    "show": ("repro.cli.show", "Show one run: verdict, claims, figures."),
    "watch": ("repro.cli.watch", "Follow a run until it ends."),
    "stop": ("repro.cli.stop", "Stop a run; it keeps a checkpoint."),
    "resume": ("repro.cli.resume", "Go on with a run from its last checkpoint."),
    "delete": ("repro.cli.delete", "Move a run to the store's trash."),
    "what-if": ("repro.cli.what_if", "Ask a traced run what another momentum would have predicted."),
    "sweep": ("repro.cli.sweep", "Train with many seeds: each claim's rate with its interval."),
    "bisect": ("repro.cli.bisect", "Find the release at which a claim begins to fail."),
    "diagnose": ("repro.cli.diagnose", "Say why a run is right in training and wrong afterwards."),
    "compare": ("repro.cli.compare", "Compare runs and bundles: figures, claims, environment."),
    "export": ("repro.cli.export", "Write runs with their evidence into one file."),
    "verify": ("repro.cli.verify", "Check a bundle and run it again here."),
    "issue": ("repro.cli.issue", "Write the text of a bug report for a run."),
    "environment": ("repro.cli.environment", "List, install, check and show environments."),
    "doctor": ("repro.cli.doctor", "Look for what would keep runs from working here."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and help line; imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise InputError(
                f"no command is called {one_line(args[0], 40)!r}",
                do=f"choose from {', '.join(self.list_commands(ctx))}",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--store", type=FilePath(), help="Folder of the runs (else $REPRO_STORE, else ./runs).")
@click.version_option(__version__, prog_name="repro")
@click.pass_context
def cli(ctx: click.Context, store: Path | None) -> None:
    """Settle reports of "100 % in fit, 33 % from predict": exact environments, real training, verdicts.

    Without a command the terminal UI opens.
    """
    ctx.obj = store
    if ctx.invoked_subcommand is None:
        ctx.exit(_open_screen(store))


def _open_screen(store: Path | None) -> int:
    from repro.cli.common import open_store

    try:
        import tui
    except ImportError:
        raise InputError("the terminal UI is not installed", do="use the commands (repro --help)") from None
    return tui.start(open_store(store).path)


def run_command_line(arguments: list[str]) -> int:
    """Run one command line; its exit code."""
    return guarded(lambda: cli.main(arguments, prog_name="repro", standalone_mode=False))


def guarded(call: Callable[[], Any]) -> int:
    """The exit code of `call`. Every foreseen fault is one line on standard error."""
    try:
        code = call()
        return int(code) if isinstance(code, int) else ExitCode.DONE
    except ReproError as error:
        return _say(str(error), error.exit_code)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        return _say("interrupted", ExitCode.ENDED_EARLY)
    except click.ClickException as error:
        return _say(_usage(error), ExitCode.BAD_INPUT)
    except KeyboardInterrupt:
        return _say("interrupted", ExitCode.ENDED_EARLY)
    except (BrokenPipeError, SystemExit):  # click turns the first into the second
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except OSError as error:
        if error.filename is None and error.errno is None:
            return _defect(error)
        where = f"{one_line(error.filename)}: " if error.filename is not None else ""
        return _say(f"{where}{error.strerror}: check the path, its permissions and the free space", ExitCode.UNUSABLE)
    except Exception as error:
        return _defect(error)


def _usage(error: click.ClickException) -> str:
    """click's words as a line of ours: what is wrong, then what to do."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(error.ctx.command, click.Group):
        names = error.ctx.command.list_commands(error.ctx)
        return f"{error.ctx.command_path} needs a command: choose from {', '.join(names)}"
    text = one_line(" ".join(error.format_message().split()), 600).rstrip(".")
    return text if context is None else f"{text}: see {context.command_path} --help"


def _say(line: str, code: int) -> int:
    echo_raw(f"repro: {one_line(line, 2000)}", err=True)
    return int(code)


def _defect(error: Exception) -> int:
    return _say(defects.keep(error), ExitCode.ENDED_EARLY)
