"""Beam search with a Transformer language model, beside ESPnet's BatchBeamSearch.

    python bench/beam.py [--beam 500] [--rounds 3] [--layers 16] [--unsure 5]

The same tokens, the same CTC log-probabilities and the same language model (16 x 512, ESPnet's own
module with random weights) in both; 77 frames (3.1 s), 1000 tokens, 15 spoken. Both maximise
log P_ctc + 0.5 log P_lm + 2 · tokens; the best hypothesis of each is scored again by torch's CTC
loss and by a full forward of ESPnet's module. ESPnet is spared the search for a length (at most
three tokens more than spoken). One thread; CPU time, medians of interleaved rounds.

``--characters`` measures ours alone on what it is made for, and what ESPnet has no search for: 155
frames (3.1 s) over 28 characters with a language model over 65 000 words that they spell.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from sslse.downstream.tokens import SPACE, Tokens
from sslse.search.ctc_beam import CTCBeamSearch
from sslse.search.transformer_lm import TransformerWordLM

warnings.simplefilter("ignore")
LM_WEIGHT, TOKEN_SCORE = 0.5, 2.0


def espnet_lm(size: int, layers: int, width: int, sharpness: float) -> torch.nn.Module:
    """ESPnet's language model with random weights; ``sharpness`` scales its logits."""
    from espnet2.lm.transformer_lm import TransformerLM

    torch.manual_seed(0)
    net = TransformerLM(
        size, embed_unit=128, att_unit=width, head=8, unit=4 * width, layer=layers
    ).eval()
    with torch.no_grad():
        net.decoder.weight.mul_(sharpness)
    return net


def shared_lm(net: torch.nn.Module, words: list[str], dtype: str) -> TransformerWordLM:
    """Our evaluation of the same weights."""
    config = {"head": 8, "layer": len(net.encoder.encoders)}
    return TransformerWordLM(net.state_dict(), config, words, dtype=dtype)


def spoken_frames(path: np.ndarray, size: int, seed: int, num_unsure: int) -> np.ndarray:
    """Return CTC log-probabilities (F, V) as a trained network has them.

    Frames between tokens have 0.999 for the blank; a token's frame has 0.997 for the token, but
    ``num_unsure`` of them share it among three tokens (0.55, 0.33, 0.12). Every other token has
    about 1e-6.
    """
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((len(path), size))
    logits[path == 0, 0] += 14.0
    places = np.flatnonzero(path)
    unsure = set(rng.permutation(places)[:num_unsure].tolist())
    for frame in places.tolist():
        rivals = rng.integers(2, size - 1, 5)
        logits[frame, 0] += 6.0
        logits[frame, rivals] += rng.uniform(1.0, 6.0, len(rivals))
        logits[frame, path[frame]] = 14.0
        if frame in unsure:
            logits[frame, rivals[:2]] = 13.5, 12.5
    logits[:, [1, size - 1]] = -1e4  # <unk> and <sos/eos> are not spoken
    return torch.from_numpy(logits).log_softmax(1).numpy()


def espnet_search(
    net: torch.nn.Module, log_probs: np.ndarray, beam: int, most: int, ratio: float
) -> Callable[[], list[int]]:
    """ESPnet's batched search with its CTC prefix scorer."""
    from espnet.nets.batch_beam_search import BatchBeamSearch
    from espnet.nets.scorers.ctc import CTCPrefixScorer
    from espnet.nets.scorers.length_bonus import LengthBonus

    class Given:
        """Stands for ESPnet's CTC layer over finished log-probabilities."""

        def log_softmax(self, x: torch.Tensor) -> torch.Tensor:
            return x

    size = log_probs.shape[1]
    search = BatchBeamSearch(
        scorers={
            "ctc": CTCPrefixScorer(Given(), size - 1),
            "lm": net,
            "length_bonus": LengthBonus(size),
        },
        weights={"ctc": 1.0, "lm": LM_WEIGHT, "length_bonus": TOKEN_SCORE},
        beam_size=beam,
        vocab_size=size,
        sos=size - 1,
        eos=size - 1,
        token_list=[str(i) for i in range(size)],
        pre_beam_score_key="full",
        pre_beam_ratio=ratio,
    ).eval()
    frames = torch.from_numpy(log_probs).float()

    def run() -> list[int]:
        with torch.no_grad():
            return search(x=frames, maxlenratio=-float(most))[0].yseq[1:-1].tolist()

    return run


def exact_score(net: torch.nn.Module, log_probs: np.ndarray, ids: list[int]) -> float:
    """Return the score of a token sequence by torch's CTC loss and a full forward."""
    frames = torch.from_numpy(log_probs)[:, None]
    target = torch.tensor([ids])
    ctc = -F.ctc_loss(
        frames, target, torch.tensor([len(frames)]), torch.tensor([len(ids)]), reduction="sum"
    )
    end = log_probs.shape[1] - 1
    with torch.no_grad():
        scores = net(torch.tensor([[end, *ids]]), None)[0][0].log_softmax(1)
    lm = scores[range(len(ids) + 1), [*ids, end]].sum()
    return float(ctc + LM_WEIGHT * lm + TOKEN_SCORE * len(ids))


def characters(args: argparse.Namespace) -> None:
    """Print our CPU time with characters and a language model over ``args.words`` words."""
    rng = np.random.default_rng(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    lengths = rng.integers(2, 9, 2 * args.words)
    spelled = dict.fromkeys("".join(rng.choice(list(letters), n)) for n in lengths.tolist())
    vocabulary = list(spelled)[: args.words]
    words = ["<blank>", "<unk>", *vocabulary, "<sos/eos>"]
    tokens = Tokens(["<blank>", "<unk>", SPACE, *letters], "char")
    net = espnet_lm(len(words), args.layers, args.width, args.sharpness)
    path = np.zeros(155, np.int64)
    spoken = tokens.encode(" ".join(rng.choice(vocabulary, 12)))[:50]
    path[2 : 2 + 3 * len(spoken) : 3] = spoken
    log_probs = spoken_frames(path, len(tokens), 2, args.unsure * len(spoken) // 15)
    for dtype, threshold in (("float32", None), ("bfloat16", None), ("bfloat16", 15.0)):
        lm = shared_lm(net, words, dtype)
        options = {"beam": args.beam, "lm_weight": LM_WEIGHT, "word_score": TOKEN_SCORE}
        begin = time.process_time()
        search = CTCBeamSearch(tokens, lm, beam_threshold=threshold, **options)
        built = time.process_time() - begin
        for _ in range(args.rounds):
            begin = time.process_time()
            best = search(log_probs)[0]
            seconds = time.process_time() - begin
            print(
                f"{dtype}, threshold {threshold}: {seconds:.2f} s, {lm.num_slots} histories, "
                f"lexicon {built:.2f} s once, score {best.score:.3f}",
                flush=True,
            )


def measure(runs: dict[str, Callable], rounds: int, peer: str) -> dict[str, object]:
    """Print medians of CPU time and the peer's over ours; return what each gave."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    results = {}
    for _ in range(rounds):
        for name, run in runs.items():
            begin = time.process_time()
            results[name] = run()
            times[name].append(time.process_time() - begin)
            print(f"  {name}: {times[name][-1]:.2f} s", flush=True)
    for name, own in times.items():
        ratio = statistics.median(a / b for a, b in zip(times[peer], own, strict=True))
        print(f"{name:38} median {statistics.median(own):8.2f} s {ratio:8.2f} x")
    return results


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beam", type=int, default=500, help="hypotheses (default: 500)")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--layers", type=int, default=16, help="of the model (default: 16)")
    parser.add_argument("--width", type=int, default=512, help="of the model (default: 512)")
    parser.add_argument("--size", type=int, default=1000, help="tokens (default: 1000)")
    parser.add_argument("--sharpness", type=float, default=1.0, help="of the model (default: 1)")
    parser.add_argument(
        "--unsure", type=int, default=5, help="of 15 tokens, those with rivals (default: 5)"
    )
    parser.add_argument(
        "--pre-beam-ratio",
        type=float,
        default=1.5,
        help="ESPnet asks CTC for this many times the beam of tokens, those that its language "
        "model likes best; 2 loses none of 1000 at beam 500 and takes longer (default: 1.5)",
    )
    parser.add_argument("--no-espnet", action="store_true", help="ours alone")
    parser.add_argument("--characters", action="store_true", help="characters and words, ours")
    parser.add_argument("--words", type=int, default=65000, help="of them (default: 65000)")
    args = parser.parse_args()
    from sslse.search.shared_attention import attend_to_rows

    torch.set_num_threads(1)
    if args.characters:
        return characters(args)
    net = espnet_lm(args.size, args.layers, args.width, args.sharpness)
    words = ["<blank>", "<unk>", *(f"w{i}" for i in range(args.size - 3)), "<sos/eos>"]
    tokens = Tokens(words, "word")
    rng = np.random.default_rng(1)
    path = np.zeros(77, np.int64)
    path[3::5] = rng.integers(2, args.size - 1, 15)
    log_probs = spoken_frames(path, args.size, 2, args.unsure)
    begin = time.process_time()
    attend_to_rows(
        np.zeros((1, 2), np.float32),
        np.zeros((1, 4), np.float32),
        np.zeros((1, 1), np.int64),
        np.ones(1, np.int64),
        1,
    )
    print(f"compiling or loading the attention: {time.process_time() - begin:.2f} s, not counted")
    runs: dict[str, Callable] = {}
    if not args.no_espnet:
        runs["espnet2 BatchBeamSearch"] = espnet_search(
            net, log_probs, args.beam, 18, args.pre_beam_ratio
        )
    kinds = [("float32", None), ("bfloat16", None), ("float32", 10.0), ("bfloat16", 10.0)]
    for dtype, threshold in kinds:
        lm = shared_lm(net, words, dtype)
        options = {"beam": args.beam, "lm_weight": LM_WEIGHT, "word_score": TOKEN_SCORE}
        search = CTCBeamSearch(tokens, lm, beam_threshold=threshold, **options)

        def run(search: CTCBeamSearch = search, lm: TransformerWordLM = lm) -> list[int]:
            best = search(log_probs)[0]
            print(f"    {lm.num_slots} histories computed")
            return tokens.encode(best.text)

        runs[f"sslse, {dtype}" + (f", threshold {threshold:g}" if threshold else "")] = run
    results = measure(runs, args.rounds, next(iter(runs)))
    for name, ids in results.items():
        print(f"{name:38} {len(ids)} tokens, score {exact_score(net, log_probs, ids):.4f}")


if __name__ == "__main__":
    main()
