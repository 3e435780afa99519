// What all explorers share: controls, the state in the address, numbers as text, the call in Python.
"use strict";

/**
 * @typedef {object} Control
 * @property {string} name of the value, also in the address
 * @property {string} label
 * @property {number} start
 * @property {number} min
 * @property {number} max
 * @property {number} [step] of the slider, whose ends are `min` and `max`
 * @property {boolean} [log] whether the slider is logarithmic, in place of a step
 * @property {string[]} [options] names of the values 0, 1, …: a choice in place of a slider
 *
 * @typedef {object} Explorer
 * @property {Control[]} controls
 * @property {(state: Object<string, number>) => Object<string, number | number[]>} numbers by name
 * @property {(state: Object<string, number>) => string} sentence what is to be seen
 * @property {(state: Object<string, number>) => object[]} plots
 * @property {(state: Object<string, number>) => string[]} python lines that make a dictionary `numbers`
 * @property {{name: string, seconds: number}} [film] the value that can move by itself, and for how long
 */

dmfbook.frame = (() => {
  const { renewChildren } = dmfbook.drawing;
  const { Motion } = dmfbook.motion;
  const PER_FACTOR = 40; // places of a logarithmic slider for a factor of ten

  /** @type {(name: string, properties?: object, ...children: (Node | string)[]) => HTMLElement} */
  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  const within = ({ min, max }, value) => Math.min(Math.max(value, min), max);
  const isWhole = ({ step, options }) => options !== undefined || step === 1;

  /** @type {(control: Control, value: number) => number} A value that the control allows. */
  function allowed(control, value) {
    if (!Number.isFinite(value)) return control.start;
    return within(control, isWhole(control) ? Math.round(value) : value);
  }

  /** @type {(control: Control, value: number) => number} What a slider or a pointer sets: few digits. */
  function rounded(control, value) {
    const { min, step, log } = control;
    const near = log ? value : min + Math.round((value - min) / step) * step;
    return allowed(control, Number(log ? near.toPrecision(3) : near.toFixed(6)));
  }

  /** @type {(number: number, digits: number) => string} */
  function written(number, digits) {
    return Number.isFinite(number) ? `${Number(number.toPrecision(digits))}` : "infinite";
  }

  /** @type {(values: number[]) => HTMLElement[]} Numbers as text; equal ones of a longer list are counted. */
  function texts(values) {
    const datum = (value) => element("data", { value: `${value}` }, written(value, 6));
    if (values.length <= 6) return values.map((value) => element("span", {}, datum(value)));
    const runs = [];
    for (const value of values) {
      const last = runs[runs.length - 1];
      if (last && written(last.value, 6) === written(value, 6)) last.count += 1;
      else runs.push({ value, count: 1 });
    }
    return runs.map(({ value, count }) => {
      return element("span", {}, datum(value), count > 1 ? ` (${count} times)` : "");
    });
  }

  /** @type {(controls: Control[], state: Object<string, number>) => string} What a view is of, for paper, too. */
  function settings(controls, state) {
    const parts = controls.map(({ name, label, options }) => {
      return `${label} ${options ? options[state[name]] : state[name]}`;
    });
    return `Numbers of this view: ${parts.join(", ")}`;
  }

  /** @type {(caption: string, numbers: Object<string, number | number[]>) => HTMLTableElement} */
  function table(caption, numbers) {
    const rows = Object.entries(numbers).map(([name, value]) => {
      const cell = element("td", {}, ...texts([value].flat()));
      return element("tr", {}, element("th", { scope: "row" }, name), cell);
    });
    return element("table", {}, element("caption", {}, caption), element("tbody", {}, ...rows));
  }

  /** One explorer on a page. */
  class Frame {
    /**
     * @param {HTMLElement} section
     * @param {Explorer} explorer
     */
    constructor(section, explorer) {
      this.section = section;
      this.explorer = explorer;
      this.name = section.dataset.explorer;
      this.state = this.#stateOfAddress();
      this.inputs = new Map();
      this.outputs = new Map();
      this.panels = element("div", { className: "explorer-panels" });
      this.sentence = element("p", { className: "explorer-sentence" });
      this.sentence.setAttribute("role", "status");
      this.numbers = element("div", { className: "explorer-numbers" });
      this.code = element("code");
      this.link = element("a", {}, "Link to this view");
      const view = section.querySelector(".explorer-view");
      view.replaceChildren(this.panels, this.sentence, this.numbers);
      view.before(this.#form());
      view.after(this.#foot());
      this.#followPointer();
      this.draw();
      if (explorer.film) this.#prepareFilm(view);
    }

    /** The call that makes the same numbers. */
    get python() {
      const lines = this.explorer.python(this.state);
      return [...lines, "for name, value in numbers.items():", "    print(name, value)", ""].join("\n");
    }

    /** The numbers of this view, by name. */
    get values() {
      return this.explorer.numbers(this.state);
    }

    #key(control) {
      return `${this.name}.${control.name}`;
    }

    #stateOfAddress() {
      const given = new URLSearchParams(location.search);
      const values = this.explorer.controls.map((control) => {
        const text = given.get(this.#key(control));
        return [control.name, text ? allowed(control, Number(text)) : control.start];
      });
      return Object.fromEntries(values);
    }

    #address() {
      const address = new URL(location.href);
      for (const control of this.explorer.controls) {
        address.searchParams.set(this.#key(control), `${this.state[control.name]}`);
      }
      address.hash = this.section.id;
      return address.href;
    }

    /** @type {(values: Object<string, number>) => void} Take on values and draw. */
    set(values) {
      Object.assign(this.state, values);
      this.draw();
    }

    /** Write the state into the address: once a change is complete, since browsers limit how often. */
    keep() {
      history.replaceState(null, "", this.#address());
    }

    draw() {
      this.plots = this.explorer.plots(this.state);
      renewChildren(this.panels, ...this.plots.map(({ svg }) => svg));
      this.plots.forEach((plot, i) => (plot.svg = this.panels.children[i]));
      renewChildren(this.sentence, this.explorer.sentence(this.state));
      const caption = settings(this.explorer.controls, this.state);
      renewChildren(this.numbers, table(caption, this.values));
      renewChildren(this.code, this.python);
      this.link.href = this.#address();
      for (const control of this.explorer.controls) {
        const value = this.state[control.name];
        const input = this.inputs.get(control.name);
        input.value = control.log ? Math.log10(value) * PER_FACTOR : value;
        if (control.options) continue;
        input.setAttribute("aria-valuetext", `${value}`);
        renewChildren(this.outputs.get(control.name), `${value}`);
      }
    }

    #form() {
      const form = element("form", { className: "explorer-controls" });
      form.addEventListener("submit", (event) => event.preventDefault());
      for (const control of this.explorer.controls) {
        const id = `${this.section.id}-${control.name}`;
        const label = element("label", { htmlFor: id }, control.label);
        if (control.options) {
          const options = control.options.map((text, value) => element("option", { value }, text));
          const select = element("select", { id }, ...options);
          select.addEventListener("input", () => this.set({ [control.name]: Number(select.value) }));
          this.inputs.set(control.name, select);
          form.append(element("div", {}, label, select));
        } else {
          const slider = this.#slider(control, id);
          const output = element("output", { htmlFor: id });
          this.inputs.set(control.name, slider);
          this.outputs.set(control.name, output);
          form.append(element("div", {}, label, output, slider));
        }
      }
      form.addEventListener("change", () => this.keep());
      return form;
    }

    /** A button that plays and pauses. With `data-plays` it plays by itself, though not over a linked view. */
    #prepareFilm(view) {
      const { name, seconds } = this.explorer.film;
      const control = this.explorer.controls.find((each) => each.name === name);
      const button = element("button", { type: "button" }, "Play");
      const move = (value) => {
        this.set({ [name]: rounded(control, value) });
        // What is below does not go up and down with the length of words and numbers.
        for (const part of [this.sentence, this.numbers]) part.style.minHeight = `${part.offsetHeight}px`;
      };
      const film = new Motion(control, seconds, move, (isPlaying) => {
        button.firstChild.data = isPlaying ? "Pause" : "Play";
        // A screen reader hears where it ends, not every step.
        this.sentence.setAttribute("aria-live", isPlaying ? "off" : "polite");
        if (!isPlaying) this.draw();
      });
      button.addEventListener("click", () => {
        if (film.isPlaying) film.pause();
        else film.play(this.state[name]);
      });
      view.before(element("div", { className: "explorer-actions explorer-film" }, button));
      for (const hand of ["input", "pointerdown"]) {
        this.section.addEventListener(hand, ({ target }) => {
          if (target !== button) film.pause();
        });
      }
      const isLinked = new URLSearchParams(location.search).has(this.#key(control));
      if ("plays" in this.section.dataset && !isLinked) film.playWhenSeen(this.panels);
    }

    #slider(control, id) {
      const { min, max, step, log } = control;
      const place = (value) => (log ? Math.log10(value) * PER_FACTOR : value);
      const slider = element("input", { id, type: "range" });
      Object.assign(slider, { min: place(min), max: place(max), step: log ? "any" : step });
      slider.addEventListener("input", () => {
        const found = Number(slider.value);
        const value = log ? 10 ** (found / PER_FACTOR) : found;
        this.set({ [control.name]: rounded(control, value) });
      });
      return slider;
    }

    #foot() {
      const button = (text, action) => {
        const made = element("button", { type: "button" }, text);
        made.addEventListener("click", action);
        return made;
      };
      const copy = button("Copy as Python", async () => {
        try {
          await navigator.clipboard.writeText(this.python);
          copy.textContent = "Copied";
          setTimeout(() => (copy.textContent = "Copy as Python"), 2000);
        } catch {
          // No permission, or no secure page: the code can be selected.
          code.open = true;
          getSelection().selectAllChildren(this.code);
        }
      });
      const reset = button("Start again", () => {
        this.set(Object.fromEntries(this.explorer.controls.map(({ name, start }) => [name, start])));
        this.keep();
      });
      const code = element("details", {}, element("summary", {}, "The same numbers in Python"));
      code.append(element("pre", {}, this.code));
      const actions = element("div", { className: "explorer-actions" }, copy, reset, this.link);
      return element("div", { className: "explorer-foot" }, actions, code);
    }

    /** Handles move with the pointer. The panels catch it, since each move draws the handles anew. */
    #followPointer() {
      let held = null;
      this.panels.addEventListener("pointerdown", (event) => {
        const name = event.target.dataset?.handle;
        if (name === undefined) return;
        const panel = this.plots.findIndex(({ svg }) => svg.contains(event.target));
        held = { name, panel };
        this.panels.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      this.panels.addEventListener("pointermove", (event) => {
        if (held === null) return;
        const moved = this.plots[held.panel].moved(held.name, event);
        const values = Object.entries(moved).map(([name, value]) => {
          const control = this.explorer.controls.find((each) => each.name === name);
          return [name, rounded(control, value)];
        });
        this.set(Object.fromEntries(values));
      });
      for (const end of ["pointerup", "pointercancel"]) {
        this.panels.addEventListener(end, () => {
          if (held !== null) this.keep();
          held = null;
        });
      }
    }
  }

  /** @type {(number: number) => string} A number in a sentence. */
  function shown(number) {
    return written(number, 4);
  }

  /** @type {(numbers: number[]) => string} A list in Python. */
  function list(numbers) {
    return `[${numbers.join(", ")}]`;
  }

  /** @type {(entries: Object<string, string>) => string[]} Lines of the dictionary `numbers` in Python. */
  function dictionary(entries) {
    const lines = Object.entries(entries).map(([name, code]) => `    "${name}": ${code},`);
    return ["numbers = {", ...lines, "}"];
  }

  /** @type {(name: string, explorer: Explorer) => void} Wake an explorer wherever it stands on this page. */
  function register(name, explorer) {
    for (const section of document.querySelectorAll(`[data-explorer="${name}"]`)) {
      section.frame = new Frame(section, explorer);
    }
  }

  return { dictionary, list, register, shown };
})();
