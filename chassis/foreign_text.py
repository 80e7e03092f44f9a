"""Texts that programs elsewhere say, such as a mail server or whoever answers a webhook: anything may stand in them."""


def storable(text: str) -> str:
    """The text without what neither PostgreSQL nor protobuf holds: U+0000, and halves of surrogate pairs.

    The latter stand for bytes that were no UTF-8, where a library reads what it gets so.
    """
    return text.replace("\0", "").encode(errors="replace").decode()
