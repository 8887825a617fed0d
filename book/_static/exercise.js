// Makes a form of class "exercise" live: it says whether an answer is right, and gives a hint where it is wrong in a
// usual way. What is right, and what is usual, was computed when the page was made. Nothing is sent and nothing kept.
// Without this script a form is its question and a pointer to the worked answer.
"use strict";

const exercise = (() => {
  const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const GROUPED = String.raw`(?:\d{1,3}(?:[,'’_ ]\d{3})+|\d+)(?:\.\d*)?|\.\d+`;
  const NUMBER = new RegExp(String.raw`^([+-]?)\s*(${GROUPED})$`);
  const WORDS = { thousand: 1e3, million: 1e6, billion: 1e9 };

  class Unreadable extends Error {}

  // One spelling for what keyboards and clipboards spell in many ways.
  function plain(text) {
    return text
      .replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹]+/g, (digits) => `^${Array.from(digits, (digit) => RAISED.indexOf(digit)).join("")}`)
      .normalize("NFKC")
      .replace(/[−–]/g, "-")
      .replace(/⁄/g, "/")
      .replace(/\s+/g, " ")
      .trim()
      .toLowerCase();
  }

  // A decimal number with or without commas between thousands; NaN where it is none.
  function decimal(text) {
    const found = NUMBER.exec(text.trim());
    return found ? (found[1] === "-" ? -1 : 1) * Number(found[2].replace(/[,'’_ ]/g, "")) : NaN;
  }

  // The forms of a number that are more than digits, each with what it stands for.
  const FORMS = [
    [/^(.+?) ?\/ ?(.+)$/, (above, below) => decimal(above) / decimal(below)],
    [/^(.+?) ?[x×*·] ?10 ?(?:\^|\*\*) ?([+-]?\d+)$/, (factor, power) => decimal(factor) * 10 ** Number(power)],
    [/^(.+?)e([+-]?\d+)$/, (factor, power) => decimal(factor) * 10 ** Number(power)],
    [/^(.+?) ?(?:\^|\*\*) ?([+-]?\d+)$/, (base, power) => decimal(base) ** Number(power)],
    [/^(.+?) ?(thousand|million|billion)$/, (factor, word) => decimal(factor) * WORDS[word]],
  ];

  function value(text) {
    for (const [form, meaning] of FORMS) {
      const found = form.exec(text);
      if (found) return meaning(found[1], found[2]);
    }
    return decimal(text);
  }

  function withoutUnit(text, unit) {
    const stem = unit.toLowerCase().replace(/s$/, "");
    const end = stem && [`${stem}s`, stem].find((word) => text.endsWith(word));
    return end ? text.slice(0, -end.length).trim() : text;
  }

  function readNumber(written, unit) {
    let text = plain(written).replace(/^(?:=|≈|~) ?/, "");
    if (!text) throw new Unreadable("Type a number first.");
    const percent = /^(.*?) ?(?:%|percent)$/.exec(text);
    if (percent && unit && unit !== "%") {
      throw new Unreadable(`“${written.trim()}” is a percentage; the answer is in ${unit}.`);
    }
    text = percent ? percent[1] : withoutUnit(text, unit);
    const read = value(text);
    if (Number.isFinite(read)) {
      if (percent) return unit === "%" ? read : read / 100;
      // A fraction is a share, also where percent are asked for.
      return unit === "%" && text.includes("/") ? 100 * read : read;
    }
    if (/^[+-]?\d+,\d+$/.test(text)) {
      throw new Unreadable(`In “${written.trim()}” write a point before the decimals: ${text.replace(",", ".")}`);
    }
    if (/\d ?(?:[x×*·;,]|by) ?\d/.test(text)) {
      throw new Unreadable(`“${written.trim()}” has several numbers; one is asked for. Work it out.`);
    }
    throw new Unreadable(`“${written.trim()}” could not be read as a number. Write it like 1,200 or 0.25 or 1/4.`);
  }

  function readShape(written) {
    const inside = plain(written).replace(/^[([{]+|[)\]}]+$/g, "").replace(/,\s*$/, "").trim();
    if (!inside) throw new Unreadable("Type a shape first, like 5 × 5 × 3.");
    const times = /[x×*·]|\bby\b/;
    const parts = times.test(inside) ? inside.split(new RegExp(times, "g")) : inside.split(/ ?[,;] ?| /);
    return parts.map((part) => {
      if (/^\s*(?:none|null|\?)\s*$/.test(part)) return null;
      const size = decimal(part);
      if (Number.isInteger(size) && size >= 0) return size;
      const unread = part.trim() || written.trim();
      throw new Unreadable(`“${unread}” could not be read as a size. Write whole numbers, like 5 × 5 × 3.`);
    });
  }

  const same = (one, other) => one.length === other.length && one.every((size, place) => size === other[place]);

  const KINDS = {
    number: {
      read: (form, data) => readNumber(form.querySelector("input").value, data.unit),
      equal: (given, wanted, data) => Math.abs(given - wanted) <= data.tolerance + 1e-9 * Math.max(1, Math.abs(wanted)),
      remark(given, data) {
        if (data.unit === "%" && this.equal(100 * given, data.answer, data)) {
          return "That is the share. In percent it is a hundred times as much.";
        }
        if (!data.unit && this.equal(given / 100, data.answer, data)) return "If you mean percent, write the % sign.";
        return "";
      },
    },
    shape: {
      read: (form) => readShape(form.querySelector("input").value),
      equal: (given, wanted) => same(given, wanted) || (given[0] === null && same(given.slice(1), wanted)),
      remark(given, { answer }) {
        if (given.length !== answer.length) {
          return `You gave ${given.length} ${given.length === 1 ? "size" : "sizes"}; the shape has ${answer.length}.`;
        }
        return same([...given].sort(), [...answer].sort()) ? "The sizes are right; their order is not." : "";
      },
    },
    choice: {
      read(form) {
        const chosen = form.querySelector("input:checked");
        if (!chosen) throw new Unreadable("Choose one of the answers first.");
        return Number(chosen.value);
      },
      equal: (given, wanted) => given === wanted,
      remark: () => "",
    },
  };

  // What is to be said about an answer, and whether it is right, wrong or unreadable.
  function judge(form, data) {
    const kind = KINDS[data.kind];
    let given;
    try {
      given = kind.read(form, data);
    } catch (problem) {
      if (!(problem instanceof Unreadable)) throw problem;
      return ["unreadable", problem.message];
    }
    if (kind.equal(given, data.answer, data)) return ["right", "Right. Compare your working with the answer below."];
    const usual = data.wrong.find(([wrong]) => kind.equal(given, wrong, data));
    const remark = usual ? usual[1] : kind.remark(given, data);
    const hint = remark || "Write the formula down, put the numbers in, and try again.";
    return ["wrong", `Not yet. ${hint}`];
  }

  // Text between backticks is code.
  function write(element, text) {
    element.replaceChildren(...text.split("`").map((part, place) => {
      if (place % 2 === 0) return part;
      const code = document.createElement("code");
      code.textContent = part;
      return code;
    }));
  }

  function makeLive(form, place) {
    const data = JSON.parse(form.querySelector("script").textContent);
    const verdict = form.querySelector(".exercise-verdict");
    const inputs = form.querySelectorAll("input");
    verdict.id = `exercise-verdict-${place}`;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const [state, text] = judge(form, data);
      form.dataset.state = state;
      if (data.kind !== "choice") inputs[0].setAttribute("aria-invalid", String(state !== "right"));
      write(verdict, text);
    });
    // A verdict is about the answer that was checked, not about the one that is being written.
    form.addEventListener("input", () => {
      if (!form.dataset.state) return;
      delete form.dataset.state;
      inputs.forEach((input) => input.removeAttribute("aria-invalid"));
      verdict.replaceChildren();
    });
    if (data.kind !== "choice") inputs[0].setAttribute("aria-describedby", verdict.id);
    form.querySelectorAll("input, button").forEach((part) => { part.hidden = false; });
    form.classList.add("live");
  }

  return { makeLive };
})();

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("form.exercise").forEach(exercise.makeLive);
});
