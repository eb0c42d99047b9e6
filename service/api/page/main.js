// @ts-check
/* The page: every part created once, in order, around one store. */

import { byId, coarse, h, refill } from "./core/dom.js";
import { drawIcons } from "./core/icons.js";
import { createStore } from "./core/store.js";
import { createTabs } from "./core/tabs.js";
import { fillTexts, t } from "./core/text.js";
import { createTheme } from "./core/theme.js";
import { createCard } from "./panels/card.js";
import { createCase } from "./panels/case.js";
import { createClasses } from "./panels/classes.js";
import { createCollections } from "./panels/collections.js";
import { createDetails } from "./panels/details.js";
import { createLayers } from "./panels/layers.js";
import { createMethods } from "./panels/methods.js";
import { createParameters } from "./panels/parameters.js";
import { createProjection } from "./panels/projection.js";
import { createQuality } from "./panels/quality.js";
import { createShortcuts } from "./panels/shortcuts.js";
import { createSimilar } from "./panels/similar.js";
import { createWorklist } from "./panels/worklist.js";
import { createAnswers } from "./session/answers.js";
import { createFiles, SAMPLES, sampleAddress } from "./session/files.js";
import { createHistory } from "./session/history.js";
import { readLink } from "./session/link.js";
import { createModels } from "./session/models.js";
import { createQueue } from "./session/queue.js";
import { createSelection } from "./session/selection.js";
import { INITIAL, rememberView } from "./session/state.js";
import { COLORMAPS } from "./stage/colormaps.js";
import { createDownloads } from "./stage/downloads.js";
import { createProgress } from "./stage/progress.js";
import { createReading } from "./stage/reading.js";
import { createStatus } from "./stage/status.js";
import { createTitle } from "./stage/title.js";
import { createToolbar } from "./stage/toolbar.js";
import { createViews } from "./stage/views.js";
import { createZoom } from "./stage/zoom.js";

/* What the modules above import: named here so that the browser requests all modules at once. */
import "./core/camera.js";
import "./core/facts.js";
import "./core/fields.js";
import "./core/gestures.js";
import "./core/http.js";
import "./core/preferences.js";
import "./core/retry.js";
import "./core/strings.js";
import "./core/tooltip.js";
import "./panels/job.js";
import "./panels/request.js";
import "./panels/verdicts.js";
import "./plot/layout.js";
import "./plot/legend.js";
import "./plot/plot.js";
import "./plot/scatter.js";
import "./session/cases.js";
import "./session/images.js";
import "./session/orientation.js";
import "./session/query.js";
import "./stage/columns.js";
import "./stage/heatmap.js";
import "./stage/paint.js";
import "./stage/readout.js";
import "./stage/refusal.js";
import "./stage/scenes.js";
import "./stage/snapshot.js";

/** @import { Announce } from "./types.js" */

const TOAST = 4000; // milliseconds

fillTexts(document);
drawIcons(document);
document.body.dataset.drop = t("open.drop");
byId("open-hint").textContent = t(coarse.matches ? "open.touch" : "open.hint");

export const store = createStore(INITIAL);
rememberView(store, COLORMAPS);
const theme = createTheme(byId("theme"));
const reading = createReading(store, { notice: byId("notice"), showing: byId("showing"), tabs: byId("tabs") });
const tabs = createTabs(byId("tabs"), (panel) => store.set({ panel }), reading);
const selection = createSelection(store);
const files = createFiles(store);
const models = createModels(store, byId("model"), selection, announce);
createHistory(store, models.open);
const answers = createAnswers(store);
const queue = createQueue(store);
const stage = createViews(store, byId("views"));
const downloads = createDownloads(store, stage, announce);
createTitle(store, byId("title"), selection);
createToolbar(store, byId("toolbar"));
createZoom(store, byId("zoom"), stage);
createStatus(store, { position: byId("position"), cells: byId("cells") }, stage, announce);
createWorklist(store, byId("worklist"), files, queue);
createClasses(store, byId("classes"), selection);
createMethods(store, byId("methods"), selection);
createParameters(store, byId("parameters"), selection);
createLayers(store, byId("layers"), selection);
createQuality(store, byId("quality"), selection);
createCollections(store, byId("collections"));
const openCase = createCase(store, byId("case"));
createSimilar(store, byId("panel-similar"), openCase);
createProjection(store, byId("panel-projection"), openCase, announce);
createCard(store, byId("panel-model"));
createDetails(store, byId("panel-details"), downloads.copyCommand);
createProgress(store, byId("progress"), { answers, selection, files, announce });
const parts = { store, stage, files, selection, answers, downloads, theme, tabs };
const shortcuts = createShortcuts(parts, byId("shortcuts"));

byId("open").addEventListener("click", files.choose);
byId("welcome-open").addEventListener("click", files.choose);
byId("png").addEventListener("click", downloads.png);
byId("json").addEventListener("click", downloads.json);
byId("help").addEventListener("click", shortcuts.toggle);

for (const sample of SAMPLES) {
  const picture = h("img", { src: sampleAddress(sample), alt: "", width: 160, height: 160 });
  const properties = { "data-sample": sample.file, onclick: () => files.openSample(sample) };
  const texts = [h("span", t(sample.title)), h("small", t(sample.credit))];
  byId("samples").append(h("button.sample", properties, picture, texts));
}

/** Hide the stage where neither the browser nor the service can read the file. */
store.on(["current", "problem", "answer"], ({ current, problem, answer }) => {
  const blank = !current || (problem && !current.bitmap && answer?.item !== current);
  for (const id of ["toolbar", "showing", "status"]) byId(id).hidden = Boolean(blank);
});

store.on(["current"], ({ current }) => {
  document.body.classList.toggle("welcome", current === null);
  byId("welcome").hidden = current !== null;
  byId("open-text").textContent = t(current ? "open.more" : "open.choose");
});

store.on(["pending"], ({ pending }) => byId("views").setAttribute("aria-busy", String(pending !== null)));

store.on(["answer", "current"], ({ answer, current }) => {
  for (const id of ["png", "json"]) byId(id).toggleAttribute("disabled", !answer || answer.item !== current);
});

/** The notice of the model that answered, or of the chosen one. */
store.on(["details", "answer", "models", "model"], ({ details, answer, models: lines, model }) => {
  const line = lines.find(({ name }) => name === model);
  const notice = answer?.model.notice || details?.card?.notice || line?.notice || "";
  refill(byId("notice-text"), notice);
});

store.on(["current", "answer", "problem"], ({ current, problem }) => {
  const note = problem ? null : current?.note;
  byId("note").hidden = !note;
  byId("note").textContent = note ? t(note) : "";
});

let toastTimer = 0;

/** @type {Announce} */
function announce(text, visible = false) {
  byId("live").textContent = text;
  if (!visible) return;
  const toast = byId("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = window.setTimeout(() => {
    toast.hidden = true;
  }, TOAST);
}

models.start(readLink(location.hash));
