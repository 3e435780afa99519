"use strict";

// What a reference leads to, shown beside it while it is pointed at or has the focus from the keyboard. It stays while
// the pointer is on it; Escape closes it. On a touch screen a tap follows the reference, as ever.
if ("popover" in HTMLElement.prototype) {
  const root = new URL(document.documentElement.dataset.content_root, location.href).href;
  const REFERENCE = '.bd-article a.reference.internal[href*="#"]:not(.preview a)';
  const DELAY = 250; // ms; a pointer that only passes opens nothing

  const box = document.createElement("div");
  Object.assign(box, { id: "preview", className: "preview", role: "tooltip", popover: "manual" });
  document.querySelector(".bd-article")?.append(box);
  let shown; // the reference whose target is shown
  let title; // its title, which the browser would show too
  let timer;

  // The fragments of each page, loaded once.
  const pages = new Map();
  const load = (page) => {
    if (!pages.has(page)) {
      pages.set(
        page,
        new Promise((resolve) => {
          addEventListener("previews", function take({ detail }) {
            if (detail.page !== page) return;
            removeEventListener("previews", take);
            resolve(detail.fragments);
          });
          runScript(`_previews/${page.replace(/html$/, "js")}`).catch(() => resolve({}));
        }),
      );
    }
    return pages.get(page);
  };

  function runScript(path) {
    return new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { src: root + path });
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }

  async function typeset() {
    if (!box.querySelector(".math")) return;
    // A page without formulas has not loaded MathJax.
    if (!window.MathJax) await runScript("_static/mathjax/bundle.js");
    await MathJax.startup.promise;
    await MathJax.typesetPromise([box]);
    box.querySelectorAll("mjx-container").forEach((formula) => (formula.tabIndex = -1));
  }

  // Below the reference where there is room, else above.
  function place() {
    const { left, top, bottom } = shown.getClientRects()[0];
    const room = document.documentElement.clientWidth - box.offsetWidth - 8;
    const below = bottom + box.offsetHeight + 8 <= innerHeight;
    box.style.left = `${Math.max(8, Math.min(left, room))}px`;
    box.style.top = `${below ? bottom + 4 : Math.max(8, top - box.offsetHeight - 4)}px`;
  }

  async function show(link) {
    if (link === shown) return;
    const [address, hash] = link.href.split("#");
    if (!address.startsWith(root)) return;
    hide();
    shown = link;
    title = link.title;
    link.removeAttribute("title");
    const fragment = (await load(address.slice(root.length)))[decodeURIComponent(hash)];
    if (link !== shown) return;
    if (!fragment) return hide();
    box.innerHTML = fragment;
    for (const inner of box.querySelectorAll("a[href]")) {
      inner.href = new URL(inner.getAttribute("href"), address).href;
      inner.tabIndex = -1;
    }
    await typeset();
    if (link !== shown) return;
    box.showPopover();
    place();
    link.setAttribute("aria-describedby", box.id);
  }

  function hide() {
    clearTimeout(timer);
    if (!shown) return;
    if (title) shown.title = title;
    shown.removeAttribute("aria-describedby");
    shown = undefined;
    box.hidePopover();
    window.MathJax?.typesetClear?.([box]);
  }

  const later = (action) => {
    clearTimeout(timer);
    timer = setTimeout(action, DELAY);
  };

  addEventListener("pointerover", ({ target, pointerType }) => {
    if (pointerType === "touch") return;
    const link = target.closest(REFERENCE);
    if (link) later(() => show(link));
    else if (box.contains(target)) clearTimeout(timer);
    else if (shown && shown !== document.activeElement) later(hide);
    else clearTimeout(timer);
  });
  addEventListener("focusin", ({ target }) => {
    if (target.matches(REFERENCE) && target.matches(":focus-visible")) show(target);
  });
  addEventListener("focusout", hide);
  addEventListener("click", hide);
  addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  addEventListener("scroll", () => shown && box.matches(":popover-open") && place(), { passive: true });
}
