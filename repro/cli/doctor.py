"""`repro doctor`: what would keep runs from working here."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from repro.base.errors import ExitCode
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.cli.figures import coloured
from repro.doctor import examine


@click.command("doctor")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, store: Path | None, as_json: bool) -> None:
    """Look for what would keep runs from working here; each finding with its remedy. Exit 3 on an error."""
    findings = examine(open_store(store))
    if as_json:
        print_json({"format": FORMAT, "findings": msgspec.to_builtins(findings)})
    else:
        for finding in findings:
            echo_text(f"{coloured(finding.severity, 8)} {finding.subject:<13}{finding.message}")
            if finding.remedy:
                echo_text(f"{'':22}-> {finding.remedy}")
    if any(finding.severity == "error" for finding in findings):
        ctx.exit(int(ExitCode.UNUSABLE))
