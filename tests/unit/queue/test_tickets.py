"""Runs that wait for their turn, and the process that works through them."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.queue import tickets
from repro.runs.store import Store


def test_the_queue_is_worked_off_in_order(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[list[str]] = []
    monkeypatch.setattr(tickets, "run", lambda _, ticket: done.append(ticket.arguments) or "")
    for seed in range(3):
        tickets.add(store, "original-bug", "keras-3", seed, ["run", str(seed)])
    tickets.cancel(store, tickets.tickets(store)[1].name)
    assert tickets.work(store) == 0
    assert done == [["run", "0"], ["run", "2"]]
    assert tickets.tickets(store) == [] and not tickets.is_worked_on(store)


def test_a_run_that_cannot_start_says_why_and_lets_the_next_one_start(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "run", lambda _, ticket: "repro: no" if ticket.arguments == ["bad"] else "")
    tickets.add(store, "a", "keras-3", 0, ["bad"])
    tickets.add(store, "b", "keras-3", 0, ["good"])
    tickets.work(store)
    assert [(ticket.scenario, ticket.error) for ticket in tickets.tickets(store)] == [("a", "repro: no")]


def test_the_queue_runs_our_own_command_line(store: Path) -> None:
    ticket = tickets.add(store, "a", "keras-3", 0, ["run", "no-such-scenario"])
    assert "no-such-scenario" in tickets.run(store, ticket)
    tickets.cancel(store, ticket.name)
    assert tickets.add(store, "a", "keras-3", 0, ["bad"]).name == tickets.tickets(store)[0].name
    (store / ".queue" / "0-broken.json").write_text("{")
    assert len(tickets.tickets(store)) == 1
    assert Store(store).runs() == []
