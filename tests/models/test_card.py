from __future__ import annotations

import pytest
from pydantic import ValidationError

from service.models.card import Card

FACTS = {"intended_use": "tests", "do_not_use": "else", "training_data": "none", "licence": "Apache-2.0"}


def test_the_least_a_card_must_say() -> None:
    card = Card(**FACTS)
    assert card.notice == ""
    assert card.figures == {}
    assert card.authors == card.references == ()


@pytest.mark.parametrize("field", FACTS)
@pytest.mark.parametrize("said", [None, "", "  "])
def test_silence_is_refused(field: str, said: str | None) -> None:
    facts = {name: text for name, text in (FACTS | {field: said}).items() if text is not None}
    with pytest.raises(ValidationError, match=field):
        Card.model_validate(facts)


def test_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Card(**FACTS).licence = "MIT"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="license"):
        Card.model_validate(FACTS | {"license": "MIT"})
