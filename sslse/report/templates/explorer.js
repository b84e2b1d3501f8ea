// The table of utterances (explorer.html): choose two systems and a measure, sort, filter, open a row.
(function () {
  const source = document.getElementById("explorer-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const section = source.closest("section"), form = section.querySelector(".filters");
  const head = section.querySelector("thead"), body = section.querySelector("tbody");
  const count = document.getElementById("explorer-count");
  const more = document.getElementById("explorer-more");
  const marks = [...document.getElementById("explorer-marks").content.children];
  const clipTemplate = document.getElementById("explorer-clip").content.querySelector(".clip");
  const PAGE = 20;
  let shown = PAGE, column = { name: "difference", down: true };
  const collator = new Intl.Collator("en", { numeric: true });

  const field = name => form.elements[name] ? form.elements[name].value : "";
  const number = name => field(name) === "" ? null : Number(field(name));
  const value = (utterance, row, measure) => utterance.values[row][measure];

  function print(amount, measure, sign) {
    if (amount === null || amount === undefined) return "";
    if (measure.infinite && !sign && Math.abs(amount) >= 100) return amount > 0 ? "∞" : "−∞";
    const text = amount.toFixed(measure.digits).replace("-", "−");
    return sign && amount > 0 ? "+" + text : text;
  }

  // What is asked for now: two rows, a measure, and how a number of an utterance is read.
  function question() {
    const a = Number(field("a")), b = Number(field("b")), at = Number(field("measure"));
    const measure = data.measures[at];
    return {
      a, b, measure,
      first: u => value(u, a, at), second: u => value(u, b, at),
      difference: u => value(u, a, at) === null || value(u, b, at) === null ? null
        : value(u, a, at) - value(u, b, at),
      gain: difference => measure.lower ? -difference : difference,
    };
  }

  function columns(ask) {
    const has = name => data.utterances.some(u => u[name] !== "" && u[name] !== null);
    return [
      { name: "id", title: "utterance", of: u => u.id },
      has("snr") && { name: "snr", title: "SNR dB", of: u => u.snr, show: u => u.snr === null ? "" : u.snr.toFixed(1) },
      has("condition") && { name: "condition", title: "condition", of: u => u.condition },
      has("speaker") && { name: "speaker", title: "speaker", of: u => u.speaker },
      { name: "a", title: data.rows[ask.a].label + ", " + ask.measure.label, of: ask.first, show: u => print(ask.first(u), ask.measure) },
      { name: "b", title: data.rows[ask.b].label + ", " + ask.measure.label, of: ask.second, show: u => print(ask.second(u), ask.measure) },
      { name: "difference", title: "difference", of: ask.difference, show: u => print(ask.difference(u), ask.measure, true) },
      has("text") && { name: "text", title: "words", of: u => u.text },
    ].filter(Boolean);
  }

  function wanted(ask) {
    const search = field("search").toLowerCase();
    const between = (amount, from, to) => (from === null && to === null)
      || (amount !== null && (from === null || amount >= from) && (to === null || amount <= to));
    return data.utterances.filter(u => ["condition", "speaker"].every(name => !field(name) || u[name] === field(name))
      && between(u.snr, number("snr_from"), number("snr_to"))
      && between(value(u, ask.a, Number(field("limited"))), number("value_from"), number("value_to"))
      && (!search || u.id.toLowerCase().includes(search) || u.text.toLowerCase().includes(search)));
  }

  // Utterances without a number come last.
  function sorted(list, ask, all) {
    const by = {
      largest: u => ask.difference(u) === null ? null : -Math.abs(ask.difference(u)),
      worst: u => ask.difference(u) === null ? null : ask.gain(ask.difference(u)),
      best: u => ask.difference(u) === null ? null : -ask.gain(ask.difference(u)),
    }[field("order")];
    const key = by || all.find(c => c.name === column.name).of;
    const turn = by || !column.down ? 1 : -1;
    const empty = x => x === null || x === "";
    return list.slice().sort((u, v) => {
      const x = key(u), y = key(v);
      if (empty(x) || empty(y)) return empty(x) - empty(y) || collator.compare(u.id, v.id);
      const order = typeof x === "number" ? x - y : collator.compare(x, y);
      return turn * order || collator.compare(u.id, v.id);
    });
  }

  function draw() {
    const ask = question(), all = columns(ask);
    if (!all.some(c => c.name === column.name)) column = { name: "id", down: false };
    const list = sorted(wanted(ask), ask, all);
    head.replaceChildren(element("tr", {}, ...all.map(c => {
      const sort = field("order") !== "column" || c.name !== column.name ? "none" : column.down ? "descending" : "ascending";
      const button = element("button", { type: "button" }, c.title);
      button.addEventListener("click", () => {
        column = { name: c.name, down: field("order") === "column" && c.name === column.name ? !column.down : false };
        form.elements.order.value = "column";
        draw();
        head.querySelectorAll("button")[all.indexOf(c)].focus();
      });
      return element("th", { scope: "col", "aria-sort": sort }, button);
    })));
    body.replaceChildren(...list.slice(0, shown).map(u => line(u, all, ask)));
    more.hidden = list.length <= shown;
    const given = list.map(ask.difference).filter(d => d !== null);
    const better = given.filter(d => ask.gain(d) > 0).length, worse = given.filter(d => ask.gain(d) < 0).length;
    count.textContent = list.length + " of " + data.utterances.length + " utterances; “" + data.rows[ask.a].label
      + "” is better than “" + data.rows[ask.b].label + "” in " + better + ", worse in " + worse + ", equal in "
      + (given.length - better - worse) + ".";
    hints();
  }

  function line(utterance, all, ask) {
    const row = element("tr", {});
    for (const c of all) {
      const text = c.show ? c.show(utterance) : c.of(utterance);
      if (c.name === "id") {
        const button = element("button", { type: "button", "aria-expanded": "false" }, text);
        button.addEventListener("click", () => toggle(utterance, row, button, all.length));
        row.append(element("th", { scope: "row" }, button));
      } else if (c.name === "difference") {
        const gain = ask.gain(ask.difference(utterance) || 0);
        const kind = gain > 0 ? "better" : gain < 0 ? "worse" : "";
        row.append(element("td", { class: kind }, { better: "▲ ", worse: "▼ " }[kind] || "", text));
      } else {
        row.append(element("td", typeof c.of(utterance) === "string" ? { class: "text" } : {}, text));
      }
    }
    return row;
  }

  function toggle(utterance, row, button, width) {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", !open);
    if (open) {
      row.nextSibling.querySelectorAll("audio").forEach(audio => audio.pause());
      return row.nextSibling.remove();
    }
    const inside = element("div", { class: "inside" });
    row.after(element("tr", { class: "detail" }, element("td", { colspan: width }, inside)));
    const clips = element("ol", { class: "clips" });
    const heard = sounds(utterance);
    const places = data.rows.map((_, place) => place).filter(place => !heard || heard[data.rows[place].name]);
    places.forEach((place, at) => clips.append(clip(utterance, place, at, heard)));
    if (!heard) {
      inside.append(element("p", { class: "note" }, "No sound beside this page; more with --more-examples."), clips);
      return;
    }
    const group = element("div", { class: "players", role: "group", "aria-label": "versions of " + utterance.id }, clips);
    inside.append(group);
    makePlayers(group).group.scrollIntoView({ block: "nearest" });
  }

  // Row -> addresses of its audio and its picture: embedded in the section of examples, or beside the page.
  function sounds(utterance) {
    const found = {};
    if (utterance.embedded) {
      const article = document.querySelector("article[data-utterance=" + JSON.stringify(utterance.id) + "]");
      article.querySelectorAll(".clip").forEach(item => {
        const name = item.dataset.clip;
        const picture = article.querySelector(".picture[data-clip=" + JSON.stringify(name) + "]");
        found[name] = {
          audio: item.querySelector("audio").src, picture: picture.querySelector("img").src,
          hertz: picture.querySelector(".hertz").textContent, type: "wav",
        };
      });
      return found;
    }
    if (!utterance.files) return null;
    for (const name of utterance.files.rows) {
      const start = utterance.files.folder + "/" + encodeURIComponent(name);
      found[name] = { audio: start + ".flac", picture: start + ".png", hertz: utterance.files.hertz / 1000 + " kHz", type: "flac" };
    }
    return found;
  }

  function clip(utterance, place, at, heard) {
    const item = clipTemplate.cloneNode(true), row = data.rows[place];
    const label = utterance.id + ", " + row.label;
    item.querySelector(".name").replaceChildren(marks[place].cloneNode(true), row.label);
    item.querySelector("kbd").textContent = (at + 1) % 10 === 0 ? 0 : at + 1;
    item.querySelector("kbd").hidden = !heard || at > 9;
    item.querySelector(".note").textContent = data.measures
      .map((measure, m) => [measure.heading, print(value(utterance, place, m), measure), measure.unit])
      .filter(parts => parts[1] !== "").map(parts => parts.join(" ").trim()).join(" · ");
    if (heard) {
      const sound = heard[row.name], link = item.querySelector(".file");
      item.querySelector("img").alt = "spectrogram of " + label;
      item.querySelector("img").src = sound.picture;
      item.querySelector(".hertz").textContent = sound.hertz;
      item.querySelector("audio").setAttribute("aria-label", label);
      item.querySelector("audio").src = sound.audio;
      link.download = utterance.id + "_" + row.name + "." + sound.type;
      link.setAttribute("aria-label", "download " + label);
    } else {
      item.querySelectorAll("audio, .picture, .file").forEach(part => part.remove());
      item.querySelector(".choose").replaceWith(item.querySelector(".name"));
    }
    if (utterance.words) {
      const list = element("dl", { class: "words" });
      for (const [recognizer, words] of Object.entries(utterance.words[place])) {
        list.append(element("dt", {}, recognizer), element("dd", {}, ...aligned(words)));
      }
      item.append(list);
    }
    return item;
  }

  // A word is right, or [error, what was heard, what was said].
  function aligned(words) {
    if (!words.length) return [element("i", {}, "nothing")];
    return words.flatMap(word => [{
      s: () => element("mark", { title: "said: " + word[2] }, word[1]),
      i: () => element("ins", {}, word[1]),
      d: () => element("del", {}, word[2]),
    }[typeof word === "string" ? "" : word[0]] || (() => word)].map(make => make())).flatMap(part => [part, " "]);
  }

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, text] of Object.entries(attributes)) made.setAttribute(name, text);
    made.append(...children);
    return made;
  }

  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("input", () => { shown = PAGE; draw(); });
  form.addEventListener("reset", () => setTimeout(() => { shown = PAGE; draw(); }));
  more.addEventListener("click", () => { shown += PAGE; draw(); });
  draw();
})();
