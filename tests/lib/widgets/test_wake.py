"""What every model that can be woken has in its page."""

import json
import re

import pytest

from lib.hub import pretrained
from lib.widgets.wake import Words, page, wakeable

WORDS = Words("A model to try", "tale", "tells another", "it tells another here")


def made(name="plays_gpt", given=None, kind="test"):
    return wakeable(kind, name, WORDS, "<p>Stored.</p>", given, pretrained.FOLDER).data


def test_it_says_what_it_is_and_how_much_is_to_be_loaded():
    html = made()
    for said in (*WORDS, f"{pretrained.megabytes('plays_gpt')} MB"):
        assert said in html, said
    assert html.count("<p>Stored.</p>") == 1


def test_widgets_of_a_kind_are_counted():
    first, second = (
        re.search(r'id="gpt-other-(\d+)"', made(kind="other")) for _ in range(2)
    )
    assert int(second[1]) == int(first[1]) + 1


def test_what_is_given_cannot_end_the_script():
    given = {"text": "</script><b>", "number": 3}
    html = made(given=given)
    assert "</script><b>" not in html
    assert json.dumps({"number": 3})[1:-1].replace(" ", "") in html


def test_an_unknown_page_or_model_is_refused():
    with pytest.raises(FileNotFoundError):
        page("none")
    with pytest.raises(FileNotFoundError):
        made("none")
