"""The helper that names what was probably meant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sslse.names import nearest

WORDS = st.lists(st.text(min_size=1), unique=True)


@given(st.text(), WORDS)
def test_every_tail_offers_only_known_names(word, known):
    tail = nearest(word, known)
    if not known:
        assert tail == "; there is none"
    elif tail.startswith("; did you mean"):
        assert tail in {f"; did you mean '{name}'?" for name in known}
    else:
        assert tail == "; known are " + ", ".join(known)


@given(st.text(min_size=1), WORDS)
def test_a_name_is_nearest_to_itself(word, known):
    assert nearest(word, [*known, word]) == f"; did you mean '{word}'?"


def test_a_lower_cutoff_finds_names_of_two_letters():
    assert nearest("EI", ["aI", "x"]) == "; known are aI, x"
    assert nearest("EI", ["aI", "x"], cutoff=0.3) == "; did you mean 'aI'?"
