const $ = id => document.getElementById(id);
const test = JSON.parse($("test").textContent), audio = $("audio");
let state = { listener: "", started: "", answers: [] }, heard = false, plays = 0, shown = 0;

// A browser that keeps nothing for pages from files still runs the test, without pauses.
const store = listener => `sslse ${test.test} ${test.form} ${listener}`;
function keep() {
  try { localStorage.setItem(store(state.listener), JSON.stringify(state)); } catch { return; }
}
function kept(listener) {
  try { return JSON.parse(localStorage.getItem(store(listener))); } catch { return null; }
}

function show(section) {
  for (const id of ["start", "rate", "end"]) $(id).hidden = id !== section;
  $(section).querySelector("h1").focus();
  scrollTo(0, 0);
}
const value = scale => document.querySelector(`input[name="${scale}"]:checked`)?.value;
const open = () => test.scales.find(scale => !value(scale));

function page() {
  const number = state.answers.length;
  if (number === test.stimuli.length) return finish();
  const [label, training] = test.stimuli[number];
  heard = false; plays = 0; shown = Date.now();
  $("where").textContent = training ? "Training" : "Rating";
  $("count").textContent = `Recording ${number + 1} of ${test.stimuli.length}`;
  $("progress").value = number;
  for (const scale of test.scales) {
    $(scale).disabled = true;
    $(scale).querySelectorAll("input").forEach(input => { input.checked = false; });
  }
  $("next").disabled = true;
  $("status").className = "note";
  $("status").textContent = "Hear the recording to its end, then rate it.";
  audio.src = `audio/${label}.wav`;
  show("rate");
}

function rated() {
  const left = open();
  $("next").disabled = !heard || !!left;
  if (!heard) return;
  (left ? $(left).querySelector("input") : $("next")).focus();
  if (!left) $("status").textContent = "All three are rated.";
}

function next() {
  if ($("next").disabled) return;
  const answer = { stimulus: test.stimuli[state.answers.length][0] };
  for (const scale of test.scales) answer[scale] = Number(value(scale));
  state.answers.push({ ...answer, plays, seconds: Math.round((Date.now() - shown) / 100) / 10 });
  audio.pause();
  keep();
  page();
}

function result() {
  const { format, version, form } = test;
  return JSON.stringify({ format, version, test: test.test, form, ...state }, null, 1) + "\n";
}
function save() {
  const link = document.createElement("a"), name = state.listener.replace(/[^\w-]+/g, "_");
  link.href = URL.createObjectURL(new Blob([result()], { type: "application/json" }));
  link.download = `answers_${test.test}_form${test.form}_${name}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
async function finish() {
  state.finished ||= new Date().toISOString();
  keep();
  show("end");
  $("sent").textContent = "Your answers were saved to a file; please send it to whoever asked you.";
  if (!test.post) return save();
  const done = "Your answers were sent; nothing is left to do.";
  if (state.sent) { $("sent").textContent = done; return; }  // the page was opened again
  $("sent").textContent = "Your answers are being sent …";
  try {
    const headers = { "Content-Type": "application/json" };
    const reply = await fetch(test.post, { method: "POST", headers, body: result() });
    if (!reply.ok) throw new Error(`status ${reply.status}`);
    state.sent = true;
    keep();
    $("sent").textContent = done;
  } catch (error) {
    $("sent").className = "bad";
    $("sent").textContent = `Your answers could not be sent (${error.message}). They were saved to a file; please send it to whoever asked you.`;
    save();
  }
}

audio.addEventListener("play", () => { plays += 1; });
audio.addEventListener("ended", () => {
  if (heard) return;
  heard = true;
  for (const scale of test.scales) $(scale).disabled = false;
  $("status").textContent = "Now rate it on the three scales.";
  rated();
});
audio.addEventListener("error", () => {
  $("status").className = "bad";
  $("status").textContent = "The recording cannot be played; please tell whoever asked you.";
});
$("begin").addEventListener("submit", event => {
  event.preventDefault();
  const listener = $("listener").value.trim();
  if (!listener) return;
  state = kept(listener) || { listener, started: new Date().toISOString(), answers: [] };
  page();
});
for (const scale of test.scales) $(scale).addEventListener("change", () => {
  $("next").disabled = !heard || !!open();
});
$("next").addEventListener("click", next);
$("save").addEventListener("click", save);
document.addEventListener("keydown", event => {
  if ($("rate").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key.toLowerCase() === "p") {
    event.preventDefault();
    if (audio.paused) audio.play(); else audio.pause();
  } else if (/^[1-5]$/.test(event.key) && heard) {
    const scale = document.activeElement.closest("fieldset")?.id || open();
    if (!scale) return;
    document.querySelector(`input[name="${scale}"][value="${event.key}"]`).checked = true;
    rated();
  } else if (event.key === "Enter" && document.activeElement !== $("next")) {
    next();
  }
});
