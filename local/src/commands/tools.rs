//! `cargo local tools`: what an agent gateway is told of `call_tool`.

use local::description;
use serde_json::Value;

use super::invoke::find;
use crate::{Failure, terminal};

/// Prints the tools that call_tool serves, as an agent gateway's Lambda target takes them
#[derive(clap::Args)]
pub struct Args {
    /// Operations besides those that only read: what AGENT_TOOLS names
    operations: Vec<String>,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    for name in &args.operations {
        find(name)?;
    }
    let named: Vec<_> = args.operations.iter().map(String::as_str).collect();
    let tools = Value::from(description::served(&named));
    terminal::print_json(&tools.to_string())
}
