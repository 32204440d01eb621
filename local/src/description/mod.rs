//! The operations described, for people and programs: all of it made of the table, the types and their comments.

mod fields;
pub mod markdown;
mod openapi;
mod schemas;
mod tools;

pub use openapi::openapi;
pub use schemas::{Described, Schemas};
pub use tools::{tool, tools};

use std::io;
use std::path::Path;

use serde_json::Value;

/// The files that are made of it: their paths in the checkout, and what they should hold.
pub fn files(checkout: &Path) -> io::Result<Vec<(&'static str, String)>> {
    let readme = std::fs::read_to_string(checkout.join("README.md"))?;
    Ok(vec![
        ("openapi.json", pretty(&openapi())),
        ("tools.json", pretty(&tools().into())),
        ("docs/operations.md", markdown::operations(checkout)?),
        ("README.md", markdown::with_tables(&readme)),
    ])
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
