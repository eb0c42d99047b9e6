"""Geometry of the camera's view, the drawing sheet, the vessels and the field stop."""

import math

import numpy as np
import pytest

from service.training.retina.anatomy import sample_eye
from service.training.retina.camera import compress, field_stop, sample_camera
from service.training.retina.canvas import Canvas
from service.training.retina.noise import clouds, soft_step
from service.training.retina.vessels import AVASCULAR, Tree
from service.training.retina.view import Pose, View, sample_pose

POSE = Pose(45.0, 2.0, 0.3, 0.51, 0.49, 0.48, 0.1, mirrored=True)


def test_millimetres_and_pixels_are_inverse() -> None:
    view = View(POSE, 64)
    points = np.stack([view.x.ravel(), view.y.ravel()], axis=1).astype(np.float64)
    columns, rows = np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5)
    assert np.allclose(view.to_pixels(points), np.stack([columns.ravel(), rows.ravel()], axis=1), atol=1e-3)


def test_a_45_degree_field_is_about_13_mm_across() -> None:
    assert 2 * POSE.field_mm == pytest.approx(13.05)
    view = View(POSE, 200)
    assert view.scale * 2 * POSE.field_mm == pytest.approx(2 * POSE.radius * 200)
    assert view.radial.min() < 0.02


def test_poses_show_the_whole_disc_and_the_fovea() -> None:
    rng = np.random.default_rng(5)
    kinds, shares = set(), []
    for _ in range(300):
        eye = sample_eye(rng, "normal", 0.3)
        pose = sample_pose(rng, eye)
        view = View(pose, 100)
        ring = np.array([[math.cos(a), math.sin(a)] for a in np.linspace(0, 6.2, 12)]) * eye.disc.height / 2
        places = view.to_pixels(np.concatenate([ring, [[eye.fovea_x, eye.fovea_y]]])) / 100
        assert places.min() > 0
        assert places.max() < 1
        assert np.hypot(*(places - [pose.centre_x, pose.centre_y]).T).max() < pose.radius
        shares.append(eye.disc.height / (2 * pose.field_mm))
        assert pose.mirrored == (eye.side == "right")
        kinds.add((pose.radius > 0.5, pose.mirrored))
    assert len(kinds) == 4
    assert 0.11 < np.mean(shares) < 0.14
    assert np.mean([0.10 <= share <= 0.16 for share in shares]) > 0.9


@pytest.mark.parametrize("size", [96, 400])
def test_a_polygon_covers_its_area(size: int) -> None:
    view = View(POSE, size)
    canvas = Canvas(view)
    angles = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    canvas.polygon(np.array([2.0, 0.3]) + 1.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert canvas.coverage().sum() / view.scale**2 == pytest.approx(math.pi * 1.5**2, rel=0.03)


@pytest.mark.parametrize("width", [0.05, 0.15, 0.4])
def test_a_stroke_covers_length_times_width(width: float) -> None:
    view = View(POSE, 224)
    canvas = Canvas(view)
    line = np.stack([np.linspace(-1, 4, 40), np.linspace(-2, 2, 40)], axis=1)
    canvas.stroke(line, np.full(40, width))
    assert canvas.coverage().sum() / view.scale**2 == pytest.approx(math.hypot(5, 4) * width, rel=0.2)


def test_strokes_outside_the_picture_are_harmless() -> None:
    canvas = Canvas(View(POSE, 64))
    canvas.stroke(np.array([[90.0, 90.0], [91.0, 91.0], [92.0, 92.0]]), np.full(3, 0.1))
    assert canvas.empty
    assert not canvas.coverage().any()


def test_vessels_thin_out_and_avoid_the_fovea() -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        eye = sample_eye(rng, "normal", 0.0)
        vessels = Tree(rng, eye, 0.16).vessels
        assert 40 < len(vessels) < 400
        for vessel in vessels:
            assert len(vessel.points) == len(vessel.widths)
            assert np.all(np.diff(vessel.widths) <= 1e-12)
            assert vessel.widths[0] <= 0.16 * 1.1 + 1e-9
            assert np.hypot(*(vessel.points - [eye.fovea_x, eye.fovea_y]).T).min() >= AVASCULAR


def test_branches_start_on_their_parents() -> None:
    rng = np.random.default_rng(3)
    eye = sample_eye(rng, "normal", 0.0)
    vessels = Tree(rng, eye, 0.16).vessels
    points = np.concatenate([vessel.points for vessel in vessels])
    for vessel in vessels:
        start = vessel.points[0]
        if np.hypot(*start) > eye.disc.height / 2:
            near = np.hypot(*(points - start).T) < 1e-6
            assert near.sum() >= 2


def test_the_field_stop_is_open_inside_and_shut_outside() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        camera = sample_camera(rng)
        view = View(POSE, 96)
        stop = field_stop(view, camera)
        assert stop.min() >= 0
        assert stop.max() <= 1
        assert np.all(stop[view.radial < 0.7] > 0.9)
        if camera.tab is None:
            assert np.all(stop[view.radial > 1.15] < 0.05)


def test_an_uncompressed_camera_returns_its_pixels() -> None:
    rng = np.random.default_rng(6)
    pixels = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
    cameras = [sample_camera(rng) for _ in range(60)]
    raw = next(camera for camera in cameras if not camera.quality)
    lossy = next(camera for camera in cameras if camera.quality)
    assert compress(pixels, raw) is pixels
    assert not np.array_equal(compress(pixels, lossy), pixels)


def test_clouds_look_alike_at_every_size() -> None:
    small, large = (clouds(np.random.default_rng(1), 12, size) for size in (60, 180))
    assert np.corrcoef(small.ravel(), large[1::3, 1::3].ravel())[0, 1] > 0.98
    assert 0.5 < small.std() < 1.2


def test_soft_step_falls_from_one_to_zero() -> None:
    steps = soft_step(np.array([-9.0, 0.0, 9.0], dtype=np.float32), 0.1)
    assert steps.tolist() == pytest.approx([1.0, 0.5, 0.0], abs=1e-6)
