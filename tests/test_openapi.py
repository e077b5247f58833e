"""The OpenAPI document holds: whatever it allows, and what it does not, is answered, never with a failure of ours."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from framecache.server import serve_background

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


EXAMPLES = 40


@pytest.fixture(scope="module")
def served(sample: Path) -> Iterator[tuple[str, str]]:
    """The address of a server, and the id of its video."""
    with serve_background(sample) as server:
        id_ = httpx2.get(f"{server.url}/v1/videos", timeout=60).json()["videos"][0]["id"]
        while httpx2.get(f"{server.url}/v1/videos/{id_}", timeout=60).json()["state"] != "ready":
            time.sleep(0.02)
        yield server.url, id_


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_makes_the_server_fail(served: tuple[str, str], mode: GenerationMode):
    url, known = served
    api, tried = schemathesis.openapi.from_url(f"{url}/openapi.json"), 0
    for found in api.get_all_operations():
        operation = found.ok()

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Case) -> None:
            nonlocal tried
            if re.fullmatch("[0-9a-f]{16}", str(case.path_parameters.get("id"))):
                # What is generated is the name of no video.
                case.path_parameters["id"] = known
            case.call_and_validate(base_url=url, checks=CHECKS)
            tried += 1

        try:
            ask()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, f"nothing can be asked of {operation.label}"
    assert tried > 2 * EXAMPLES
