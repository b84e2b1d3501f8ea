"""Speech recognisers behind one interface."""

from sslse.recognizers.base import RECOGNIZERS, Recognizer, build_recognizer

__all__ = ["RECOGNIZERS", "Recognizer", "build_recognizer"]
