"""Declaring an event: what is checked at once, and what the declaration then fixes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from types import ModuleType
from typing import Any

import pytest

from strongroom.audit.events import Catalogue, Event, Level, Outcome, Stream, declare
from strongroom.bootstrap import CATALOGUE

WORKED = {Outcome.SUCCESS: Level.INFO}
BOTH = {Outcome.SUCCESS: Level.INFO, Outcome.FAILED: Level.ERROR}


def declared(
    fields: dict[str, type],
    levels: Any = Level.INFO,
    name: str = "door_opened",
    doc: str | None = "A door opened.",
) -> Any:
    """An event with these fields, declared as a module would declare it."""
    body = {"__annotations__": fields, "__doc__": doc, "__module__": __name__}
    decorate: Callable[[type], Any] = declare(name, stream=Stream.OPS, levels=levels)
    return decorate(type("DoorOpened", (Event,), body))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "DoorOpened",
        "door-opened",
        "door opened",
        "_door",
        "door__opened",
        "1door",
        "dõor",
        "a\n",
    ],
)
def test_a_name_that_is_not_snake_case(name: str) -> None:
    with pytest.raises(TypeError, match="snake_case"):
        declared({}, name=name)


def test_a_field_that_is_not_in_the_vocabulary() -> None:
    with pytest.raises(TypeError, match=r"door_opened.*vocabulary.*colour, filname"):
        declared({"filname": str, "count": int, "colour": str})


@pytest.mark.parametrize("field", ["request_id", "user_id", "ip_address", "user_agent", "pid"])
def test_a_field_that_the_pipeline_binds_by_itself(field: str) -> None:
    with pytest.raises(TypeError, match=f"bound by the pipeline.*{field}"):
        declared({field: str})


@pytest.mark.parametrize("doc", [None, ""])
def test_a_docstring_is_needed(doc: str | None) -> None:
    with pytest.raises(TypeError, match="docstring"):
        declared({"count": int}, doc=doc)


def test_several_outcomes_need_a_field_for_the_one() -> None:
    with pytest.raises(TypeError, match="outcome"):
        declared({"count": int}, BOTH)


@pytest.mark.parametrize("levels", [WORKED, Level.INFO])
def test_a_single_outcome_is_implied(levels: object) -> None:
    with pytest.raises(TypeError, match="outcome"):
        declared({"outcome": Outcome}, levels)


def test_a_level_is_needed() -> None:
    with pytest.raises(TypeError, match="level"):
        declared({"count": int}, {})


@pytest.mark.parametrize("outcome", BOTH)
def test_the_level_follows_from_the_outcome(outcome: Outcome) -> None:
    event = declared({"outcome": Outcome}, BOTH)(outcome=outcome)
    assert event.level() is BOTH[outcome]
    assert event.values() == {"outcome": outcome}


def test_a_single_outcome_is_among_the_values() -> None:
    event = declared({"count": int}, {Outcome.DENIED: Level.WARNING})(count=3)
    assert event.level() is Level.WARNING
    assert event.values() == {"outcome": Outcome.DENIED, "count": 3}


def test_what_is_no_act_has_no_outcome() -> None:
    event = declared({}, Level.DEBUG)()
    assert event.level() is Level.DEBUG
    assert event.values() == {}


def test_values_that_are_none_are_left_out_and_falsy_ones_are_not() -> None:
    event = declared({"count": int, "reason": str, "aborted": bool, "bytes_out": int})
    values = event(count=0, reason="", aborted=False, bytes_out=None).values()
    assert values == {"count": 0, "reason": "", "aborted": False}


def test_an_event_is_frozen_and_takes_keywords_only() -> None:
    kind = declared({"count": int})
    event = kind(count=1)
    with pytest.raises(FrozenInstanceError):
        event.count = 2
    with pytest.raises(TypeError):
        kind(1)
    with pytest.raises(TypeError, match="cuont"):
        kind(cuont=1)


def test_two_events_of_one_name_cannot_share_a_catalogue() -> None:
    one, other = declared({}), declared({"count": int})
    with pytest.raises(ValueError, match="door_opened"):
        Catalogue(one, other)
    with pytest.raises(ValueError, match="door_opened"):
        Catalogue(one) | Catalogue(other)


def test_joining_a_catalogue_with_itself_changes_nothing() -> None:
    catalogue = Catalogue(declared({}))
    assert list(catalogue | catalogue) == list(catalogue)


def test_a_catalogue_takes_what_a_module_declares_not_what_it_imports() -> None:
    module = ModuleType("doors")
    own, imported = declared({}), declared({}, name="window_opened")
    own.__module__ = module.__name__
    vars(module).update(Own=own, Imported=imported, Event=Event, LIMIT=3)
    catalogue = Catalogue.of(module)
    assert list(catalogue) == [own]
    assert "door_opened" in catalogue
    assert "window_opened" not in catalogue
    assert catalogue.get("door_opened") is own
    assert catalogue.get("window_opened") is None


@pytest.mark.parametrize("event", list(CATALOGUE), ids=lambda event: str(event.event_name))
def test_levels_of_the_product_mean_what_they_say(event: type[Event]) -> None:
    for outcome, level in event.levels.items():
        if outcome is Outcome.SUCCESS:
            assert level in (Level.DEBUG, Level.INFO)
        elif outcome is not None:
            assert level in (Level.WARNING, Level.ERROR, Level.CRITICAL)


def test_severity_numbers_are_those_of_opentelemetry() -> None:
    """OpenTelemetry logs data model, "Displaying Severity": first number of each range."""
    numbers = {level.name: level.severity_number for level in Level}
    assert numbers == {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}
