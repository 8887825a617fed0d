// Makes a figure of class "receptive" live: a stack of layers in one dimension, one cell of its output, and the cells
// that it sees behind every earlier layer. What a cell sees stands in the traces that the page's code has written
// (source_lib.interactive.receptive_field_explorer.catalogue); here it is looked up and drawn. Without this script the figure shows one stack.
"use strict";

(() => {
  const ROW = 64;
  const HEIGHT = 26;

  // The places whose bits are set in a number in base 36.
  function places(mask, size) {
    const number = parseInt(mask, 36);
    return Array.from({ length: size }, (_, place) => place).filter((place) => Math.floor(number / 2 ** place) % 2);
  }

  // "8 to 15", or "0, 2, 4" where there are holes.
  function name(cells) {
    const runs = [];
    for (const cell of cells) {
      const run = runs.at(-1);
      if (run && cell === run[1] + 1) run[1] = cell; else runs.push([cell, cell]);
    }
    const parts = runs.flatMap(([a, b]) => (b > a + 1 ? [`${a} to ${b}`] : b > a ? [a, b] : [a]));
    return `${cells.length > 1 ? "cells" : "cell"} ${parts.join(", ")}`;
  }

  function read(traces, stack) {
    const sees = (size, layers) => traces.sees[`${size}:${layers.join("")}`]?.split(" ");
    const sizes = [traces.size];
    let misfit = "";
    for (const [place, kind] of stack.entries()) {
      const outputs = sees(sizes[place], [kind]);
      if (!outputs) {
        misfit = `Layer ${place + 1} does not fit. ${traces.misfits[`${sizes[place]}:${kind}`]} ` +
          "Here is what comes before it. ";
        break;
      }
      sizes.push(outputs.length);
    }
    const layers = stack.slice(0, sizes.length - 1);
    const fields = [[1, 1], ...layers.map((_, place) => traces.field[layers.slice(0, place + 1).join("")])];
    return {
      sizes, layers, fields, misfit,
      seen: (cell) => sizes.map((size, level) =>
        (level === layers.length ? [cell] : places(sees(size, layers.slice(level))[cell], size))),
      inputs: (level, cell) => places(sees(sizes[level], [layers[level]])[cell], sizes[level]),
    };
  }

  function draw(net, seen) {
    const middle = (level, cell) => (net.fields[level][0] / 2 + cell * net.fields[level][1]).toFixed(2);
    const parts = [];
    net.layers.forEach((_, level) => seen[level + 1].forEach((cell) => net.inputs(level, cell).forEach((input) =>
      parts.push(`<line x1="${middle(level + 1, cell)}" y1="${(level + 1) * ROW + 1}" ` +
        `x2="${middle(level, input)}" y2="${level * ROW + HEIGHT}"/>`))));
    net.sizes.forEach((size, level) => {
      const jump = net.fields[level][1];
      const last = level === net.layers.length;
      for (let cell = 0; cell < size; cell += 1) {
        const shown = !seen[level].includes(cell) ? "" : last ? ' class="chosen"' : ' class="seen"';
        parts.push(`<rect x="${(middle(level, cell) - jump / 2 + 0.08).toFixed(2)}" y="${level * ROW + 1}" ` +
          `width="${(jump - 0.16).toFixed(2)}" height="${HEIGHT - 2}"${shown}${last ? ` data-cell="${cell}"` : ""}/>`);
      }
    });
    return parts.join("");
  }

  function say(net, seen, cell) {
    const [field, jump] = net.fields.at(-1);
    const behind = seen.slice(0, -1).map((cells, level) =>
      `${name(cells)} ${level ? `behind layer ${level}` : "of the input"}`).reverse();
    return `Output cell ${cell} sees ${behind.join("; ")}. Its receptive field spans ${field} input cells; ` +
      `that of the next output cell begins ${jump} further.`;
  }

  function makeLive(figure) {
    const traces = JSON.parse(figure.querySelector("script").textContent);
    const choices = Array.from(figure.querySelectorAll("select"));
    const [remove, add] = figure.querySelectorAll("button");
    const slider = figure.querySelector("input[type=range]");
    const picture = figure.querySelector("svg");
    const labels = figure.querySelector(".receptive-labels");
    const said = figure.querySelector(".receptive-said");
    let depth = choices.filter((choice) => !choice.parentElement.hidden).length;
    let net;

    function show() {
      const cell = Number(slider.value);
      const seen = net.seen(cell);
      picture.innerHTML = draw(net, seen);
      const text = say(net, seen, cell);
      picture.setAttribute("aria-label", text);
      said.textContent = net.misfit + text;
      slider.setAttribute("aria-valuetext", `cell ${cell}, counted from 0`);
    }

    function restack() {
      choices.forEach((choice, place) => { choice.parentElement.hidden = place >= depth; });
      remove.disabled = depth === 1;
      add.disabled = depth === choices.length;
      net = read(traces, choices.slice(0, depth).map((choice) => choice.value));
      labels.innerHTML = Array.from({ length: depth + 1 }, (_, level) =>
        `<div>${level ? `layer ${level}` : "input"}<br>` +
        `${level < net.sizes.length ? `${net.sizes[level]} cell${net.sizes[level] > 1 ? "s" : ""}` : "no room"}</div>`).join("");
      const height = depth * ROW + HEIGHT;
      picture.setAttribute("viewBox", `0 0 ${traces.size} ${height}`);
      picture.setAttribute("height", height);
      slider.max = net.sizes.at(-1) - 1;
      slider.value = Math.floor(slider.max / 2);
      show();
    }

    function change(by) {
      depth += by;
      restack();
      // A button that was just disabled would lose the keyboard's focus.
      if (remove.disabled) add.focus(); else if (add.disabled) remove.focus();
    }

    remove.addEventListener("click", () => change(-1));
    add.addEventListener("click", () => change(1));
    choices.forEach((choice) => choice.addEventListener("change", restack));
    slider.addEventListener("input", show);
    picture.addEventListener("click", (event) => {
      const cell = event.target.dataset.cell;
      if (cell === undefined) return;
      slider.value = cell;
      show();
    });
    figure.classList.add("live");
    // The reader may come back to a page whose choices the browser has kept.
    restack();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".receptive").forEach(makeLive));
})();
