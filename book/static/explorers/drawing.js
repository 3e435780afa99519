// Plots of the explorers: SVG whose colours come from the style sheet, so that they follow the theme.
"use strict";

dmfbook.drawing = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const [WIDTH, HEIGHT] = [340, 260];
  const MARGIN = { left: 44, right: 14, top: 26, bottom: 44 };

  /**
   * @typedef {object} Axis
   * @property {[number, number]} range
   * @property {string} label
   * @property {boolean} [log]
   * @property {number[]} [ticks]
   */

  /** @type {(name: string, attributes: object, text?: string) => SVGElement} */
  function element(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /** @type {(axis: Axis) => number[]} Some five round numbers within the range. */
  function ticksOf({ range: [low, high], log, ticks }) {
    if (ticks) return ticks;
    if (log) {
      const all = [];
      for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
        all.push(...[1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
      }
      const inside = all.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
      return inside.length > 6 ? inside.filter((tick) => /^[0.]*10*$/.test(`${tick}`)) : inside;
    }
    const rough = (high - low) / 5;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 5, 10].find((digit) => digit * unit >= rough);
    const first = Math.ceil(low / step - 1e-9);
    const count = Math.floor(high / step + 1e-9) - first + 1;
    return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  /** @type {(axis: Axis, from: number, to: number) => {place: (value: number) => number, value: (place: number) => number}} */
  function scaleOf({ range, log }, from, to) {
    const [low, high] = log ? range.map(Math.log) : range;
    return {
      place: (value) => from + (((log ? Math.log(value) : value) - low) / (high - low)) * (to - from),
      value: (place) => {
        const found = low + ((place - from) / (to - from)) * (high - low);
        return log ? Math.exp(found) : found;
      },
    };
  }

  /**
   * Let a node look like another, and change in place what is built alike: a page that is watched for new parts,
   * as the theme does to find what scrolls, has rest while a film plays.
   * @param {Node} old
   * @param {Node} made
   */
  function renew(old, made) {
    if (old.nodeName !== made.nodeName) old.replaceWith(made);
    else if (old.nodeType === Node.TEXT_NODE) old.data = made.data;
    else {
      for (const { name } of [...old.attributes]) if (!made.hasAttribute(name)) old.removeAttribute(name);
      for (const { name, value } of made.attributes) old.setAttribute(name, value);
      renewChildren(old, ...made.childNodes);
    }
  }

  /** @type {(parent: Element, ...children: (Node | string)[]) => void} */
  function renewChildren(parent, ...children) {
    const old = [...parent.childNodes];
    if (old.length !== children.length) parent.replaceChildren(...children);
    else {
      const nodes = children.map((each) => (each instanceof Node ? each : document.createTextNode(each)));
      old.forEach((node, i) => renew(node, nodes[i]));
    }
  }

  const rounded = (number) => Number(number.toFixed(1));

  /** A plot with two axes. What it shows is said by its label; what is dragged, by the controls. */
  class Plot {
    /**
     * @param {string} label what the picture shows, for those who do not see it
     * @param {Axis} x
     * @param {Axis} y
     */
    constructor(label, x, y) {
      this.x = scaleOf(x, MARGIN.left, WIDTH - MARGIN.right);
      this.y = scaleOf(y, HEIGHT - MARGIN.bottom, MARGIN.top);
      this.ranges = { x: x.range, y: y.range };
      this.svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
      /** @type {Map<string, (x: number, y: number) => object>} What a handle sets, by its name. */
      this.moves = new Map();
      this.#axes(x, y);
    }

    #add(name, attributes, text) {
      this.svg.append(element(name, attributes, text));
    }

    #axes(x, y) {
      const [left, right] = [MARGIN.left, WIDTH - MARGIN.right];
      const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom];
      this.#add("path", { class: "axis", d: `M${left} ${top}V${bottom}H${right}` });
      for (const tick of ticksOf(x)) {
        const place = rounded(this.x.place(tick));
        this.#add("path", { class: "axis", d: `M${place} ${bottom}v4` });
        this.#add("text", { x: place, y: bottom + 19, "text-anchor": "middle" }, `${tick}`);
      }
      for (const tick of ticksOf(y)) {
        const place = rounded(this.y.place(tick));
        this.#add("path", { class: "axis", d: `M${left - 4} ${place}h4` });
        this.#add("text", { x: left - 7, y: place + 4, "text-anchor": "end" }, `${tick}`);
      }
      this.#add("text", { x: right, y: HEIGHT - 7, "text-anchor": "end" }, x.label);
      this.#add("text", { x: 4, y: 14 }, y.label);
    }

    #inside([x, y]) {
      const within = (value, [low, high]) => value >= Math.min(low, high) && value <= Math.max(low, high);
      return within(x, this.ranges.x) && within(y, this.ranges.y);
    }

    #place([x, y]) {
      return `${rounded(this.x.place(x))} ${rounded(this.y.place(y))}`;
    }

    /** @type {(points: number[][], style: string) => Plot} A line, broken where it leaves the plot. */
    curve(points, style) {
      let d = "";
      let pen = false;
      for (const point of points) {
        const inside = this.#inside(point);
        if (inside) d += (pen ? "L" : "M") + this.#place(point);
        pen = inside;
      }
      this.#add("path", { class: `curve ${style}`, d });
      return this;
    }

    /** @type {(f: (x: number) => number, style: string, from?: number, to?: number) => Plot} */
    graph(f, style, from = this.ranges.x[0], to = this.ranges.x[1]) {
      const [start, end] = [this.x.place(from), this.x.place(to)];
      const points = Array.from({ length: 201 }, (_, i) => {
        const x = i < 200 ? this.x.value(start + ((end - start) * i) / 200) : to;
        return [x, f(x)];
      });
      return this.curve(points, style);
    }

    /** @type {(points: number[][], style: string, radius?: number) => Plot} */
    dots(points, style, radius = 4.5) {
      for (const point of points.filter((each) => this.#inside(each))) {
        const [cx, cy] = this.#place(point).split(" ");
        this.#add("circle", { class: `dot ${style}`, cx, cy, r: radius });
      }
      return this;
    }

    /** @type {(columns: [number, number[]][]) => Plot} Many specks, those of one column with one x. */
    specks(columns) {
      let d = "";
      for (const [x, values] of columns) {
        const inside = values.filter((value) => this.#inside([x, value]));
        const places = [...new Set(inside.map((value) => Math.round(this.y.place(value))))];
        places.sort((a, b) => a - b);
        places.forEach((place, i) => {
          d += i ? `m-1 ${place - places[i - 1]}h1` : `M${rounded(this.x.place(x))} ${place}h1`;
        });
      }
      this.#add("path", { class: "specks", d });
      return this;
    }

    /** @type {(x: number, style: string) => Plot} */
    vertical(x, style) {
      return this.curve([[x, this.ranges.y[0]], [x, this.ranges.y[1]]], style);
    }

    /** @type {(y: number, style: string) => Plot} */
    horizontal(y, style) {
      return this.curve([[this.ranges.x[0], y], [this.ranges.x[1], y]], style);
    }

    /** @type {(point: number[], text: string, anchor?: string) => Plot} */
    note(point, text, anchor = "start") {
      const [x, y] = this.#place(point).split(" ").map(Number);
      const shift = { start: 6, middle: 0, end: -6 }[anchor];
      this.#add("text", { x: rounded(x + shift), y: rounded(y - 6), "text-anchor": anchor }, text);
      return this;
    }

    /**
     * A dot that can be dragged; keyboards use the controls, which set the same.
     * @param {string} name
     * @param {number[]} point
     * @param {(x: number, y: number) => object} move the values that a place sets
     * @returns {Plot}
     */
    handle(name, point, move) {
      const [cx, cy] = this.#place(point).split(" ");
      this.#add("circle", { class: "grip", cx, cy, r: 15, "data-handle": name });
      this.#add("circle", { class: "handle", cx, cy, r: 6.5 });
      this.moves.set(name, move);
      return this;
    }

    /** @type {(name: string, event: PointerEvent) => object} What the handle sets under the pointer. */
    moved(name, event) {
      const box = this.svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDTH;
      const y = ((event.clientY - box.top) / box.height) * HEIGHT;
      return this.moves.get(name)(this.x.value(x), this.y.value(y));
    }
  }

  /** Width of the plotted area over its height: with ranges in this ratio a circle is round. */
  const ASPECT = (WIDTH - MARGIN.left - MARGIN.right) / (HEIGHT - MARGIN.top - MARGIN.bottom);

  return { ASPECT, Plot, renewChildren };
})();
