// Makes a figure of class "stepper" live: choose a kernel and how it is applied, and move it over the padded image.
// Every product and every sum was computed when the page was made; here they are only shown. Without this script the
// figure is a plain set of tables for one choice.
"use strict";

function makeStepperLive(figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const part = (name) => figure.querySelector(`table.${name}`);
  const [padded, kernel, products, output] = ["padded", "kernel", "products", "output"].map(part);
  const chosen = Object.fromEntries(Array.from(figure.querySelectorAll("select"), (select) => [select.name, select]));
  const [back, next] = figure.querySelectorAll("button");
  const position = figure.querySelector("input[type=range]");
  const [choice, formula, sizes, said] = ["choice", "formula", "sizes", "said"].map((name) =>
    figure.querySelector(`.stepper-${name}`));
  let run, values, frame, waiting;

  const text = (value) => String(value).replace("-", "\u2212");
  const factor = (value) => (value < 0 ? `(${text(value)})` : text(value));
  const number = (name) => Number(chosen[name].value);

  function fill(table, title, rows, classOf = () => "") {
    const columns = rows.length ? rows[0].length : 0;
    table.caption.textContent = rows.length ? `${title}, ${rows.length} \u00d7 ${columns}` : `no ${title}`;
    table.tBodies[0].replaceChildren(...rows.map((row, i) => {
      const line = document.createElement("tr");
      row.forEach((value, j) => {
        const cell = line.insertCell();
        cell.textContent = text(value);
        cell.className = classOf(i, j);
      });
      return line;
    }));
  }

  // What is said aloud waits until nothing has changed for a while: a slider that is dragged would not stop talking.
  function say(sentence) {
    clearTimeout(waiting);
    waiting = setTimeout(() => { said.textContent = sentence; }, 600);
  }

  function cut(numbers, columns) {
    return Array.from({ length: numbers.length / columns }, (_, i) => numbers.slice(i * columns, (i + 1) * columns));
  }

  function choose() {
    const [k, p, s, turned] = ["kernel", "padding", "stride", "operation"].map(number);
    const before = run && run.steps.length ? [Math.floor(position.value / run.shape[1]), position.value % run.shape[1]] : [0, 0];
    run = data.runs[k][p][s][turned];
    values = data.kernels[k].values[turned];
    frame = data.padded[p];
    const zeros = data.paddings[p];
    const outside = (i, j) => i < zeros || j < zeros || i >= frame.length - zeros || j >= frame[0].length - zeros;
    fill(padded, zeros ? "padded image" : "image", frame, (i, j) => (outside(i, j) ? "padding" : ""));
    fill(kernel, turned ? "kernel, turned" : "kernel", values);
    fill(output, "output", cut(run.steps.map((step) => step[2]), run.shape[1]));
    choice.textContent = [data.kernels[k].name, `padding ${zeros}`, `stride ${data.strides[s]}`,
      chosen.operation.selectedOptions[0].textContent].join(", ");
    sizes.replaceChildren(...run.sizes.flatMap((line, i) => (i ? [document.createElement("br"), line] : [line])));
    position.max = Math.max(run.steps.length - 1, 0);
    // Stay at the same place of the output where it has one.
    const [row, column] = before.map((place, axis) => Math.min(place, run.shape[axis] - 1));
    position.value = run.steps.length ? row * run.shape[1] + column : 0;
    position.disabled = !run.steps.length;
    show(run.steps.length ? `Output ${run.shape.join(" by ")}. ` : run.sizes.join(". "));
  }

  function show(news = "") {
    const now = Number(position.value);
    back.disabled = now === 0;
    next.disabled = now >= run.steps.length - 1;
    if (!run.steps.length) {
      fill(products, "products", []);
      formula.textContent = "The kernel does not fit into the image: there is no position for it.";
      say(news);
      return;
    }
    const [top, left, total, ...terms] = run.steps[now];
    const [height, width] = [values.length, values[0].length];
    const [row, column] = [Math.floor(now / run.shape[1]), now % run.shape[1]];
    Array.from(padded.rows, (line, i) => Array.from(line.cells, (cell, j) =>
      cell.classList.toggle("here", i >= top && i < top + height && j >= left && j < left + width)));
    fill(products, "products", cut(terms, width));
    Array.from(output.querySelectorAll("td"), (cell, place) => {
      cell.classList.toggle("here", place === now);
      cell.classList.toggle("later", place > now);
      // What is not reached yet is not there for those who listen either.
      cell.setAttribute("aria-hidden", String(place > now));
    });
    const pixels = frame.slice(top, top + height).flatMap((line) => line.slice(left, left + width));
    const weights = values.flat();
    const sum = pixels.map((pixel, i) => `${factor(pixel)}\u00b7${factor(weights[i])}`).join(" + ");
    formula.textContent = `y[${row}, ${column}] = ${sum} = ${text(total)}`;
    position.setAttribute("aria-valuetext", `row ${row}, column ${column}`);
    say(`${news}Row ${row}, column ${column}: the sum is ${text(total)}.`);
  }

  function move(by) {
    position.value = Number(position.value) + by;
    show();
    // A button that was just disabled would lose the keyboard's focus.
    if (document.activeElement === document.body || document.activeElement.disabled) position.focus();
  }

  back.addEventListener("click", () => move(-1));
  next.addEventListener("click", () => move(1));
  position.addEventListener("input", () => show());
  Object.values(chosen).forEach((select) => select.addEventListener("change", choose));
  figure.querySelectorAll(".stepper-controls").forEach((controls) => { controls.hidden = false; });
  figure.classList.add("live");
  choose();
  clearTimeout(waiting);
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".stepper").forEach(makeStepperLive));
