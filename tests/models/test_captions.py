"""Captions kept on a device come back as they were encoded."""

import torch

from engine.models.captions import MAX_CAPTION_TOKENS, CaptionTable
from tests.tiny import FakeTextEncoder


def test_captions_come_back_as_they_were_encoded():
    encoder = FakeTextEncoder(12)
    texts = ["a person walks", "bow", "word " * (MAX_CAPTION_TOKENS + 5), "one two three four"]
    table = CaptionTable.build(texts, encoder, torch.device("cpu"), batch=3)
    index = torch.tensor([1, 0, 3, 2, 1])
    states, mask = table.rows(index)
    assert states.shape == (5, MAX_CAPTION_TOKENS, 12)
    assert mask.sum(1).tolist() == [1, 3, 4, MAX_CAPTION_TOKENS, 1]
    for row, number in enumerate(index.tolist()):
        expected, _ = encoder.encode([texts[number]])
        expected = expected[0, :MAX_CAPTION_TOKENS]
        assert torch.allclose(states[row, : len(expected)], expected, atol=2e-3)
