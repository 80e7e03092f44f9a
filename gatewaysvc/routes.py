"""The route table: what the `google.api.http` options of the services say, ready to be matched.

A literal segment goes before `*`, and `*` before `**`. The custom verb is what stands behind a colon in the last
segment, the last one if there are several: a colon that belongs to the value is sent as %3A. A trailing slash is
another path: were it ignored, `/v1/tasks/` + an empty id would list all tasks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

from chassis.errors import MethodNotAllowed, RouteNotFound
from gatewaysvc.path_template import ONE, REST, PathTemplate, parse

WEBSOCKET: Final = "WEBSOCKET"
"""Stands where other routes have their HTTP method: only a WebSocket can talk both ways."""
ALL_OF_IT: Final = "*"
ANY_METHOD: Final = "*"
"""A custom method that stands for every one which the path has no route of its own for."""
# The extension's stub names another type than extensions have.
_HTTP: Final[Any] = annotations_pb2.http
_NAMED_METHODS: Final = ("get", "put", "post", "delete", "patch")


class BadRoute(ValueError):
    """An annotation that can't be served: the service must not start with it."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way to call a method over HTTP."""

    http_method: str
    template: PathTemplate
    method: MethodDescriptor
    body: FieldDescriptor | str
    """The field that the body is, or `*` (the whole request), or nothing."""
    response_body: FieldDescriptor | None
    """The field that the answer is, or None for the whole response."""
    rpc: str
    """The method's gRPC path."""

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream."""
        return self.method.server_streaming


@dataclass(frozen=True, slots=True)
class Match:
    """A route, and what the path says."""

    route: Route
    path: tuple[tuple[tuple[str, ...], str], ...]
    """Field paths with their values, decoded."""


@dataclass(slots=True)
class _Node:
    """What can follow a beginning of a path."""

    literals: "dict[str, _Node]" = field(default_factory=dict)
    one: "_Node | None" = None
    rest: "_Node | None" = None
    ends: dict[tuple[str, str], Route] = field(default_factory=dict)
    """Routes that end here, by verb and HTTP method."""

    def route(self, verb: str, http_method: str) -> Route | None:
        """The route of a method. HEAD is GET, unless it has one of its own."""
        found = self.ends.get((verb, http_method))
        if found is None and http_method == "HEAD":
            found = self.ends.get((verb, "GET"))
        return found or (self.ends.get((verb, ANY_METHOD)) if http_method != WEBSOCKET else None)


class RouteTable:
    """All routes of some services."""

    def __init__(self, services: Iterable[ServiceDescriptor]) -> None:
        self.routes: list[Route] = []
        self._root = _Node()
        for service in services:
            for method in service.methods:
                for route in routes_of(method):
                    self._add(route)

    def match(self, http_method: str, path: str) -> Match:
        """The route that a request's (encoded) path means. Raises RouteNotFound, MethodNotAllowed, BadEscape."""
        segments, verb = _split(path)
        seen: list[str] = []
        for node in _ends(self._root, segments, 0):
            route = node.route(verb, http_method)
            if route is not None:
                values = tuple((each.field_path, each.value(segments)) for each in route.template.variables)
                return Match(route, values)
            seen += [method for known, method in node.ends if known == verb and method != WEBSOCKET]
        if seen:
            allowed = allow(seen)
            raise MethodNotAllowed(f"{path} takes {allowed}, not {http_method}.", metadata={"allow": allowed})
        raise RouteNotFound(f"Nothing is served under {path}{self._hint(segments, verb)}.")

    def allowed(self, path: str) -> str:
        """The methods that a path takes, as in an `Allow` header. Raises RouteNotFound."""
        segments, verb = _split(path)
        methods = [
            method
            for node in _ends(self._root, segments, 0)
            for known, method in node.ends
            if known == verb and method != WEBSOCKET
        ]
        if not methods:
            raise RouteNotFound(f"Nothing is served under {path}{self._hint(segments, verb)}.")
        return allow(methods)

    def _hint(self, segments: Sequence[str], verb: str) -> str:
        nodes = list(_ends(self._root, segments, 0))
        verbs = sorted({f":{known}" for node in nodes for known, _ in node.ends if known})
        if verb and verbs:
            return f"; what can be done there is {', '.join(verbs)}"
        if not segments[-1] and any(_ends(self._root, segments[:-1], 0)):
            return ": leave the last slash out, or fill in the id behind it"
        return "; /openapi.json tells what is"

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.template.segments:
            if segment == ONE:
                node.one = node = node.one or _Node()
            elif segment == REST:
                node.rest = node = node.rest or _Node()
            else:
                node = node.literals.setdefault(segment, _Node())
        other = node.ends.setdefault((route.template.verb, route.http_method), route)
        if other is not route:
            raise BadRoute(f"{route.method.full_name} and {other.method.full_name} both are {_named(route)}.")
        self.routes.append(route)


def allow(methods: Iterable[str]) -> str:
    """The value of an `Allow` header."""
    known = set(methods)
    if ANY_METHOD in known:
        known = {*known - {ANY_METHOD}, "DELETE", "GET", "PATCH", "POST", "PUT"}
    return ", ".join(sorted(known | ({"HEAD"} if "GET" in known else set()) | {"OPTIONS"}))


def routes_of(method: MethodDescriptor) -> Iterator[Route]:
    """The routes that a method's annotation names; none for a method that has no annotation."""
    options = method.GetOptions()
    if not options.HasExtension(_HTTP):
        return
    rule: HttpRule = options.Extensions[_HTTP]
    if any(each.additional_bindings for each in rule.additional_bindings):
        raise BadRoute(f"{method.full_name} has additional bindings in an additional binding.")
    for each in (rule, *rule.additional_bindings):
        yield _route(method, each)


def _route(method: MethodDescriptor, rule: HttpRule) -> Route:
    kind = rule.WhichOneof("pattern")
    if kind in _NAMED_METHODS:
        http_method, path = kind.upper(), getattr(rule, kind)
    elif kind == "custom":
        http_method, path = rule.custom.kind, rule.custom.path
    else:
        raise BadRoute(f"{method.full_name} has an http rule without a path.")
    template = parse(path)
    request = method.input_type
    for variable in template.variables:
        _check_field_path(method, variable.field_path)
    body: FieldDescriptor | str = rule.body
    if rule.body and rule.body != ALL_OF_IT:
        if rule.body not in request.fields_by_name:
            raise BadRoute(f"{method.full_name}: its body {rule.body!r} is no field of {request.full_name}.")
        body = request.fields_by_name[rule.body]
    response_body = None
    if rule.response_body:
        if rule.response_body not in method.output_type.fields_by_name:
            raise BadRoute(f"{method.full_name}: {rule.response_body!r} is no field of {method.output_type.full_name}.")
        response_body = method.output_type.fields_by_name[rule.response_body]
    return Route(
        http_method=WEBSOCKET if method.client_streaming and method.server_streaming else http_method,
        template=template,
        method=method,
        body=body,
        response_body=response_body,
        rpc=f"/{method.containing_service.full_name}/{method.name}",
    )


def _check_field_path(method: MethodDescriptor, path: Sequence[str]) -> None:
    message: Descriptor | None = method.input_type
    for i, name in enumerate(path):
        known = message.fields_by_name.get(name) if message else None
        last = i == len(path) - 1
        if known is None or known.is_repeated or (known.message_type is None) is not last:
            raise BadRoute(f"{method.full_name}: {'.'.join(path)} can't be bound to a path.")
        message = known.message_type


def _split(path: str) -> tuple[list[str], str]:
    """A path's segments, and its verb."""
    segments = path[1:].split("/")
    value, colon, verb = segments[-1].rpartition(":")
    if not colon:
        return segments, ""
    segments[-1] = value
    return segments, verb


def _ends(node: _Node, segments: Sequence[str], at: int) -> Iterator[_Node]:
    """Where the path can end, the most literal first."""
    if at == len(segments):
        if node.ends:
            yield node
    else:
        segment = segments[at]
        literal = node.literals.get(segment)
        if literal is not None:
            yield from _ends(literal, segments, at + 1)
        if node.one is not None and segment:
            yield from _ends(node.one, segments, at + 1)
    if node.rest is not None:
        yield node.rest


def _named(route: Route) -> str:
    return f"{route.http_method} {route.template.text}"
