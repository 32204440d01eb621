// Goes to a consent link as an administrator does, presses a button by keyboard, and tells about the page that follows:
// `consent.js <{link, button, landing, chromium, pictures}>` prints JSON. Found by way of NODE_PATH, as the packages are installed elsewhere.
const axe = require("axe-core");
const run = require("./run.js");

// A narrow phone: what fits here fits anywhere.
const viewport = { width: 320, height: 640 };

async function visit(browser, { link, button, landing, pictures }) {
  const page = await browser.newPage({ viewport });
  const troubles = [];
  let answer;
  page.on("console", (message) => {
    // That the page's own status is no success is for the test to judge.
    const ofStatus = message.text().startsWith("Failed to load resource") && message.location().url.startsWith(landing);
    if (!ofStatus) troubles.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("requestfailed", (request) => troubles.push(`${request.url()} failed`));
  page.on("response", (response) => {
    if (response.request().isNavigationRequest()) answer = response;
    else troubles.push(`${response.url()} was loaded`);
  });
  await page.goto(link);
  if (button) {
    await page.getByRole("button", { name: button }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.href.startsWith(landing));
  }
  const seen = await page.evaluate(() => ({
    language: document.documentElement.lang,
    title: document.title,
    headings: [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((heading) => heading.textContent),
    text: document.body.innerText,
    items: [...document.querySelectorAll("li")].map((item) => item.textContent),
    links: [...document.links].map((link) => link.href),
    fits: document.documentElement.scrollWidth <= innerWidth,
  }));
  // The page asked for nothing else and complained of nothing, before it is tampered with below.
  Object.assign(seen, { status: answer.status(), headers: answer.headers(), troubles: [...troubles] });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${pictures}-${colorScheme}.png`, fullPage: true });
    await page.evaluate(axe.source);
    seen[colorScheme] = await page.evaluate(async () => {
      const { violations, incomplete } = await axe.run();
      const barriers = [...violations, ...incomplete].map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
      return { barriers, background: getComputedStyle(document.body).backgroundColor };
    });
  }
  seen.blocked = await page.evaluate(blocked);
  return seen;
}

// What the page's policy keeps from being added to it.
function blocked() {
  const directives = [];
  addEventListener("securitypolicyviolation", (event) => directives.push(event.effectiveDirective));
  const add = (name, properties) => document.body.append(Object.assign(document.createElement(name), properties));
  add("script", { textContent: "document.title = 'changed'" });
  add("style", { textContent: "p { display: none }" });
  add("img", { src: "/picture" });
  add("form", { action: "/elsewhere" });
  document.forms[0].submit();
  return new Promise((resolve) => setTimeout(() => resolve(directives.sort()), 500));
}

run(visit);
