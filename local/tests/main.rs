//! What this crate does for its users: the Runtime API and the gateway over their sockets, the commands as they are called.

mod comfort;
mod console;
mod description;
mod end_to_end;
mod gateway;
mod runtime_api;
mod usage;

use std::process::{Command, Stdio};

/// A process that speaks the Runtime API and does what `_HANDLER` says.
const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand_in.py");

/// `cargo local` with a clean slate: none of the tenant that this machine's user may have set up.
fn local(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["AZURE_", "AWS_", "DEFENDER_", "GRAPH_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(&*name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}
