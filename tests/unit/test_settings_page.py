import pytest

from tests.settings_table import PAGE, SERVICES, meanings, page


def test_the_page_tells_of_every_setting() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tests.settings_table"


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_says_what_it_means(service: str) -> None:
    settings = SERVICES[service]
    assert settings.model_fields.keys() <= meanings(settings).keys()
