// Opens a report in Chromium on a desktop and a phone, in light and dark, and prints what it finds as JSON.
// node browser.mjs PAGE CHROMIUM NODE_MODULES [FOLDER for pictures]
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [page_url, chromium_path, modules, pictures] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// Keys before anything was played, then another one; then the table of utterances.
async function useIt(page) {
  const state = () => page.evaluate(() => {
    const audios = [...document.querySelectorAll("#explorer audio")];
    const playing = audios.map((audio, place) => audio.paused ? -1 : place).filter(place => place >= 0);
    return { playing, position: playing.length ? audios[playing[0]].currentTime : 0 };
  });
  const moves = () => page.waitForFunction(() => [...document.querySelectorAll("#explorer audio")]
    .some(audio => !audio.paused && audio.currentTime > 0), null, { timeout: 20000 });
  await page.keyboard.press("2");
  await moves();
  const first = await state();
  await page.keyboard.press("3");
  await moves();
  const second = await state();
  await page.keyboard.press("Escape");
  const numbers = column => page.evaluate(column => {
    const heads = [...document.querySelectorAll("#explorer thead th")].map(head => head.textContent);
    return [...document.querySelectorAll("#explorer tbody tr:not(.detail)")]
      .map(row => row.children[heads.indexOf(column)].textContent.replace("−", "-").replace(/[▲▼+ ]/g, ""))
      .filter(text => text !== "").map(Number);
  }, column);
  const differences = await numbers("difference");
  await page.fill("#explorer [name=snr_to]", "3");
  const snr = await numbers("SNR dB");
  return {
    keys: { first: first.playing, second: second.playing, before: first.position, position: second.position },
    explorer: { differences, snr, filtered: snr.length },
  };
}

const browser = await chromium.launch({
  executablePath: chromium_path,
  args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
});
const found = [];
for (const width of [1400, 390]) {
  for (const scheme of ["light", "dark"]) {
    const context = await browser.newContext({
      viewport: { width, height: 900 }, colorScheme: scheme,
    });
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", error => errors.push(String(error)));
    await page.goto(page_url);
    // Everything that a reader may open is open.
    await page.evaluate(() => document.querySelectorAll("details").forEach(d => { d.open = true; }));
    const opener = page.locator("#explorer button[aria-expanded]").first();
    if (await opener.count()) await opener.click();
    if (pictures) {
      await page.screenshot({ path: `${pictures}/${width}-${scheme}.png`, fullPage: true });
    }
    await page.evaluate(axe);
    const report = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    const violations = report.violations.map(({ id, impact, nodes }) => (
      { id, impact, nodes: nodes.slice(0, 3).map(node => node.html.slice(0, 200)) }));
    const layout = await page.evaluate(() => ({
      page: document.documentElement.scrollWidth,
      sticky: Math.max(...[...document.querySelectorAll(".scroll *")]
        .filter(e => getComputedStyle(e).position === "sticky" && getComputedStyle(e).left === "0px")
        .map(e => e.getBoundingClientRect().width)),
      unlabelled: [...document.querySelectorAll("audio, img, .scroll")]
        .filter(e => !(e.getAttribute("aria-label") || e.getAttribute("alt"))).length,
      uncaptioned: [...document.querySelectorAll("table")].filter(t => !t.caption).length,
    }));
    const use = width === 1400 && scheme === "light" && await page.locator("#explorer .detail audio").count() ? await useIt(page) : {};
    found.push({ width, scheme, errors, violations, ...layout, ...use });
    await context.close();
  }
}
console.log(JSON.stringify(found, null, 1));
await browser.close();
