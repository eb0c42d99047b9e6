// Calls the service through a generated client: node calls.js SERVICE IMAGE prints what the test compares, as JSON.
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [service, file] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: service });
const bytes = readFileSync(file);
const json = { image: bytes.toString("base64") };

function form(): FormData {
  const data = new FormData();
  data.append("image", new Blob([bytes]), "image.png");
  return data;
}

const predict = await client.POST("/predict", { body: json });
const fromForm = await client.POST("/predict", { body: { image: [] }, bodySerializer: form });
const explain = await client.POST("/explain/{method}", { params: { path: { method: "gradcam" } }, body: json });
const embed = await client.POST("/embed", { body: json });
const analyze = await client.POST("/analyze", {
  params: { query: { methods: ["gradcam", "layercam"], embed: true } },
  body: json,
});
const refused = await client.POST("/predict", { params: { query: { model: "nobody" } }, body: json });

const answers = [predict, fromForm, explain, embed, analyze];
const failed = answers.find((one) => one.error);
if (failed) throw new Error(JSON.stringify(failed.error));

console.log(
  JSON.stringify({
    predict: predict.data && "predictions" in predict.data ? predict.data.predictions[0].label : null,
    form: fromForm.data && "predictions" in fromForm.data ? fromForm.data.predictions[0].label : null,
    explain: typeof explain.data === "object" && "explanation" in explain.data ? explain.data.explanation?.maps[0].grid : null,
    embed: embed.data && "embedding" in embed.data ? embed.data.embedding : null,
    analyze: analyze.data && "explanations" in analyze.data ? analyze.data.explanations.map((one) => one.method) : null,
    refused: refused.error && "detail" in refused.error ? refused.error.type : null,
  }),
);
