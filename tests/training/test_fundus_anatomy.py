"""Statistics of many sampled eyes against the figures of the ophthalmic literature; no picture is painted here."""

import math

import numpy as np
import pytest

from service.training.retina.anatomy import HEIGHTS, LIMITS, MEDIANS, Eye, sample_eye
from service.training.retina.lesions import sample_lesions
from service.training.retina.outline import THETA, Cup, Disc, Notch, cup_radius, disc_radius, vertical_ratio


def eyes(label: str, count: int, hard_share: float = 0.0) -> list[Eye]:
    rng = np.random.default_rng(11)
    return [sample_eye(rng, label, hard_share) for _ in range(count)]


@pytest.fixture(scope="module")
def healthy() -> list[Eye]:
    return eyes("normal", 3000)


@pytest.fixture(scope="module")
def glaucomatous() -> list[Eye]:
    return eyes("glaucoma", 800)


def test_discs_have_the_size_of_human_discs(healthy: list[Eye]) -> None:
    heights = np.array([eye.disc.height for eye in healthy])
    assert heights.mean() == pytest.approx(1.5, abs=0.03)
    assert heights.min() >= 1.2
    assert heights.max() <= 1.9
    assert all(eye.disc.width < eye.disc.height for eye in healthy)


@pytest.mark.parametrize("height", [1.3, 1.5, 1.7])
def test_cups_grow_with_discs_as_in_healthy_eyes(healthy: list[Eye], height: float) -> None:
    ratios = [eye.cup_to_disc for eye in healthy if abs(eye.disc.height - height) < 0.06]
    assert np.median(ratios) == pytest.approx(np.interp(height, HEIGHTS, MEDIANS), abs=0.04)
    assert np.percentile(ratios, 97.5) == pytest.approx(np.interp(height, HEIGHTS, LIMITS), abs=0.05)


def test_the_fovea_lies_where_it_should(healthy: list[Eye]) -> None:
    distances = np.array([eye.fovea_distance for eye in healthy])
    assert distances.mean() == pytest.approx(2.65, abs=0.03)
    assert np.abs(distances - 2.65).max() <= 0.30 + 1e-9
    assert np.degrees(np.mean([eye.fovea_drop for eye in healthy])) == pytest.approx(6.5, abs=0.5)
    assert 0.45 < np.mean([eye.side == "left" for eye in healthy]) < 0.55


def test_healthy_rims_obey_isnt_mostly_but_not_always(healthy: list[Eye]) -> None:
    rims = np.array([rim_widths(eye) for eye in healthy[:600]])
    inferior, superior, nasal, temporal = rims.T
    assert 0.6 < np.mean(inferior >= superior) < 0.9
    assert np.mean(nasal >= temporal) > 0.95


def rim_widths(eye: Eye) -> list[float]:
    """Rim below, above, nasally and temporally, mm."""
    rim = disc_radius(eye.disc) - cup_radius(eye.disc, eye.cup)
    return [float(np.interp(angle, THETA, rim)) for angle in (math.pi / 2, 3 * math.pi / 2, math.pi, 0.0)]


def test_glaucoma_has_large_cups_and_lost_rim(glaucomatous: list[Eye]) -> None:
    ratios = np.array([eye.cup_to_disc for eye in glaucomatous])
    assert np.mean((ratios >= 0.63) & (ratios <= 0.96)) > 0.97
    assert np.ptp(ratios) > 0.25
    assert np.mean([bool(eye.cup.notches) for eye in glaucomatous]) > 0.8
    angles = [notch.angle for eye in glaucomatous for notch in eye.cup.notches]
    assert np.mean(np.array(angles) > 0) > 0.55, "the inferotemporal rim goes first"
    assert all(eye.wedges == () or eye.cup.notches for eye in glaucomatous)


def test_some_glaucoma_is_told_by_its_notch_rather_than_its_ratio(healthy: list[Eye], glaucomatous: list[Eye]) -> None:
    limit = np.percentile([eye.cup_to_disc for eye in eyes("normal", 800, 0.33)], 97.5)
    inside = [eye for eye in glaucomatous if eye.cup_to_disc < limit]
    assert len(inside) > 0.08 * len(glaucomatous)
    assert np.mean([bool(eye.cup.notches) for eye in inside]) > 0.9


def test_hard_negatives_are_round_cups_in_large_discs() -> None:
    hard = [eye for eye in eyes("normal", 600, 1.0) if eye.hard_negative]
    assert len(hard) == 600
    assert all(0.5 < eye.cup_to_disc < 0.77 and eye.disc.height >= 1.6 for eye in hard)
    assert all(not eye.cup.notches and not eye.wedges for eye in hard)
    assert all(0.9 < eye.cup.horizontal / eye.cup.vertical < 1.1 for eye in hard)


def test_only_normal_eyes_are_hard_negatives() -> None:
    for label in ("glaucoma", "retinopathy", "macular_degeneration", "disc_swelling"):
        assert not any(eye.hard_negative for eye in eyes(label, 30, 1.0))


def test_distractors_do_not_tell_the_label() -> None:
    for seed in range(50):
        drawn = [sample_lesions(np.random.default_rng(seed), label, 0.45) for label in ("normal", "glaucoma")]
        assert drawn[0] == drawn[1]


def test_an_unnotched_cup_is_the_ellipse_it_says() -> None:
    disc = Disc(height=1.6, width=1.4, tilt=0.0, wobble=0.0, phase=0.0, softness=0.03)
    cup = Cup(0.5, 0.4, offset_x=0.15, offset_y=-0.1, softness=0.03, contrast=0.8, lamina=0.0)
    edge, wall = disc_radius(disc), cup_radius(disc, cup)
    assert np.allclose((edge * np.cos(THETA) / 0.7) ** 2 + (edge * np.sin(THETA) / 0.8) ** 2, 1)
    across, down = wall / edge * np.cos(THETA), wall / edge * np.sin(THETA)
    assert np.allclose(((across - 0.15) / 0.4) ** 2 + ((down + 0.1) / 0.5) ** 2, 1)
    assert vertical_ratio(disc, cup) == pytest.approx(0.5, abs=0.02)


def test_a_full_notch_reaches_the_edge_and_leaves_the_other_side_alone() -> None:
    disc = Disc(height=1.5, width=1.4, tilt=0.1, wobble=0.01, phase=1.0, softness=0.03)
    whole = Cup(0.5, 0.5, 0.0, 0.0, 0.03, 0.8, 0.0)
    notched = Cup(0.5, 0.5, 0.0, 0.0, 0.03, 0.8, 0.0, (Notch(angle=1.2, width=0.3, depth=1.0),))
    share = cup_radius(disc, notched) / disc_radius(disc)
    assert share.max() == pytest.approx(0.975, abs=1e-3)
    assert THETA[share.argmax()] == pytest.approx(1.2, abs=0.02)
    opposite = np.abs(THETA - 1.2 - math.pi) < 1
    assert np.allclose(cup_radius(disc, notched)[opposite], cup_radius(disc, whole)[opposite], rtol=1e-3)


def test_the_cup_never_leaves_the_disc(healthy: list[Eye], glaucomatous: list[Eye]) -> None:
    for eye in healthy[:200] + glaucomatous[:400]:
        wall, edge = cup_radius(eye.disc, eye.cup), disc_radius(eye.disc)
        assert np.all(wall > 0)
        assert np.all(wall < edge)
