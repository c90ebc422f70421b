"use strict";
const dark = matchMedia("(prefers-color-scheme: dark)");

function colours() {
  const style = getComputedStyle(document.documentElement);
  const text = style.getPropertyValue("--text").trim(), box = style.getPropertyValue("--box").trim();
  return { "font.color": text, "hoverlabel.bgcolor": box, "hoverlabel.font.color": text };
}

function draw(box) {
  const figure = JSON.parse(box.querySelector("script").textContent);
  box.replaceChildren();
  const layout = figure.layout, now = colours();
  layout.font = Object.assign({}, layout.font, { color: now["font.color"] });
  layout.hoverlabel = { bgcolor: now["hoverlabel.bgcolor"], font: { color: now["font.color"] } };
  delete layout.height;
  const settings = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendDataToCloud"] };
  Plotly.newPlot(box, figure.data, layout, settings);
}

const boxes = [...document.querySelectorAll(".figure")];
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((entry) => entry.isIntersecting)) {
    seen.unobserve(entry.target);
    draw(entry.target);
  }
}, { rootMargin: "600px" });
boxes.forEach((box) => seen.observe(box));
const drawn = (box) => box.classList.contains("js-plotly-plot");
addEventListener("beforeprint", () => boxes.filter((box) => !drawn(box)).forEach(draw));
dark.addEventListener("change", () => boxes.filter(drawn).forEach((box) => Plotly.relayout(box, colours())));
