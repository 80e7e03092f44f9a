"""The echo service's types, compiled from its proto when they are first needed."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from google.protobuf import text_format
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

SERVICES: Final = ("echo.v1.EchoService", "echo.v1.ShowService")
_PROTO: Final = Path(__file__).with_name("echo.proto")
_BUF: Final = str(Path(sys.executable).with_name("buf"))


@cache
def descriptor_set() -> bytes:
    """The service with all that it imports, as Envoy takes it."""
    with tempfile.TemporaryDirectory() as folder:
        api = Path(folder, "google/api")
        api.mkdir(parents=True)
        shutil.copy(_PROTO, folder)
        for name in ("annotations", "http", "httpbody"):
            api.joinpath(f"{name}.proto").write_bytes(files("google.api").joinpath(f"{name}.proto").read_bytes())
        command = [_BUF, "build", folder, "-o", "-#format=binpb"]
        built = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own
    return built.stdout


@cache
def services() -> Sequence[ServiceDescriptor]:
    """The services, in the pool of all generated types: their options are the ones that the gateway knows."""
    pool = Default()
    [file] = [each for each in FileDescriptorSet.FromString(descriptor_set()).file if each.name == _PROTO.name]
    for name in file.dependency:
        import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    pool.AddSerializedFile(file.SerializeToString())
    return [pool.FindServiceByName(name) for name in SERVICES]


def message_type(name: str) -> Any:
    """A message's class: `message_type("Part")`."""
    services()
    return GetMessageClass(Default().FindMessageTypeByName(f"echo.v1.{name}"))


def message(kind: type[Message], text: str) -> Message:
    """A message from protobuf's text format."""
    return text_format.Parse(text, kind(), descriptor_pool=Default())
