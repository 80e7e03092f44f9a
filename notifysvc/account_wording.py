"""What the mails about an account say, in each language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notifysvc.preferences import Language


@dataclass(frozen=True, slots=True)
class Wording:
    """One mail.

    In the texts stand `{username}`, `{email}`, `{time}`, `{client}`, `{address}`; in those about webhooks also
    `{webhook}`, `{project}`, `{since}`.
    """

    subject: str
    text: str
    button: str = ""
    """What its link is called; empty if it has none."""
    note: str = ""
    """What else is to be known, in small print."""
    footer: str = ""
    """Why it was written; empty if it concerns the account."""


CONFIRMATION: Final = "account.confirmation_requested"
RESET: Final = "account.password_reset_requested"
CHANGED: Final = "account.password_changed"
SIGNED_IN: Final = "account.signed_in"
WEBHOOK_PAUSED: Final = "account.webhook_paused"
WEBHOOK_GONE: Final = "account.webhook_gone"

FOOTER: Final[Mapping[Language, str]] = {
    "en": "Taskbell wrote this to {username}, because it concerns your account.",
    "ru": "Taskbell пишет вам, {username}, потому что это касается вашей учётной записи.",
}

_OWNERS: Final[Mapping[Language, str]] = {
    "en": "Taskbell wrote this to {username}, who owns the project.",
    "ru": "Taskbell пишет вам, {username}, потому что это ваш проект.",
}

_ENGLISH: Final = {
    CONFIRMATION: Wording(
        "Confirm your e-mail address",
        "Welcome to Taskbell, {username}. Please confirm that {email} is your address.",
        "Confirm the address",
        "The link works once, until {time}. If you have not registered, do nothing: somebody mistyped an address.",
    ),
    RESET: Wording(
        "Set a new password",
        "Somebody asked for a new password for {username}. If it was you, set one here.",
        "Set a new password",
        "The link works once, until {time}. If it was not you, do nothing: your password stays as it is.",
    ),
    CHANGED: Wording(
        "Your password was changed",
        "The password of {username} was changed on {time}. All sessions have ended: sign in again everywhere.",
        note="API tokens hold as before: look through them. If it was not you, set a new password, and tell whoever "
        "runs this server.",
    ),
    SIGNED_IN: Wording(
        "A new sign-in",
        "Somebody signed in as {username} on {time}, from a program that was not seen before:\n{client}\n{address}",
        note="If it was you, there is nothing to do. If it was not, set a new password: that ends all sessions. The "
        "program's name is what it says of itself.",
    ),
    WEBHOOK_PAUSED: Wording(
        "A webhook is paused: {project}",
        "The webhook {webhook} of the project “{project}” has taken nothing since {since}. It is paused: it is sent "
        "nothing more, and nothing is kept for it.",
        note="When its receiver works again, enable it: taskbell webhook edit … --enable, or set `disabled` to false. "
        "What waited then is sent; what happened meanwhile is not.",
        footer=_OWNERS["en"],
    ),
    WEBHOOK_GONE: Wording(
        "A webhook is disabled: {project}",
        "The webhook {webhook} of the project “{project}” answered 410 Gone. It is disabled: it is sent nothing more.",
        note="If that was a mistake, enable it: taskbell webhook edit … --enable, or set `disabled` to false. If not, "
        "delete it.",
        footer=_OWNERS["en"],
    ),
}

_RUSSIAN: Final = {
    CONFIRMATION: Wording(
        "Подтвердите адрес электронной почты",
        "Добро пожаловать в Taskbell, {username}. Подтвердите, пожалуйста, что {email} — ваш адрес.",
        "Подтвердить адрес",
        "Ссылка действует один раз, до {time}. Если вы не регистрировались, ничего не делайте: кто-то ошибся адресом.",
    ),
    RESET: Wording(
        "Новый пароль",
        "Кто-то попросил новый пароль для {username}. Если это были вы, задайте его здесь.",
        "Задать новый пароль",
        "Ссылка действует один раз, до {time}. Если это были не вы, ничего не делайте: пароль останется прежним.",
    ),
    CHANGED: Wording(
        "Ваш пароль изменён",
        "Пароль {username} изменён {time}. Все сеансы завершены: войдите заново на всех устройствах.",
        note="Токены API действуют по-прежнему: проверьте их. Если это были не вы, задайте новый пароль и сообщите "
        "тому, кто отвечает за этот сервер.",
    ),
    SIGNED_IN: Wording(
        "Новый вход",
        "{time} кто-то вошёл как {username} из программы, которой раньше не было:\n{client}\n{address}",
        note="Если это были вы, ничего делать не нужно. Если нет, задайте новый пароль: это завершит все сеансы. "
        "Имя программы — то, как она назвала себя сама.",
    ),
    WEBHOOK_PAUSED: Wording(
        "Вебхук приостановлен: {project}",
        "Вебхук {webhook} проекта «{project}» ничего не принимает с {since}. Он приостановлен: ему больше ничего не "
        "отправляется и ничего для него не хранится.",
        note="Когда получатель снова заработает, включите вебхук: taskbell webhook edit … --enable или `disabled`: "
        "false. То, что ждало, будет отправлено; то, что произошло за это время, — нет.",
        footer=_OWNERS["ru"],
    ),
    WEBHOOK_GONE: Wording(
        "Вебхук отключён: {project}",
        "Вебхук {webhook} проекта «{project}» ответил 410 Gone. Он отключён: ему больше ничего не отправляется.",
        note="Если это ошибка, включите его: taskbell webhook edit … --enable или `disabled`: false. Если нет, "
        "удалите его.",
        footer=_OWNERS["ru"],
    ),
}

WORDINGS: Final[Mapping[Language, Mapping[str, Wording]]] = {"en": _ENGLISH, "ru": _RUSSIAN}
KINDS: Final = frozenset(_ENGLISH)
"""The types of events that this version has mails for."""
