// Fills a rating page by keyboard alone in Chromium and prints what it sees as JSON.
// node rate.mjs PAGE CHROMIUM NODE_MODULES FOLDER [STATUS that a post is answered with]
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [url, chromium_path, modules, folder, status] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: chromium_path,
  args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
});
const seen = { errors: [], faults: [], wide: [], post: null, file: null };
const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, acceptDownloads: true });
const page = await context.newPage();
page.on("pageerror", error => seen.errors.push(String(error)));
await page.route("https://example.org/**", async route => {
  seen.post = route.request().postData();
  await route.fulfill({
    status: Number(status), headers: { "Access-Control-Allow-Origin": "*" }, body: "",
  });
});
async function look() {
  await page.evaluate(axe);
  for (const width of [1400, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate(() => axe.run(document));
      seen.faults.push(...violations.filter(v => ["serious", "critical"].includes(v.impact)).map(v => v.id));
      if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) seen.wide.push(width);
    }
  }
}
const press = key => page.keyboard.press(key);
await page.goto(url);
await look();
await press("Tab");
await page.keyboard.type("Listener 7");
await press("Enter");
await page.waitForSelector("#rate:not([hidden])");
const download = page.waitForEvent("download", { timeout: 60000 }).catch(() => null);
const count = await page.evaluate(() => test.stimuli.length);
for (let number = 0; number < count; number++) {
  await page.waitForFunction(text => document.getElementById("count").textContent === text,
    `Recording ${number + 1} of ${count}`);
  await press("1");  // nothing is heard yet
  await press("Enter");
  seen.early ||= await page.evaluate(() => document.querySelectorAll("input:checked").length > 0);
  await press("p");
  await page.waitForSelector("#sig:not([disabled])");
  for (const key of ["3", "ArrowDown", "Tab", String(number % 5 + 1)]) await press(key);
  if (number === 0) await look();
  if (number === 1) {  // a pause: the answers so far are there again
    await page.reload();
    await page.fill("#listener", "Listener 7");
    await press("Enter");
    await press("p");
    await page.waitForSelector("#sig:not([disabled])");
    for (const key of ["3", "ArrowDown", "Tab", "2"]) await press(key);
  }
  await press("Enter");
}
await page.waitForSelector("#end:not([hidden])");
if (!status || Number(status) !== 200) {
  const file = await download;
  seen.file = file.suggestedFilename();
  await file.saveAs(`${folder}/${seen.file}`);
}
await page.waitForFunction(() => !document.getElementById("sent").textContent.endsWith("…"));
seen.said = await page.textContent("#sent");
await look();
if (Number(status) === 200) {  // opened again, it sends nothing twice; another listener begins anew
  seen.post_again = null;
  page.on("request", request => { if (request.method() === "POST") seen.post_again = request.url(); });
  await page.reload();
  await page.fill("#listener", "Listener 7");
  await press("Enter");
  await page.waitForSelector("#end:not([hidden])");
  seen.said_again = await page.textContent("#sent");
  await page.reload();
  await page.fill("#listener", "Listener 8");
  await press("Enter");
  await page.waitForSelector("#rate:not([hidden])");
  seen.other = await page.textContent("#count");
}
console.log(JSON.stringify(seen));
await browser.close();
