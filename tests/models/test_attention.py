import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from nlp_transfer.models import attention
from nlp_transfer.models.attention import attend, attend_padded, groups, make_groups

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
    assert group.mask[1, 0, 0].tolist() == [True, True, True, False]
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
    monkeypatch.setattr(attention, "KEPT_TOKENS", 4)  # P is made again
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


def test_dropped_weights_are_pytorchs():
    parts = [torch.ones(1, 1, 50, SIZE) for _ in range(3)]
    torch.manual_seed(0)
    dropped = attend_padded(*parts, None, scale=SCALE, dropout=0.5)
    torch.manual_seed(0)
    assert torch.equal(dropped, scaled_dot_product_attention(*parts, dropout_p=0.5, scale=SCALE))
    assert not torch.allclose(dropped, attend_padded(*parts, None, scale=SCALE))


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
