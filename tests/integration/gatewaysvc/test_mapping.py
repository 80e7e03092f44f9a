"""The table of the mapping, against our gateway and against the real Envoy before the same service."""

import pytest

from tests.transcoding.asking import ask, mistakes
from tests.transcoding.cases import Case, cases

CASES = [pytest.param(case, id=case.name) for case in cases()]


@pytest.mark.parametrize("case", CASES)
async def test_a_request_becomes_its_call_and_the_answer_is_json(plain_http, echo_gateway, upstream, case: Case):
    assert mistakes(await ask(plain_http, echo_gateway.port, upstream, case), case.ours) == []


@pytest.mark.parametrize("case", CASES)
async def test_envoy_does_the_same_or_what_the_table_says(plain_http, echo_gateway, envoy, upstream, case: Case):
    theirs = await ask(plain_http, envoy.ports["array"], upstream, case)
    assert mistakes(theirs, case.envoy) == []
    if not case.differs and theirs.status == 200 and theirs.content_type == "application/json" and theirs.body:
        ours = await ask(plain_http, echo_gateway.port, upstream, case)
        assert ours.json == theirs.json


def test_a_difference_from_envoy_has_its_reason():
    assert [case.name for case in cases() if case.differs is not bool(case.because)] == []
