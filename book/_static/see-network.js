// Makes a figure of class "see" live: draw a digit, and every map of the network follows; choose any number, and see
// how it came about. see-arithmetic.js computes; this only draws and listens. Without it the figure is a picture.
"use strict";

(() => {
  const MARK = "#f0e442";
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const minus = (text) => text.replace("-", "\u2212");
  const exact = (value) => minus((Math.abs(value) < 5e-7 ? 0 : value).toFixed(6));
  const short = (value) => minus((Math.abs(value) < 5e-3 ? 0 : value).toFixed(2));
  const factor = (value) => (value < 0 ? `(${exact(value)})` : exact(value));

  // From black over orange to almost white for what is positive, over blue for what is negative.
  const COLORS = Uint8Array.from({ length: 3 * 511 }, (_, i) => {
    const value = (Math.floor(i / 3) - 255) / 255;
    const t = Math.abs(value) ** 0.6;
    const [middle, end] = value < 0 ? [[0, 114, 178], [205, 235, 255]] : [[222, 98, 0], [255, 240, 190]];
    const channel = i % 3;
    return t < 0.6 ? (t / 0.6) * middle[channel] + (1 - t / 0.6) * 14 : middle[channel] + ((t - 0.6) / 0.4) * (end[channel] - middle[channel]);
  });

  function paint(bitmap, values, shape, channel, most) {
    const channels = shape[2];
    const { data } = bitmap;
    for (let i = 0, from = channel; from < values.length; i += 4, from += channels) {
      const color = 3 * (255 + Math.round(255 * clamp(values[from] / most, -1, 1)));
      data[i] = COLORS[color];
      data[i + 1] = COLORS[color + 1];
      data[i + 2] = COLORS[color + 2];
      data[i + 3] = 255;
    }
  }

  function add(parent, tag, text, name, attributes = {}) {
    const child = parent.appendChild(document.createElement(tag));
    if (text !== undefined) child.textContent = text;
    if (name) child.className = name;
    for (const [key, value] of Object.entries(attributes)) child.setAttribute(key, value);
    return child;
  }

  // --- the pen ----------------------------------------------------------------------------------------------------------

  function curve(points, steps) {
    const found = [points[0]];
    for (let i = 0; i + 1 < points.length; i += 1) {
      const [p, q] = [points[i], points[i + 1]];
      const [before, after] = [points[i - 1] || p, points[i + 2] || q];
      for (let step = 1; step <= steps; step += 1) {
        const t = step / steps;
        found.push([0, 1].map((axis) => (2 * t ** 3 - 3 * t ** 2 + 1) * p[axis] + (t ** 3 - 2 * t ** 2 + t) * (q[axis] - before[axis]) / 2 +
          (3 * t ** 2 - 2 * t ** 3) * q[axis] + (t ** 3 - t ** 2) * (after[axis] - p[axis]) / 2));
      }
    }
    return found;
  }

  // Draw with a soft pen from one point to the next; column and row, in pixels of the image.
  function line(image, [rows, columns, channels], start, end, [outer, inner]) {
    const [dx, dy] = [end[0] - start[0], end[1] - start[1]];
    const length = Math.max(dx * dx + dy * dy, 1e-12);
    const reach = outer + 1;
    for (let i = Math.max(0, Math.floor(Math.min(start[1], end[1]) - reach)); i < Math.min(rows, Math.max(start[1], end[1]) + reach); i += 1) {
      for (let j = Math.max(0, Math.floor(Math.min(start[0], end[0]) - reach)); j < Math.min(columns, Math.max(start[0], end[0]) + reach); j += 1) {
        const [x, y] = [j + 0.5 - start[0], i + 0.5 - start[1]];
        const along = clamp((x * dx + y * dy) / length, 0, 1);
        const ink = clamp((outer - Math.hypot(x - along * dx, y - along * dy)) / (outer - inner), 0, 1);
        for (let c = 0, at = (i * columns + j) * channels; c < channels; c += 1, at += 1) image[at] = Math.max(image[at], ink);
      }
    }
  }

  // Bilinear, black outside: the value of a channel at a row and a column, whose middles are at .5.
  function sample(image, [rows, columns, channels], row, column, channel) {
    const [i, j] = [Math.floor(row - 0.5), Math.floor(column - 0.5)];
    const [u, v] = [row - 0.5 - i, column - 0.5 - j];
    const at = (r, c) => (r < 0 || c < 0 || r >= rows || c >= columns ? 0 : image[(r * columns + c) * channels + channel]);
    return (1 - u) * ((1 - v) * at(i, j) + v * at(i, j + 1)) + u * ((1 - v) * at(i + 1, j) + v * at(i + 1, j + 1));
  }

  function warp(image, from, to, scale, center) {
    const [rows, columns, channels] = to;
    return Float32Array.from({ length: rows * columns * channels }, (_, at) => {
      const [i, j] = [Math.floor(at / channels / columns), Math.floor(at / channels) % columns];
      return sample(image, from, (i + 0.5 - rows / 2) / scale + center[0], (j + 0.5 - columns / 2) / scale + center[1], from[2] > 1 ? at % channels : 0);
    });
  }

  // The ink's center of mass, and half of the side of the smallest square around it that holds all that is bright.
  function ink(image, [rows, columns, channels]) {
    let mass = 0, row = 0, column = 0;
    const box = [rows, columns, 0, 0];
    for (let i = 0; i < rows; i += 1) {
      for (let j = 0; j < columns; j += 1) {
        const value = image[(i * columns + j) * channels];
        mass += value;
        row += value * (i + 0.5);
        column += value * (j + 0.5);
        if (value > 0.3) [box[0], box[1], box[2], box[3]] = [Math.min(box[0], i), Math.min(box[1], j), Math.max(box[2], i + 1), Math.max(box[3], j + 1)];
      }
    }
    if (mass === 0) return null;
    return { center: [row / mass, column / mass], side: Math.max(box[2] - box[0], box[3] - box[1], 1) };
  }

  // --- the figure -------------------------------------------------------------------------------------------------------

  function makeLive(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const find = (name) => figure.querySelector(`.see-${name}`);
    const [live, pad, gallery, scores, panels, time, said, result, zoom, terms, text, loaded] =
      ["live", "pad", "gallery", "scores", "layers", "time", "said", "result", "zoom", "terms", "text", "loaded"].map(find);
    const choose = Object.fromEntries(Array.from(figure.querySelectorAll("[data-choose]"), (input) => [input.dataset.choose, input]));
    const switches = Array.from(figure.querySelectorAll("[data-switch]"));
    const button = (name) => figure.querySelector(`[data-do=${name}]`);
    const ours = seeArithmetic.read(data.network);
    let original = ours, network, shape, image, input, outputs, shown = [], chosen, target = null, cam = null;
    let pen = { row: 0, column: 0, down: false, keys: false }, speaking, counting, playing = 0, zoomed;

    // --- the network: what belongs to its layers ---

    const called = (name) => ({ relu: "ReLU" })[name] || name;

    function title(layer) {
      const before = network.layers.slice(0, layer.place);
      const number = before.filter(({ kind }) => kind === layer.kind).length + 1;
      const many = network.layers.filter(({ kind }) => kind === layer.kind).length > 1;
      const name = { convolution: "convolution", pooling: layer.of === "max" ? "max pooling" : "average pooling", dense: "dense",
        activation: layer.function === "linear" ? `${called(layer.off)}, off` : called(layer.function), scale: "normalization",
        average: "global average", softmax: "softmax", flatten: "flatten" }[layer.kind];
      return many ? `${name} ${number}` : name;
    }

    const sizes = (layer) => (layer.shape.length === 3 ? `${layer.shape[2]}\u2009\u00d7\u2009${layer.shape[0]}\u2009\u00d7\u2009${layer.shape[1]}` : String(layer.shape[0]));
    const asMaps = (layer) => {
      if (layer.shape.length === 3) return layer.shape;
      const columns = layer.shape[0] <= 16 ? layer.shape[0] : Math.ceil(Math.sqrt(2 * layer.shape[0]));
      return [Math.ceil(layer.shape[0] / columns), columns, 1];
    };
    const isShown = (layer) => layer.kind !== "flatten" && layer.kind !== "softmax";

    function apply() {
      const on = Object.fromEntries(switches.map((each) => [each.dataset.switch, each.type === "checkbox" ? each.checked : each.value === "1"]));
      if (seeArithmetic.poolsFirst(original) === null) delete on.poolFirst;
      if (ofPooling() === null) delete on.average;
      network = seeArithmetic.switched(original, on);
    }

    // What all poolings take; null where there are none, or some of each kind.
    const ofPooling = () => {
      const kinds = new Set(original.layers.filter(({ kind }) => kind === "pooling").map(({ of }) => of));
      return kinds.size === 1 ? [...kinds][0] : null;
    };

    // The switches of another network: all as it has them, and none for what it does not have.
    function offer() {
      const functions = new Set(original.layers.filter(({ kind }) => kind === "activation").map((layer) => layer.function));
      const name = functions.size === 1 ? called([...functions][0]) : "activation";
      const first = seeArithmetic.poolsFirst(original);
      const there = { relu: functions.size > 0, bias: true, poolFirst: first !== null, average: ofPooling() !== null };
      for (const each of switches) {
        const label = each.closest("label");
        label.hidden = !there[each.dataset.switch];
        if (each.dataset.switch === "relu") label.lastChild.textContent = ` ${name}`;
        if (each.dataset.switch === "poolFirst") [`${name}, pooling`, `pooling, ${name}`].forEach((words, i) => { each.options[i].textContent = words; });
        if (each.type === "checkbox") each.checked = true;
        else each.selectedIndex = Number(each.dataset.switch === "poolFirst" ? first === true : ofPooling() === "average");
      }
    }

    // Build the panels anew: for another network, or where poolings and activations have changed places.
    function build() {
      apply();
      const focused = document.activeElement;
      shape = network.input.shape;
      panels.replaceChildren();
      let row = null;
      shown = network.layers.filter(isShown).map((layer) => {
        if (!row || layer.kind === "convolution") row = add(panels, "div", undefined, "see-row");
        const panel = add(row, "figure", undefined, `see-panel${layer.shape.length === 1 ? " vector" : ""}`);
        const caption = add(panel, "figcaption");
        add(caption, "b", title(layer));
        add(caption, "span", ` ${sizes(layer)}`);
        const canvas = add(panel, "canvas", undefined, "", { tabindex: 0, role: "application", "aria-roledescription": "maps" });
        const maps = asMaps(layer);
        const bitmap = new ImageData(maps[1], maps[0]);
        const sheet = Object.assign(document.createElement("canvas"), { width: maps[1], height: maps[0] });
        const entry = { layer, canvas, maps, bitmap, sheet, brush: sheet.getContext("2d", { willReadFrequently: true }) };
        entry.across = maps[2] >= 24 ? 8 : maps[2] >= 4 ? 4 : maps[2];
        if (maps[2] > 64) entry.across = Math.ceil(Math.sqrt(2 * maps[2]));
        canvas.addEventListener("click", (event) => pickOn(entry, event));
        canvas.addEventListener("keydown", (event) => walk(event, entry.layer.place));
        return entry;
      });
      choose.layer.replaceChildren();
      network.layers.forEach((layer) => {
        if (layer.kind !== "flatten") add(choose.layer, "option", `${title(layer)}, ${sizes(layer)}`, "", { value: layer.place });
      });
      const places = network.layers.filter(({ kind }) => kind !== "flatten").map(({ place }) => place);
      if (!chosen || !places.includes(chosen.place)) chosen = first();
      limit();
      measure();
      if (focused && figure.contains(focused) && !focused.isConnected) choose.layer.focus();
    }

    // A number in the middle of the first maps that are made of other maps: that has most to tell.
    function first() {
      const found = network.layers.filter(({ kind }) => kind === "convolution");
      const layer = found[1] || found[0] || network.layers.find(({ kind }) => kind === "dense") || network.layers.at(-1);
      if (layer.shape.length === 1) return { place: layer.place, channel: 0, row: 0, column: 0 };
      return { place: layer.place, channel: Math.min(1, layer.shape[2] - 1), row: layer.shape[0] >> 1, column: layer.shape[1] >> 1 };
    }

    // The largest number of the layer that is chosen.
    function strongest() {
      const { place } = chosen;
      const { shape: sides } = network.layers[place];
      const values = outputs[place];
      const best = values.indexOf(values.reduce((a, b) => Math.max(a, b), -Infinity));
      Object.assign(chosen, sides.length === 3 ? { channel: best % sides[2], row: Math.floor(best / sides[2] / sides[1]), column: Math.floor(best / sides[2]) % sides[1] } : { channel: best });
      limit();
    }

    function limit() {
      const layer = network.layers[chosen.place];
      const isMap = layer.shape.length === 3;
      const most = isMap ? { channel: layer.shape[2], row: layer.shape[0], column: layer.shape[1] } : { channel: layer.shape[0], row: 1, column: 1 };
      for (const [name, size] of Object.entries(most)) {
        chosen[name] = clamp(Math.round(chosen[name]) || 0, 0, size - 1);
        Object.assign(choose[name], { min: 0, max: size - 1, value: chosen[name] });
        choose[name].closest("label").hidden = name !== "channel" && !isMap;
      }
      choose.channel.closest("label").firstChild.textContent = isMap ? "Map " : "Number ";
      choose.layer.value = chosen.place;
    }

    const indexOf = ({ place, channel, row, column }) => {
      const layer = network.layers[place];
      return layer.shape.length === 3 ? (row * layer.shape[1] + column) * layer.shape[2] + channel : channel;
    };

    // --- computing and drawing ---

    function compute() {
      const { low, high } = network.input;
      input = low === 0 && high === 1 ? image : image.map((value) => low + value * (high - low));
      outputs = seeArithmetic.forward(network, input);
      cam = target === null ? null : seeArithmetic.gradCam(network, outputs, input, target);
    }

    function refresh(again = false) {
      const begin = performance.now();
      compute();
      const computed = performance.now();
      drawPanels();
      drawPad();
      drawScores();
      const end = performance.now();
      const ms = (value) => (value < 9.95 ? value.toFixed(1) : value.toFixed(0));
      const maps = shown.reduce((sum, { layer }) => sum + (layer.shape.length === 3 ? layer.shape[2] : 0), 0);
      time.textContent = `${maps} maps, ${network.parameters.toLocaleString("en")} parameters: computed in ${ms(computed - begin)} ms, drawn in ${ms(end - computed)} ms`;
      // The tables of the chosen number take longer than all maps: while a pen moves, the maps come first.
      clearTimeout(counting);
      if (again) drawNumber(); else counting = setTimeout(drawNumber, 90);
    }

    function drawPanels() {
      // One scale for a layer and for what only passes its values on, so that brightness can be compared.
      let most = 1;
      for (const entry of shown) {
        const values = outputs[entry.layer.place];
        if (entry.layer.weights || entry.layer.kind === "scale" || entry === shown[0]) most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
        entry.most = entry.layer.function === "tanh" || entry.layer.function === "sigmoid" ? 1 : most;
        drawPanel(entry);
      }
    }

    function measure() {
      for (const entry of shown) {
        const { canvas, maps, across } = entry;
        const gap = 2;
        const down = Math.ceil(maps[2] / across);
        const width = Math.max(canvas.parentElement.clientWidth, 40);
        const side = (width - gap * (across - 1)) / across;
        const height = maps[2] === 1 && maps[0] * 4 < maps[1] ? Math.max((side * maps[0]) / maps[1], 22) : (side * maps[0]) / maps[1];
        const ratio = Math.max(devicePixelRatio || 1, 1);
        Object.assign(entry, { gap: gap * ratio, side: side * ratio, tall: height * ratio });
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round((down * height + gap * (down - 1)) * ratio);
        canvas.style.height = `${canvas.height / ratio}px`;
      }
      const ratio = Math.max(devicePixelRatio || 1, 1);
      pad.width = Math.round((pad.clientWidth || 224) * ratio);
      pad.height = Math.round((pad.width * shape[0]) / shape[1]);
    }

    const corner = (entry, channel) => [(channel % entry.across) * (entry.side + entry.gap), Math.floor(channel / entry.across) * (entry.tall + entry.gap)];

    function drawPanel(entry) {
      const context = entry.canvas.getContext("2d");
      const values = outputs[entry.layer.place];
      context.clearRect(0, 0, entry.canvas.width, entry.canvas.height);
      context.imageSmoothingEnabled = false;
      for (let channel = 0; channel < entry.maps[2]; channel += 1) {
        paint(entry.bitmap, values, entry.maps, channel, entry.most);
        entry.brush.putImageData(entry.bitmap, 0, 0);
        const [x, y] = corner(entry, channel);
        context.drawImage(entry.sheet, x, y, entry.side, entry.tall);
      }
      drawMarks(entry, context);
      const here = entry.layer.place === chosen.place ? ` Chosen: ${placeText()}, ${exact(outputs[chosen.place][indexOf(chosen)])}.` : "";
      entry.canvas.setAttribute("aria-label", `${title(entry.layer)}, ${sizes(entry.layer)}. Arrow keys choose a number, page up and page down another map.${here}`);
    }

    function frame(context, entry, channel, top, left, bottom, right, width) {
      const [x, y] = corner(entry, channel);
      const [w, h] = [entry.side / entry.maps[1], entry.tall / entry.maps[0]];
      context.lineWidth = width;
      context.strokeRect(x + left * w, y + top * h, (right - left + 1) * w, (bottom - top + 1) * h);
    }

    // The chosen number where it is, and what it saw in the layer before.
    function drawMarks(entry, context) {
      const layer = network.layers[chosen.place];
      const ratio = Math.max(devicePixelRatio || 1, 1);
      context.strokeStyle = MARK;
      if (entry.layer.place === chosen.place) {
        const columns = entry.maps[1];
        const [channel, row, column] = layer.shape.length === 3 ? [chosen.channel, chosen.row, chosen.column] : [0, Math.floor(chosen.channel / columns), chosen.channel % columns];
        if (layer.shape.length === 3) frame(context, entry, channel, 0, 0, entry.maps[0] - 1, columns - 1, 1.5 * ratio);
        frame(context, entry, channel, row, column, row, column, 1.5 * ratio);
      }
      if (entry.layer.place !== source(chosen.place) || layer.kind === "softmax") return;
      const size = layer.shape.length === 3 ? layer.size || [1, 1] : null;
      if (!size) return;
      const [stride, before] = [layer.stride || [1, 1], layer.before || [0, 0]];
      const [top, left] = [chosen.row * stride[0] - before[0], chosen.column * stride[1] - before[1]];
      for (let channel = 0; channel < entry.maps[2]; channel += 1) {
        if (layer.kind !== "convolution" && channel !== chosen.channel) continue;
        frame(context, entry, channel, Math.max(top, 0), Math.max(left, 0), Math.min(top + size[0], entry.maps[0]) - 1, Math.min(left + size[1], entry.maps[1]) - 1, ratio);
      }
    }

    // The layer that a layer gets its numbers from, past one that only lays them out; −1 is the image.
    function source(place) {
      let before = place - 1;
      while (before >= 0 && network.layers[before].kind === "flatten") before -= 1;
      return before;
    }

    function drawPad() {
      const context = pad.getContext("2d");
      const [rows, columns, channels] = shape;
      const bitmap = new ImageData(columns, rows);
      for (let i = 0, at = 0; i < bitmap.data.length; i += 4, at += channels) {
        for (let c = 0; c < 3; c += 1) bitmap.data[i + c] = 255 * clamp(image[at + (channels === 3 ? c : 0)], 0, 1);
        bitmap.data[i + 3] = 255;
      }
      const sheet = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
      sheet.getContext("2d").putImageData(bitmap, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(sheet, 0, 0, pad.width, pad.height);
      if (cam) drawHeat(context);
      const scale = pad.width / columns;
      const ratio = Math.max(devicePixelRatio || 1, 1);
      const layer = network.layers[chosen.place];
      const [top, left, bottom, right] = layer.shape.length === 3
        ? seeArithmetic.field(network, chosen.place, chosen.row, chosen.column) : seeArithmetic.field(network, chosen.place, -1, -1);
      context.strokeStyle = MARK;
      context.lineWidth = 2 * ratio;
      const inset = ratio;
      context.strokeRect(left * scale + inset, top * scale + inset, (right - left + 1) * scale - 2 * inset, (bottom - top + 1) * scale - 2 * inset);
      if (pen.keys && document.activeElement === pad) {
        context.beginPath();
        context.arc((pen.column + 0.5) * scale, (pen.row + 0.5) * scale, 1.6 * scale, 0, 2 * Math.PI);
        context.strokeStyle = pen.down ? "#d55e00" : "#56b4e9";
        context.lineWidth = 3 * ratio;
        context.stroke();
      }
    }

    function drawHeat(context) {
      const most = cam.heat.reduce((a, b) => Math.max(a, b), 0);
      if (most === 0) return;
      const sheet = Object.assign(document.createElement("canvas"), { width: cam.columns, height: cam.rows });
      const bitmap = new ImageData(cam.columns, cam.rows);
      cam.heat.forEach((value, i) => bitmap.data.set([230, 120 - 60 * (value / most), 0, 215 * (value / most)], 4 * i));
      sheet.getContext("2d").putImageData(bitmap, 0, 0);
      context.imageSmoothingEnabled = true;
      context.drawImage(sheet, 0, 0, pad.width, pad.height);
    }

    function drawScores() {
      const values = outputs.at(-1);
      const best = values.indexOf(values.reduce((a, b) => Math.max(a, b), -Infinity));
      const rows = scores.children;
      if (rows.length !== values.length || scores.dataset.network !== original.name + original.classes.join()) {
        scores.replaceChildren();
        scores.dataset.network = original.name + original.classes.join();
        original.classes.forEach((name, c) => {
          const row = add(scores, "button", undefined, "", { type: "button" });
          add(row, "span", name, "see-class");
          // Read as two words, as the label has them.
          row.append(" ");
          add(add(row, "span", undefined, "see-bar"), "span");
          add(row, "span", "", "see-score");
          row.addEventListener("click", () => {
            target = target === c ? null : c;
            refresh(true);
            say();
          });
        });
      }
      values.forEach((value, c) => {
        const row = rows[c];
        row.classList.toggle("best", c === best);
        row.setAttribute("aria-pressed", String(c === target));
        row.querySelector(".see-bar > span").style.width = `${100 * clamp(value, 0, 1)}%`;
        row.lastChild.textContent = Math.abs(value) < 9.995 ? value.toFixed(4) : value.toFixed(1);
        row.setAttribute("aria-label", `${original.classes[c]} ${row.lastChild.textContent}${c === target ? ", Grad-CAM shown" : ""}`);
      });
    }

    // What is said aloud waits until nothing has changed for a while.
    function say() {
      clearTimeout(speaking);
      speaking = setTimeout(() => {
        const order = Array.from(outputs.at(-1), (value, c) => [value, c]).sort((a, b) => b[0] - a[0]);
        const [one, two] = order.map(([value, c]) => `${original.classes[c]}, with ${value.toFixed(3)}`);
        let about = `The network says ${one}. Next comes ${two}.`;
        if (target !== null) {
          const name = original.classes[target];
          if (!cam) about += " There are no maps for Grad-CAM.";
          else if (cam.heat.every((value) => value === 0)) about += ` Grad-CAM of ${name} is 0 everywhere: averaged over the places of each map, the gradient speaks for no place.${network.layers.some(({ kind }) => kind === "flatten") ? " The dense layers weigh each place differently." : ""}`;
          else {
            const at = cam.heat.indexOf(cam.heat.reduce((a, b) => Math.max(a, b), 0));
            const side = (value, size, words) => words[Math.min(2, Math.floor((3 * (value + 0.5)) / size))];
            about += ` Grad-CAM of ${name}, in orange over the digit, is largest ${side(Math.floor(at / cam.columns), cam.rows, ["at the top", "in the middle", "at the bottom"])}, ` +
              `${side(at % cam.columns, cam.columns, ["left", "center", "right"])}.`;
          }
        }
        said.textContent = about;
      }, 500);
    }

    // --- one number ---

    function placeText() {
      const layer = network.layers[chosen.place];
      return layer.shape.length === 3 ? `map ${chosen.channel}, row ${chosen.row}, column ${chosen.column}`
        : layer.place === network.layers.length - 1 || layer.shape[0] === original.classes.length ? `class ${original.classes[chosen.channel]}` : `number ${chosen.channel}`;
    }

    function drawNumber() {
      clearTimeout(counting);
      const layer = network.layers[chosen.place];
      const before = chosen.place ? outputs[chosen.place - 1] : input;
      const found = seeArithmetic.explain(layer, before, indexOf(chosen));
      const value = outputs[chosen.place][indexOf(chosen)];
      result.replaceChildren();
      add(result, "b", `${title(layer)}, ${placeText()}`);
      result.append(` ${summary(layer, found, value)}`);
      drawZoom(layer);
      drawTerms(layer, found);
      text.textContent = written(layer, found, value);
      const box = layer.shape.length === 3 ? seeArithmetic.field(network, chosen.place, chosen.row, chosen.column) : seeArithmetic.field(network, chosen.place, -1, -1);
      add(result, "span", ` Its receptive field on the image: rows ${box[0]} to ${box[2]}, columns ${box[1]} to ${box[3]}.`, "see-field");
      button("back").disabled = source(chosen.place) < 0;
    }

    function summary(layer, found, value) {
      if (layer.weights) {
        const next = network.layers[layer.place + 1];
        const then = next && next.kind === "activation" && next.function !== "linear" ? ` ${title(next)} makes ${exact(outputs[next.place][indexOf(chosen)])} of it.` : "";
        return `= ${exact(found.sum)} + bias ${factor(found.bias)} = ${exact(value)}.${then}`;
      }
      if (layer.kind === "pooling") return `= the ${layer.of === "max" ? "maximum" : "average"} of ${found.terms.length} numbers = ${exact(value)}.`;
      if (layer.kind === "average") return `= the average of ${found.terms.length} numbers = ${exact(value)}.`;
      if (layer.kind === "softmax") return `= ${exact(value)}.`;
      if (layer.kind === "scale") return `= ${exact(found.terms[0].x)} \u00b7 ${factor(layer.factor[chosen.channel])} + ${factor(layer.offset[chosen.channel])} = ${exact(value)}.`;
      return `= ${layer.function === "relu" ? `max(0, ${exact(found.terms[0].x)})` : layer.function === "linear" ? exact(found.terms[0].x) : `${layer.function}(${exact(found.terms[0].x)})`} = ${exact(value)}.`;
    }

    // The arithmetic as text, with all digits that single precision is worth.
    function written(layer, found, value) {
      const name = `${title(layer)} [${placeText()}]`;
      const list = found.terms.map(({ x }) => exact(x)).join(", ");
      if (layer.kind === "pooling") return `${name}\n= ${layer.of === "max" ? "max" : "mean"}(${list})\n= ${exact(value)}`;
      if (layer.kind === "average") return `${name}\n= mean(${list})\n= ${exact(value)}`;
      if (layer.kind === "softmax") {
        const most = found.terms.reduce((a, { x }) => Math.max(a, x), -Infinity);
        const sum = found.terms.reduce((a, { x }) => a + Math.exp(x - most), 0);
        return `${name}\n= exp(${exact(found.terms[chosen.channel].x)}) / (${found.terms.map(({ x }) => `exp(${exact(x)})`).join(" + ")})\n` +
          `= ${exact(Math.exp(found.terms[chosen.channel].x - most))} / ${exact(sum)}, both divided by exp(${exact(most)})\n= ${exact(value)}`;
      }
      if (!layer.weights) return `${name}\n${summary(layer, found, value)}`;
      const lines = groups(layer, found).map(({ name: group, terms: each, sum }) => {
        const kept = each.length > 60 ? each.filter(({ x }) => x !== 0) : each;
        const products = kept.map(({ x, w }) => `${exact(x)}\u00b7${factor(w)}`).join(" + ") || "only zeros";
        return `  ${group}: ${products} = ${exact(sum)}`;
      });
      const omitted = found.terms.length > 60 && layer.kind === "dense" ? " (products with 0 left out)" : "";
      return `${name}${omitted}\n${lines.join("\n")}\nsum ${exact(found.sum)} + bias ${factor(found.bias)} = ${exact(value)}`;
    }

    // The terms of a sum by the map that they come from.
    function groups(layer, found) {
      const before = source(layer.place);
      const origin = before < 0 ? shape : network.layers[before].shape;
      const count = origin.length === 3 ? origin[2] : 1;
      const made = Array.from({ length: count }, (_, c) => ({
        name: before < 0 ? (count > 1 ? `channel ${c}` : "image") : count > 1 || origin.length === 3 ? `map ${c}` : title(network.layers[before]), terms: [], sum: 0, channel: c }));
      found.terms.forEach((term, i) => {
        const group = made[layer.kind === "convolution" ? term.channel : i % count];
        group.terms.push(term);
        group.sum += term.product;
      });
      return made;
    }

    function drawZoom(layer) {
      const entry = shown.find((each) => each.layer.place === chosen.place);
      zoom.hidden = !entry;
      if (!entry) return;
      if (!zoomed) {
        zoomed = add(zoom, "canvas", undefined, "", { tabindex: 0, role: "application", "aria-roledescription": "map" });
        zoomed.addEventListener("click", (event) => {
          const now = shown.find((each) => each.layer.place === chosen.place);
          const box = zoomed.getBoundingClientRect();
          const row = clamp(Math.floor(((event.clientY - box.top) / box.height) * now.maps[0]), 0, now.maps[0] - 1);
          const column = clamp(Math.floor(((event.clientX - box.left) / box.width) * now.maps[1]), 0, now.maps[1] - 1);
          pick(now.layer.shape.length === 3 ? { row, column } : { channel: row * now.maps[1] + column });
        });
        zoomed.addEventListener("keydown", (event) => walk(event, chosen.place));
      }
      const ratio = Math.max(devicePixelRatio || 1, 1);
      const width = Math.max(zoom.clientWidth, 80) * ratio;
      zoomed.width = width;
      zoomed.height = clamp((width * entry.maps[0]) / entry.maps[1], 24 * ratio, 2 * width);
      zoomed.style.height = `${zoomed.height / ratio}px`;
      const context = zoomed.getContext("2d");
      const isMap = layer.shape.length === 3;
      paint(entry.bitmap, outputs[chosen.place], entry.maps, isMap ? chosen.channel : 0, entry.most);
      entry.brush.putImageData(entry.bitmap, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(entry.sheet, 0, 0, zoomed.width, zoomed.height);
      const [row, column] = isMap ? [chosen.row, chosen.column] : [Math.floor(chosen.channel / entry.maps[1]), chosen.channel % entry.maps[1]];
      const [w, h] = [zoomed.width / entry.maps[1], zoomed.height / entry.maps[0]];
      context.strokeStyle = MARK;
      context.lineWidth = 2 * ratio;
      context.strokeRect(column * w, row * h, w, h);
      zoomed.setAttribute("aria-label", `${title(layer)}${isMap ? `, map ${chosen.channel} enlarged` : ""}. Arrow keys choose a number. Chosen: ${placeText()}.`);
    }

    function cells(parent, values, columns, most, caption) {
      const table = add(parent, "table");
      add(table, "caption", caption);
      for (let i = 0; i < values.length; i += columns) {
        const line = table.insertRow();
        values.slice(i, i + columns).forEach((value) => {
          const cell = line.insertCell();
          if (value === null) {
            cell.textContent = "0";
            cell.className = "padding";
            return;
          }
          cell.textContent = short(value);
          const color = 3 * (255 + Math.round(255 * clamp(value / most, -1, 1)));
          const [r, g, b] = COLORS.slice(color, color + 3);
          cell.style.background = `rgb(${r} ${g} ${b})`;
          cell.style.color = 0.2126 * (r / 255) ** 2.2 + 0.7152 * (g / 255) ** 2.2 + 0.0722 * (b / 255) ** 2.2 > 0.179 ? "#000" : "#fff";
        });
      }
    }

    function drawTerms(layer, found) {
      terms.replaceChildren();
      const size = (values) => values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
      if (layer.kind === "convolution") {
        const [most, heaviest, strongest] = ["x", "w", "product"].map((part) => size(found.terms.map((term) => term[part])));
        for (const group of groups(layer, found)) {
          const card = add(terms, "div", undefined, "see-card");
          cells(card, group.terms.map(({ from, x }) => (from < 0 ? null : x)), layer.size[1], most, group.name);
          add(card, "span", "\u00b7");
          cells(card, group.terms.map(({ w }) => w), layer.size[1], heaviest, "kernel");
          add(card, "span", "=");
          cells(card, group.terms.map(({ product }) => product), layer.size[1], strongest, `sum ${short(group.sum)}`);
        }
      } else if (layer.kind === "dense") {
        const parts = groups(layer, found);
        const most = size(parts.map(({ sum }) => sum));
        const list = parts.length > 1 ? parts.map((part) => [part.name, part.sum])
          : found.terms.map((term, i) => [`number ${i}`, term.product]).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 24);
        const across = add(terms, "div", undefined, "see-parts");
        add(across, "p", parts.length > 1 ? "What each map adds to the sum:" : "The products that weigh most:");
        for (const [name, value] of list) {
          const row = add(across, "div");
          add(row, "span", name);
          const bar = add(row, "span", undefined, value < 0 ? "against" : "for");
          bar.style.width = `${(45 * Math.abs(value)) / most}%`;
          add(row, "span", short(value));
        }
      } else if (layer.kind === "pooling") {
        const card = add(terms, "div", undefined, "see-card");
        cells(card, found.terms.map(({ x }) => x), layer.size[1], size(found.terms.map(({ x }) => x)), `map ${chosen.channel}`);
        add(card, "span", `\u2192 ${short(outputs[chosen.place][indexOf(chosen)])}`, "see-sum");
      } else {
        const card = add(terms, "div", undefined, "see-card");
        const values = found.terms.slice(0, 100).map(({ x }) => x);
        cells(card, values, Math.min(values.length, 10), size(values), layer.kind === "softmax" ? "scores before softmax" : "it saw");
        add(card, "span", `\u2192 ${short(outputs[chosen.place][indexOf(chosen)])}`, "see-sum");
      }
    }

    // --- choosing ---

    function pick(change) {
      Object.assign(chosen, change);
      limit();
      shown.forEach(drawPanel);
      drawPad();
      drawNumber();
    }

    function pickOn(entry, event) {
      const box = entry.canvas.getBoundingClientRect();
      const [x, y] = [((event.clientX - box.left) / box.width) * entry.canvas.width, ((event.clientY - box.top) / box.height) * entry.canvas.height];
      const [across, down] = [Math.floor(x / (entry.side + entry.gap)), Math.floor(y / (entry.tall + entry.gap))];
      const channel = clamp(down * entry.across + across, 0, entry.maps[2] - 1);
      const [left, top] = corner(entry, channel);
      const row = clamp(Math.floor(((y - top) / entry.tall) * entry.maps[0]), 0, entry.maps[0] - 1);
      const column = clamp(Math.floor(((x - left) / entry.side) * entry.maps[1]), 0, entry.maps[1] - 1);
      const place = entry.layer.place;
      pick(entry.layer.shape.length === 3 ? { place, channel, row, column } : { place, channel: row * entry.maps[1] + column });
    }

    function walk(event, place) {
      const layer = network.layers[place];
      const isMap = layer.shape.length === 3;
      const columns = asMaps(layer)[1];
      const steps = isMap
        ? { ArrowLeft: ["column", -1], ArrowRight: ["column", 1], ArrowUp: ["row", -1], ArrowDown: ["row", 1], PageUp: ["channel", -1], PageDown: ["channel", 1] }
        : { ArrowLeft: ["channel", -1], ArrowRight: ["channel", 1], ArrowUp: ["channel", -columns], ArrowDown: ["channel", columns] };
      const step = steps[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      pick(place === chosen.place ? { [step[0]]: chosen[step[0]] + step[1] } : { place });
    }

    // To the number in the layer before that weighs most in the chosen one.
    function walkBack() {
      const layer = network.layers[chosen.place];
      const found = seeArithmetic.explain(layer, chosen.place ? outputs[chosen.place - 1] : input, indexOf(chosen));
      const weight = (term) => (layer.weights ? Math.abs(term.product) : layer.kind === "softmax" ? (term.from === chosen.channel ? 1 : 0) : term.x);
      const inside = found.terms.filter(({ from }) => from >= 0);
      const best = inside.reduce((a, b) => (weight(b) > weight(a) ? b : a));
      const place = source(chosen.place);
      const to = network.layers[place].shape;
      pick(to.length === 3
        ? { place, channel: best.from % to[2], row: Math.floor(best.from / to[2] / to[1]), column: Math.floor(best.from / to[2]) % to[1] }
        : { place, channel: best.from });
    }

    choose.layer.addEventListener("change", () => pick({ place: Number(choose.layer.value) }));
    for (const name of ["channel", "row", "column"]) choose[name].addEventListener("change", () => pick({ [name]: Number(choose[name].value) }));
    button("back").addEventListener("click", walkBack);
    switches.forEach((each) => each.addEventListener("change", () => {
      const place = chosen.place;
      build();
      chosen.place = network.layers[place].kind === "flatten" ? chosen.place : place;
      limit();
      refresh(true);
      say();
    }));

    // --- drawing a digit ---

    const scale = () => Math.min(shape[0], shape[1]) / 28;
    const tip = () => data.pen.map((each) => each * scale());

    function changed() {
      refresh();
      say();
    }

    function clear() {
      image = new Float32Array(shape[0] * shape[1] * shape[2]);
    }

    function stop() {
      cancelAnimationFrame(playing);
      playing = 0;
    }

    function drawDigit(digit, slowly) {
      stop();
      clear();
      const pieces = data.digits[digit].flatMap((stroke) => {
        const points = curve(stroke, data.steps).map(([x, y]) => [x * scale() + (shape[1] - 28 * scale()) / 2, y * scale() + (shape[0] - 28 * scale()) / 2]);
        return points.slice(1).map((point, i) => [points[i], point]);
      });
      if (!slowly || still()) {
        pieces.forEach(([start, end]) => line(image, shape, start, end, tip()));
        changed();
        return;
      }
      const begin = performance.now();
      let done = 0;
      const step = (now) => {
        const due = Math.min(pieces.length, Math.ceil((Math.max(now - begin, 0) / 900) * pieces.length));
        for (; done < due; done += 1) line(image, shape, ...pieces[done], tip());
        changed();
        playing = done < pieces.length ? requestAnimationFrame(step) : 0;
      };
      playing = requestAnimationFrame(step);
    }

    function center(fit = false) {
      const found = ink(image, shape);
      if (!found) return;
      const zoom = fit ? (20 / 28) * Math.min(shape[0], shape[1]) / found.side : 1;
      image = warp(image, shape, shape, zoom, found.center);
    }

    function at(event) {
      const box = pad.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * shape[1], ((event.clientY - box.top) / box.height) * shape[0]];
    }

    let last = null, waiting = false;
    pad.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      stop();
      pad.focus({ preventScroll: true });
      pad.setPointerCapture(event.pointerId);
      pen.keys = false;
      last = at(event);
      line(image, shape, last, last, tip());
      changed();
    });
    pad.addEventListener("pointermove", (event) => {
      if (!last) return;
      for (const each of event.getCoalescedEvents?.() || [event]) {
        const now = at(each);
        line(image, shape, last, now, tip());
        last = now;
      }
      // Once for each picture of the screen, however fast the pen reports.
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        changed();
      });
    });
    for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, () => { last = null; });

    pad.addEventListener("focus", () => {
      pen.keys = pad.matches(":focus-visible");
      if (!pen.row && !pen.column) Object.assign(pen, { row: shape[0] >> 2, column: shape[1] >> 1 });
      drawPad();
    });
    pad.addEventListener("blur", () => {
      Object.assign(pen, { keys: false, down: false });
      drawPad();
    });
    pad.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      const clears = event.key === "Delete" || event.key === "Backspace";
      if (!(step || clears || event.key === " ") || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      stop();
      pen.keys = true;
      if (clears) clear();
      if (event.key === " ") pen.down = !pen.down;
      const before = [pen.column + 0.5, pen.row + 0.5];
      if (step) {
        pen.row = clamp(pen.row + step[0], 0, shape[0] - 1);
        pen.column = clamp(pen.column + step[1], 0, shape[1] - 1);
      }
      if (pen.down) line(image, shape, before, [pen.column + 0.5, pen.row + 0.5], tip());
      changed();
    });
    button("clear").addEventListener("click", () => {
      stop();
      clear();
      changed();
    });
    button("center").addEventListener("click", () => {
      stop();
      center();
      changed();
    });
    data.digits.forEach((_, digit) => {
      add(gallery, "button", String(digit), "", { type: "button", "aria-label": `Draw ${digit === 8 ? "an" : "a"} ${digit}` }).addEventListener("click", () => drawDigit(digit, true));
    });

    // --- files ---

    async function takeImage(file) {
      let bitmap;
      try {
        bitmap = await createImageBitmap(file);
      } catch {
        loaded.textContent = `${file.name} is no image that this browser can read. PNG and JPEG files are.`;
        return;
      }
      stop();
      const [rows, columns, channels] = shape;
      const large = [4 * rows, 4 * columns, 3];
      const canvas = Object.assign(document.createElement("canvas"), { width: large[1], height: large[0] });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      const fit = (channels === 3 ? Math.max : Math.min)(large[1] / bitmap.width, large[0] / bitmap.height);
      // Around an image that does not fill the square there is more of what is at its corner.
      context.drawImage(bitmap, 0, 0, 1, 1, 0, 0, large[1], large[0]);
      context.drawImage(bitmap, (large[1] - fit * bitmap.width) / 2, (large[0] - fit * bitmap.height) / 2, fit * bitmap.width, fit * bitmap.height);
      const { data: bytes } = context.getImageData(0, 0, large[1], large[0]);
      let values = Float32Array.from({ length: large[0] * large[1] * 3 }, (_, i) => bytes[4 * Math.floor(i / 3) + (i % 3)] / 255);
      if (channels === 1) {
        // As MNIST's makers did it: bright on black, in a box of 20 of 28 pixels, the center of mass in the middle.
        let gray = Float32Array.from({ length: values.length / 3 }, (_, i) => 0.299 * values[3 * i] + 0.587 * values[3 * i + 1] + 0.114 * values[3 * i + 2]);
        const ground = Array.from(gray).sort((a, b) => a - b)[gray.length >> 1];
        gray = gray.map((value) => Math.abs(value - ground));
        const most = gray.reduce((a, b) => Math.max(a, b), 1e-6);
        gray = gray.map((value) => clamp((value / most - 0.2) / 0.6, 0, 1));
        const found = ink(gray, [large[0], large[1], 1]) || { center: [large[0] / 2, large[1] / 2], side: large[0] };
        image = average4(warp(gray, [large[0], large[1], 1], [large[0], large[1], 1], ((20 / 28) * Math.min(large[0], large[1])) / found.side, found.center), [rows, columns, 1]);
      } else {
        image = average4(values, [rows, columns, 3]);
      }
      loaded.textContent = `${file.name} is shown with ${rows} \u00d7 ${columns} pixels.`;
      changed();
    }

    function average4(values, [rows, columns, channels]) {
      return Float32Array.from({ length: rows * columns * channels }, (_, at) => {
        const [i, j, c] = [Math.floor(at / channels / columns), Math.floor(at / channels) % columns, at % channels];
        let sum = 0;
        for (let r = 0; r < 4; r += 1) for (let s = 0; s < 4; s += 1) sum += values[((4 * i + r) * 4 * columns + 4 * j + s) * channels + c];
        return sum / 16;
      });
    }

    async function takeNetwork(file) {
      try {
        if (file.size > seeArithmetic.MOST.bytes) throw Object.assign(new Error(`It has ${(file.size / 1e6).toFixed(1)} MB; this page reads ${seeArithmetic.MOST.bytes / 1e6} MB at most.`), { isSentence: true });
        let parsed;
        try {
          parsed = JSON.parse(await file.text());
        } catch {
          throw Object.assign(new Error("It is no JSON file, or it is cut off. Write one with source_lib.interactive.export(model, \"mine.json\")."), { isSentence: true });
        }
        use(seeArithmetic.read(parsed));
        loaded.textContent = `${file.name} is shown now: ${original.layers.length} layers, ${original.parameters.toLocaleString("en")} parameters.`;
        button("ours").hidden = false;
      } catch (error) {
        loaded.textContent = `${file.name} was not taken, and nothing has changed. ${error.isSentence ? error.message : "It is damaged."}`;
      }
    }

    function use(found) {
      const [old, oldShape] = [image, shape];
      original = found;
      chosen = target = null;
      offer();
      build();
      image = warp(old, oldShape, shape, Math.min(shape[0] / oldShape[0], shape[1] / oldShape[1]), [oldShape[0] / 2, oldShape[1] / 2]);
      Object.assign(pen, { row: 0, column: 0, down: false });
      compute();
      strongest();
      refresh(true);
      say();
    }

    function take(file) {
      if (!file) return;
      if (file.type.startsWith("image/")) takeImage(file); else takeNetwork(file);
    }

    figure.querySelector("[data-take=image]").addEventListener("change", (event) => {
      if (event.target.files[0]) takeImage(event.target.files[0]);
      event.target.value = "";
    });
    figure.querySelector("[data-take=network]").addEventListener("change", (event) => {
      if (event.target.files[0]) takeNetwork(event.target.files[0]);
      event.target.value = "";
    });
    button("ours").addEventListener("click", () => {
      use(ours);
      loaded.textContent = "The course's network is back.";
      button("ours").hidden = true;
      figure.querySelector("[data-take=network]").focus();
    });
    for (const name of ["dragenter", "dragover"]) {
      live.addEventListener(name, (event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        live.classList.add("dropping");
      });
    }
    live.addEventListener("dragleave", (event) => { if (!live.contains(event.relatedTarget)) live.classList.remove("dropping"); });
    live.addEventListener("drop", (event) => {
      event.preventDefault();
      live.classList.remove("dropping");
      take(event.dataTransfer.files[0]);
    });

    // --- begin ---

    figure.classList.add("live");
    live.hidden = false;
    offer();
    build();
    drawDigit(data.digit, false);
    strongest();
    drawDigit(data.digit, true);
    refresh(true);
    let width = 0;
    new ResizeObserver(() => {
      const now = panels.clientWidth;
      if (now === width || !now) return;
      width = now;
      measure();
      refresh();
    }).observe(panels);
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".see").forEach(makeLive));
})();
