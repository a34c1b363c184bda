"""What every record of a request carries, bound freshly for each request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final, TypeVar

import structlog

from strongroom.audit.pipeline.shape import shape_context

T = TypeVar("T")

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class RequestContext:
    """The context of one request, from its first record to its last.

    The values are checked and searched for secrets once, here. A context variable belongs to the
    thread (or task) that runs the request, so requests that run side by side cannot see each
    other's. What an application binds with ``structlog.contextvars`` comes on top, and ends with
    it. Used by one thread at a time.

    :param values: fields of the vocabulary that the pipeline binds
    :param recorder: who records what is logged inside; None leaves it to the first one
    """

    __slots__ = ("_bound", "_outer", "_over", "inside", "recorder", "values")

    def __init__(self, values: Mapping[str, object], recorder: object = None) -> None:
        self.values: Mapping[str, Any] = shape_context(values)
        self.recorder = recorder
        self.inside = False
        """Whether code of the request is running: a request that begins now is made by it."""
        self._outer: RequestContext | None = None
        self._over = False
        self._bound: Mapping[str, Any] = _NOTHING
        """What the application has bound, while another context is the current one."""

    def begin(self) -> None:
        """Make this the context of the thread; nothing of an earlier one is left.

        A request made *inside* another one (an application mounted in it, or one that calls
        itself) gives that one's context back when it ends.
        """
        outer = _current.get()
        if outer is not None and outer.inside:
            self._outer = outer
        _leave(self._outer)
        _enter(self)

    def run(self, work: Callable[[], T]) -> T:
        """Do a part of the request: in its context, whichever the thread is in."""
        before, was_inside = _current.get(), self.inside
        if before is self and was_inside:
            return work()
        outside = _NOTHING
        if before is not self:
            outside = _leave(before)
            _enter(self)
        self.inside = True
        try:
            return work()
        finally:
            self.inside = was_inside
            if before is not self:
                _leave(self)
                _enter(_still_open(before))
                if before is None and outside:
                    structlog.contextvars.bind_contextvars(**outside)

    def end(self) -> None:
        """What the thread logs next belongs to no request, or to the one around this."""
        self._over = True
        if _current.get() is self:  # else another one began before this one's body was closed
            _leave(None)
            outer = _still_open(self._outer)
            _enter(outer if outer is not None and outer.inside else None)


_current: ContextVar[RequestContext | None] = ContextVar("strongroom_context", default=None)


def _still_open(context: RequestContext | None) -> RequestContext | None:
    while context is not None and context._over:  # noqa: SLF001  # of the class above
        context = context._outer  # noqa: SLF001  # as above
    return context


def _leave(context: RequestContext | None) -> Mapping[str, Any]:
    """Unbind what the application has bound, and let the context remember it."""
    bound = structlog.contextvars.get_contextvars()
    if bound:
        structlog.contextvars.clear_contextvars()
    if context is not None:
        context._bound = bound  # noqa: SLF001  # of the class above
    return bound


def _enter(context: RequestContext | None) -> None:
    _current.set(context)
    if context is not None and context._bound:  # noqa: SLF001  # of the class above
        structlog.contextvars.bind_contextvars(**context._bound)  # noqa: SLF001  # as above


def bind_context(**values: object) -> None:
    """Start a new context with these values; nothing of an earlier one is left."""
    RequestContext(values).begin()


def add_to_context(**values: object) -> None:
    """Learn more about the current request; without one, nothing happens."""
    context = _current.get()
    if context is not None:
        context.values = {**context.values, **shape_context(values)}


def clear_context() -> None:
    """End the context: what this thread logs next belongs to no request."""
    _leave(None)
    _enter(None)


def current_context() -> Mapping[str, Any]:
    """The values of the current context, ready for a record."""
    context = _current.get()
    return _NOTHING if context is None else context.values


def current_recorder() -> object:
    """Who records what is logged in the current context; None where nobody is named."""
    context = _current.get()
    return None if context is None else context.recorder


def keep_who(given: MutableMapping[str, Any]) -> None:
    """Once it was bound who it was, a single log call cannot say otherwise, except in ``extra``.

    What a call is given may come from the client, name by name.

    :param given: what was logged
    """
    if "user_id" not in given:
        return
    bound = structlog.contextvars.get_contextvars().get("user_id", current_context().get("user_id"))
    if bound is not None and bound is not given["user_id"]:
        add_extra(given, {"user_id": given.pop("user_id")})
        given["user_id"] = bound


def add_extra(given: MutableMapping[str, Any], more: Mapping[str, Any]) -> None:
    """Put more into the ``extra`` of what was logged. Runs no code of the values."""
    extra = given.get("extra")
    if type(extra) is dict:
        given["extra"] = {**more, **extra}
    else:
        given["extra"] = dict(more) if extra is None else {**more, "extra": extra}
