"""The fusions: what they begin as, what they learn, and that padding is not heard."""

import pytest
import torch

from sslse.wav2vec2.fusion import build_fusion

BEGIN_AS_MEAN = [("concat", {}), ("dual_attention", {"heads": 4, "residual": True})]


@pytest.mark.parametrize("name, options", BEGIN_AS_MEAN)
def test_begins_as_the_mean_and_all_of_it_learns(name: str, options: dict) -> None:
    torch.manual_seed(0)
    fusion = build_fusion(name, 16, **options)
    noisy, enhanced, target = torch.randn(3, 2, 5, 16)
    assert torch.allclose(fusion(noisy, enhanced), (noisy + enhanced) / 2, atol=1e-6)

    before = [parameter.clone() for parameter in fusion.parameters()]
    optimizer = torch.optim.Adam(fusion.parameters(), lr=1e-2)
    for _ in range(3):  # at the first step nothing reaches what lies behind the zeros
        optimizer.zero_grad()
        (fusion(noisy, enhanced) - target).square().mean().backward()
        optimizer.step()
    names = [name for name, _ in fusion.named_parameters()]
    for label, old, new in zip(names, before, fusion.parameters(), strict=True):
        # A bias of the keys adds the same to all logits of a query.
        if not label.endswith("key.bias"):
            assert not torch.equal(old, new), label


def test_dual_attention_is_that_of_torch() -> None:
    torch.manual_seed(0)
    fusion = build_fusion("dual_attention", 16, heads=4)
    noisy, enhanced = torch.randn(2, 2, 7, 16)
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    expected = 0
    for part, last, queries, source in (
        (fusion.over_noisy, fusion.from_noisy, enhanced, noisy),
        (fusion.over_enhanced, fusion.from_enhanced, noisy, enhanced),
    ):
        peer = torch.nn.MultiheadAttention(16, 4, batch_first=True)
        layers = (part.query, part.key, part.value)
        peer.in_proj_weight.data = torch.cat([layer.weight.data for layer in layers])
        peer.in_proj_bias.data = torch.cat([layer.bias.data for layer in layers])
        peer.out_proj.load_state_dict(part.output.state_dict())
        expected = expected + last(peer(queries, source, source, key_padding_mask=~mask)[0])
    assert torch.allclose(fusion(noisy, enhanced, mask), expected, atol=1e-5)
