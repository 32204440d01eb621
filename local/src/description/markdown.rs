//! The operations as people read them: `docs/operations.md`, and the tables of the README.

use std::fmt::Write;

use defender_functions::input::common::Common;
use defender_functions::operation::{Entry, Permissions};
use defender_functions::operations::OPERATIONS;
use serde_json::Value;

use super::sample;
use super::schemas::{Described, Field, Schemas};
use super::tools::{description, kind};

const OPENING: &str = "\
<!-- Made of the code by `cargo local describe`; what is written here is lost. -->

# Operations

Each is a function of its own; [the README](../README.md#call-it) shows the ways to call one. Path, query and body together are its
input, and a direct invocation sends all of it as one JSON object. Unknown fields are refused. The same as
[`openapi.json`](../openapi.json) for programs, and as [`tools.json`](../tools.json) for agents.

Of the permissions on a line any one suffices; the first is the least.
";

/// `docs/operations.md`.
pub fn operations() -> String {
    let schemas = Schemas::new();
    let mut text = OPENING.to_owned();
    let _ = writeln!(
        text,
        "\n{}",
        fields(&schemas.common.iter().collect::<Vec<_>>(), &schemas)
    );
    text.push_str(
        "\nEvery operation takes the first two of these; those about registered tenants have no `tenantId` besides their own. What only \
         reads takes the others too, and may answer with a pointer to what was stored: `{\"stored\": {…}}`, \
         see [large answers](../README.md#large-answers).\n",
    );
    let mut group = None;
    for described in &schemas.operations {
        let entry = described.entry;
        if group != Some(entry.group) {
            group = Some(entry.group);
            let name = entry.group.to_string();
            let _ = writeln!(text, "\n## {}{}", name[..1].to_uppercase(), &name[1..]);
        }
        text.push_str(&operation(described, &schemas));
    }
    text
}

fn operation(described: &Described, schemas: &Schemas) -> String {
    let entry = described.entry;
    let mut text = format!("\n### `{}`\n\n{}.\n", entry.name, entry.summary);
    if !described.text.is_empty() {
        let _ = writeln!(text, "\n{}", described.text);
    }
    let changes = match entry.changes {
        true => "**changes something at Microsoft**",
        false => "changes nothing at Microsoft",
    };
    let _ = writeln!(text, "\n- `{} {}`; {changes}", entry.method, entry.path);
    let common: Vec<_> = Common::of(entry).collect();
    let own: Vec<_> = described
        .fields
        .iter()
        .filter(|field| !common.contains(&field.name))
        .collect();
    for line in permissions(&entry.permissions) {
        let _ = writeln!(text, "- {line}");
    }
    if !own.is_empty() {
        let _ = writeln!(text, "\n{}", fields(&own, schemas));
    }
    let _ = writeln!(text, "\n{}", answer(described, schemas));
    let sample = sample(entry.name).to_string().replace('\'', r"'\''");
    let input = if sample == "{}" {
        String::new()
    } else {
        format!(" '{sample}'")
    };
    let _ = writeln!(
        text,
        "\n```sh\ncargo local invoke {}{input}\n```",
        entry.name
    );
    text
}

fn permissions(permissions: &Permissions) -> Vec<String> {
    let any_of = |names: &[&str]| format!("`{}`", names.join("` or `"));
    let of_apis = [
        ("Microsoft Graph", permissions.graph),
        ("the Defender XDR API", permissions.xdr),
        ("the Defender for Endpoint API", permissions.endpoint),
    ];
    let mut lines: Vec<_> = of_apis
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(api, names)| format!("needs {} of {api}", any_of(names)))
        .collect();
    if !permissions.also.is_empty() {
        lines.push(format!("and {}, to look first", any_of(permissions.also)));
    }
    if lines.is_empty() {
        lines.push("needs no permission".to_owned());
    }
    lines
}

/// A table of fields.
fn fields(fields: &[&Field], schemas: &Schemas) -> String {
    let mut rows = vec![
        "| field | type | needed | what |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    rows.extend(fields.iter().map(|field| {
        let schema = schemas.resolved(&field.schema);
        let required = if field.is_required { "yes" } else { "" };
        let of_each = sentence(&schemas.resolved(&schema["items"]));
        let what = format!("{} {of_each}", description(&schema, schemas));
        let what = what.trim().replace('|', "\\|");
        format!(
            "| `{}` | {} | {required} | {what} |",
            field.name,
            type_name(&schema, schemas)
        )
    }));
    rows.join("\n")
}

fn type_name(schema: &Value, schemas: &Schemas) -> String {
    match kind(schema, schemas) {
        "array" => {
            let items = schemas.resolved(&schema["items"]);
            format!("array of {}s", kind(&items, schemas))
        }
        one => one.to_owned(),
    }
}

/// What is answered, with its members.
fn answer(described: &Described, schemas: &Schemas) -> String {
    if described.entry.page.is_some() {
        return "**Answer.** Over HTTP a page for a person; otherwise what became of the invitation.".to_owned();
    }
    let answer = schemas.resolved(&described.answer);
    let mut text = format!("**Answer.** {}", sentence(&answer));
    let Some(members) = answer["properties"].as_object() else {
        return text;
    };
    for (name, schema) in members {
        let schema = schemas.resolved(schema);
        let _ = write!(text, "\n\n- `{name}` ({})", type_name(&schema, schemas));
        let items = schemas.resolved(&schema["items"]);
        let said = [description(&schema, schemas), sentence(&items)];
        let said: Vec<_> = said.into_iter().filter(|said| !said.is_empty()).collect();
        if !said.is_empty() {
            let _ = write!(text, ": {}", said.join(" "));
        }
    }
    text.replace("\n\n- `", "\n- `")
        .replacen("\n- `", "\n\n- `", 1)
}

fn sentence(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.replace('\n', " ")
}

/// The README with its tables as they should be.
pub fn with_tables(readme: &str) -> String {
    let (alone, both): (Vec<_>, Vec<_>) = OPERATIONS
        .iter()
        .partition(|entry| !entry.permissions.endpoint.is_empty());
    let heads = [
        "| operation | route | what it does | Microsoft Graph | Defender XDR API |\n|---|---|---|---|---|\n",
        "| operation | route | what it does | permission |\n|---|---|---|---|\n",
    ];
    let readme = with_table(readme, "of both APIs", heads[0], &both);
    with_table(&readme, "of the Endpoint API", heads[1], &alone)
}

/// The text with what is between the two comments that name the table replaced.
fn with_table(text: &str, name: &str, head: &str, entries: &[&Entry]) -> String {
    let (begin, end) = (
        format!("<!-- operations {name} -->\n"),
        format!("<!-- end of operations {name} -->"),
    );
    let parts = text
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let Some((before, after)) = parts else {
        return text.to_owned();
    };
    let rows: String = entries.iter().map(|entry| row(entry)).collect();
    format!("{before}{begin}{head}{rows}{end}{after}")
}

fn row(entry: &Entry) -> String {
    let first = |names: &[&str]| {
        names
            .first()
            .map_or("–".to_owned(), |name| format!("`{name}`"))
    };
    let Entry {
        name,
        method,
        path,
        summary,
        permissions,
        ..
    } = entry;
    let permissions = match permissions.endpoint {
        [] => format!("{} | {}", first(permissions.graph), first(permissions.xdr)),
        endpoint => first(endpoint),
    };
    format!("| `{name}` | `{method} {path}` | {summary} | {permissions} |\n")
}
