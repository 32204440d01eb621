//! `cargo local describe`: the files that are made of the operations' table, and are kept with the code.

use std::fs;

use local::description;

use crate::{Failure, terminal};

/// Rewrites openapi.json, tools.json, docs/operations.md and the README's tables in this checkout
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: &Args) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(error.to_string());
    for (path, text) in description::files().map_err(failed)? {
        if fs::read_to_string(&path).is_ok_and(|known| known == text) {
            continue;
        }
        let failed =
            |error| Failure::failed(format!("{} cannot be written: {error}", path.display()));
        fs::write(&path, text).map_err(failed)?;
        terminal::note(format_args!("{} is written anew", path.display()));
    }
    Ok(())
}
