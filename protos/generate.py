"""Generates the Python code, the descriptor image and the texts of the API's documentation from the .proto files.

`python protos/generate.py` writes it in place; `--check` compares with what is committed; `--image FILE` only writes
the descriptor image that buf lints and compares. protoc and its plugins live in an environment of their own
(`--codegen`): grpcio-tools pins an older protobuf than the services run on.
"""

import argparse
import filecmp
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from google.api import annotations_pb2, field_behavior_pb2, http_pb2
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
)
from google.protobuf.message import Message
from protovalidate._gen.buf.validate import validate_pb

PROTOS = Path(__file__).parent
_GENERATED = (".py", ".pyi", ".json")
DESCRIPTIONS = "taskbell/descriptions.json"
ROOT = PROTOS.parent
SDK = ROOT / "cli" / "api"
FROM_DISK = f"--proto_path={PROTOS}"
# Imports that only say how a server treats a message.
SERVER_SIDE = ("google/api/", "buf/", "google/protobuf/descriptor.proto", "taskbell/access/")


def dependencies() -> descriptor_pb2.FileDescriptorSet:
    """What our .proto files import: their packages carry the descriptors, so we keep no third-party .proto file."""
    modules = (any_pb2, descriptor_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2)
    googleapis = (http_pb2, annotations_pb2, field_behavior_pb2)
    files = descriptor_pb2.FileDescriptorSet()
    for module in (*modules, *googleapis):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    files.file.add().ParseFromString(validate_pb._DESC.proto.to_binary())  # noqa: SLF001  # the only place that has it
    for file in files.file:
        file.source_code_info.SetInParent()  # betterproto2's plugin looks for comments in every file
    return files


def protoc(codegen: Path, imports: descriptor_pb2.FileDescriptorSet, sources: list[str], *arguments: str) -> None:
    """Runs protoc over `sources`, which stand in `imports` or, with FROM_DISK, under protos/."""
    with tempfile.NamedTemporaryFile(suffix=".binpb") as file:
        file.write(imports.SerializeToString())
        file.flush()
        subprocess.run(  # noqa: S603  # our own arguments
            [
                str(codegen / "bin" / "python"),
                "-m",
                "grpc_tools.protoc",
                f"--descriptor_set_in={file.name}",
                *arguments,
                *sources,
            ],
            check=True,
            env={"PATH": f"{codegen / 'bin'}:/usr/bin:/bin"},
        )


def image(codegen: Path, target: Path) -> None:
    """Writes the descriptors of our files and of all that they import, with comments."""
    protoc(
        codegen,
        dependencies(),
        sources(),
        FROM_DISK,
        f"--descriptor_set_out={target}",
        "--include_imports",
        "--include_source_info",
    )


def sources() -> list[str]:
    """Our .proto files, as protoc names them."""
    return sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("taskbell/**/*.proto"))


def described(codegen: Path) -> descriptor_pb2.FileDescriptorSet:
    """Our files and all that they import, with comments."""
    with tempfile.NamedTemporaryFile(suffix=".binpb") as file:
        image(codegen, Path(file.name))
        return descriptor_pb2.FileDescriptorSet.FromString(Path(file.name).read_bytes())


def descriptions(files: descriptor_pb2.FileDescriptorSet) -> dict[str, str]:
    """Our comments, by the full names of what they stand at: descriptors at run time have none."""
    return {
        f"{file.package}.{name}": " ".join(location.leading_comments.split())
        for file in files.file
        if file.name.startswith("taskbell/")
        for location in file.source_code_info.location
        if location.leading_comments and (name := ".".join(names(file, location.path)))
    }


def names(message: Any, path: Sequence[int]) -> Iterator[str]:
    """The names on the way to a place in a file (SourceCodeInfo.Location.path): `Task`, `Status`, `PENDING`."""
    for number, index in zip(path[::2], path[1::2], strict=False):
        message = getattr(message, message.DESCRIPTOR.fields_by_number[number].name)[index]
        yield message.name


def without_options(files: descriptor_pb2.FileDescriptorSet) -> descriptor_pb2.FileDescriptorSet:
    """Our files as a client sees them: routes, rules and access are the servers' business and need no dataclasses."""
    kept = descriptor_pb2.FileDescriptorSet()
    for source in files.file:
        if not source.name.startswith(SERVER_SIDE):
            kept.file.add().CopyFrom(source)
    for source in kept.file:
        imports = [name for name in source.dependency if not name.startswith(SERVER_SIDE)]
        del source.dependency[:]
        source.dependency.extend(imports)
        clear_options(source)
    return kept


def clear_options(message: Message) -> None:
    """Takes every `options` out of a descriptor, however deep."""
    for field, value in message.ListFields():
        if field.name == "options":
            message.ClearField("options")
        elif field.message_type is not None and field.name != "source_code_info":
            for part in value if field.is_repeated else [value]:
                clear_options(part)


def generate(codegen: Path, protos: Path, sdk: Path) -> None:
    """Writes the services' modules and the API's texts under `protos`, and the SDK's dataclasses under `sdk`."""
    protos.mkdir(parents=True, exist_ok=True)
    sdk.mkdir(parents=True, exist_ok=True)
    outputs = [f"--{plugin}_out={protos}" for plugin in ("python", "grpc_python", "mypy", "mypy_grpc")]
    protoc(codegen, dependencies(), sources(), FROM_DISK, *outputs)
    files = described(codegen)
    texts = json.dumps(descriptions(files), ensure_ascii=False, indent=0, sort_keys=True)
    protos.joinpath(DESCRIPTIONS).write_text(texts + "\n", encoding="utf-8")
    client = without_options(files)
    ours = [file.name for file in client.file if file.name.startswith("taskbell/")]
    protoc(
        codegen, client, ours, f"--python_betterproto2_out={sdk}", "--python_betterproto2_opt=client_generation=async"
    )


def differences(codegen: Path) -> list[str]:
    """The committed files that are not what the .proto files say."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(codegen, fresh / "protos", fresh / "cli" / "api")
        made = {path.relative_to(fresh) for path in fresh.rglob("*.*") if path.suffix in _GENERATED}
        here = [*PROTOS.glob("taskbell/**/*.*"), *SDK.rglob("*.py")]
        kept = {path.relative_to(ROOT) for path in here if path.suffix in _GENERATED}
        return sorted(
            str(path)
            for path in made | kept
            if path not in made or path not in kept or not filecmp.cmp(fresh / path, ROOT / path, shallow=False)
        )


def main() -> None:
    """Does what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codegen", type=Path, required=True, help="the environment with protoc and its plugins")
    parser.add_argument("--check", action="store_true", help="only compare with what is committed")
    parser.add_argument("--image", type=Path, help="only write the descriptor image")
    options = parser.parse_args()
    if options.image:
        image(options.codegen, options.image)
    elif options.check:
        if stale := differences(options.codegen):
            sys.exit("generated code is out of step with the .proto files (run `make protos`):\n" + "\n".join(stale))
    else:
        generate(options.codegen, PROTOS, SDK)


if __name__ == "__main__":
    main()
