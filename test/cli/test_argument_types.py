"""A list that is none is refused before anything runs, with the option and what was expected."""

import pytest

from sslse.cli.main import main

SCALING = ["analyze", "scaling", "--data", "d", "--out", "o", "--recognizer", "whisper"]
DIARIZE = ["diarize", "--data", "d", "--out", "o"]
REPORT = ["report", "--exp", "e", "--out", "o"]


@pytest.mark.parametrize(
    "command, option, value, expected",
    [
        (SCALING, "--scales", "0,x", "'0,x' is no list of numbers such as 0,0.5,1"),
        (DIARIZE, "--threshold", "", "'' is no list of numbers"),
        (DIARIZE, "--median", "1,4", "'1,4' is no list of odd numbers of frames"),
        (DIARIZE, "--median", "1,-3", "'1,-3' is no list of odd numbers of frames"),
        (["search-tokenizer", "--exp", "e"], "--thetas", "low", "'low' is no list of numbers"),
        (REPORT, "--seeds", "0,one", "'0,one' is no list of whole numbers such as 0,1,2"),
        (REPORT, "--label", "ft_snr", "'ft_snr' is not NAME=VALUE"),
    ],
)
def test_a_list_that_is_none_is_refused(capsys, command, option, value, expected):
    with pytest.raises(SystemExit) as stop:
        main([*command, option, value])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert f"argument {option}: {expected}" in error.splitlines()[-1]
