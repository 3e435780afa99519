// A value that moves by itself, from one end of its control to the other and no further.
"use strict";

dmfbook.motion = (() => {
  const LONGEST = 50; // milliseconds between two frames; a longer pause, in a hidden page, is no leap

  const less = matchMedia("(prefers-reduced-motion: reduce)");

  /** What plays once and then rests; readers stop it and start it. */
  class Motion {
    #frame = 0;

    /**
     * @param {{min: number, max: number}} range
     * @param {number} seconds from end to end
     * @param {(value: number) => void} move
     * @param {(isPlaying: boolean) => void} changed
     */
    constructor({ min, max }, seconds, move, changed) {
      Object.assign(this, { min, max, move, changed, speed: (max - min) / (1000 * seconds) });
      less.addEventListener("change", () => this.pause());
    }

    get isPlaying() {
      return this.#frame !== 0;
    }

    /** @type {(from: number) => void} Go on from a value, from the last one anew. */
    play(from) {
      this.pause();
      let value = from < this.max ? from : this.min;
      let last = performance.now();
      const next = (now) => {
        value = Math.min(this.max, value + this.speed * Math.min(Math.max(now - last, 0), LONGEST));
        last = now;
        this.move(value);
        if (value < this.max) this.#frame = requestAnimationFrame(next);
        else this.pause();
      };
      this.#frame = requestAnimationFrame(next);
      this.changed(true);
    }

    pause() {
      if (!this.isPlaying) return;
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
      this.changed(false);
    }

    /** @type {(element: Element) => void} Play as soon as an element is seen, unless readers want less motion. */
    playWhenSeen(element) {
      if (less.matches) return;
      const watch = new IntersectionObserver(([{ isIntersecting }]) => {
        if (!isIntersecting) return;
        watch.disconnect();
        this.play(this.min);
      }, { threshold: 0.25 });
      watch.observe(element);
    }
  }

  return { Motion };
})();
