// The arithmetic of a network that is one layer after another: pure functions on typed arrays, without a page.
// A network is what source_lib.interactive.network_file writes. Maps are kept as Keras keeps them: rows, columns,
// channels. Sums are taken in double precision and kept in single precision, as the tests compare them with Keras.
"use strict";

const seeArithmetic = (() => {
  const FORMAT = "network to see";
  const VERSION = 1;
  // As in the Python module that writes the file.
  const MOST = { bytes: 8e6, parameters: 1e6, products: 6e7, side: 64, layers: 60, classes: 100 };
  const FUNCTIONS = {
    relu: (x) => (x > 0 ? x : 0),
    tanh: Math.tanh,
    sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  };

  // --- reading a file -----------------------------------------------------------------------------------------------

  function refuse(sentence) {
    const error = new Error(sentence);
    error.isSentence = true;
    throw error;
  }

  const isCount = (value, least, most) => Number.isInteger(value) && value >= least && value <= most;

  function numbers(packed, what, shape) {
    const size = shape.reduce((product, side) => product * side, 1);
    if (!packed || !Array.isArray(packed.shape) || packed.shape.length !== shape.length ||
        packed.shape.some((side, axis) => side !== shape[axis])) refuse(`${what} do not have the shape that fits there.`);
    let bytes;
    try {
      bytes = Uint8Array.from(atob(packed.data), (character) => character.charCodeAt(0));
    } catch {
      refuse(`${what} cannot be read: they are not written in base64.`);
    }
    const each = { float32: 4, int8: 1 }[packed.type];
    if (!each || bytes.length !== size * each) refuse(`${what} are not as many as their shape says.`);
    let values;
    if (each === 4) {
      values = new Float32Array(size);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < size; i += 1) values[i] = view.getFloat32(4 * i, true);
    } else {
      const channels = shape.at(-1);
      if (!Array.isArray(packed.scale) || packed.scale.length !== channels) refuse(`${what} lack a scale for each channel.`);
      const scale = Float32Array.from(packed.scale, Number);
      values = Float32Array.from(new Int8Array(bytes.buffer), (whole, i) => whole * scale[i % channels]);
    }
    if (!values.every(Number.isFinite)) refuse(`${what} hold something that is not a finite number.`);
    return values;
  }

  function pairOf(value, most, what) {
    if (!Array.isArray(value) || value.length !== 2 || !value.every((side) => isCount(side, 1, most))) refuse(`${what} is not two whole numbers.`);
    return value;
  }

  // Zeros before the first row and as many outputs as there are positions, along one axis, as Keras counts them.
  function positions(n, k, stride, padding, name) {
    const count = padding === "same" ? Math.ceil(n / stride) : Math.floor((n - k) / stride) + 1;
    if (count < 1) refuse(`The window of layer ${name}, ${k}, is larger than its input, ${n}.`);
    const zeros = padding === "same" ? Math.max((count - 1) * stride + k - n, 0) : 0;
    return [count, Math.floor(zeros / 2)];
  }

  function windowed(layer, shape, size, stride, padding) {
    const [rows, top] = positions(shape[0], size[0], stride[0], padding, layer.name);
    const [columns, left] = positions(shape[1], size[1], stride[1], padding, layer.name);
    return { size, stride, before: [top, left], sides: [rows, columns] };
  }

  const READERS = {
    convolution(entry, layer, shape) {
      if (shape.length !== 3) refuse(`Layer ${layer.name} is a convolution and gets no maps.`);
      const kernel = (entry.weights || {}).shape;
      if (!Array.isArray(kernel) || kernel.length !== 4 || !kernel.every((side) => isCount(side, 1, 4096))) refuse(`The kernel of layer ${layer.name} has no four sides.`);
      if (!["same", "valid"].includes(entry.padding)) refuse(`The padding of layer ${layer.name} is neither "same" nor "valid".`);
      Object.assign(layer, windowed(layer, shape, kernel.slice(0, 2), pairOf(entry.stride, 64, `The stride of layer ${layer.name}`), entry.padding));
      layer.shape = [...layer.sides, kernel[3]];
      layer.products = layer.sides[0] * layer.sides[1] * kernel.reduce((a, b) => a * b, 1);
      if (layer.products > MOST.products) refuse(tooLarge());
      layer.weights = numbers(entry.weights, `The weights of layer ${layer.name}`, [kernel[0], kernel[1], shape[2], kernel[3]]);
      layer.bias = numbers(entry.bias, `The biases of layer ${layer.name}`, [kernel[3]]);
    },
    dense(entry, layer, shape) {
      if (shape.length !== 1) refuse(`Layer ${layer.name} is dense and gets maps.`);
      const units = ((entry.weights || {}).shape || [])[1];
      if (!isCount(units, 1, MOST.parameters) || units * shape[0] > MOST.parameters) refuse(tooLarge());
      layer.shape = [units];
      layer.products = units * shape[0];
      layer.weights = numbers(entry.weights, `The weights of layer ${layer.name}`, [shape[0], units]);
      layer.bias = numbers(entry.bias, `The biases of layer ${layer.name}`, [units]);
    },
    pooling(entry, layer, shape) {
      if (shape.length !== 3) refuse(`Layer ${layer.name} is a pooling and gets no maps.`);
      if (!["max", "average"].includes(entry.of)) refuse(`Layer ${layer.name} pools neither the maximum nor the average.`);
      layer.of = entry.of;
      Object.assign(layer, windowed(layer, shape, pairOf(entry.size, 64, `The window of layer ${layer.name}`),
        pairOf(entry.stride, 64, `The stride of layer ${layer.name}`), "valid"));
      layer.shape = [...layer.sides, shape[2]];
    },
    activation(entry, layer, shape) {
      if (!Object.hasOwn(FUNCTIONS, entry.function)) refuse(`Layer ${layer.name} has an activation that this page does not know.`);
      layer.function = entry.function;
      layer.shape = shape;
    },
    scale(entry, layer, shape) {
      layer.shape = shape;
      layer.factor = numbers(entry.factor, `The factors of layer ${layer.name}`, [shape.at(-1)]);
      layer.offset = numbers(entry.offset, `The offsets of layer ${layer.name}`, [shape.at(-1)]);
    },
    flatten(entry, layer, shape) { layer.shape = [shape.reduce((a, b) => a * b, 1)]; },
    average(entry, layer, shape) {
      if (shape.length !== 3) refuse(`Layer ${layer.name} averages maps and gets none.`);
      layer.shape = [shape[2]];
    },
    softmax(entry, layer, shape) {
      if (shape.length !== 1) refuse(`Layer ${layer.name} is a softmax and gets maps.`);
      layer.shape = shape;
    },
  };

  const tooLarge = () => `The network is too large for this page: it takes ${MOST.parameters.toLocaleString("en")} ` +
    `parameters and ${MOST.products.toLocaleString("en")} products for an image at most.`;

  // Return a network that can be computed, or throw an error with a sentence for the reader.
  function read(file) {
    if (file === null || typeof file !== "object" || file.format !== FORMAT) refuse("This is no file of a network. Write one with source_lib.interactive.export(model, \"mine.json\").");
    if (file.version !== VERSION) refuse(`This file has version ${String(file.version).slice(0, 20)} of the format, and this page reads version ${VERSION}. Write it with the course's package that belongs to this page.`);
    const { shape, low, high } = file.input || {};
    if (!Array.isArray(shape) || shape.length !== 3 || !isCount(shape[0], 1, MOST.side) || !isCount(shape[1], 1, MOST.side) || ![1, 3].includes(shape[2])) refuse(`The network's images must have at most ${MOST.side} × ${MOST.side} pixels, in 1 or 3 channels.`);
    if (!Number.isFinite(low) || !Number.isFinite(high) || low === high) refuse("The file does not say which values a black and a white pixel have.");
    if (!Array.isArray(file.layers) || !isCount(file.layers.length, 1, MOST.layers)) refuse(`The file must hold 1 to ${MOST.layers} layers.`);
    const layers = [];
    let now = shape, parameters = 0, products = 0;
    for (const [place, entry] of file.layers.entries()) {
      if (!entry || !Object.hasOwn(READERS, entry.kind)) refuse(`Layer ${place + 1} is of a kind that this page does not know.`);
      const layer = { kind: entry.kind, name: String(entry.name ?? place + 1).slice(0, 40), place, input: now };
      READERS[entry.kind](entry, layer, now);
      now = layer.shape;
      parameters += layer.weights ? layer.weights.length + layer.bias.length : 0;
      products += layer.products || 0;
      if (parameters > MOST.parameters || products > MOST.products) refuse(tooLarge());
      layers.push(layer);
    }
    if (now.length !== 1 || !isCount(now[0], 2, MOST.classes)) refuse(`The network must end with 2 to ${MOST.classes} scores.`);
    const classes = Array.isArray(file.classes) ? file.classes.map((name) => String(name).slice(0, 24)) : [];
    if (classes.length !== now[0]) refuse(`The file names ${classes.length} classes, and the network has ${now[0]} scores.`);
    return { name: String(file.name ?? "").slice(0, 60), input: { shape, low, high }, classes, layers, parameters, products };
  }

  // --- the same network with something switched -----------------------------------------------------------------------

  // Whether poolings stand before their activations in a network, as it is; null where none stands next to one.
  function poolsFirst({ layers }) {
    const pairs = layers.slice(1).map((layer, i) => `${layers[i].kind} ${layer.kind}`);
    if (pairs.includes("activation pooling")) return false;
    return pairs.includes("pooling activation") ? true : null;
  }

  // relu: whether activations act; bias: whether biases are added; poolFirst: whether poolings come before the
  // activation next to them; average: whether poolings take the average. Left out: as the network has it.
  function switched(network, { relu = true, bias = true, poolFirst = poolsFirst(network), average = null } = {}) {
    let layers = network.layers.map((layer) => ({
      ...layer,
      function: layer.kind === "activation" && !relu ? "linear" : layer.function,
      off: layer.kind === "activation" && !relu ? layer.function : undefined,
      bias: layer.bias && !bias ? new Float32Array(layer.bias.length) : layer.bias,
      of: layer.kind === "pooling" && average !== null ? (average ? "average" : "max") : layer.of,
    }));
    if (poolFirst !== poolsFirst(network)) {
      const before = poolFirst ? "activation" : "pooling";
      const after = poolFirst ? "pooling" : "activation";
      for (let i = 1; i < layers.length; i += 1) {
        const [first, second] = [layers[i - 1], layers[i]];
        if (first.kind !== before || second.kind !== after) continue;
        // The activation has the size of what it gets, on either side of the pooling.
        const [pooling, activation] = poolFirst ? [second, first] : [first, second];
        const middle = poolFirst ? pooling.shape : pooling.input;
        layers[i - 1] = poolFirst ? pooling : { ...activation, input: middle, shape: middle };
        layers[i] = poolFirst ? { ...activation, input: middle, shape: middle } : pooling;
        i += 1;
      }
    }
    layers = layers.map((layer, place) => ({ ...layer, place }));
    return { ...network, layers };
  }

  // --- forward --------------------------------------------------------------------------------------------------------

  function convolve(layer, input) {
    const [rows, columns, channels] = layer.input;
    const [outRows, outColumns, filters] = layer.shape;
    const [height, width] = layer.size;
    const output = new Float32Array(outRows * outColumns * filters);
    const sums = new Float64Array(filters);
    const { weights, bias } = layer;
    for (let i = 0, at = 0; i < outRows; i += 1) {
      const top = i * layer.stride[0] - layer.before[0];
      for (let j = 0; j < outColumns; j += 1, at += filters) {
        const left = j * layer.stride[1] - layer.before[1];
        sums.set(bias);
        for (let r = Math.max(0, -top); r < height && top + r < rows; r += 1) {
          for (let s = Math.max(0, -left); s < width && left + s < columns; s += 1) {
            let from = ((top + r) * columns + left + s) * channels;
            let w = (r * width + s) * channels * filters;
            for (let c = 0; c < channels; c += 1, from += 1) {
              const x = input[from];
              if (x === 0) { w += filters; continue; }
              for (let k = 0; k < filters; k += 1, w += 1) sums[k] += x * weights[w];
            }
          }
        }
        output.set(sums, at);
      }
    }
    return output;
  }

  function pool(layer, input) {
    const [, columns, channels] = layer.input;
    const [outRows, outColumns] = layer.shape;
    const [height, width] = layer.size;
    const output = new Float32Array(outRows * outColumns * channels);
    for (let i = 0, at = 0; i < outRows; i += 1) {
      for (let j = 0; j < outColumns; j += 1) {
        const corner = (i * layer.stride[0] * columns + j * layer.stride[1]) * channels;
        for (let c = 0; c < channels; c += 1, at += 1) {
          let most = -Infinity, sum = 0;
          for (let r = 0; r < height; r += 1) {
            for (let s = 0; s < width; s += 1) {
              const x = input[corner + (r * columns + s) * channels + c];
              if (x > most) most = x;
              sum += x;
            }
          }
          output[at] = layer.of === "max" ? most : sum / (height * width);
        }
      }
    }
    return output;
  }

  function multiply(layer, input) {
    const units = layer.shape[0];
    const sums = Float64Array.from(layer.bias);
    for (let i = 0, w = 0; i < input.length; i += 1) {
      const x = input[i];
      if (x === 0) { w += units; continue; }
      for (let k = 0; k < units; k += 1, w += 1) sums[k] += x * layer.weights[w];
    }
    return Float32Array.from(sums);
  }

  function softmax(input) {
    const most = input.reduce((a, b) => Math.max(a, b), -Infinity);
    const raised = Float64Array.from(input, (x) => Math.exp(x - most));
    const sum = raised.reduce((a, b) => a + b, 0);
    return Float32Array.from(raised, (x) => x / sum);
  }

  function average(layer, input) {
    const channels = layer.shape[0];
    const sums = new Float64Array(channels);
    for (let i = 0; i < input.length; i += 1) sums[i % channels] += input[i];
    return Float32Array.from(sums, (sum) => sum * channels / input.length);
  }

  const STEPS = {
    convolution: convolve, pooling: pool, dense: multiply, average,
    softmax: (layer, input) => softmax(input),
    flatten: (layer, input) => input,
    activation: (layer, input) => (layer.function === "linear" ? input : input.map(FUNCTIONS[layer.function])),
    scale: (layer, input) => {
      const channels = layer.factor.length;
      return input.map((x, i) => x * layer.factor[i % channels] + layer.offset[i % channels]);
    },
  };

  // Return what each layer gives, first layer first. The image has the network's own values.
  function forward(network, image) {
    const outputs = [];
    for (const layer of network.layers) outputs.push(STEPS[layer.kind](layer, outputs.length ? outputs.at(-1) : image));
    return outputs;
  }

  // --- one number -----------------------------------------------------------------------------------------------------

  // Return how one number came about. `terms` has for each input that it saw the place in the layer before (−1 in the
  // padding), its value, and where the layer has weights, the weight and the product; `sum`, `bias` and `value` follow.
  function explain(layer, input, place) {
    const shape = layer.shape;
    const channel = shape.length === 3 ? place % shape[2] : place;
    const at = shape.length === 3
      ? { row: Math.floor(place / shape[2] / shape[1]), column: Math.floor(place / shape[2]) % shape[1], channel } : { channel };
    const terms = [];
    let sum = 0;
    if (layer.kind === "convolution" || layer.kind === "pooling") {
      const [rows, columns, channels] = layer.input;
      const seen = layer.kind === "pooling" ? [channel] : Array.from({ length: channels }, (_, c) => c);
      for (const c of seen) {
        for (let r = 0; r < layer.size[0]; r += 1) {
          for (let s = 0; s < layer.size[1]; s += 1) {
            const [i, j] = [at.row * layer.stride[0] - (layer.before[0] - r), at.column * layer.stride[1] - (layer.before[1] - s)];
            const inside = i >= 0 && j >= 0 && i < rows && j < columns;
            const from = inside ? (i * columns + j) * channels + c : -1;
            const term = { from, row: i, column: j, channel: c, x: inside ? input[from] : 0 };
            if (layer.weights) {
              term.w = layer.weights[((r * layer.size[1] + s) * channels + c) * shape[2] + channel];
              term.product = term.x * term.w;
              sum += term.product;
            }
            terms.push(term);
          }
        }
      }
    } else if (layer.kind === "dense") {
      for (let from = 0; from < input.length; from += 1) {
        const w = layer.weights[from * shape[0] + channel];
        terms.push({ from, x: input[from], w, product: input[from] * w });
        sum += input[from] * w;
      }
    } else if (layer.kind === "softmax") {
      input.forEach((x, from) => terms.push({ from, x }));
    } else if (layer.kind === "average") {
      for (let from = channel; from < input.length; from += shape[0]) terms.push({ from, x: input[from] });
    } else {
      terms.push({ from: place, x: input[place] });
    }
    const found = { at, terms };
    if (layer.weights) Object.assign(found, { sum, bias: layer.bias[channel], value: sum + layer.bias[channel] });
    return found;
  }

  // Return the rectangle of the image that a place of a layer sees, ends included: [top, left, bottom, right].
  // A number behind Flatten or a dense layer sees the maps that it is computed from.
  function field(network, place, row, column) {
    const layers = network.layers.slice(0, place + 1);
    let box = [row, column, row, column];
    for (const layer of layers.reverse()) {
      if (layer.shape.length === 1 && layer.input.length === 3) {
        const { from } = layer.kind === "flatten" && row >= 0 ? { from: row } : { from: -1 };
        const [rows, columns, channels] = layer.input;
        const [i, j] = [Math.floor(from / channels / columns), Math.floor(from / channels) % columns];
        box = from < 0 ? [0, 0, rows - 1, columns - 1] : [i, j, i, j];
      } else if (layer.kind === "transposed") {
        // Copies of the kernel begin at the multiples of the stride.
        for (const axis of [0, 1]) {
          box[axis] = Math.max(Math.ceil((box[axis] - layer.size[axis] + 1) / layer.stride[axis]), 0);
          box[axis + 2] = Math.min(Math.floor(box[axis + 2] / layer.stride[axis]), layer.input[axis] - 1);
        }
      } else if (layer.size) {
        for (const axis of [0, 1]) {
          const first = box[axis] * layer.stride[axis] - layer.before[axis];
          const last = box[axis + 2] * layer.stride[axis] - layer.before[axis] + layer.size[axis] - 1;
          box[axis] = Math.max(first, 0);
          box[axis + 2] = Math.min(last, layer.input[axis] - 1);
        }
      } else if (layer.kind === "dense" || layer.kind === "softmax") {
        row = -1;
      }
    }
    return box;
  }

  // Return a network of which only kind, size and stride of each layer are known, for `field`: convolutions that keep the
  // size, poolings, and transposed convolutions without padding. Shape: rows and columns of its image.
  function chain(layers, shape) {
    let now = [...shape, 1];
    return { layers: layers.map(({ kind, size, stride }, place) => {
      const layer = { kind, place, name: place + 1, input: now, size: [size, size], stride: [stride, stride], before: [0, 0] };
      if (kind === "transposed") layer.sides = [0, 1].map((axis) => (now[axis] - 1) * stride + size);
      else Object.assign(layer, windowed(layer, now, layer.size, layer.stride, kind === "convolution" ? "same" : "valid"));
      layer.shape = now = [...layer.sides, 1];
      return layer;
    }) };
  }

  // --- Grad-CAM -------------------------------------------------------------------------------------------------------

  // R. R. Selvaraju et al., ICCV 2017, equations 1 and 2, on the last layer that has maps, of the score before softmax.
  // Return { place, rows, columns, weights, heat }, or null where no layer has maps.
  function gradCam(network, outputs, image, target) {
    const { layers } = network;
    const place = layers.findLastIndex((layer) => layer.shape.length === 3);
    if (place < 0) return null;
    let end = layers.length - 1;
    while (end > place && (layers[end].kind === "softmax" || layers[end].function === "sigmoid")) end -= 1;
    let slopes = new Float64Array(layers[end].shape[0]);
    slopes[target] = 1;
    for (let at = end; at > place; at -= 1) slopes = backward(layers[at], at ? outputs[at - 1] : image, outputs[at], slopes);
    const [rows, columns, channels] = layers[place].shape;
    const weights = new Float64Array(channels);
    slopes.forEach((slope, i) => { weights[i % channels] += slope / (rows * columns); });
    const heat = Float32Array.from({ length: rows * columns }, (_, i) => {
      let sum = 0;
      for (let c = 0; c < channels; c += 1) sum += weights[c] * outputs[place][i * channels + c];
      return Math.max(sum, 0);
    });
    return { place, rows, columns, weights, heat };
  }

  // The derivatives by what a layer got, from those by what it gave; of layers that work on vectors.
  function backward(layer, input, output, slopes) {
    if (layer.kind === "dense") {
      const units = layer.shape[0];
      return Float64Array.from(input, (_, i) => slopes.reduce((sum, slope, k) => sum + slope * layer.weights[i * units + k], 0));
    }
    if (layer.kind === "average") {
      const places = input.length / layer.shape[0];
      return Float64Array.from(input, (_, i) => slopes[i % layer.shape[0]] / places);
    }
    if (layer.kind === "scale") return slopes.map((slope, i) => slope * layer.factor[i % layer.factor.length]);
    if (layer.kind === "activation") {
      const inner = { linear: () => 1, relu: (y) => (y > 0 ? 1 : 0), tanh: (y) => 1 - y * y, sigmoid: (y) => y * (1 - y) }[layer.function];
      return slopes.map((slope, i) => slope * inner(output[i]));
    }
    if (layer.kind === "softmax") {
      const mean = slopes.reduce((sum, slope, i) => sum + slope * output[i], 0);
      return slopes.map((slope, i) => output[i] * (slope - mean));
    }
    return slopes;
  }

  return { MOST, read, poolsFirst, switched, forward, explain, field, chain, gradCam };
})();
