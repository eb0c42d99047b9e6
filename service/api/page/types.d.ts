/* Types of the viewer itself. Only the type checker reads this file; browsers never fetch it. */

import type * as Api from "./api.js";

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** zoom 1 fits the image into the view; x and y are the share of the image in the middle of the view. */
export interface Camera {
  zoom: number;
  x: number;
  y: number;
}

/* core/dom.js */

/** The element that "tag.class.class" makes. */
export type ElementOf<Names extends string> = Names extends `${infer Tag}.${string}`
  ? ElementOf<Tag>
  : Names extends keyof HTMLElementTagNameMap
    ? HTMLElementTagNameMap[Names]
    : HTMLElement;

export type Child = Node | string | false | null | undefined;
export type Children = Child | Child[];
export type Properties = Record<string, unknown>;

/** A key of strings.js and what stands beside it. */
export type Fact = [key: string, content: Child];

/** Tells screen readers a text; shows it for a moment where `visible`. */
export type Announce = (text: string, visible?: boolean) => void;

/* core/store.js */

export interface Store<State> {
  readonly state: State;
  /** Change some names. */
  set(patch: Partial<State>): void;
  /** Change some fields of a name that is an object itself. */
  update<Name extends keyof State>(name: Name, patch: Partial<State[Name]>): void;
  /** Call the listener now, and whenever one of the names changes. */
  on(names: (keyof State)[], listener: (state: State) => void): void;
}

/* core/http.js */

export interface RequestOptions {
  signal?: AbortSignal;
  /** Hears the share that is sent, 0 to 1. */
  onUpload?: (share: number) => void;
}

export interface Reply {
  text: string;
  seconds: number;
}

/* core/retry.js */

/** A wait before the next attempt. until: of performance.now(). now: ends the wait. */
export interface Wait {
  problem: import("./core/http.js").Problem;
  until: number;
  now: () => void;
}

/* session */

/** A case of a collection. */
export interface Case {
  id: number;
  name: string;
  label: string;
  thumbnail?: Api.Picture | null;
}

/** A picture that canvases can draw. */
export type Drawable = HTMLImageElement | HTMLCanvasElement;

/** An image as the browser shows it. small: a copy for small views. */
export interface Bitmap extends Size {
  full: Drawable;
  small: Drawable;
}

/** The result of a model for an image, in short. reasons: of a refusal. */
export interface Outcome {
  label?: string;
  probability?: number;
  refused?: boolean;
  reasons?: string[];
  problem?: import("./core/http.js").Problem;
}

/** An open image file. note: a key of strings.js. outcomes: by model. */
export interface OpenImage {
  id: number;
  blob: Blob;
  name: string;
  address: string;
  bitmap: Bitmap | null;
  note: string | null;
  outcomes: Record<string, Outcome>;
  thumbnail?: HTMLCanvasElement;
}

/** An answer with its own text, the path that was requested, and the image it is about. */
export interface Answer extends Api.AnalyzeAnswer {
  text: string;
  path: string;
  seconds: number;
  item: OpenImage;
}

/** What an answer is requested with. targets, versus: class indexes. extraLayers: combined with `layer`. */
export interface Selection {
  methods: string[];
  targets: number[];
  versus: number[];
  layer: string | null;
  extraLayers: string[];
  fusion: string;
  /** By parameter: its value, and the methods that take it. */
  parameters: Record<string, { value: unknown; methods: string[] }>;
  quality: boolean;
}

/** What the address names. classes, versus: labels. layers: the explained one, then those combined with it. */
export interface Link {
  model: string | null;
  methods: string[];
  classes: string[];
  versus: string[];
  layers: string[];
  fusion: string | null;
}

/** A request for an answer that is under way. began, until: of performance.now(). */
export interface Pending {
  phase: "sending" | "running" | "waiting";
  began: number;
  selection: Selection;
  share?: number;
  problem?: import("./core/http.js").Problem;
  until?: number;
}

/** A method with whether it applies to the chosen model, and why not. */
export interface MethodChoice extends Api.Method {
  applies: boolean;
  reason: string | null;
}

export type ViewMode = "overlay" | "image" | "heatmap" | "side" | "swipe";

export interface View {
  mode: ViewMode;
  opacity: number;
  colormap: string;
  boxes: boolean;
  smooth: boolean;
  shared: boolean;
  swipe: number;
}

export interface State {
  models: Api.ModelLine[];
  methods: Api.Method[];
  measures: Api.Measure[];
  /** The chosen model's name. */
  model: string | null;
  details: Api.ModelDetails | null;
  items: OpenImage[];
  /** The image that is shown. */
  current: OpenImage | null;
  selection: Selection;
  /** While clicks on classes choose the two to compare. before: the methods to return to. */
  comparing: { before: string[] } | null;
  answer: Answer | null;
  pending: Pending | null;
  problem: import("./core/http.js").Problem | null;
  view: View;
  /** The key of the heatmap that fills the stage. */
  enlarged: string | null;
  camera: Camera;
  /** In pixels of the image. spoken: moved by keys, and announced. */
  pointer: (Point & { spoken?: boolean }) | null;
  /** The id of the panel in sight. */
  panel: string | null;
  collections: Api.Collection[] | null;
  collection: Api.Collection | null;
  neighbors: { k: number; metric: string; pixels: boolean };
  /** While the other images are answered. */
  queue: { done: number; count: number; running: boolean } | null;
}

export type PageStore = Store<State>;

/* stage */

interface SceneNames {
  key: string;
  title: string;
  method: string;
  /** The name of a view, and what stands beside it in smaller type. */
  first: string;
  second: string;
}

/** A view of the image alone. */
export interface ImageScene extends SceneNames {
  map: null;
}

/** A view of one heatmap. shared: with the method's other classes. maximum: the raw value at the upper end of the scale. */
export interface HeatmapScene extends SceneNames {
  map: Api.Heatmap;
  explanation: Api.Explanation;
  image: Api.Image;
  classSpecific: boolean;
  insensitive: boolean;
  shared: boolean;
  maximum: number;
}

export type Scene = ImageScene | HeatmapScene;

/** What a canvas is painted from. */
export interface Painting {
  image: Size;
  bitmap: Bitmap | null;
  map: Api.Heatmap | null;
  maximum: number;
  view: View;
  camera: Camera;
}

/** A view on the page. */
export interface ViewElements {
  scene: Scene;
  figure: HTMLElement;
  canvas: HTMLCanvasElement;
}

/** What the other parts ask of the stage. */
export interface Stage {
  views(): ViewElements[];
  /** The size of a view, CSS pixels. */
  room(): Size;
  /** The size of the image. */
  image(): Size;
  painting(scene: Scene): Painting;
}

/* plot */

/** A point in the square of a plot. near: 0 to 1. */
export interface PlotPoint extends Point {
  near: number;
}

/** Angles in radians. */
export interface Rotation {
  yaw: number;
  pitch: number;
}

/* panels */

/** Opens a case of a list in the dialog. facts: of one case at its place in the list. */
export type OpenCase = <T extends Case>(
  cases: T[],
  place: number,
  collection: Api.Collection,
  facts: (one: T, place: number) => Fact[],
) => void;
