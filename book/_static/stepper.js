// Makes a figure of class "stepper" live: a window that moves over the padded image, one position at a time.
// The page's code has computed every number and every sum; here they are only shown. Without this script the
// figure is a plain set of tables with the whole result.
"use strict";

function makeLive(figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const [padded, kernel, output] = ["padded", "kernel", "output"].map((part) =>
    Array.from(figure.querySelectorAll(`table.${part} tr`), (row) => Array.from(row.cells)));
  const [back, next] = figure.querySelectorAll("button");
  const position = figure.querySelector("input[type=range]");
  const turned = figure.querySelector("input[type=checkbox]");
  const formula = figure.querySelector(".stepper-formula");

  function write(cell, value) {
    cell.textContent = String(value).replace("-", "\u2212");
  }

  function show() {
    const run = data[turned.checked ? "convolution" : "correlation"];
    const now = Number(position.value);
    const step = run.steps[now];
    padded.forEach((row, i) => row.forEach((cell, j) => {
      const inside = i >= step.row && i < step.row + kernel.length && j >= step.column && j < step.column + kernel[0].length;
      cell.classList.toggle("here", inside);
    }));
    kernel.forEach((row, i) => row.forEach((cell, j) => write(cell, run.kernel[i][j])));
    output.flat().forEach((cell, place) => {
      write(cell, run.steps[place].total);
      cell.classList.toggle("here", place === now);
      cell.classList.toggle("later", place > now);
      // What is not reached yet is not there for those who listen either.
      cell.setAttribute("aria-hidden", String(place > now));
    });
    position.setAttribute("aria-valuetext", `row ${step.row}, column ${step.column}`);
    formula.textContent = `y[${step.row}, ${step.column}] = ${step.formula}`;
    back.disabled = now === 0;
    next.disabled = now === run.steps.length - 1;
  }

  function move(by) {
    position.value = Number(position.value) + by;
    show();
    // A button that was just disabled would lose the keyboard's focus.
    if (document.activeElement === document.body || document.activeElement.disabled) position.focus();
  }

  back.addEventListener("click", () => move(-1));
  next.addEventListener("click", () => move(1));
  position.addEventListener("input", show);
  turned.addEventListener("change", show);
  figure.classList.add("live");
  show();
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".stepper").forEach(makeLive));
