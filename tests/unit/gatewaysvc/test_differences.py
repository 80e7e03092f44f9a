from tests.transcoding.differences import PAGE, rewritten


def test_the_page_lists_every_difference_from_envoy():
    page = PAGE.read_text(encoding="utf-8")
    assert page == rewritten(page), "run `python -m tests.transcoding.differences`"
