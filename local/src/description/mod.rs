//! The operations described, for people and programs: all of it made of the table, the types and their comments.

mod fields;
mod markdown;
mod openapi;
mod schemas;
mod tools;

pub use openapi::openapi;
pub use schemas::{Described, Field, Schemas};
pub use tools::{served, tools};

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Value, json};

/// Where this crate's workspace is.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The files that are made of it: where they are, and what they should hold.
pub fn files() -> io::Result<Vec<(PathBuf, String)>> {
    let checkout = Path::new(CHECKOUT);
    let readme = fs::read_to_string(checkout.join("README.md"))?;
    let files = [
        ("openapi.json", pretty(&openapi())),
        ("tools.json", pretty(&tools().into())),
        ("docs/operations.md", markdown::operations()),
        ("README.md", markdown::with_tables(&readme)),
    ];
    Ok(files.map(|(path, text)| (checkout.join(path), text)).into())
}

/// The input of the operation's sample event; empty where there is none.
fn sample(operation: &str) -> Value {
    let file = Path::new(CHECKOUT)
        .join("events")
        .join(operation)
        .with_extension("json");
    let text = fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_else(|_| json!({}))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
