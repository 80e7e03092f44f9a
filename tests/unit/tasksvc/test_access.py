"""What a user may do, as it is kept in the cache."""

from tasksvc.access import Access, Grant, Role


def test_access_is_the_same_after_the_cache() -> None:
    access = Access(
        user_id="u",
        version=7,
        roles={"p": Role.EDITOR, "q": Role.OWNER},
        ended_sessions=frozenset({"s", "t"}),
        grants={
            "k": Grant(b"\x00\xff", frozenset({"tasks:read", "account"}), None),
            "l": Grant(b"", frozenset(), 1.5),
        },
    )
    assert Access.from_bytes(access.to_bytes()) == access


def test_each_role_includes_those_below_it() -> None:
    assert Role.VIEWER < Role.EDITOR < Role.OWNER
