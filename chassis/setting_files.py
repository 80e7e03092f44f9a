"""Values of settings that stand in files, as containers are handed secrets: TASKBELL_SERVICE_KEY_FILE=/run/secrets/key.

Whoever can list a process or a container sees its variables; a file is read by its owner alone.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SUFFIX: Final = "_FILE"


def read(names: Iterable[str], prefix: str) -> tuple[dict[str, str], list[str]]:
    """The settings that a file gives, without the file's last line break, and what is wrong with the others."""
    values, problems = {}, []
    for name in names:
        variable = (prefix + name).upper()
        path = os.environ.get(variable + SUFFIX)
        if not path:
            continue
        try:
            values[name] = _content(variable, path)
        except ValueError as error:
            problems.append(f"{variable}{SUFFIX} is {path!r}: {error}")
    return values, problems


def _content(variable: str, path: str) -> str:
    if os.environ.get(variable):
        raise ValueError(f"{variable} is set as well: only one of the two can hold")
    try:
        content = Path(path).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"the file can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError("the file is no text in UTF-8") from error
    if not content:
        raise ValueError("the file is empty")
    return content
