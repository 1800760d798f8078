// What is wrong with the page as it is seen now, a line each: text that is hard to read, and fields without a label. In the light and in the dark.
//
// Contrast is that of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance), and its bound
// that of success criterion 1.4.3: 4.5:1, or 3:1 for text of 24 px, or of 18.66 px and bold. Controls that are disabled are excepted, as there.
(() => {
  const found = new Set();
  const root = document.documentElement;
  const theme = root.dataset.theme;
  // The top layer of a modal dialog makes the rest inert.
  const scope = [...document.querySelectorAll("dialog:modal")].pop() ?? document.body;
  for (const t of ["light", "dark"]) {
    root.dataset.theme = t;
    settle();
    for (const [element, style, text] of texts()) {
      const [ground, ink] = colours(element, style);
      const ratio = contrast(ground, ink);
      const size = parseFloat(style.fontSize);
      const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
      if (!(ratio >= least)) found.add(`${t}: ${name(element)} ${JSON.stringify(text.slice(0, 30))} has a contrast of ${ratio.toFixed(2)}, ${style.color} on ${ground.map(Math.round)}`);
    }
  }
  root.dataset.theme = theme;
  settle();
  for (const field of scope.querySelectorAll("input, select, textarea")) {
    if (seen(field) && !field.labels?.length && !field.ariaLabel && !field.getAttribute("aria-labelledby")) found.add(`${name(field)} has no label`);
  }
  return [...found];

  // settle ends what moves: half-way a colour is none of the design's.
  function settle() {
    for (const a of document.getAnimations()) {
      if (a.effect?.getComputedTiming().endTime === Infinity) a.cancel();
      else a.finish();
    }
  }

  // texts finds what can be read: the text of elements, what is in fields, and what stands in their place while they are empty.
  function* texts() {
    const walker = document.createTreeWalker(scope, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      const text = walker.currentNode.data.trim();
      if (text && seen(element) && !/^(SCRIPT|STYLE|NOSCRIPT|OPTION|TEXTAREA)$/.test(element.tagName)) yield [element, getComputedStyle(element), text];
    }
    for (const field of scope.querySelectorAll("input:not([type=checkbox]), select, textarea")) {
      if (!seen(field)) continue;
      const empty = field.value === "" && field.placeholder;
      yield [field, getComputedStyle(field, empty ? "::placeholder" : null), field.value || field.placeholder || ""];
    }
  }

  function seen(element) {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
    if (element.closest("[inert], :disabled, [aria-disabled=true], .visually-hidden, .skip:not(:focus)")) return false;
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0;
  }

  // colours returns what is behind a text and what it is drawn in, everything that shines through laid over each other.
  function colours(element, style) {
    const path = [];
    for (let e = element; e; e = e.parentElement) path.unshift(e);
    const paint = (i, behind) => {
      const s = getComputedStyle(path[i]);
      if (s.backgroundImage !== "none") found.add(`${name(path[i])} has a picture behind text`);
      const ground = over(rgba(s.backgroundColor), behind);
      const pair = i === path.length - 1 ? [ground, over(rgba(style.color), ground)] : paint(i + 1, ground);
      return pair.map((c) => over([...c, Number(s.opacity)], behind));
    };
    return paint(0, [255, 255, 255]);
  }

  // over lays a colour with its opacity over another that has none.
  function over([r, g, b, a], below) {
    return [r, g, b].map((v, i) => v * a + below[i] * (1 - a));
  }

  // rgba reads a computed colour: rgb(…), or color(srgb …) for one that was mixed.
  function rgba(text) {
    const [r, g, b, a = 1] = text.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
    if (text.startsWith("rgb")) return [r, g, b, a];
    if (text.startsWith("color(srgb ")) return [r * 255, g * 255, b * 255, a];
    found.add(`a colour that cannot be read: ${text}`);
    return [0, 0, 0, 1];
  }

  function contrast(...pair) {
    const [dark, light] = pair.map(luminance).sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  function luminance(colour) {
    const [r, g, b] = colour.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function name(e) {
    return e.tagName.toLowerCase() + [...e.classList].map((c) => "." + c).join("");
  }
})()
