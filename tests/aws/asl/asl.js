// Checks a workflow: `asl.js validate <definition>` and `asl.js evaluate <{expression, states, variables}, or a list of these>` print JSON.
// Found by way of NODE_PATH, as the packages are installed elsewhere.
const validate = require("asl-validator");
const jsonata = require("jsonata");

async function evaluate(asked) {
  if (Array.isArray(asked)) return Promise.all(asked.map(async (one) => (await evaluate(one)) ?? null));
  const { expression, states, variables } = asked;
  const compiled = jsonata(expression.replace(/^\{%(.*)%\}$/s, "$1"));
  // What Step Functions adds to JSONata, as far as it is used.
  compiled.registerFunction("parse", JSON.parse, "<s:j>");
  return compiled.evaluate(undefined, { ...variables, states });
}

const [what, argument] = process.argv.slice(2);
const answer = { validate, evaluate }[what](JSON.parse(argument));
Promise.resolve(answer).then((answer) => console.log(JSON.stringify(answer ?? null)));
