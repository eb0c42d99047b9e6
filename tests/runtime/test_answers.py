"""The use cases on real decoders, a real registry and small networks: shapes, laws and refusals of every answer."""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import torch
from PIL import Image
from torch import nn

from service.errors import BadParameter, DamagedImage, DoesNotApply, ModelFault, Overloaded, UnknownName
from service.explain.methods import METHODS
from service.explain.quality import MEASURES
from service.models.weights import save
from service.runtime import examine
from service.runtime.describe import describe
from service.runtime.inference_service import InferenceService
from service.runtime.question import Question
from service.runtime.results import Answer
from tests.models import tiny

GUARD = '[models.{name}.guard]\nlimits = [{{ measure = "brightness", minimum = 20.0, reason = "ungradable" }}]\n'
SINGLE = 'activation = "single-logit"\narguments = { classes = 1 }\n'
PERCEPTRON = """
[models.perceptron]
architecture = "tests.runtime.test_answers:perceptron"
weights = "perceptron.safetensors"
sha256 = "{sha256}"
labels = ["a", "b", "c"]
[models.perceptron.frame]
resize = 20
crop = 16
"""


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.ReLU(), nn.Flatten(1), nn.Linear(36, 3))


def picture(seed: int, width: int = 48, height: int = 32) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def registry(folder: Path) -> None:
    (folder / "default.toml").write_text('default = "tiny"\n')
    tiny.add(folder, "tiny", seed=1)
    tiny.add(folder, "other", seed=2)
    save(tiny.weights(3, classes=1), folder / "single.safetensors")
    sha256 = save(tiny.weights(3, classes=1), folder / "single.safetensors")
    entry = tiny.ENTRY.format(name="single", sha256=sha256, more=SINGLE) + tiny.CARD.format(name="single")
    (folder / "single.toml").write_text(entry)
    tiny.add(folder, "multilabel", seed=6, more='activation = "sigmoid"\ntemperature = 2.0')
    tiny.add(folder, "letterbox", seed=7)
    toml = (folder / "letterbox.toml").read_text()
    (folder / "letterbox.toml").write_text(toml.replace("crop = 16\n", 'size = [16, 24]\nfit = "letterbox"\n'))
    sha256 = tiny.add(folder, "guarded", seed=4)
    (folder / "guarded.toml").write_text((folder / "guarded.toml").read_text() + GUARD.format(name="guarded"))
    torch.manual_seed(5)
    sha256 = save(perceptron().state_dict(), folder / "perceptron.safetensors")
    entry = PERCEPTRON.format(sha256=sha256) + tiny.CARD.format(name="perceptron")
    (folder / "perceptron.toml").write_text(entry)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def answers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[InferenceService]:
    folder = tmp_path_factory.mktemp("registry")
    registry(folder)
    running = InferenceService(tiny.settings(folder, decode_workers=2, threads=1))
    for name in running.registry.names:
        running.registry.load(name)
    await running.start()
    yield running
    await running.close()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_prediction_is_what_the_network_says(answers: InferenceService) -> None:
    answer = await answers.predict(picture(0), Question())
    classifier = answers.registry.get("tiny")
    prepared = await answers.decoders.prepare(picture(0), classifier.entry.frame)
    logits = classifier.forward(classifier.normalised(torch.from_numpy(prepared.x[None])))[0]
    expected = logits.double().softmax(0)
    assert {p.index: p.probability for p in answer.predictions} == pytest.approx(dict(enumerate(expected.tolist())))
    assert {p.index: p.logit for p in answer.predictions} == pytest.approx(dict(enumerate(logits.tolist())), rel=1e-5)
    assert [p.probability for p in answer.predictions] == sorted(
        (p.probability for p in answer.predictions), reverse=True
    )
    assert (answer.image.width, answer.image.height, answer.image.format) == (48, 32, "PNG")
    assert answer.status == "ok"
    assert (answer.explanations, answer.embedding) == ((), None)


async def test_top_k_limits_what_is_listed(answers: InferenceService) -> None:
    answer = await answers.predict(picture(0), Question(model="perceptron", top_k=2))
    assert len(answer.predictions) == 2
    assert len((await answers.predict(picture(0), Question(model="perceptron", top_k=99))).predictions) == 3
    with pytest.raises(BadParameter, match="at least 1"):
        await answers.predict(picture(0), Question(top_k=0))


async def test_a_single_logit_speaks_for_two_labels(answers: InferenceService) -> None:
    answer = await answers.explain(picture(0), Question(model="single", methods=("cam",), top_k_targets=2))
    by_index = {p.index: p for p in answer.predictions}
    assert by_index[0].probability + by_index[1].probability == pytest.approx(1)
    assert by_index[0].logit == -by_index[1].logit
    first, second = answer.explanations[0].maps
    np.testing.assert_allclose(first.grid, -second.grid)


@pytest.mark.parametrize("method", METHODS)
async def test_the_mean_of_cam_and_the_bias_are_the_logit_and_every_method_has_a_map(
    answers: InferenceService, method: str
) -> None:
    answer = await answers.explain(picture(1), Question(methods=(method,), boxes=True, overlay=True))
    (explanation,) = answer.explanations
    (one,) = explanation.maps
    assert one.target.index == answer.predictions[0].index
    assert one.grid.shape == (16, 16)
    assert (one.minimum, one.maximum) == (float(one.grid.min()), float(one.grid.max()))
    assert one.region == (8, 0, 40, 32)
    assert one.done == 1
    heat = np.asarray(Image.open(io.BytesIO(one.heatmap.data)))
    assert heat.shape == (16, 16)
    assert heat.max() == (0 if one.empty else 255)
    assert one.overlay is not None
    assert one.overlay.width >= 48
    for box in one.boxes or ():
        assert 8 <= box.box[0] < box.box[2] <= 40
        assert 0 <= box.box[1] < box.box[3] <= 32
    if method == "cam":
        head = answers.registry.get("tiny").head(explanation.layer)
        bias = float(head.bias[one.target.index])
        assert one.grid.mean() + bias == pytest.approx(answer.predictions[0].logit, rel=1e-5, abs=1e-6)


async def test_analyze_is_predict_explain_and_embed_in_one(answers: InferenceService) -> None:
    question = Question(methods=("cam", "layercam"), embed=True)
    everything = await answers.analyze(picture(2), question)
    assert everything.predictions == (await answers.predict(picture(2), Question())).predictions
    embedded = await answers.embed(picture(2), Question())
    assert everything.embedding is not None
    assert embedded.embedding is not None
    np.testing.assert_array_equal(everything.embedding.vector, embedded.embedding.vector)
    for explanation in everything.explanations:
        alone = await answers.explain(picture(2), Question(methods=(explanation.method,)))
        np.testing.assert_array_equal(alone.explanations[0].maps[0].grid, explanation.maps[0].grid)


async def test_targets_are_named_by_label_or_index_without_repetition(answers: InferenceService) -> None:
    question = Question(model="perceptron", methods=("gradcam",), targets=("c", "0", "2"))
    answer = await answers.explain(picture(3), question)
    assert [one.target.label for one in answer.explanations[0].maps] == ["c", "a"]
    everything = replace(question, targets=("c",), top_k_targets=3)
    answer = await answers.explain(picture(3), everything)
    assert sorted(one.target.label for one in answer.explanations[0].maps) == ["a", "b", "c"]


async def test_versus_explains_the_difference(answers: InferenceService) -> None:
    async def grid(**more: Any) -> Any:
        question = Question(model="perceptron", methods=("hirescam",), targets=("a",), **more)
        return (await answers.explain(picture(4), question)).explanations[0].maps[0].grid

    contrast = await grid(versus=("b",))
    other = await answers.explain(picture(4), Question(model="perceptron", methods=("hirescam",), targets=("b",)))
    np.testing.assert_allclose(contrast, await grid() - other.explanations[0].maps[0].grid, rtol=1e-4, atol=1e-6)


async def test_a_shallower_layer_gives_a_finer_map_and_the_same_prediction(answers: InferenceService) -> None:
    deep = await answers.explain(picture(5), Question(methods=("gradcam",)))
    shallow = await answers.explain(picture(5), Question(methods=("gradcam",), layers=("0",)))
    assert shallow.explanations[0].layer == "0"
    assert [p.logit for p in shallow.predictions] == pytest.approx([p.logit for p in deep.predictions], rel=1e-5)


async def test_on_a_letterbox_the_region_reaches_outside_and_boxes_and_overlay_do_not(
    answers: InferenceService,
) -> None:
    """An upright picture on a wide input: padded at both sides."""
    question = Question(model="letterbox", methods=("gradcam",), boxes=True, overlay=True, top_k_targets=2)
    answer = await answers.explain(picture(3, 60, 120), question)
    assert answer.explanations
    for explanation in answer.explanations:
        assert "region reaches outside the image" in explanation.normalisation
        for found in explanation.maps:
            assert found.region == (-60, 0, 120, 120)
            assert found.grid.shape == (16, 24)
            assert (found.heatmap.width, found.heatmap.height) == (24, 16)
            assert found.overlay is not None
            for region in found.boxes or ():
                assert 0 <= region.box[0] < region.box[2] <= 60
                assert 0 <= region.box[1] < region.box[3] <= 120


async def test_layers_are_fused_at_the_finest_of_them(answers: InferenceService) -> None:
    """One forward to the shallowest layer serves them all, in whatever order they are named."""
    question = Question(methods=("layercam",), layers=("2", "0"), fusion="product")
    fused = (await answers.explain(picture(5), question)).explanations[0]
    again = (await answers.explain(picture(5), replace(question, layers=("0", "2")))).explanations[0]
    assert fused.layer == "0+2"
    assert fused.parameters["fusion"] == "product"
    assert "several layers" in fused.normalisation
    np.testing.assert_array_equal(fused.maps[0].grid, again.maps[0].grid)
    parts = []
    for layer in ("0", "2"):
        one = await answers.explain(picture(5), replace(question, layers=(layer,)))
        grid = np.maximum(one.explanations[0].maps[0].grid, 0)
        parts.append(grid / grid.max())
    np.testing.assert_allclose(fused.maps[0].grid, parts[0] * parts[1], rtol=1e-4, atol=1e-6)
    with pytest.raises(DoesNotApply, match="no map to show"):
        await answers.explain(picture(5), replace(question, layers=("2", "5")))


@pytest.mark.parametrize("method", ["gradcam", "saliency", "integrated-gradients"])
async def test_quality_is_measured_where_it_is_asked_for(answers: InferenceService, method: str) -> None:
    plain = Question(methods=(method,), top_k_targets=2)
    answer = await answers.explain(picture(6), replace(plain, quality=True))
    for one in answer.explanations[0].maps:
        assert one.quality is not None
        assert set(MEASURES) <= set(one.quality)
        assert ("completeness_delta" in one.quality) == (method == "integrated-gradients")
        for name, measure in MEASURES.items():
            value = one.quality[name]
            assert value is None or measure.low <= value <= measure.high
    without = (await answers.explain(picture(6), plain)).explanations[0].maps[0].quality
    assert set(without or ()) == ({"completeness_delta"} if method == "integrated-gradients" else set())


async def test_methods_in_pixels_look_at_the_input(answers: InferenceService) -> None:
    answer = await answers.analyze(picture(7), Question(methods=("gradcam", "saliency", "guided-gradcam")))
    assert [one.layer for one in answer.explanations] == ["2", "input", "input"]


async def test_a_ground_truth_is_explained_beside_the_prediction(answers: InferenceService) -> None:
    """Why this, and where would that have been: the named class first, then the likeliest."""
    likeliest = (await answers.predict(picture(3), Question(model="perceptron"))).predictions
    truth = likeliest[-1].label
    question = Question(model="perceptron", methods=("gradcam",), targets=(truth,), top_k_targets=1)
    answer = await answers.explain(picture(3), question)
    assert [one.target.label for one in answer.explanations[0].maps] == [truth, likeliest[0].label]


@pytest.mark.parametrize(
    ("question", "error", "text"),
    [
        (Question(model="nobody", methods=("gradcam",)), UnknownName, "no model 'nobody'"),
        (Question(methods=("magic",)), UnknownName, "no method 'magic'.*gradcam"),
        (Question(methods=("gradcam",), layers=("layer9",)), UnknownName, "no layer 'layer9'"),
        (Question(methods=("gradcam",), layers=("5",)), DoesNotApply, "no map to show"),
        (Question(methods=("gradcam",), targets=("dragon",)), UnknownName, "no class 'dragon'.*healthy, ill"),
        (Question(methods=("gradcam",), targets=("2",)), UnknownName, "index from 0 to 1"),
        (Question(methods=("finercam",), versus=("dragon",)), UnknownName, "no class 'dragon'"),
        (Question(methods=("finercam",), parameters={"gamma": 7}), BadParameter, "'gamma' of finercam"),
        (Question(methods=("gradcam",), colormap="rainbow"), BadParameter, "no colormap 'rainbow'"),
        (Question(methods=("gradcam",), top_k_targets=0), BadParameter, "at least 1"),
        (Question(methods=()), BadParameter, "ask for one method"),
        (Question(methods=("cam",), model="perceptron"), DoesNotApply, "pooling.*these apply.*gradcam"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_what_could(
    answers: InferenceService, question: Question, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        await answers.explain(picture(0), question)


async def test_a_refusal_comes_before_any_pixel_is_decoded(answers: InferenceService) -> None:
    with pytest.raises(UnknownName):
        await answers.explain(b"no image at all", Question(methods=("magic",)))
    with pytest.raises(DamagedImage):
        await answers.predict(picture(0)[:200], Question())


async def test_the_guard_refuses_and_then_says_nothing_about_the_patient(answers: InferenceService) -> None:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (3, 3, 3)).save(file, "PNG")
    answer = await answers.analyze(file.getvalue(), Question(model="guarded", methods=("gradcam",), embed=True))
    assert (answer.status, answer.reasons) == ("refused", ("ungradable",))
    assert [(one.measure, one.reason) for one in answer.violations] == [("brightness", "ungradable")]
    assert answer.violations[0].value < (answer.violations[0].minimum or 0)
    assert (answer.predictions, answer.explanations, answer.embedding) == ((), (), None)
    assert (await answers.predict(picture(0), Question(model="guarded"))).status == "ok"


async def test_numbers_that_are_not_finite_are_no_answer(answers: InferenceService) -> None:
    classifier = answers.registry.get("other")
    head = classifier.network.stages[-1].module
    kept = head.weight.clone()
    try:
        head.weight.fill_(float("nan"))
        with pytest.raises(ModelFault, match="not finite"):
            await answers.predict(picture(77), Question(model="other"))
    finally:
        head.weight.copy_(kept)


async def test_too_many_images_at_once_are_shed(answers: InferenceService) -> None:
    crowd = answers.settings.queue_size + 8
    results = await asyncio.gather(
        *(answers.predict(picture(900 + i), Question()) for i in range(crowd)), return_exceptions=True
    )
    shed = [result for result in results if isinstance(result, Exception)]
    assert len(shed) == 8
    assert all(isinstance(error, Overloaded) for error in shed)


async def test_many_at_once_get_exactly_what_one_after_the_other_gets(answers: InferenceService) -> None:
    models, methods = ("tiny", "other", "perceptron", "single"), tuple(METHODS)
    asked = [
        (i % 9, Question(model=models[i % 4], methods=(methods[i % len(methods)],), embed=i % 3 == 0))
        for i in range(120)
        if not (models[i % 4] == "perceptron" and methods[i % len(methods)] == "cam")
    ]
    answers.features.cache.max_bytes, kept = 0, answers.features.cache.max_bytes
    try:
        serial = [await answers.analyze(picture(seed), question) for seed, question in asked]
        few = asyncio.Semaphore(12)  # as many as the lane of slow methods lets wait

        async def one(seed: int, question: Question) -> Answer:
            async with few:
                return await answers.analyze(picture(seed), question)

        together = await asyncio.gather(*(one(*pair) for pair in asked))
    finally:
        answers.features.cache.max_bytes = kept
    for expected, got in zip(serial, together, strict=True):
        assert_same(expected, got)


def assert_same(expected: Answer, got: Answer) -> None:
    assert (expected.model, expected.image) == (got.model, got.image)
    assert [p.index for p in expected.predictions] == [p.index for p in got.predictions]
    np.testing.assert_allclose(
        [p.probability for p in expected.predictions], [p.probability for p in got.predictions], rtol=1e-5, atol=1e-7
    )
    for one, other in zip(expected.explanations, got.explanations, strict=True):
        for mine, yours in zip(one.maps, other.maps, strict=True):
            scale = max(abs(mine.minimum), abs(mine.maximum))
            np.testing.assert_allclose(mine.grid, yours.grid, rtol=1e-4, atol=1e-5 * scale)
    if expected.embedding is not None:
        assert got.embedding is not None
        np.testing.assert_allclose(expected.embedding.vector, got.embedding.vector, rtol=1e-5, atol=1e-6)


async def test_a_slow_method_past_its_time_answers_with_what_it_has(answers: InferenceService) -> None:
    question, classifier = Question(methods=("scorecam",)), answers.registry.get("tiny")
    prepared = await answers.decoders.prepare(picture(0), classifier.entry.frame)
    A = classifier.engine.features(torch.from_numpy(prepared.x[None]), classifier.cut)
    wide = A.repeat(1, 9, 1, 1)
    inspection = examine.Inspection(classifier, prepared, classifier.cut, wide)
    ranked = examine.predictions(examine.Inspection(classifier, prepared, classifier.cut, A))
    explanation = examine.explanation(inspection, METHODS["scorecam"], question, ranked, deadline=0.0)
    assert 0 < explanation.maps[0].done < 1


async def test_a_description_tells_layers_and_which_methods_apply(answers: InferenceService) -> None:
    description = describe(answers.registry.get("perceptron"))
    assert description.default_layer == "1"
    assert description.embedding_layer == "2"
    assert description.embedding_dim == 36
    assert description.methods["gradcam"] is None
    assert "pooling" in (description.methods["cam"] or "")
    assert [layer.name for layer in description.layers if layer.spatial] == ["input", "0", "1"]


async def test_readiness_is_that_of_the_default_model(answers: InferenceService) -> None:
    assert answers.ready == (True, "model 'tiny' is ready")


async def test_an_image_seen_before_is_neither_decoded_nor_computed_again(
    answers: InferenceService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same bytes and frame; a picture to draw over, or another frame, is decoded anew."""
    decoded: list[object] = []
    prepare = answers.decoders.prepare

    async def counting(data: bytes, frame: Any, preview: int = 0) -> Any:
        decoded.append(frame)
        return await prepare(data, frame, preview)

    monkeypatch.setattr(answers.decoders, "prepare", counting)
    first = await answers.predict(picture(771), Question())
    second = await answers.explain(picture(771), Question(methods=("gradcam",)))
    assert len(decoded) == 1
    assert first.image == second.image
    assert first.predictions == second.predictions
    await answers.explain(picture(771), Question(methods=("gradcam",), overlay=True))
    assert len(decoded) == 2
    await answers.predict(picture(772), Question())
    assert len(decoded) == 3


async def test_every_label_of_a_multi_label_model_stands_for_itself(answers: InferenceService) -> None:
    """Sigmoids of logits over the temperature: they need not sum to one, and each is explained by its own logit."""
    names = answers.registry.entry("multilabel").labels
    question = Question(model="multilabel", methods=("cam", "finercam"), targets=names, top_k=2)
    answer = await answers.analyze(picture(7), question)
    assert sum(p.probability for p in answer.predictions) != pytest.approx(1, abs=1e-3)
    for prediction in answer.predictions:
        assert prediction.probability == pytest.approx(1 / (1 + math.exp(-prediction.logit / 2.0)), abs=1e-6)
    logits = {p.index: p.logit for p in answer.predictions}
    bias = answers.registry.get("multilabel").head(answers.registry.get("multilabel").cut).bias
    cam, finer = answer.explanations
    for one in cam.maps:
        assert float(one.grid.mean()) + float(bias[one.target.index]) == pytest.approx(
            logits[one.target.index], abs=1e-5
        )
        assert one.target.probability == pytest.approx(1 / (1 + math.exp(-logits[one.target.index] / 2.0)), abs=1e-6)
    assert not np.allclose(finer.maps[0].grid, finer.maps[1].grid)
    against = await answers.analyze(picture(7), replace(question, targets=names[:1], versus=names[1:]))
    np.testing.assert_allclose(
        against.explanations[0].maps[0].grid, cam.maps[0].grid - cam.maps[1].grid, atol=1e-5
    )  # y_0 − y_1
