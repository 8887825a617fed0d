// Makes a figure of class "glands" live: point at a pixel of a mask, and see the window of the image that each of two
// networks saw for it. see-arithmetic.js finds the windows; what the networks say was computed when the page was made.
// Without it the figure is a picture.
"use strict";

(() => {
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const percent = (share) => (share > 0 && share < 0.005 ? "less than 1\u00a0%" : share < 1 && share > 0.995 ? "more than 99\u00a0%" : `${Math.round(100 * share)}\u00a0%`);
  const times = ([top, left, bottom, right]) => `${bottom - top + 1}\u2009\u00d7\u2009${right - left + 1}`;
  // Of the two windows: told apart by their dashes too.
  const FRAMES = [{ color: "#f0e442", dash: [] }, { color: "#56b4e9", dash: [6, 4] }];
  const RIGHT = [[14, 14, 14], [240, 240, 240]], WRONG = { added: [222, 98, 0], missed: [0, 114, 178] };
  const LEGENDS = {
    errors: [["#f0f0f0", "gland, found"], ["#0e0e0e", "no gland, and none found"], ["#de6200", "taken for gland"], ["#0072b2", "gland, missed"]],
    mask: [["#f0f0f0", "gland"], ["#0e0e0e", "no gland"]],
    likely: [["#0e0e0e", "0, certainly none"], ["#808080", "0.5"], ["#f0f0f0", "1, certainly gland"]],
  };

  async function pixels(png) {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const sheet = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const brush = sheet.getContext("2d", { willReadFrequently: true });
    brush.drawImage(image, 0, 0);
    return { sheet, rows: image.height, columns: image.width, values: brush.getImageData(0, 0, image.width, image.height).data };
  }

  async function makeLive(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const find = (name) => figure.querySelector(`.glands-${name}`);
    const live = find("live"), said = find("said"), legend = find("legend");
    const panels = Object.fromEntries(Array.from(figure.querySelectorAll("[data-panel]"), (panel) =>
      [panel.dataset.panel, { canvas: panel.querySelector("canvas"), value: panel.querySelector(".glands-value") }]));
    const choose = Object.fromEntries(Array.from(figure.querySelectorAll("[data-choose]"), (input) => [input.dataset.choose, input]));
    const pictures = await Promise.all(data.pictures.map(async ({ image, masks, glands }) =>
      ({ image: await pixels(image), masks: await pixels(masks), glands })));
    const { rows, columns } = pictures[0].image;
    const chains = data.networks.map(({ layers }) => seeArithmetic.chain(layers, [rows, columns]));
    let picture, view = "errors", place = { row: 0, column: 0 }, speaking, asked = "";

    // --- numbers ---

    const at = (row, column) => 4 * (row * columns + column);
    const gland = (row, column) => picture.masks.values[at(row, column) + 2];
    const byte = (network, row, column) => picture.masks.values[at(row, column) + network];
    const isGland = (network, row, column) => byte(network, row, column) > 127;
    const isRight = (network, row, column) => isGland(network, row, column) === gland(row, column) > 0;
    const box = (network, row, column) => seeArithmetic.field(chains[network], chains[network].layers.length - 1, row, column);

    function each(act, [top, left, bottom, right] = [0, 0, rows - 1, columns - 1]) {
      for (let row = top; row <= bottom; row += 1) for (let column = left; column <= right; column += 1) act(row, column);
    }

    function dice(network) {
      let both = 0, sum = 0;
      each((row, column) => {
        const [found, there] = [isGland(network, row, column), gland(row, column) > 0];
        both += found && there;
        sum += found + there;
      });
      return sum ? (2 * both) / sum : 1;
    }

    // How much of the chosen gland lies in a window, and how much of the window lies in glands.
    function seen(network) {
      const window = box(network, place.row, place.column);
      const number = gland(place.row, place.column);
      let own = 0, any = 0, all = 0;
      each((row, column) => {
        const here = gland(row, column);
        own += number > 0 && here === number;
        any += here > 0;
        all += 1;
      }, window);
      return { window, own: number ? own / picture.glands[number - 1].pixels : 0, any: any / all };
    }

    // --- drawing ---

    function colored(color) {
      const sheet = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
      const bitmap = new ImageData(columns, rows);
      each((row, column) => bitmap.data.set([...color(row, column), 255], at(row, column)));
      sheet.getContext("2d").putImageData(bitmap, 0, 0);
      return sheet;
    }

    function maskColor(network, row, column) {
      if (view === "likely") return Array(3).fill(14 + (byte(network, row, column) / 255) * 226);
      const found = isGland(network, row, column);
      if (view === "mask" || isRight(network, row, column)) return RIGHT[Number(found)];
      return found ? WRONG.added : WRONG.missed;
    }

    // Fill a canvas with a part of a sheet, and return what draws on it in pixels of the image.
    function open({ canvas }, sheet, [top, left, bottom, right] = [0, 0, rows - 1, columns - 1]) {
      const ratio = Math.max(devicePixelRatio || 1, 1);
      canvas.width = canvas.height = Math.round((canvas.clientWidth || 160) * ratio);
      const context = canvas.getContext("2d");
      const [height, width] = [bottom - top + 1, right - left + 1];
      const scale = canvas.width / Math.max(height, width);
      const [x, y] = [(canvas.width - width * scale) / 2, (canvas.height - height * scale) / 2];
      context.imageSmoothingEnabled = false;
      context.drawImage(sheet, left, top, width, height, x, y, width * scale, height * scale);
      const to = (row, column) => [x + (column - left) * scale, y + (row - top) * scale];
      return { context, scale, ratio, to };
    }

    function cross({ context, scale, ratio, to }) {
      const [x, y] = to(place.row + 0.5, place.column + 0.5);
      const [inner, outer] = [Math.max(scale / 2, 2 * ratio), Math.max(scale / 2, 2 * ratio) + 6 * ratio];
      for (const [color, width] of [["#000", 4], ["#fff", 2]]) {
        context.strokeStyle = color;
        context.lineWidth = width * ratio;
        context.beginPath();
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(x + dx * inner, y + dy * inner);
          context.lineTo(x + dx * outer, y + dy * outer);
        }
        context.stroke();
      }
    }

    function frame({ context, ratio, scale, to }, [top, left, bottom, right], { color, dash }) {
      const [x, y] = to(top, left);
      const [width, height] = [(right - left + 1) * scale, (bottom - top + 1) * scale];
      for (const [stroke, wide, pattern] of [["#000", 4, []], [color, 2, dash]]) {
        context.strokeStyle = stroke;
        context.lineWidth = wide * ratio;
        context.setLineDash(pattern.map((part) => part * ratio));
        context.strokeRect(x + ratio, y + ratio, width - 2 * ratio, height - 2 * ratio);
      }
      context.setLineDash([]);
    }

    // The edge of the gland that the chosen pixel lies in.
    function outline({ context, ratio, to }) {
      const number = gland(place.row, place.column);
      if (!number) return;
      context.strokeStyle = "#fff";
      context.lineWidth = 1.5 * ratio;
      context.beginPath();
      const other = (row, column) => row < 0 || column < 0 || row >= rows || column >= columns || gland(row, column) !== number;
      each((row, column) => {
        if (gland(row, column) !== number) return;
        for (const [dr, dc, start, end] of [[-1, 0, [0, 0], [0, 1]], [1, 0, [1, 0], [1, 1]], [0, -1, [0, 0], [1, 0]], [0, 1, [0, 1], [1, 1]]]) {
          if (!other(row + dr, column + dc)) continue;
          context.moveTo(...to(row + start[0], column + start[1]));
          context.lineTo(...to(row + end[0], column + end[1]));
        }
      });
      context.stroke();
    }

    function draw() {
      const { row, column } = place;
      const tissue = open(panels.image, picture.image.sheet);
      outline(tissue);
      const truth = open(panels.truth, picture.truth);
      const number = gland(row, column);
      panels.truth.value.textContent = number ? "gland here" : "no gland here";
      panels.truth.canvas.setAttribute("aria-label", `Truth: ${picture.glands.length} glands in white.`);
      data.networks.forEach(({ name }, network) => {
        const { window } = seen(network);
        const marks = FRAMES[network];
        [tissue, truth].forEach((each) => frame(each, window, marks));
        const mask = panels[`mask${network}`], saw = panels[`saw${network}`];
        const drawn = open(mask, picture.drawn[view][network]);
        frame(drawn, window, marks);
        cross(drawn);
        cross(open(saw, picture.image.sheet, window));
        mask.value.textContent = `Dice ${picture.dice[network].toFixed(3)}`;
        saw.value.textContent = `${times(window)} pixels`;
        mask.canvas.setAttribute("aria-label", `Mask of the ${name}, Dice ${picture.dice[network].toFixed(3)}. Arrow keys choose a pixel, with shift eight further. ` +
          `Chosen: row ${row}, column ${column}, ${verdict(network)}.`);
        saw.canvas.setAttribute("aria-label", `The part of the tissue that the ${name} saw, enlarged: ${times(window)} pixels.`);
      });
      [tissue, truth].forEach(cross);
      panels.image.canvas.setAttribute("aria-label", `Tissue, picture ${pictures.indexOf(picture) + 1}, with the windows of both networks around row ${row}, column ${column}.`);
      choose.row.value = row;
      choose.column.value = column;
    }

    function drawLegend() {
      legend.replaceChildren();
      for (const [color, words] of LEGENDS[view]) {
        const entry = legend.appendChild(document.createElement("li"));
        entry.appendChild(document.createElement("i")).style.background = color;
        entry.append(` ${words}`);
      }
      data.networks.forEach(({ name }, network) => {
        const entry = legend.appendChild(document.createElement("li"));
        entry.appendChild(document.createElement("i")).className = `frame${network}`;
        entry.append(` what the ${name} saw`);
      });
    }

    // --- words ---

    const verdict = (network) => `${isGland(network, place.row, place.column) ? "gland" : "no gland"}, ` +
      `${(byte(network, place.row, place.column) / 255).toFixed(2)}, ${isRight(network, place.row, place.column) ? "right" : "wrong"}`;

    function sentences() {
      const number = gland(place.row, place.column);
      const about = number ? picture.glands[number - 1] : null;
      const where = `Row ${place.row}, column ${place.column} lies in ${about ? `a gland of ${about.pixels.toLocaleString("en")} pixels, ${about.width} wide` : "no gland"}.`;
      return [where, ...data.networks.map(({ name }, network) => {
        const { window: [top, left, bottom, right], own, any } = seen(network);
        const share = about ? `${own === 1 ? "all" : percent(own)} of this gland${any === 1 ? ", and nothing else" : ""}`
          : any ? `${percent(any)} of that is gland` : "no gland in it";
        return `The ${name} saw rows ${top} to ${bottom}, columns ${left} to ${right}: ${share}. It says ${verdict(network)}.`;
      })].join(" ");
    }

    // While an arrow key is held down, nothing is said aloud.
    function say(now) {
      clearTimeout(speaking);
      const speak = () => { said.textContent = asked + sentences(); };
      if (now) speak(); else speaking = setTimeout(speak, 250);
    }

    // --- choosing ---

    function pick(row, column, now = false, first = "") {
      place = { row: clamp(Math.round(row) || 0, 0, rows - 1), column: clamp(Math.round(column) || 0, 0, columns - 1) };
      asked = first;
      draw();
      say(now);
    }

    function middle() {
      const widest = picture.glands.reduce((a, b) => (b.width > a.width ? b : a), { width: 0, middle: [rows >> 1, columns >> 1] });
      pick(...widest.middle, true);
    }

    // Where one network is right and the other is wrong, and they are furthest apart.
    function onlyRight(network) {
      let best = null, most = 0;
      each((row, column) => {
        const apart = Math.abs(byte(0, row, column) - byte(1, row, column));
        if (isRight(network, row, column) && !isRight(1 - network, row, column) && apart > most) [best, most] = [[row, column], apart];
      });
      pick(...(best || [place.row, place.column]), true, best ? "" : `There is no pixel in this picture where only the ${data.networks[network].name} is right. `);
    }

    function use(next) {
      picture = pictures[next];
      picture.truth ??= colored((row, column) => RIGHT[Number(gland(row, column) > 0)]);
      picture.dice ??= data.networks.map((_, network) => dice(network));
      picture.drawn ??= {};
      look();
    }

    function look() {
      picture.drawn[view] ??= data.networks.map((_, network) => colored((row, column) => maskColor(network, row, column)));
      drawLegend();
    }

    for (const [name, { canvas }] of Object.entries(panels)) {
      if (name.startsWith("saw")) {
        canvas.setAttribute("role", "img");
        continue;
      }
      const isMask = name.startsWith("mask");
      canvas.setAttribute("role", isMask ? "application" : "img");
      if (isMask) Object.assign(canvas, { tabIndex: 0 }).setAttribute("aria-roledescription", "mask");
      const point = (event) => {
        const bounds = canvas.getBoundingClientRect();
        pick(Math.floor(((event.clientY - bounds.top) / bounds.height) * rows), Math.floor(((event.clientX - bounds.left) / bounds.width) * columns));
      };
      canvas.addEventListener("pointerdown", (event) => { if (!event.button && event.pointerType !== "touch") canvas.setPointerCapture(event.pointerId); });
      canvas.addEventListener("pointermove", (event) => { if (canvas.hasPointerCapture(event.pointerId)) point(event); });
      // A finger that scrolls the page over a mask chooses nothing.
      canvas.addEventListener("click", point);
      canvas.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
        if (!isMask || !step || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        const far = event.shiftKey ? 8 : 1;
        pick(place.row + far * step[0], place.column + far * step[1]);
      });
    }
    for (const name of ["row", "column"]) choose[name].addEventListener("change", () => pick(Number(choose.row.value), Number(choose.column.value)));
    choose.picture.addEventListener("change", () => {
      use(Number(choose.picture.value));
      middle();
    });
    choose.view.addEventListener("change", () => {
      view = Object.keys(LEGENDS)[Number(choose.view.value)];
      look();
      draw();
    });
    figure.querySelectorAll("[data-go]").forEach((button) => button.addEventListener("click", () => {
      if (button.dataset.go === "widest") middle(); else onlyRight(Number(button.dataset.go));
    }));

    // --- begin ---

    choose.row.max = rows - 1;
    choose.column.max = columns - 1;
    figure.classList.add("live");
    live.hidden = false;
    use(data.shown);
    middle();
    let width = 0;
    new ResizeObserver(() => {
      const now = live.clientWidth;
      if (now === width || !now) return;
      width = now;
      draw();
    }).observe(live);
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".glands").forEach(makeLive));
})();
