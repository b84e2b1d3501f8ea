from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.data.scp import Ids, Table
from sslse.data.table_lines import ODD_FIRST_BYTES, is_odd
from sslse.errors import DataError

BLANKS = " \t\r\n\v\f\0"
ids = st.text(
    st.characters(exclude_characters=BLANKS + "\ufeff", codec="utf-8"), min_size=1, max_size=12
).filter(lambda key: key.split() == [key])
values = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=20).map(
    lambda text: text.strip(" \t\v\f")
)
tables = st.dictionaries(ids, values, max_size=30)
any_order = settings(max_examples=60)


def write(path, text: str | bytes):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@any_order
@given(entries=tables, separator=st.sampled_from([" ", "\t", "  "]), end=st.sampled_from("\n "))
def test_table_is_the_dict_it_was_written_from(tmp_path, entries, separator, end):
    lines = "\n".join(f"{key}{separator}{value}" for key, value in entries.items())
    table = Table(write(tmp_path / "text", lines + end))
    assert list(table) == list(entries)
    assert dict(table) == entries
    assert Ids(table) == list(entries) and len(table) == len(entries)
    assert all(key in table and table.get(key) == value for key, value in entries.items())
    assert "not there" not in table and table.get("not there") is None


@any_order
@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_table_or_a_sentence(tmp_path, data):
    path = write(tmp_path / "text", data)
    try:
        table = dict(Table(path))
    except DataError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return
    expected = [line.strip() for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    assert list(table) == [line.split(None, 1)[0].decode() for line in expected if line.split()]


def test_files_of_windows_editors_and_missing_last_line_break(tmp_path):
    path = write(tmp_path / "text", b"\xef\xbb\xbfu2 two\r\n\r\n  u1\tone  \r\nu0")
    assert dict(Table(path)) == {"u2": "two", "u1": "one", "u0": ""}


def test_unicode_spaces_belong_to_the_value(tmp_path):
    assert Table(write(tmp_path / "text", "u \u3000x\u00a0\n"))["u"] == "\u3000x\u00a0"


@pytest.mark.parametrize("gap", [0, 1, 5])
def test_duplicate_ids_name_file_and_both_lines(tmp_path, gap):
    lines = ["b 1", "a 1", *[f"x{i} 1" for i in range(gap)], "", "a 2", "c 1"]
    path = write(tmp_path / "wav.scp", "\n".join(lines))
    with pytest.raises(DataError) as caught:
        Table(path)
    assert f"{path} has the id a twice, in lines 2 and {gap + 4};" in str(caught.value)


def test_wrong_values_name_file_line_and_id(tmp_path):
    table = Table(write(tmp_path / "utt2snr", "a 5\n\nb five\n"), float)
    assert table["a"] == 5.0
    with pytest.raises(DataError, match=r"utt2snr line 3: id b has the value 'five'"):
        table["b"]
    with pytest.raises(KeyError):
        table["c"]


def test_latin_1_text_says_how_to_convert(tmp_path):
    table = Table(write(tmp_path / "text", b"a yes\nb \xe9t\xe9\n"))
    assert table["a"] == "yes"
    with pytest.raises(DataError, match="line 2 is not UTF-8; convert"):
        table["b"]


def test_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="cannot read .*text: No such file"):
        Table(tmp_path / "text")


def test_table_reads_a_pipe_of_the_shell(tmp_path):
    read, written = os.pipe()
    os.write(written, b"a 1\nb 2\n")
    os.close(written)
    assert dict(Table(f"/dev/fd/{read}")) == {"a": "1", "b": "2"}
    os.close(read)


def test_ids_behave_like_a_list(tmp_path):
    found = Ids(Table(write(tmp_path / "text", "c\na\nb\n")))
    assert (found[0], found[-1], found[1:], found[::-1]) == ("c", "b", ["a", "b"], ["b", "a", "c"])
    assert sorted(found) == ["a", "b", "c"] and found.index("b") == 2 and "a" in found
    with pytest.raises(IndexError):
        found[3]
    assert found != ["c", "a"] and found != ["c", "a", "x"]


def test_other_process_maps_one_shared_file(tmp_path, repository):
    path = write(tmp_path / "wav.scp", "".join(f"u{i} path {i}\n" for i in range(10)))
    table = Table(path)
    first, second = pickle.dumps(table), pickle.dumps(table)
    assert first == second
    (tmp_path / "pickle").write_bytes(first)
    code = (
        "import pickle, sys; table = pickle.load(open(sys.argv[1], 'rb')); "
        "print(table._shared[0] in open('/proc/self/maps').read(), "
        "table['u7'], len(table), *list(table)[:2])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "pickle"],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(repository)},
    ).stdout
    assert output == "True path 7 10 u0 u1\n"
    assert table["u7"] == "path 7"
    # The file goes with its table; a pickle that outlives it reads the table's own file.
    shared = table._shared[0]
    assert os.path.exists(shared)
    del table
    assert not os.path.exists(shared)
    assert pickle.loads(first)["u7"] == "path 7"


def test_empty_table_can_be_pickled(tmp_path):
    table = Table(write(tmp_path / "text", b""))
    assert len(pickle.loads(pickle.dumps(table))) == 0 == len(table)


def test_a_line_takes_its_bytes_and_24_more(tmp_path):
    path = tmp_path / "wav.scp"
    path.write_text("".join(f"utt{i:06d} /corpus/{i:06d}.flac\n" for i in range(100_000)))
    table = Table(path)
    arrays = (table._bytes, table._starts, table._widths, table._hashes, table._order)
    assert sum(array.nbytes for array in arrays) <= path.stat().st_size + 24 * 100_000 + 16
    assert table["utt099999"] == "/corpus/099999.flac"


def test_first_bytes_of_odd_characters_are_those_that_are_looked_for():
    characters = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    odd = [character for character in characters if is_odd(character)]
    assert {character.encode()[0] for character in odd} == set(ODD_FIRST_BYTES)
    # All that Python splits at and C does not, and the mark.
    spaces = {c for c in map(chr, range(0x10000)) if not c.split()} - set(" \t\n\r\v\f")
    assert set(odd) == spaces | {"\ufeff"}
