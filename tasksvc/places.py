"""Which item of a batch an error is about."""

from collections.abc import Iterator
from contextlib import contextmanager

from chassis.errors import FieldViolation, InvalidField, ServiceError


@contextmanager
def at(place: str) -> Iterator[None]:
    """Errors raised in here tell the item too: `requests[3].task.title`. An empty place is the request itself."""
    try:
        yield
    except ServiceError as error:
        if not place:
            raise
        raise _placed(error, place) from error


def _placed(error: ServiceError, place: str) -> ServiceError:
    violations = [FieldViolation(f"{place}.{each.field}", each.description) for each in error.violations]
    if isinstance(error, InvalidField):
        return InvalidField.listing(violations)
    return type(error)(
        f"{place}: {error.message}",
        metadata=error.metadata,
        violations=violations,
        retry_after=error.retry_after,
    )
