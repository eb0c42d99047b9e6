/*
 * The answers of the API, as far as the viewer reads them. A test compares this file with the OpenAPI document. Only the
 * type checker reads it; browsers never fetch it.
 */

/** Left, top, right, bottom in pixels of the upright original image. */
export type Box = [number, number, number, number];

export interface Picture {
  media_type: string;
  base64: string;
}

export interface Model {
  name: string;
  version: string;
  weights_sha256: string;
  notice: string;
}

export interface Image {
  sha256: string;
  width: number;
  height: number;
  format: string;
  notes: string[];
}

export interface Target {
  index: number;
  label: string;
  probability: number;
}

export interface Prediction extends Target {
  logit: number;
}

export interface ScoredBox {
  box: Box;
  score: number;
}

export interface Heatmap {
  target: Target;
  grid: number[][];
  minimum: number;
  maximum: number;
  empty: boolean;
  region: Box;
  overlay: Picture | null;
  boxes: ScoredBox[] | null;
  quality: Record<string, number | null> | null;
  partial: boolean;
  done: number;
}

export interface Explanation {
  method: string;
  layer: string;
  parameters: Record<string, unknown> & { versus?: string[] };
  normalisation: string;
  maps: Heatmap[];
}

/** A limit of the model's guard that the image violates. */
export interface Violation {
  measure: string;
  value: number;
  minimum: number | null;
  maximum: number | null;
}

export interface Engine {
  name: string;
  precision: string;
}

export interface PredictAnswer {
  request_id: string;
  status: "ok" | "refused";
  reasons: string[];
  violations: Violation[];
  model: Model;
  image: Image;
  predictions: Prediction[];
  engine: Engine;
  timing_ms: Record<string, number>;
}

export interface AnalyzeAnswer extends PredictAnswer {
  explanations: Explanation[];
}

export interface ModelLine {
  name: string;
  state: "ready" | "missing" | "loading" | "failed";
  /** Why it cannot answer, and what to do. */
  problem: string;
  notice: string | null;
}

export interface ModelList {
  models: ModelLine[];
  default: string | null;
}

export interface Layer {
  name: string;
  shape: number[];
  spatial: boolean;
}

export interface Card {
  intended_use: string;
  do_not_use: string;
  training_data: string;
  figures: Record<string, number | string>;
  licence: string;
  notice: string;
  authors: string[];
  references: string[];
}

/** Whether a method applies to the model. */
export interface MethodState {
  name: string;
  applies: boolean;
  reason: string | null;
}

export interface Embedding {
  layer: string;
  dim: number;
}

export interface Parity {
  images: number;
  probability: number;
}

export interface EngineChoice extends Engine {
  parity: Parity | null;
}

export interface SanityStep {
  similarity: Record<string, number>;
}

/** How similar heatmaps stay when the weights are randomised. */
export interface Sanity {
  images: number;
  changed: Record<string, boolean>;
  steps: SanityStep[];
}

export interface ModelDetails extends ModelLine {
  version: string | null;
  architecture: string | null;
  labels: string[];
  activation: string | null;
  operating_point: number | null;
  weights_sha256: string | null;
  engine: EngineChoice | null;
  embedding: Embedding | null;
  default_layer: string | null;
  layers: Layer[] | null;
  methods: MethodState[] | null;
  sanity: Sanity | null;
  card: Card | null;
}

/** The JSON Schema of one parameter of a method. */
export type ParameterSchema = {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: string[];
  minimum?: number;
  maximum?: number;
};

export interface Method {
  name: string;
  title: string;
  paper: string;
  formula: string;
  summary: string;
  /** Forward passes of the whole network beyond the first: a number, or one "per channel" and the like. */
  forwards: number | string;
  /** Whether it takes much longer than a forward pass. */
  slow: boolean;
  reads: "features" | "image" | "pixels";
  class_specific: boolean;
  parameters: { properties?: Record<string, ParameterSchema> };
}

/** A measure of the quality of heatmaps. */
export interface Measure {
  name: string;
  definition: string;
  better: string;
}

export interface MethodList {
  methods: Method[];
  measures: Measure[];
}

export interface Collection {
  name: string;
  model: string;
  count: number;
  stale: boolean;
  thumbnails: boolean;
  notice: string;
}

export interface CollectionList {
  collections: Collection[];
}

export interface Item {
  id: number;
  predicted: number;
}

export interface ItemList {
  items: Item[];
}

/** A case of a projection beside the placed image. */
export interface NearPoint {
  id: number;
  name: string;
  label: string;
  distance: number;
}

export interface Neighbor extends NearPoint {
  thumbnail: Picture | null;
}

export interface NeighborsAnswer {
  status: "ok" | "refused";
  neighbors: Neighbor[];
  votes: Record<string, number>;
  exact: boolean;
}

export interface ProjectionLine {
  projection: string;
  method: "tsne" | "umap" | "pca";
  dimensions: 2 | 3;
  quality: Record<string, number> & { explained_variance?: number[] };
  images: number;
  outdated: boolean;
  created: number;
}

export interface ProjectionList {
  projections: ProjectionLine[];
}

export interface Points {
  ids: number[];
  names: string[];
  label: number[];
  coordinates: number[][];
}

export interface Projection extends ProjectionLine {
  labels: string[];
  points: Points;
  notice: string;
}

export interface Placement {
  coordinates: number[];
  nearest: NearPoint[];
}

export interface PlaceAnswer {
  placement: Placement | null;
}

/** Work that takes longer than a request. */
export interface Job {
  id: string;
  kind: string;
  collection: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled" | "interrupted";
  progress: number;
  stage: string;
  result: string | null;
  error: Problem | null;
}

export interface JobList {
  jobs: Job[];
}

/** A problem of RFC 9457. */
export interface Problem {
  type: string;
  status: number;
  detail: string;
  request_id: string;
}
