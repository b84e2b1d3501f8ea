"""What ESPnet's trainer reads, made from a data directory: scp, text, shapes and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sslse.audio.files import write_audio
from sslse.audio.sound_file import is_plain
from sslse.data.datadir import DataDir
from sslse.data.spelling import UNKNOWN, Spelling
from sslse.errors import ConfigError, DataError
from sslse.runtime.atomic import atomic_open, atomic_path

#: Ids 0 and the last one (1 is ``<unk>``), as ESPnet wants them.
BLANK, SENTENCE_END, SPACE = "<blank>", "<sos/eos>", "<space>"


class EspnetSet(NamedTuple):
    """Files that ESPnet reads for one set."""

    wav_scp: Path
    text: Path
    shape: Path
    """Utterance to length, samples."""
    text_shape: Path
    """Utterance to tokens and size of the token list, ``N,V``."""


def prepare_set(
    directories: Path | Sequence[Path], exp: Path, name: str, sample_rate: int
) -> EspnetSet:
    """Write the files of one set into ``exp/data/<name>``.

    Utterances without words are left out, and counted. Audio stays where it is if ESPnet can read
    it; segments, pipes and archive entries are written as wav files.

    Args:
        directories: data directory with ``wav.scp`` and ``text``; or several (clean and noisy
            speech, for multi-condition training), whose utterances then get the name of their
            folder before their own.
        exp: folder of the training.
        name: of the set.
        sample_rate: that the configuration expects, Hz.

    Raises:
        DataError: no utterance can be used, or the audio has another rate.
        ConfigError: two folders have one name.
    """
    directories = [directories] if isinstance(directories, Path) else list(directories)
    folder = exp / "data" / name
    names_of_files = ("wav.scp", "text", "speech_shape", "text_shape")
    files = EspnetSet(*(folder / file for file in names_of_files))
    names = [directory.resolve().name for directory in directories]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"the folders {', '.join(map(str, directories))} do not have different names, by which "
            "their utterances could be told apart"
        )
    with (
        atomic_open(files.wav_scp) as wav_scp,
        atomic_open(files.text) as text,
        atomic_open(files.shape) as shape,
    ):
        for directory, prefix in zip(directories, names, strict=True):
            data = DataDir(directory)
            for utterance in _usable(data, directory, sample_rate):
                key = f"{prefix}-{utterance}" if len(names) > 1 else utterance
                wav_scp.write(f"{key} {_plain_path(data, utterance, key, folder)}\n")
                text.write(f"{key} {data.text[utterance]}\n")
                shape.write(f"{key} {data.num_samples(utterance)}\n")
    return files


def _usable(data: DataDir, directory: Path, sample_rate: int) -> list[str]:
    """Return the utterances with words."""
    if not data.has("text"):
        raise DataError(f"{directory} has no text, so no recogniser can be trained on it")
    usable = [utterance for utterance in data.utterances if data.text.get(utterance)]
    if not usable:
        raise DataError(f"{directory} has no utterance with words in {directory}/text")
    if len(usable) < len(data):
        left_out = len(data) - len(usable)
        print(f"{left_out} of {len(data)} utterances of {directory} have no words; left out")
    if data.sample_rate != sample_rate:
        raise DataError(
            f"{directory} is at {data.sample_rate} Hz but the configuration wants {sample_rate} Hz "
            "(frontend_conf: fs); resample the audio or change the key"
        )
    return usable


def _plain_path(data: DataDir, utterance: str, key: str, folder: Path) -> str:
    """Return a path that soundfile opens; other audio is written out once."""
    source, segment = data.source(utterance)
    if segment is None and Path(source).is_file() and is_plain(source):
        return source
    path = folder / "audio" / f"{key.replace('/', '_')}.wav"
    if not path.exists():
        waveform, rate = data.load(utterance)
        write_audio(path, waveform, rate)
    return str(path)


def prepare_tokens(
    files: EspnetSet, exp: Path, token_type: str, vocab_size: int
) -> dict[str, Path]:
    """Write the token list of the training text; returns ESPnet's options with their files.

    Args:
        files: of the training set.
        exp: folder of the training.
        token_type: ``word``, ``char`` or ``bpe``.
        vocab_size: number of pieces for ``bpe``.
    """
    lines = [line.split(maxsplit=1)[1].strip() for line in files.text.read_text().splitlines()]
    options = {"token_list": exp / "tokens.txt"}
    if token_type == "word":
        tokens = sorted({word for line in lines for word in line.split()})
    elif token_type == "char":
        tokens = [SPACE, *sorted({letter for line in lines for letter in line} - {" "})]
    elif token_type == "bpe":
        options["bpemodel"] = exp / "bpe.model"
        tokens = _train_bpe(lines, options["bpemodel"], vocab_size)
    else:
        raise ConfigError(f"token_type {token_type}: expected word, char or bpe")
    with atomic_open(options["token_list"]) as stream:
        stream.write("\n".join([BLANK, UNKNOWN, *tokens, SENTENCE_END]) + "\n")
    return options


def fit_text(files: EspnetSet, options: Mapping[str, Path], token_type: str) -> None:
    """Bring the transcripts of a set to the case of the tokens, and write ``text_shape``.

    Its lines are ``id N,V``: the tokens of each transcript and the size of their list.

    ``batch_type: numel`` counts samples and N · V together, as in ESPnet's recipes; without the
    tokens its batches are about twice as large as a configuration of theirs means.

    Args:
        files: of a set.
        options: of ``prepare_tokens``.
        token_type: ``word``, ``char`` or ``bpe``.

    Raises:
        DataError: most of the set is unknown to the tokens.
    """
    split = {"word": str.split, "char": list}.get(token_type)
    if split is None:
        import sentencepiece

        model = sentencepiece.SentencePieceProcessor(model_file=str(options["bpemodel"]))
        split = lambda text: model.encode(text, out_type=str)  # noqa: E731
    symbols = options["token_list"].read_text(encoding="utf-8").splitlines()
    known = {*symbols, " "}
    spelling = Spelling(symbols, f"the recogniser that {files.text} is for")
    lines = files.text.read_text(encoding="utf-8").splitlines()
    with atomic_open(files.text_shape) as shape, atomic_open(files.text) as texts:
        for line in lines:
            key, text = line.split(maxsplit=1)
            text = spelling.follow(text)
            tokens = split(text.strip())
            spelling.count(sum(token not in known for token in tokens), len(tokens), text)
            shape.write(f"{key} {len(tokens)},{len(symbols)}\n")
            texts.write(f"{key} {text}\n")


def _train_bpe(lines: list[str], path: Path, vocab_size: int) -> list[str]:
    """Train a sentencepiece model; returns its pieces without the special ones."""
    import io

    import sentencepiece

    written = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=written,
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            character_coverage=1.0,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise ConfigError(f"no BPE model with {vocab_size} pieces: {error}") from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(written.getvalue())
    model = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    pieces = [model.id_to_piece(index) for index in range(model.get_piece_size())]
    return [piece for piece in pieces if piece not in ("<unk>", "<s>", "</s>")]
