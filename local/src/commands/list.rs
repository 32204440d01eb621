//! `cargo local list`: the operations' table.

use std::fmt::Write;

use local::operations::{self, OPERATIONS};

use crate::{Failure, terminal};

/// Lists the operations, with their HTTP routes
#[derive(clap::Args)]
pub struct Args {
    /// As a JSON array of objects
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    match args.json {
        true => terminal::print_json(&operations::as_json().to_string()),
        false => terminal::print(table().trim_end().as_bytes()),
    }
}

/// The operations by group, in columns.
pub fn table() -> String {
    let width = |column: fn(&operations::Entry) -> usize| {
        OPERATIONS.iter().map(column).max().unwrap_or_default()
    };
    let (names, paths) = (
        width(|entry| entry.name.len()),
        width(|entry| entry.path.len()),
    );
    let mut text = String::new();
    let mut group = None;
    for entry in OPERATIONS {
        if group != Some(entry.group) {
            let gap = if group.is_some() { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{}", entry.group);
            group = Some(entry.group);
        }
        let operations::Entry {
            name,
            method,
            path,
            summary,
            ..
        } = entry;
        let _ = writeln!(text, "  {name:names$}  {method:6} {path:paths$}  {summary}");
    }
    text
}
