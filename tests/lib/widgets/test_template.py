"""Templates: values go where their names stand, and nothing in them is markup."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.widgets.template import fill, options, script_json

json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(json_data)
def test_script_json_is_the_data(data):
    assert json.loads(script_json(data)) == data


@pytest.mark.parametrize("text", ["</script>", "<!-- <script>", "</SCRIPT x", "<b>&"])
def test_no_text_ends_or_opens_a_script(text):
    page = script_json(["a", text])
    assert "</" not in page and "<!--" not in page
    assert json.loads(page) == ["a", text]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_lacks_are_refused(number):
    with pytest.raises(ValueError, match="JSON"):
        script_json([number])


class Options(HTMLParser):
    """What a browser reads in options: value, whether selected, text."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert tag == "option"
        given = dict(attrs)
        self.found.append([given["value"], "selected" in given, ""])

    def handle_data(self, data):
        self.found[-1][2] += data


@given(st.lists(st.text(st.characters(codec="ascii", categories="LNPS"), min_size=1)))
def test_options_have_their_numbers_and_names(names):
    found = Options(options(names, chosen=1)).found
    assert found == [[str(n), n == 1, name] for n, name in enumerate(names)]
    assert "selected>" not in options(["selected"] * 3)


def test_values_are_put_in_as_they_are():
    assert fill("__A__ __B__ __A__", {"A": "__B__", "B": "x"}) == "__B__ x __B__"


@pytest.mark.parametrize("values", [{}, {"A": "1", "B": "2"}])
def test_a_template_and_its_values_must_fit(values):
    with pytest.raises(ValueError, match=r"values must be of \['A'\], got"):
        fill("__A__", values)
