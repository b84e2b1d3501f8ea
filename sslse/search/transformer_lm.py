"""ESPnet's Transformer language models, evaluated by history with shared keys and values.

Everything before a word is computed once however many hypotheses have it, in batches of histories
of any lengths; ESPnet's own scorer keeps layer outputs for each hypothesis and computes the keys
and values of the whole prefix again at every word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sslse.errors import ConfigError
from sslse.espnet.model_folder import find_model
from sslse.runtime.device import choose_device
from sslse.search.word_lm import HistoryTree, WordLM

UNKNOWN_ID = 1  # ESPnet's token lists begin with <blank> and <unk> and end with <sos/eos>
#: ESPnet's defaults of ``lm_conf``; a folder's ``config.yaml`` has them all.
DEFAULTS = {"pos_enc": None, "head": 2, "layer": 4}


class TransformerWordLM(WordLM):
    """A decoder-only Transformer over words with the weights of an ESPnet language model.

    Args:
        weights: parameters by ESPnet's names, without the prefix ``lm.``.
        config: ``lm_conf`` of the training: ``pos_enc``, ``head``, ``layer``.
        words: its token list, ``<blank> <unk> … <sos/eos>``.
        dtype: ``float32``, or ``bfloat16`` for the large products (about 1e-2 less exact, up to
            twice as fast on a processor that has them).
        device: where it runs, as ``choose_device`` takes it.

    Raises:
        ConfigError: a parameter is missing or the token list does not fit.

    Reference:
        Vaswani et al. 2017, arXiv 1706.03762; layer normalisation first, as in ESPnet.
    """

    initial_state = 0

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        config: Mapping[str, Any],
        words: Sequence[str],
        dtype: str = "float32",
        device: str = "cpu",
    ) -> None:
        if dtype not in ("float32", "bfloat16"):
            raise ConfigError(f"dtype {dtype} of the language model: expected float32 or bfloat16")
        config = {**DEFAULTS, **config}
        self.words, self.unknown = list(words), UNKNOWN_ID
        self.end = len(self.words) - 1
        self.special = frozenset((0, UNKNOWN_ID, self.end))
        self.dtype, self.device = getattr(torch, dtype), torch.device(choose_device(device))
        self.heads, self.num_layers = int(config["head"]), int(config["layer"])
        if config["pos_enc"] not in (None, "sinusoidal"):
            raise ConfigError(f"pos_enc {config['pos_enc']} of the language model is not known")
        self.has_positions = config["pos_enc"] == "sinusoidal"
        try:
            self._take(weights)
        except KeyError as error:
            raise ConfigError(f"the language model has no parameter {error}") from None
        if len(self.embedding) != len(self.words):
            raise ConfigError(
                f"the language model has {len(self.embedding)} words but its token list "
                f"{len(self.words)}"
            )
        self.hidden: Tensor | None = None
        self.reset()

    @classmethod
    def from_espnet(cls, folder: str | Path, **options: Any) -> TransformerWordLM:
        """Load a folder of ESPnet's ``lm_train``: ``config.yaml`` and weights.

        Raises:
            ConfigError: a file is missing, or it is no Transformer over words.
        """
        import yaml

        config_path, checkpoint = find_model(Path(folder))
        try:
            config = yaml.safe_load(config_path.read_text())
        except yaml.YAMLError as error:
            raise ConfigError(f"{config_path} is no YAML file: {error}") from error
        if not isinstance(config, dict) or "lm_conf" not in config:
            raise ConfigError(f"{config_path} is not of an ESPnet language model training")
        if config.get("lm") != "transformer" or config.get("token_type") != "word":
            raise ConfigError(
                f"{config_path} is a language model '{config.get('lm')}' over "
                f"'{config.get('token_type')}' tokens; expected 'transformer' over 'word'"
            )
        weights = torch.load(checkpoint, map_location="cpu", weights_only=True)
        weights = {name.removeprefix("lm."): value for name, value in weights.items()}
        try:
            return cls(weights, config["lm_conf"], config["token_list"], **options)
        except ConfigError as error:
            raise ConfigError(f"{folder}: {error}") from error

    def _take(self, weights: Mapping[str, Tensor]) -> None:
        """Sort the parameters by layer; products in ``dtype``, norms and embeddings in float32."""

        def get(name: str) -> Tensor:
            return weights[name].detach().to(self.device, torch.float32)

        def linear(*names: str) -> tuple[Tensor, Tensor]:
            matrix = torch.cat([get(f"{name}.weight") for name in names])
            bias = torch.cat([get(f"{name}.bias") for name in names])
            return matrix.to(self.dtype).contiguous(), bias.to(self.dtype)

        def norm(name: str) -> tuple[Tensor, Tensor]:
            return get(f"{name}.weight"), get(f"{name}.bias")

        self.embedding = get("embed.weight")
        self.input, self.input_norm = linear("encoder.embed.0"), norm("encoder.embed.1")
        self.layers = []
        for layer in range(self.num_layers):
            own = f"encoder.encoders.{layer}"
            self.layers.append(
                {
                    "norm1": norm(f"{own}.norm1"),
                    "qkv": linear(*(f"{own}.self_attn.linear_{part}" for part in "qkv")),
                    "out": linear(f"{own}.self_attn.linear_out"),
                    "norm2": norm(f"{own}.norm2"),
                    "inner": linear(f"{own}.feed_forward.w_1"),
                    "outer": linear(f"{own}.feed_forward.w_2"),
                }
            )
        self.norm = norm("encoder.after_norm")
        self.output = linear("decoder")
        # Single words are scored with these; with float32 they are the same memory.
        self.word_vectors, self.word_biases = self.output
        if self.dtype != torch.float32:
            self.word_vectors, self.word_biases = get("decoder.weight"), get("decoder.bias")
        self.width = self.word_vectors.shape[1]

    def reset(self) -> None:
        """See :meth:`WordLM.reset`."""
        self.tree = HistoryTree()
        self.slots = np.full(len(self.tree.parents), -1, np.int64)  # state to its row below
        self.num_slots = 0
        if self.hidden is None:  # the room of an earlier utterance serves again
            self._allocate(256)

    def _allocate(self, capacity: int) -> None:
        """Make room for the computed histories; those there are kept."""

        def grown(name: str, *shape: int) -> Tensor:
            new = torch.empty(shape, device=self.device)
            if self.num_slots:
                old = getattr(self, name)
                new[..., : old.shape[-2], :] = old
            return new

        layers, width = self.num_layers, self.width
        self.cache = grown("cache", layers, capacity, 2 * width)  # keys and values
        self.hidden = grown("hidden", capacity, width)
        self.normalizers = grown("normalizers", capacity, 1)  # log of the sum over all words

    def advance(self, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        """See :meth:`WordLM.advance`."""
        states = self.tree.advance(states, words)
        missing = len(self.tree.parents) - len(self.slots)
        if missing:
            self.slots = np.concatenate([self.slots, np.full(missing, -1)])
        return states

    def is_known(self, states: np.ndarray) -> np.ndarray:
        """See :meth:`WordLM.is_known`."""
        return self.slots[states] >= 0

    def score_words(self, states: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`WordLM.score_words`."""
        return self._score(states, words), self.advance(states, words)

    def score_end(self, states: np.ndarray) -> np.ndarray:
        """See :meth:`WordLM.score_end`."""
        return self._score(states, np.full(len(states), self.end))

    @torch.inference_mode()
    def _score(self, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        slots, words = self._compute(states), torch.from_numpy(words).to(self.device)
        logits = (self.hidden[slots] * self.word_vectors[words]).sum(1) + self.word_biases[words]
        return (logits - self.normalizers[slots, 0]).double().cpu().numpy()

    @torch.inference_mode()
    def score_table(self, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        """See :meth:`WordLM.score_table`."""
        slots, words = self._compute(states), torch.from_numpy(words).to(self.device)
        logits = F.linear(self.hidden[slots], self.word_vectors[words], self.word_biases[words])
        return (logits - self.normalizers[slots]).double().cpu().numpy()

    def _compute(self, states: np.ndarray) -> Tensor:
        """Compute the histories that are not yet, ancestors first; return their rows (N,)."""
        missing = np.unique(states[self.slots[states] < 0])
        while True:  # ancestors are missing only if nothing was scored after them
            above = self.tree.parents[missing]
            above = above[(above >= 0)]
            above = np.setdiff1d(above[self.slots[above] < 0], missing)
            if not len(above):
                break
            missing = np.concatenate([missing, above])
        depths = self.tree.depths[missing]
        # A history needs its ancestors' keys, so those of the same pass must not depend on others.
        parents = self.tree.parents[missing]
        ready = (parents < 0) | (self.slots[parents] >= 0)
        if len(missing) and ready.all():
            self._evaluate(missing)
        else:
            for depth in np.unique(depths):
                self._evaluate(missing[depths == depth])
        return torch.from_numpy(self.slots[states]).to(self.device)

    def _evaluate(self, states: np.ndarray) -> None:
        """Run the network on the last words of states (N,) whose ancestors have been computed."""
        first, count = self.num_slots, len(states)
        while first + count > self.hidden.shape[0]:
            self._allocate(2 * self.hidden.shape[0])
        self.num_slots += count
        self.slots[states] = np.arange(first, first + count)
        depths = self.tree.depths[states]
        rows, lengths = self._ancestors(states, int(depths.max()) + 1), depths + 1
        words = np.where(states == self.initial_state, self.end, self.tree.last_words[states])
        x = F.embedding(torch.from_numpy(words).to(self.device), self.embedding)
        x = self._linear(x, self.input).float()
        x = F.layer_norm(x, (self.width,), *self.input_norm).relu()
        if self.has_positions:
            x = x * math.sqrt(self.width) + self._positions(depths)
        for number, layer in enumerate(self.layers):
            normed = F.layer_norm(x, (self.width,), *layer["norm1"], eps=1e-12)
            query, *key_value = self._linear(normed, layer["qkv"]).split(
                [self.width, 2 * self.width], 1
            )
            cache = self.cache[number]
            cache[first : first + count] = key_value[0]
            context = self._attend(query.float().contiguous(), cache, rows, lengths)
            x = x + self._linear(context, layer["out"])
            normed = F.layer_norm(x, (self.width,), *layer["norm2"], eps=1e-12)
            inner = self._linear(normed, layer["inner"]).relu_()
            x = x + self._linear(inner, layer["outer"])
        x = F.layer_norm(x, (self.width,), *self.norm, eps=1e-12)
        self.hidden[first : first + count] = x
        logits = self._linear(x, self.output).float()
        self.normalizers[first : first + count, 0] = logits.logsumexp(1)

    def _linear(self, x: Tensor, parameters: tuple[Tensor, Tensor]) -> Tensor:
        return F.linear(x.to(self.dtype), *parameters)

    def _attend(
        self, query: Tensor, cache: Tensor, rows: np.ndarray, lengths: np.ndarray
    ) -> Tensor:
        """Return the attention's output (N, D) of queries (N, D) to rows (N, L) of the cache."""
        if self.device.type == "cpu":
            from sslse.search.shared_attention import attend_to_rows

            context = attend_to_rows(query.numpy(), cache.numpy(), rows, lengths, self.heads)
            return torch.from_numpy(context)
        count, length = rows.shape
        valid = np.arange(length) < lengths[:, None]
        mask = torch.from_numpy(valid).to(self.device)[:, None, None]
        shape = (count, length, self.heads, self.width // self.heads)
        gathered = cache[torch.from_numpy(rows).to(self.device)].split(self.width, 2)
        keys, values = (part.reshape(shape).transpose(1, 2) for part in gathered)  # (N, H, L, d)
        query = query.view(count, self.heads, 1, shape[-1])
        context = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return context.reshape(count, self.width)

    def _ancestors(self, states: np.ndarray, length: int) -> np.ndarray:
        """Return the cache rows (N, L) of each history's words, the last word first."""
        rows = np.zeros((len(states), length), np.int64)
        current = states
        for column in range(length):
            going = current >= 0
            rows[going, column] = self.slots[current[going]]
            current = np.where(going, self.tree.parents[current], -1)
        return rows

    def _positions(self, depths: np.ndarray) -> Tensor:
        """Return the sinusoids (N, D) of places in the sentence."""
        places = torch.from_numpy(depths).to(self.device, torch.float32)[:, None]
        steps = torch.arange(0, self.width, 2, dtype=torch.float32, device=self.device)
        angles = places * torch.exp(steps * (-math.log(10000.0) / self.width))
        return torch.stack([angles.sin(), angles.cos()], 2).view(len(depths), -1)
