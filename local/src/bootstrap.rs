//! Builds the Lambda binary from this workspace.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::Failure;

/// Where this crate's workspace is.
pub const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A line of cargo's JSON output, as far as it tells of an executable.
#[derive(Deserialize)]
struct Message {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds `bootstrap` and says where it is. What the compiler has to say goes to stderr.
pub fn build(release: bool) -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "--message-format=json-render-diagnostics",
    ]);
    command.arg(concat!(
        "--manifest-path=",
        env!("CARGO_MANIFEST_DIR"),
        "/../Cargo.toml"
    ));
    command.args(["--package", "defender-functions", "--bin", "bootstrap"]);
    if release {
        command.arg("--release");
    } else {
        // Named with this package, dependencies have the features that they were built with for it: nothing twice.
        command.args(["--package", "local"]);
    }
    // What `cargo run` says of this package would make other packages' build scripts run anew, `ring`'s among them.
    for (name, _) in std::env::vars_os() {
        let said = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if name
            .to_str()
            .is_some_and(|name| said.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let output =
        output.map_err(|error| Failure::failed(format!("cargo could not be started: {error}")))?;
    if !output.status.success() {
        return Err(Failure::failed(
            "`bootstrap` could not be built; why is said above",
        ));
    }
    let lines = output.stdout.split(|&byte| byte == b'\n');
    let mut messages = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    messages
        .find_map(|message| {
            message
                .executable
                .filter(|_| message.target.name == "bootstrap")
        })
        .ok_or_else(|| Failure::failed("cargo built no executable named `bootstrap`"))
}
