// Shows the operations by Swagger UI, and keeps the rest of the page as the gateway has it.

const dark = matchMedia("(prefers-color-scheme: dark)");
const wide = matchMedia("(min-width: 68rem)");
const headers = { Accept: "text/html" };
const nothing = () => () => null;

function followColours() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

// An operation's path, and below it whether it changes anything, and the least permissions that it needs.
function withNeeds(Path, { React, specSelectors }) {
  return (props) => {
    const operation = specSelectors.specJson().getIn(props.specPath);
    const any = operation.get("x-permissions");
    const least = ["graph", "xdr", "endpoint", "also"].map((api) => any?.getIn([api, 0]));
    const needs = [least[0] ?? least[1] ?? least[2], least[3]].filter(Boolean).join(" and ") || "no permission";
    const said = operation.get("x-changes") ? `changes, ${needs}` : needs;
    return React.createElement(
      React.Fragment,
      null,
      React.createElement(Path, props),
      React.createElement("span", { className: "needs" }, said),
    );
  };
}

function showOperations() {
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    presets: [SwaggerUIBundle.presets.apis],
    // The page says whose functions these are; nobody has to prove anything here.
    plugins: [
      { wrapComponents: { InfoContainer: nothing, ServersContainer: nothing, authorizeBtn: nothing, OperationSummaryPath: withNeeds } },
    ],
    docExpansion: wide.matches ? "list" : "none",
    defaultModelsExpandDepth: -1,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    responseInterceptor: (response) => {
      refresh();
      return response;
    },
  });
}

// Takes over what has changed, part by part, so that nobody loses their place.
function take(fresh) {
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const shown = document.getElementById(part.id);
    if (!shown || shown.innerHTML === part.innerHTML) continue;
    const focused = shown.contains(document.activeElement) && document.activeElement.id;
    shown.replaceChildren(...part.childNodes);
    if (focused) (document.getElementById(focused) ?? document.getElementById("faults")).focus();
  }
  const table = document.getElementById("invocations-table");
  const kept = [...fresh.getElementById("invocations-table").tBodies];
  const ids = new Set(kept.map((rows) => rows.id));
  for (const rows of [...table.tBodies]) {
    if (!ids.has(rows.id)) rows.remove();
  }
  const added = kept.filter((rows) => !document.getElementById(rows.id));
  table.tHead.after(...added);
  if (added.length) {
    const said = [".operation", ".status", ".code"].map((name) => added[0].querySelector(name)?.textContent ?? "");
    document.getElementById("latest").textContent = `Latest: ${said.join(" ").trim()}`;
  }
}

let last = "";

async function refresh() {
  const connection = document.getElementById("connection");
  try {
    const answer = await fetch("/", { headers });
    const page = await answer.text();
    connection.hidden = answer.ok;
    if (!answer.ok || page === last) return;
    last = page;
    take(new DOMParser().parseFromString(page, "text/html"));
  } catch {
    connection.hidden = false;
  }
}

async function keepUp() {
  if (!document.hidden) await refresh();
  setTimeout(keepUp, 1000);
}

// Sends a form without leaving the page, and says so if it was not taken.
async function send(event) {
  const form = event.target;
  if (!form.matches("[data-live-form]")) return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  const answer = await fetch(form.action, { method: "POST", headers, body: fields });
  const refused = document.getElementById("refused");
  refused.textContent = answer.ok ? "" : (await answer.json()).detail;
  await refresh();
}

// Links within the page take the keyboard along.
function follow(event) {
  const link = event.target.closest('a[href^="#"]');
  if (link?.hash) document.querySelector(link.hash)?.focus();
}

followColours();
dark.addEventListener("change", followColours);
document.addEventListener("click", follow);
document.addEventListener("submit", send);
showOperations();
keepUp();
