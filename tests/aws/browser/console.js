// Uses the console of `cargo local serve` as a person does, and tells what it showed: `console.js <{url, chromium, pictures}>` prints
// JSON. Found by way of NODE_PATH, as the packages are installed elsewhere.
const axe = require("axe-core");
const run = require("./run.js");

const wide = { width: 1280, height: 900 };
const narrow = { width: 380, height: 800 };

// An operation's part of the page, opened.
async function open(page, operation) {
  const part = page.locator(`[id$="-${operation}"].opblock`);
  const control = part.locator(".opblock-summary-control");
  if ((await control.getAttribute("aria-expanded")) === "false") await control.click();
  await part.locator("button.execute").waitFor();
  return part;
}

// Presses the button, and tells about the answer and the invocation that then shows up by itself.
async function send(page, operation, part, press = (button) => button.click()) {
  const rows = page.locator("#invocations-table tbody");
  const newest = (await rows.count()) ? await rows.first().getAttribute("id") : "none";
  const answered = page.waitForResponse((response) => response.request().resourceType() === "fetch" && !response.url().endsWith(":" + new URL(page.url()).port + "/"));
  await press(part.locator("button.execute"));
  await (await answered).finished();
  const response = part.locator(".live-responses-table .response");
  await page.waitForFunction((id) => document.querySelector("#invocations-table tbody")?.id !== id && document.querySelector("#invocations-table tbody"), newest);
  const row = rows.first();
  await row.locator("summary").click();
  return {
    status: (await response.locator(".response-col_status").innerText()).trim(),
    body: JSON.parse(await response.locator(".response-col_description pre").first().innerText()),
    invocation: await row.locator("tr").first().innerText(),
    log: await row.locator("pre").innerText(),
  };
}

async function listing(page) {
  const part = await open(page, "list_incidents");
  await part.locator('[data-param-name="top"] input').fill("2");
  return send(page, "list_incidents", part);
}

async function isolating(page, dryRun) {
  const part = await open(page, "isolate_device");
  const device = page.locator("#devices tr").first();
  const id = await device.locator("code").innerText();
  await part.locator('[data-param-name="deviceId"] input').fill(id);
  await part.locator(".body-param textarea").fill(JSON.stringify({ comment: "Seen in a test", dryRun }));
  const sent = await send(page, "isolate_device", part);
  if (!dryRun) await device.getByText("isolated: Full").waitFor();
  return { ...sent, device: await device.innerText() };
}

// By keyboard alone: from the top of the page to the fault, the operation, and back.
async function faulty(page) {
  const focused = () => page.evaluate(() => document.activeElement.innerText || document.activeElement.name || document.activeElement.id);
  const tabTo = async (name, key = "Tab") => {
    for (let tabs = 0; tabs < 300; tabs += 1) {
      if ((await focused()).trim().startsWith(name)) return;
      await page.keyboard.press(key);
    }
    throw new Error(`${key} does not lead to ${name}`);
  };
  const follow = async (link) => {
    await page.evaluate(() => document.activeElement.blur());
    await tabTo(link, "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement.matches("section"));
  };
  await follow("Faults");
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await tabTo("Switch on");
  await page.keyboard.press("Enter");
  await page.locator("#faults-on").getByText("throttled-for-long").first().waitFor();
  const part = page.locator('[id$="-list_incidents"].opblock');
  const press = async () => {
    await follow("Operations");
    await tabTo("Execute");
    await page.keyboard.press("Enter");
  };
  const struck = await send(page, "list_incidents", part, press);
  struck.on = await page.locator("#faults-on").innerText();
  await follow("Faults");
  await tabTo("Switch all off");
  await page.keyboard.press("Enter");
  await page.locator("#faults-on").getByText("No fault is on").waitFor();
  return struck;
}

async function barriers(page) {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    // Swagger UI's own are Swagger UI's.
    const { violations } = await axe.run({ exclude: ["#swagger-ui"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
  });
}

async function visit(browser, { url, simulated, pictures }) {
  const page = await browser.newPage({ viewport: wide });
  const seen = { troubles: [], elsewhere: [] };
  page.on("console", (message) => {
    const ofStatus = message.text().startsWith("Failed to load resource");
    if (!ofStatus) seen.troubles.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => seen.troubles.push(String(error)));
  page.on("request", (request) => {
    if (!/^data:/.test(request.url()) && !request.url().startsWith(url)) seen.elsewhere.push(request.url());
  });
  await page.goto(url);
  await page.locator('[id$="-list_incidents"].opblock').waitFor();
  seen.operations = await page.locator(".opblock").count();
  seen.text = await page.locator("body").innerText();
  if (simulated) {
    seen.list = await listing(page);
    seen.dryRun = await isolating(page, true);
    seen.isolated = await isolating(page, false);
    seen.fault = await faulty(page);
    seen.after = await listing(page);
  }
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${pictures}-${colorScheme}.png` });
    seen[colorScheme] = { barriers: await barriers(page), background: await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor) };
  }
  await page.setViewportSize(narrow);
  await page.screenshot({ path: `${pictures}-narrow.png`, fullPage: true });
  seen.fits = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  return seen;
}

run(visit);
