// Tells of each layout shift that no input has brought about (https://www.w3.org/TR/layout-instability/): on which page, and what has moved.
new PerformanceObserver((list) => {
  const width = innerWidth <= 760 ? "narrow" : "wide";
  const page = document.querySelector(".sign-in") ? "sign-in" : location.hash.replace(/^#\/?/, "").replace(/\?.*/, "").replace(/\/.*/, "/…") || "files";
  const place = (r) => `${r.x},${r.y} ${r.width}x${r.height}`;
  const name = (n) => (n ? n.nodeName.toLowerCase() + (n.className?.baseVal ?? n.className ?? "").replace(/(^| )(?=\S)/g, ".") : "gone");
  for (const e of list.getEntries()) {
    if (e.hadRecentInput) continue;
    const Moved = e.sources.map((s) => `${name(s.node)} from ${place(s.previousRect)} to ${place(s.currentRect)}`);
    inletShift(JSON.stringify({ Page: `${page} (${width})`, At: performance.timeOrigin + e.startTime, Score: e.value, Moved }));
  }
}).observe({ type: "layout-shift", buffered: true });
