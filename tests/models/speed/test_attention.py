import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from nlp_transfer.models.speed import attention
from nlp_transfer.models.speed.attention import attend, attend_padded, groups, make_groups
from nlp_transfer.models.speed.dropout import draw_kept, unpack_kept

HEADS, SIZE, SCALE = 3, 8, 0.3
CPU = torch.device("cpu")


def test_texts_of_similar_length_are_grouped():
    assert groups([10, 9, 8, 7, 2, 2]) == [(0, 3), (3, 4), (4, 6)]
    assert groups([5]) == [(0, 1)]


def test_a_group_of_equal_lengths_moves_and_masks_nothing():
    (group,) = make_groups([4, 4], CPU)
    assert (group.places, group.mask, group.width) == (None, None, 4)


def test_a_group_of_unequal_lengths_masks_the_padding():
    (group,) = make_groups([4, 3], CPU)
    assert group.places.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert group.mask.tolist() == [[[[True] * 4]], [[[True, True, True, False]]]]  # of keys, the same for all rows


def test_a_window_leaves_no_row_without_keys():
    (group,) = make_groups([4, 3], CPU, torch.eye(4, dtype=torch.bool).expand(2, 1, 4, 4))
    assert group.mask[1, 0, :3].tolist() == torch.eye(4, dtype=torch.bool)[:3].tolist()
    assert group.mask[1, 0, 3].all()  # padding itself attends somewhere, or it would be NaN


def flat(lengths, dtype):
    torch.manual_seed(0)
    return [torch.randn(sum(lengths), HEADS, SIZE, dtype=dtype, requires_grad=True) for _ in range(3)]


def text_by_text(parts, lengths, masks=None):
    outputs = []
    for number, texts in enumerate(zip(*(part.split(lengths) for part in parts), strict=True)):
        q, k, v = (text.transpose(0, 1)[None] for text in texts)
        mask = None if masks is None else masks[number, :, : q.shape[2], : q.shape[2]][None]
        outputs.append(scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=SCALE)[0].transpose(0, 1))
    return torch.cat(outputs)


def compare(found, expected, parts, tolerance):
    direction = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1)).to(expected.dtype)
    wanted = torch.autograd.grad((expected * direction).sum(), parts)
    got = torch.autograd.grad((found * direction).sum(), parts)
    for one, other in [(found, expected), *zip(got, wanted, strict=True)]:
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("lengths", [[7], [6, 6, 6], [12, 11, 9, 4, 3, 1], [200, 180, 130, 3]])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5), (torch.bfloat16, 4e-2)]
)
def test_each_text_attends_to_itself_alone(lengths, dtype, tolerance):
    parts = flat(lengths, dtype)
    found = attend(*parts, make_groups(lengths, CPU), scale=SCALE)
    compare(found, text_by_text(parts, lengths), parts, tolerance)


def test_many_blocks_give_what_one_gives(monkeypatch):
    lengths = [9, 9, 8, 8, 7]
    parts = flat(lengths, torch.float64)
    monkeypatch.setattr(attention, "BLOCK_BYTES", 2 * HEADS * 81 * 8)  # two texts a block
    compare(attend(*parts, make_groups(lengths, CPU), scale=SCALE), text_by_text(parts, lengths), parts, 1e-10)
    monkeypatch.setattr(attention, "MAX_KEPT_TOKENS", 4)  # P is made again
    compare(attend(*parts, make_groups(lengths, CPU), scale=SCALE), text_by_text(parts, lengths), parts, 1e-10)


def test_a_window_holds_beside_the_padding():
    lengths = [10, 9, 4]
    parts = flat(lengths, torch.float64)
    position = torch.arange(10)
    window = ((position[:, None] - position).abs() <= 2).expand(3, 1, 10, 10)
    found = attend(*parts, make_groups(lengths, CPU, window), scale=SCALE)
    compare(found, text_by_text(parts, lengths, window), parts, 1e-10)


def test_padded_attention_is_pytorchs_with_every_kind_of_mask():
    torch.manual_seed(0)
    parts = [torch.randn(4, HEADS, 6, SIZE, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    real = torch.arange(6) < torch.tensor([6, 5, 3, 1])[:, None]
    added = torch.zeros(4, 1, 1, 6, dtype=torch.float64).masked_fill(~real[:, None, None], -1e9)
    for mask in (None, real[:, None, None], real[:1, None, None], added):
        expected = scaled_dot_product_attention(*parts, attn_mask=mask, scale=SCALE)
        compare(attend_padded(*parts, mask, scale=SCALE), expected, parts, 1e-10)


def test_grouped_queries_are_pytorchs():
    torch.manual_seed(0)
    query = torch.randn(2, 4, 5, SIZE)
    key, value = torch.randn(2, 2, 2, 5, SIZE)
    expected = scaled_dot_product_attention(query, key, value, scale=SCALE, enable_gqa=True)
    assert torch.equal(attend_padded(query, key, value, None, scale=SCALE), expected)


def test_dropped_weights_are_pytorchs_on_request():
    parts = [torch.ones(1, 1, 50, SIZE) for _ in range(3)]
    torch.manual_seed(0)
    dropped = attend_padded(*parts, None, scale=SCALE, dropout=0.5, fast_dropout=False)
    torch.manual_seed(0)
    assert torch.equal(dropped, scaled_dot_product_attention(*parts, dropout_p=0.5, scale=SCALE))
    assert not torch.allclose(dropped, attend_padded(*parts, None, scale=SCALE))


def test_fewer_heads_of_keys_and_added_masks_drop_by_pytorch():
    query, added = torch.ones(1, 4, 50, SIZE), torch.zeros(1, 1, 50, 50)
    for key, mask in ((query[:, :2], None), (query, added)):
        torch.manual_seed(0)
        found = attend_padded(query, key, key, mask, scale=SCALE, dropout=0.5)
        torch.manual_seed(0)
        assert torch.equal(
            found,
            scaled_dot_product_attention(query, key, key, mask, dropout_p=0.5, scale=SCALE, enable_gqa=mask is None),
        )


def drawn_mask(query, p, seed):
    """The mask of one call, drawn as it draws: block after block, each from a new byte on."""
    texts, heads, tokens, _ = query.shape
    mask = torch.empty(texts, heads, tokens, tokens, dtype=torch.float64)
    sizes = [-(-mask[block].numel() // 8) for block in attention._blocks(query)]
    torch.manual_seed(seed)
    drawn = draw_kept(8 * sum(sizes), p).split(sizes)
    for block, bits in zip(attention._blocks(query), drawn, strict=True):
        mask[block] = unpack_kept(bits, mask[block]).double()
    return mask


@pytest.mark.parametrize("blocks", ["one block", "blocks of texts", "blocks of heads"])
@pytest.mark.parametrize("kept_tokens", [4, 128], ids=["P made again", "P kept"])
@pytest.mark.parametrize("masked", [None, "padding", "window"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5), (torch.bfloat16, 4e-2)]
)
def test_a_fixed_mask_gives_the_plain_formula_and_its_gradients(
    monkeypatch, dtype, tolerance, masked, kept_tokens, blocks
):
    texts, tokens, p = 5, 9, 0.25
    a_head = tokens * tokens * dtype.itemsize
    sizes = {"one block": 2**20, "blocks of texts": 2 * HEADS * a_head, "blocks of heads": 2 * a_head}
    monkeypatch.setattr(attention, "BLOCK_BYTES", sizes[blocks])
    monkeypatch.setattr(attention, "MAX_KEPT_TOKENS", kept_tokens)
    torch.manual_seed(0)
    # As families make them: heads inside tokens.
    parts = [torch.randn(texts, tokens, HEADS, SIZE, dtype=dtype, requires_grad=True) for _ in range(3)]
    query, key, value = (part.transpose(1, 2) for part in parts)
    place = torch.arange(tokens)
    mask = {
        None: None,
        "padding": (place < torch.tensor([9, 8, 7, 9, 4])[:, None])[:, None, None],
        "window": ((place[:, None] - place).abs() <= 2)[None, None],
    }[masked]
    kept = drawn_mask(query, p, seed=5)
    torch.manual_seed(5)
    found = attend_padded(query, key, value, mask, scale=SCALE, dropout=p)
    scores = query.double() @ key.double().transpose(-1, -2) * SCALE
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    expected = ((scores.softmax(-1) * kept / (1 - p)) @ value.double()).to(dtype)
    assert found.dtype == dtype
    assert 0.65 < kept.mean() < 0.85
    compare(found, expected, parts, tolerance)


def test_the_moments_of_dropped_weights():
    """Over many draws the output has the mean of attention without dropout, and the variance of dropped weights."""
    torch.manual_seed(0)
    draws, tokens, p = 4000, 8, 0.1
    query, key, value = torch.randn(3, 1, 2, tokens, SIZE, dtype=torch.float64)
    weights = (query @ key.transpose(-1, -2) * SCALE).softmax(-1)
    many = [part.expand(draws, -1, -1, -1) for part in (query, key, value)]
    found = attend_padded(*many, None, scale=SCALE, dropout=p)
    variance = weights.square() @ value.square() * p / (1 - p)
    deviation = (found.mean(0) - (weights @ value)[0]) / (variance[0] / draws).sqrt()
    assert deviation.abs().max() < 4.5  # of 128 means, in standard errors
    torch.testing.assert_close(found.var(0), variance[0], rtol=0.2, atol=1e-4)


def test_weights_are_dropped_independently_of_texts_heads_blocks_and_steps(monkeypatch):
    """With equal scores and V the unit matrix, the output is the mask over the number of tokens."""
    texts, tokens, p = 6, 64, 0.3
    monkeypatch.setattr(attention, "BLOCK_BYTES", 2 * tokens * tokens * 4)  # two of three heads a block
    zero = torch.zeros(texts, HEADS, tokens, tokens)
    unit = torch.eye(tokens).expand(texts, HEADS, -1, -1)
    torch.manual_seed(0)
    first, second = (
        (attend_padded(zero, zero, unit, None, scale=SCALE, dropout=p) * tokens * (1 - p)).round() for _ in range(2)
    )
    assert first.unique().tolist() == [0.0, 1.0]
    assert first.mean().item() == pytest.approx(1 - p, abs=0.007)  # four standard deviations
    masks = torch.cat([first.flatten(0, 1), second.flatten(0, 1)]).flatten(1)
    deviations = (masks - (1 - p)) / (p * (1 - p)) ** 0.5
    correlations = deviations @ deviations.T / tokens**2
    assert correlations.fill_diagonal_(0).abs().max() < 5 / tokens  # of 630 pairs, in standard errors of 1 / 64
    rows = deviations.view(-1, tokens, tokens)
    for one, other in ((rows[:, 1:], rows[:, :-1]), (rows[..., 1:], rows[..., :-1])):
        assert (one * other).mean().abs() < 4 / one.numel() ** 0.5


def test_the_seed_decides_which_weights_are_dropped_and_nothing_is_drawn_without():
    parts = [torch.randn(2, HEADS, 20, SIZE, generator=torch.Generator().manual_seed(i)) for i in range(3)]

    def draw(seed, p=0.5):
        torch.manual_seed(seed)
        return attend_padded(*parts, None, scale=SCALE, dropout=p), torch.get_rng_state()

    assert torch.equal(draw(0)[0], draw(0)[0])
    assert not torch.equal(draw(0)[0], draw(1)[0])
    torch.manual_seed(0)
    assert torch.equal(draw(0, p=0.0)[1], torch.get_rng_state())


def test_gradient_checkpointing_drops_the_same_weights():
    ends = []
    for again in (False, True):
        parts = flat([50, 40], torch.float64)

        def attended(*parts):
            return attend(*parts, make_groups([50, 40], CPU), scale=SCALE, dropout=0.5).square()

        torch.manual_seed(3)
        found = checkpoint(attended, *parts, use_reentrant=False) if again else attended(*parts)
        ends.append((found, *torch.autograd.grad(found.sum(), parts)))
    for one, other in zip(*ends, strict=True):
        assert torch.equal(one, other)


def test_long_texts_with_dropout_leave_no_scores_behind():
    """What is saved for the backward pass is Q, K, V and a bit a weight; PyTorch would keep scores, weights and mask."""
    parts = [torch.randn(2, HEADS, 200, SIZE, requires_grad=True) for _ in range(3)]
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: saved.append(tensor.nbytes), lambda packed: packed):
        attend_padded(*parts, None, scale=SCALE, dropout=0.1)
    assert sum(saved) == 3 * parts[0].nbytes + 2 * HEADS * 200 * 200 / 8


def test_the_kernel_for_varying_lengths_is_told_where_texts_end(monkeypatch):
    """On a GPU; here a stand-in with the kernel's signature attends inside the ends that it is given."""
    lengths = [9, 8, 3, 1]
    parts = flat(lengths, torch.float64)

    def kernel(query, key, value, ends, key_ends, longest, key_longest, *, scale):
        assert (ends.dtype, ends.tolist(), longest) == (torch.int32, [0, 9, 17, 20, 21], 9)
        assert (key_ends.tolist(), key_longest) == (ends.tolist(), longest)
        return text_by_text([query, key, value], ends.diff().tolist())

    monkeypatch.setattr(attention, "varlen_attn", kernel)
    found = attention._attend_varlen(*parts, make_groups(lengths, CPU), SCALE)
    compare(found, attend(*parts, make_groups(lengths, CPU), scale=SCALE), parts, 1e-10)
