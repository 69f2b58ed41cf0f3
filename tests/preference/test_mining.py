"""Mining finds what is wrong, and nothing that is right."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from engine.preference.mining import mine


def unit(*degrees: float) -> torch.Tensor:
    angle = torch.deg2rad(torch.tensor(degrees))
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def test_a_case_by_hand():
    text = unit(0.0)
    pool = unit(30.0, 10.0, 20.0, 90.0, 5.0)  # scores fall with the angle: 4, 1, 2, 0, 3
    rivals = torch.ones(1, 5, dtype=torch.bool)
    for own, rank, rival in ((4, 0, 1), (1, 1, 4), (0, 3, 4), (3, 4, 4)):
        found = mine(text, torch.tensor([own]), pool, rivals, top=2)
        assert (int(found.rank), int(found.rival), bool(found.hard)) == (rank, rival, rank >= 2)


def test_what_is_as_right_neither_pushes_down_nor_loses():
    rivals = torch.tensor([[True, False, True, True, False]])
    pool = unit(30.0, 10.0, 20.0, 90.0, 5.0)
    found = mine(unit(0.0), torch.tensor([0]), pool, rivals, top=2)
    assert (int(found.rank), int(found.rival), bool(found.hard)) == (1, 2, False)


def test_planted_errors_are_found_and_nothing_else():
    torch.manual_seed(0)
    captions, copies = 200, 12
    text = normalize(torch.randn(captions, 64), dim=1)
    own = normalize(text + 0.02 * torch.randn_like(text), dim=1)
    planted = torch.zeros(captions, dtype=torch.bool)
    planted[torch.randperm(captions)[:30]] = True
    # A planted error: a dozen motions of another caption stand nearer than its own.
    own[planted] = normalize(torch.randn(30, 64), dim=1)
    wrong = normalize(text[planted].repeat(copies, 1) + 0.01 * torch.randn(30 * copies, 64), dim=1)
    # And decoys: as many motions as near, but as right, for captions that are not planted.
    decoys = text[~planted][:30].repeat(copies, 1)
    pool = torch.cat([own, wrong, decoys])
    rivals = torch.ones(captions, len(pool), dtype=torch.bool)
    for k, caption in enumerate((~planted).nonzero()[:30, 0].tolist()):
        rivals[caption, captions + 30 * copies + k :: 30] = False
    found = mine(text, torch.arange(captions), pool, rivals)
    assert torch.equal(found.hard, planted)
    names = planted.nonzero()[:, 0]
    which = (found.rival[planted] - captions) % 30
    assert torch.equal(names[which], names) and (found.rival[planted] < len(pool) - 360).all()
    assert (found.rank[~planted] == 0).all()
