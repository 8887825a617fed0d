// Makes a figure of class "augmentation" live: choose a change and a digit, and see what becomes of it. Every picture
// and every number was computed when the page was made; the pictures are those of the table that stands below.
"use strict";

function makeAugmentationLive(figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const live = figure.querySelector(".augmentation-live");
  const select = live.querySelector("select");
  const digits = Array.from(live.querySelectorAll("input[type=radio]"));
  const [tiles, verdict, shares, advice, said] = ["tiles", "verdict", "shares", "advice", "said"].map((name) =>
    live.querySelector(`.augmentation-${name}`));
  const sheets = Array.from(figure.querySelectorAll(".augmentation-all img"), (picture) => picture.src);
  const samples = data.judged[0][0].length;
  let waiting;

  const percent = (share) => `${Math.round(100 * share)} %`;
  const one = (digit) => (digit === 8 ? "an 8" : `a ${digit}`);
  const seen = (judged) => (judged < 0 ? "no digit" : String(judged));

  function add(parent, tag, text, name) {
    const child = parent.appendChild(document.createElement(tag));
    if (text !== undefined) child.textContent = text;
    if (name) child.className = name;
    return child;
  }

  function row(head, change, digit) {
    add(tiles, "span", `${head}, and what the judge takes them for`, "augmentation-head");
    for (let sample = 0; sample < samples; sample += 1) {
      const judged = seen(data.judged[change][digit][sample]);
      const tile = add(tiles, "figure");
      const picture = add(tile, "span", undefined, "augmentation-picture");
      picture.style.backgroundImage = `url(${sheets[change]})`;
      picture.style.backgroundSize = `1000% ${100 * samples}%`;
      picture.style.backgroundPosition = `${(100 * digit) / 9}% ${samples > 1 ? (100 * sample) / (samples - 1) : 0}%`;
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", `${digit}, ${data.names[change]}`);
      add(tile, "figcaption", judged);
    }
  }

  function show() {
    const change = Number(select.value);
    const digit = Number(digits.find((choice) => choice.checked).value);
    const fate = data.fates[change][digit];
    tiles.replaceChildren();
    row("as it is", 0, digit);
    row(data.names[change], change, digit);
    verdict.textContent = {
      same: `Still ${one(digit)}.`,
      other: `No longer ${one(digit)}: most are taken for another digit, most often for ${one(fate.taken_for)}.`,
      none: `No digit any more: most are like nothing that the judge knows.`,
    }[fate.verdict];
    shares.replaceChildren();
    const other = fate.taken_for === null ? "another digit" : `another digit, mostly ${fate.taken_for}`;
    for (const [name, share] of [[one(digit), fate.same], [other, fate.other], ["no digit", fate.none]]) {
      const line = shares.insertRow();
      add(line, "th", name).scope = "row";
      add(line, "td", percent(share));
      add(add(line, "td"), "span", undefined, "augmentation-bar").style.width = `${100 * share}%`;
    }
    advice.textContent = `On the plain pixels, ${percent(fate.plain)} are recognized. ${data.advice[fate.advice]}`;
    // What is said aloud waits until nothing has changed for a while, so that it does not pile up.
    clearTimeout(waiting);
    waiting = setTimeout(() => { said.textContent = `${verdict.textContent} ${percent(fate.same)} are still taken for ${one(digit)}.`; }, 600);
  }

  select.addEventListener("input", show);
  digits.forEach((choice) => choice.addEventListener("change", show));
  live.hidden = false;
  figure.querySelector("details").open = false;
  show();
  clearTimeout(waiting);
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".augmentation").forEach(makeAugmentationLive));
