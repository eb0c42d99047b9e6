/* The page: every part made once, in order, around one store. */

import { createAnswering } from "./answering.js";
import { createAtlas } from "./atlas.js";
import { createCase } from "./case.js";
import { createCard } from "./card.js";
import { createCatalogue } from "./catalogue.js";
import { createClasses } from "./classes.js";
import { createCollections } from "./collections.js";
import { COLORMAPS } from "./colormaps.js";
import { createDetails } from "./details.js";
import { drawIcons, h, refill } from "./dom.js";
import { createIntake, sampleAddress, SAMPLES } from "./intake.js";
import { createKeys } from "./keys.js";
import { createLayers } from "./layers.js";
import { createMethods } from "./methods.js";
import { createParameters } from "./parameters.js";
import { createPicking } from "./picking.js";
import { rememberView } from "./preferences.js";
import { createProgress } from "./progress.js";
import { createQuality } from "./quality.js";
import { createQueue } from "./queue.js";
import { createSaving } from "./saving.js";
import { createSimilar } from "./similar.js";
import { createStage } from "./stage.js";
import { createStatus } from "./status.js";
import { createStore, INITIAL } from "./store.js";
import { createTabs } from "./tabs.js";
import { createTheme } from "./theme.js";
import { createToolbar } from "./toolbar.js";
import { fill, t } from "./words.js";
import { createWorklist } from "./worklist.js";
import { createZoom } from "./zoom.js";

/* What the modules above need: named here, so that it is fetched together with them and not after them. */
import "./camera.js";
import "./facts.js";
import "./fields.js";
import "./gestures.js";
import "./heat.js";
import "./images.js";
import "./inquiry.js";
import "./jobs.js";
import "./legend.js";
import "./orientation.js";
import "./paint.js";
import "./patience.js";
import "./plot.js";
import "./question.js";
import "./readout.js";
import "./refusal.js";
import "./scatter.js";
import "./scenes.js";
import "./sheet.js";
import "./strings.js";
import "./tips.js";
import "./wire.js";

const part = (id) => document.getElementById(id);

fill(document);
drawIcons(document);
document.body.dataset.drop = t("open.drop");

export const store = createStore(INITIAL);
rememberView(store, COLORMAPS);
const theme = createTheme(part("theme"));
const tabs = createTabs(part("tabs"), (panel) => store.set({ panel }));
const picking = createPicking(store);
const intake = createIntake(store);
const catalogue = createCatalogue(store, part("model"), picking, say);
const answering = createAnswering(store);
const queue = createQueue(store);
const stage = createStage(store, part("views"));
const saving = createSaving(store, stage, say);
createToolbar(store, part("toolbar"));
createZoom(store, part("zoom"), stage);
createStatus(store, part("status"), stage, say);
createWorklist(store, part("worklist"), intake, queue);
createClasses(store, part("classes"), picking);
createMethods(store, part("methods"), picking);
createParameters(store, part("parameters"), picking);
createLayers(store, part("layers"), picking);
createQuality(store, part("quality"), picking);
createCollections(store, part("collections"));
const openCase = createCase(store, part("case"));
createSimilar(store, part("panel-similar"), openCase);
createAtlas(store, part("panel-atlas"), openCase, say);
createCard(store, part("panel-model"));
createDetails(store, part("panel-details"), saving.copy);
createProgress(store, part("progress"), { answering, picking, intake, say });
const help = createKeys({ store, stage, intake, picking, answering, saving, theme, tabs }, part("keys"));

for (const [id, act] of [["open", intake.choose], ["welcome-open", intake.choose], ["png", saving.png], ["json", saving.json], ["help", help.toggle]]) {
  part(id).addEventListener("click", act);
}

for (const sample of SAMPLES) {
  const picture = h("img", { src: sampleAddress(sample), alt: "", width: 160, height: 160, loading: "eager" });
  const button = h("button.sample", { "data-sample": sample.file, onclick: () => intake.openSample(sample) }, picture, h("span", t(sample.title)), h("small", t(sample.credit)));
  part("samples").append(button);
}

/** Whether there is anything to look at: not where neither browser nor service can read the file. */
store.on(["current", "problem", "answer"], ({ current, problem, answer }) => {
  const blank = !current || (problem && !current.picture && answer?.item !== current);
  for (const id of ["toolbar", "views", "status"]) part(id).hidden = Boolean(blank);
});

store.on(["current"], ({ current }) => {
  document.body.classList.toggle("welcome", current === null);
  part("welcome").hidden = current !== null;
  part("open").querySelector("span").textContent = t(current ? "open.more" : "open.choose");
  document.title = current ? `${current.name} – ${t("app.title")}` : t("app.title");
});

store.on(["asking"], ({ asking }) => part("views").setAttribute("aria-busy", String(asking !== null)));

store.on(["answer", "current"], ({ answer, current }) => {
  const none = !answer || answer.item !== current;
  for (const id of ["png", "json"]) part(id).disabled = none;
});

/** The notice of the model that answers, or of the one chosen; and always how to read a map. */
store.on(["details", "answer", "models", "model"], ({ details, answer, models, model }) => {
  const line = models.find(({ name }) => name === model);
  const notice = answer?.model.notice || details?.card?.notice || line?.notice || "";
  refill(part("notice-text"), notice);
});

store.on(["current", "answer", "problem"], ({ current, problem }) => {
  const note = problem ? null : current?.note;
  part("note").hidden = !note;
  part("note").textContent = note ? t(note) : "";
});

let silence = null;

/** Say something to screen readers; and show it for a moment, where it is not on the page already. */
function say(text, visibly = false) {
  part("live").textContent = text;
  if (!visibly) return;
  part("toast").textContent = text;
  part("toast").hidden = false;
  clearTimeout(silence);
  silence = setTimeout(() => (part("toast").hidden = true), 4000);
}

catalogue.start();
