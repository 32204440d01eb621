// Starts the browser that the first argument names, lets a visit use it, and prints what that tells as JSON.
const { chromium } = require("playwright-core");

module.exports = async function run(visit) {
  const wanted = JSON.parse(process.argv[2]);
  const browser = await chromium.launch({ executablePath: wanted.chromium });
  try {
    console.log(JSON.stringify(await visit(browser, wanted)));
  } finally {
    await browser.close();
  }
};
