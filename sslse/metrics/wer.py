"""Word and character errors of one utterance, counted by jiwer."""

from __future__ import annotations


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Count substitutions + deletions + insertions, and the words of the reference.

    Words are what white space separates; letters are compared as they are. An empty hypothesis
    deletes every word; an empty reference has 0 words and as many errors as words were inserted.

    Example:
        >>> word_errors("one two three", "one too")
        (2, 3)
    """
    import jiwer

    output = jiwer.process_words(" ".join(reference.split()), " ".join(hypothesis.split()))
    return (
        output.substitutions + output.deletions + output.insertions,
        output.substitutions + output.deletions + output.hits,
    )


def character_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Count character errors and characters, single blanks between words included.

    Example:
        >>> character_errors("one two", "one too")
        (1, 7)
    """
    import jiwer

    output = jiwer.process_characters(" ".join(reference.split()), " ".join(hypothesis.split()))
    return (
        output.substitutions + output.deletions + output.insertions,
        output.substitutions + output.deletions + output.hits,
    )
