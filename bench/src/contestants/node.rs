//! The contestants in Node: a function that uses `fetch`, behind a loop of its own and behind Lambda's runtime interface client.
//!
//! The AWS SDK and the client come with Lambda's own Node runtime: they are installed, but not part of what is deployed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Contestant, Workshop, run};

/// With a loop over the Runtime API by `fetch`.
pub fn fetch(workshop: &Workshop) -> Result<Contestant, String> {
    let packages = packages(workshop, "aws")?;
    let files = beside(workshop, &packages, &["node/function.mjs", "node/main.mjs"])?;
    Ok(Contestant {
        name: "node-fetch",
        program: interpreter()?,
        args: vec![files[1].clone().into()],
        env: Vec::new(),
        files,
        skips: &[],
        replaces_roots: false,
    })
}

/// The same function behind the client that Lambda's own runtime has.
pub fn ric(workshop: &Workshop) -> Result<Contestant, String> {
    let client = packages(workshop, "ric").map_err(|why| {
        format!(
            "aws-lambda-ric could not be installed. It compiles curl and C++; on Debian: apt-get install g++ make cmake autoconf automake \
             libtool pkg-config python3. {why}"
        )
    })?;
    let packages = packages(workshop, "aws")?;
    let files = beside(workshop, &packages, &["node/function.mjs"])?;
    let handler = files[0].with_file_name("function.handler");
    let client = client.join("node_modules/aws-lambda-ric/bin/index.mjs");
    Ok(Contestant {
        name: "node-ric",
        program: interpreter()?,
        args: vec![client.into(), handler.into()],
        env: Vec::new(),
        files,
        skips: &[],
        replaces_roots: false,
    })
}

/// Copies sources to where Node finds the packages.
fn beside(workshop: &Workshop, packages: &Path, sources: &[&str]) -> Result<Vec<PathBuf>, String> {
    let folder = packages.strip_prefix(&workshop.scratch).unwrap_or(packages);
    workshop.copy(&folder.to_string_lossy(), sources)
}

/// The interpreter itself: what `node` names may be a script that looks for it.
fn interpreter() -> Result<PathBuf, String> {
    let program = run(Command::new("node").args(["-p", "process.execPath"]));
    let program = program.map_err(|why| format!("Node 20 or later is needed. {why}"))?;
    Ok(program.trim().into())
}

fn packages(workshop: &Workshop, name: &str) -> Result<PathBuf, String> {
    let pinned = format!("node/{name}");
    let lock = format!("{pinned}/package-lock.json");
    workshop.install(&format!("node/{name}"), &lock, |folder| {
        for file in ["package.json", "package-lock.json"] {
            let from = workshop.source(&pinned).join(file);
            fs::copy(&from, folder.join(file))
                .map_err(|error| format!("{}: {error}", from.display()))?;
        }
        let installed = run(Command::new("npm")
            .args(["ci", "--loglevel=error", "--no-audit", "--no-fund"])
            .env("npm_config_cache", folder.join("cache"))
            // Node's headers, for what is compiled.
            .env("npm_config_devdir", folder.join("headers"))
            .current_dir(folder));
        for left in ["cache", "headers"] {
            let _ = fs::remove_dir_all(folder.join(left));
        }
        installed.map(drop)
    })
}
