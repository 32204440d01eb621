//! `cargo local tools`: what an agent gateway is told of `call_tool`.

use local::description;
use local::operations::OPERATIONS;
use serde_json::Value;

use crate::{Failure, terminal};

/// Prints the tools that call_tool serves, as an agent gateway's Lambda target takes them
#[derive(clap::Args)]
pub struct Args {
    /// Operations besides those that only read: what AGENT_TOOLS names
    operations: Vec<String>,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let known = |name: &&String| OPERATIONS.iter().any(|entry| entry.name == name.as_str());
    if let Some(unknown) = args.operations.iter().find(|name| !known(name)) {
        return Err(Failure::usage(format!(
            "there is no operation {unknown}\n  `cargo local list` shows them"
        )));
    }
    let named: Vec<_> = args.operations.iter().map(String::as_str).collect();
    let tools = Value::from(description::served(&named));
    terminal::print(format!("{tools:#}").as_bytes())
}
