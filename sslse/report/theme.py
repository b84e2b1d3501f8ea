"""Style and script of the HTML page; no framework, nothing loaded from elsewhere."""

STYLE = """
:root { color-scheme: light dark; --bg: #fcfcfb; --ink: #1d2126; --soft: #646c76; --line: #dfe2e5;
  --card: #ffffff; --accent: #7b3fbf; --good: #1f7a4d; --bad: #b3323f; --open: #8a6d1d;
  --k0: #8a8f98; --k1: #cf4a4f; --k2: #d2932a; --k3: #2b78d0; --k4: #239168; --k5: #8a42c4;
  --k6: #0b98a8; --k7: #c054ad; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171a; --ink: #e6e8ea; --soft: #9aa3ad;
  --line: #2e343a; --card: #1b1f23; --accent: #c39cf0; --good: #5fc795; --bad: #f0868d;
  --open: #d8b860; --k0: #a3a9b1; --k1: #f0797c; --k2: #e8b45a; --k3: #6aa9f0; --k4: #58c49a;
  --k5: #bd8bec; --k6: #4cc4d0; --k7: #e08bd0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1280px; padding: 2rem 1.5rem 5rem; background: var(--bg);
  color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.2rem; margin: 3rem 0 0.8rem; padding-top: 0.8rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 0.5rem; }
p, li { max-width: 75ch; }
a { color: var(--accent); }
.lead, .note, figcaption, .meta { color: var(--soft); font-size: 0.9rem; }
nav { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; margin-top: 0.8rem; font-size: 0.92rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
.scroll { overflow-x: auto; margin: 0.5rem 0 0.8rem; }
table { border-collapse: collapse; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.5rem; text-align: right; white-space: nowrap; }
th { font-weight: 600; border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
th small { display: block; font-weight: 400; color: var(--soft); }
td { border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0;
  background: var(--bg); }
td small { display: block; color: var(--soft); font-size: 0.74em; line-height: 1.1; }
td b { color: var(--accent); }
tbody tr:hover td { background: color-mix(in srgb, var(--accent) 7%, var(--bg)); }
tr.added td:first-child { padding-left: 1.6rem; }
.group { text-align: center; border-bottom: 1px solid var(--line); font-weight: 400;
  color: var(--soft); }
.paper { color: var(--soft); }
.first { border-left: 2px solid var(--line); padding-left: 0.9rem; }
.dot { display: inline-block; width: 0.68em; height: 0.68em; border-radius: 50%;
  margin-right: 0.5em;
  background: currentColor; }
.c0 { color: var(--k0); } .c1 { color: var(--k1); } .c2 { color: var(--k2); }
.c3 { color: var(--k3); }
.c4 { color: var(--k4); } .c5 { color: var(--k5); } .c6 { color: var(--k6); }
.c7 { color: var(--k7); }
ul.claims { list-style: none; padding: 0; }
ul.claims li { display: grid; grid-template-columns: 5.6rem 1fr; gap: 0.2rem 0.8rem;
  margin: 0.45rem 0;
  max-width: 100ch; font-size: 0.93rem; }
.verdict { font-weight: 600; font-size: 0.78rem; text-transform: uppercase; letter-spacing: 0.04em;
  padding-top: 0.16rem; }
.holds { color: var(--good); } .reversed { color: var(--bad); } .open { color: var(--open); }
.higher, .lower { color: var(--soft); }
.forest td { border-bottom-color: transparent; padding-top: 0.1rem; padding-bottom: 0.1rem; }
.forest tr.pair td { border-top: 1px solid var(--line); padding-top: 0.4rem; }
.forest td:nth-child(2) { text-align: left; }
td.forest { padding-left: 1rem; padding-right: 1rem; } td.forest svg { display: block; }
svg .zero { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 2; }
svg .interval { stroke: currentColor; stroke-width: 2.5; stroke-linecap: round; }
kbd { font: 0.75rem/1.3 ui-monospace, monospace; border: 1px solid var(--line); border-radius: 4px;
  padding: 0 0.35em; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr));
  gap: 1.2rem; }
figure { margin: 0; min-width: 0; }
.chart svg { width: 100%; height: auto; display: block; }
.chart figcaption { margin-bottom: 0.2rem; color: var(--ink); font-weight: 600; }
svg text { fill: var(--soft); font-size: 11.5px; } svg .end { text-anchor: end; }
svg .mid { text-anchor: middle; } svg .label { font-size: 12px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg polyline { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
svg circle { fill: currentColor; stroke: var(--bg); stroke-width: 1; }
svg .dashed polyline { stroke-dasharray: 5 4; } svg .faint polyline { stroke-width: 1;
  opacity: 0.7; }
svg .series:hover polyline { stroke-width: 3.5; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; margin: 0.4rem 0 1rem;
  font-size: 0.88rem; }
.legend label { cursor: pointer; display: inline-flex; align-items: center; gap: 0.4rem; }
.legend span { color: var(--ink); }
.legend i { width: 1.5rem; border-top: 2.5px solid; } .legend i.dashed { border-top-style: dashed; }
.off { display: none; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 1rem; }
.clip { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  overflow: hidden;
  display: flex; flex-direction: column; }
.clip.playing { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.clip header { padding: 0.45rem 0.7rem 0.35rem; font-size: 0.88rem; font-weight: 600; display: flex;
  justify-content: space-between; gap: 0.5rem; }
.clip header > span:last-child { font-weight: 400; color: var(--soft); white-space: nowrap; }
.picture { position: relative; cursor: pointer; background: #000; line-height: 0; }
img.wide { width: 100%; max-width: 860px; display: block; }
.picture img { width: 100%; height: 150px; display: block; }
.picture .now { position: absolute; top: 0; bottom: 0; width: 1.5px; background: #fff; left: 0;
  opacity: 0; }
.playing .now { opacity: 0.95; }
.picture .hertz { position: absolute; left: 4px; font: 10px/1 system-ui, sans-serif; color: #fffc; }
audio { width: 100%; height: 34px; display: block; margin: 0.35rem 0; }
.words { font-size: 0.8rem; padding: 0 0.7rem 0.6rem; margin: 0; display: grid;
  grid-template-columns: auto 1fr; gap: 0.1rem 0.6rem; }
.words dt { color: var(--soft); } .words dd { margin: 0; }
mark, ins { background: color-mix(in srgb, var(--bad) 24%, transparent); color: inherit;
  text-decoration: none; border-radius: 3px; padding: 0 0.15em; }
ins { outline: 1px dashed var(--bad); outline-offset: -1px; }
del { color: var(--bad); opacity: 0.85; }
.words mark, .words ins { white-space: nowrap; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 0.8rem 1rem; font-size: 0.84rem; }
details { margin: 0.6rem 0; } summary { cursor: pointer; }
@media (max-width: 600px) { body { padding: 1.2rem 0.8rem 3rem; }
  ul.claims li { grid-template-columns: 1fr; } }
@media print { nav, .legend input { display: none; } body { max-width: none; } }
"""

SCRIPT = """
const root = document.documentElement, all = s => [...document.querySelectorAll(s)];
const audios = all("audio"), images = all("img");
function ready() {
  const heard = audios.filter(a => a.readyState >= 1 && a.duration > 0).length;
  const seen = images.filter(i => i.complete && i.naturalWidth > 0).length;
  root.dataset.audio = heard + "/" + audios.length;
  root.dataset.images = seen + "/" + images.length;
  root.dataset.ready = heard == audios.length && seen == images.length ? "yes" : "no";
}
audios.forEach(a => a.addEventListener("loadedmetadata", ready));
images.forEach(i => i.addEventListener("load", ready));
window.addEventListener("load", ready);
ready();

let active = null;
function play(audio, time) {
  audio.currentTime = Math.min(time, audio.duration || time);
  audio.play();
}
function follow() {
  if (!active || active.paused) return;
  const now = active.closest(".clip").querySelector(".now");
  now.style.left = 100 * active.currentTime / active.duration + "%";
  requestAnimationFrame(follow);
}
audios.forEach(audio => {
  const clip = audio.closest(".clip");
  audio.addEventListener("play", () => {
    audios.forEach(other => other !== audio && other.pause());
    active = audio; clip.classList.add("playing"); follow();
  });
  audio.addEventListener("pause", () => clip.classList.remove("playing"));
  clip.querySelector(".picture").addEventListener("click", event => {
    const box = event.currentTarget.getBoundingClientRect();
    play(audio, (event.clientX - box.left) / box.width * audio.duration);
  });
});
document.addEventListener("keydown", event => {
  if (!active || event.ctrlKey || event.metaKey || event.altKey) return;
  const clips = [...active.closest("article").querySelectorAll("audio")];
  const next = clips[Number(event.key) - 1];
  if (next) play(next, active.ended ? 0 : active.currentTime);
});
function show(box) {
  all('[data-row="' + box.value + '"]').forEach(e => e.classList.toggle("off", !box.checked));
}
all(".legend input").forEach(box => box.addEventListener("change", () => {
  show(box);
}));
all(".legend input").forEach(show);
"""
