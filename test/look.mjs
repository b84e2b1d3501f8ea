// Opens a page in Chromium on a desktop and a phone, in light and dark, and prints what it sees as JSON.
// node look.mjs PAGE CHROMIUM NODE_MODULES
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [url, chromium_path, modules] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: chromium_path,
  args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
});
const views = [];
for (const width of [1400, 390]) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    const page = await context.newPage();
    const errors = [], outside = [];
    page.on("pageerror", error => errors.push(String(error)));
    page.on("request", request => { if (/^(http|ws)/.test(request.url())) outside.push(request.url()); });
    page.on("requestfailed", request => errors.push(request.url()));
    await page.goto(url);
    await page.evaluate(() => document.querySelectorAll("img").forEach(i => { i.loading = "eager"; }));
    await page.waitForFunction(() => [...document.images].every(i => i.complete) &&
      [...document.querySelectorAll("audio")].every(a => a.readyState >= 1 || a.error));
    await page.evaluate(axe);
    views.push({
      width, colorScheme, errors, outside,
      ...await page.evaluate(async () => ({
        // No second fetch of style sheets: Chromium refuses that to a page from a file.
        faults: (await axe.run(document, { preload: false })).violations
          .filter(v => ["serious", "critical"].includes(v.impact)).map(v => [v.id, v.nodes[0].html]),
        wide: document.documentElement.scrollWidth > innerWidth,
        images: [...document.images].filter(i => i.naturalWidth > 0).length,
        sounds: [...document.querySelectorAll("audio")].filter(a => a.duration > 0).length,
      })),
    });
    await context.close();
  }
}
console.log(JSON.stringify(views));
await browser.close();
