"""What the page says that ends e-mails."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """In one language."""

    ask: str
    explain: str
    this_kind: str
    everything: str
    done: str
    explain_done: str
    broken: str
    explain_broken: str
    preferences: str


WORDS: Final[Mapping[str, Words]] = {
    "en": Words(
        ask="No more of these mails?",
        explain="You can end the mails of this kind, or all mails about tasks.",
        this_kind="End this kind",
        everything="End all of them",
        done="It is done",
        explain_done="You get no more of these mails.",
        broken="This link doesn't work",
        explain_broken="It is not from one of our mails, or a part of it is missing. Nothing was changed.",
        preferences="All preferences",
    ),
    "ru": Words(
        ask="Больше не присылать такие письма?",
        explain="Можно отказаться от писем этого вида или от всех писем о задачах.",
        this_kind="Не присылать этот вид",
        everything="Не присылать никакие",
        done="Готово",
        explain_done="Такие письма больше не придут.",
        broken="Ссылка не работает",
        explain_broken="Она не из нашего письма, или её часть потерялась. Ничего не изменилось.",
        preferences="Все настройки",
    ),
}
