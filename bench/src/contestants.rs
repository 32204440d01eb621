//! The ways to write the function that are compared: builds and installs each, pinned, into the target folder.

mod cargo;
mod node;
mod python;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use cargo::{stripped, target};
use serde::Serialize;

use crate::job::Job;

/// One way to write the function.
#[derive(Clone, Debug)]
pub struct Contestant {
    pub name: &'static str,
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub env: Vec<(String, OsString)>,
    /// What is deployed: measured as bytes and as a zip. What Lambda's own runtime of a language has on board is not.
    pub files: Vec<PathBuf>,
    /// The jobs that it takes no part in.
    pub skips: &'static [Job],
    /// Whether `SSL_CERT_FILE` and its like replace the roots that it trusts, rather than add to them.
    pub replaces_roots: bool,
}

impl Contestant {
    /// A program that is deployed by itself.
    pub fn of_program(name: &'static str, program: PathBuf) -> Self {
        Self {
            name,
            files: vec![program.clone()],
            program,
            args: Vec::new(),
            env: Vec::new(),
            skips: &[],
            replaces_roots: false,
        }
    }
}

/// The jobs that take a signed request to AWS, which is short only with a library for it.
const AT_AWS: &[Job] = &[Job::ColdSecret, Job::ColdFederation];

/// Where the contestants come from and where they are put.
struct Workshop {
    checkout: PathBuf,
    /// `target/bench`, or where `CARGO_TARGET_DIR` has it.
    scratch: PathBuf,
}

type Prepare = fn(&Workshop) -> Result<Contestant, String>;

/// What targets are judged by.
pub const OURS: &str = "ours";
pub const FLOOR: &str = "floor";

/// Each with what it lacks where it cannot be prepared.
const ALL: [(&str, Prepare, &str); 8] = [
    (OURS, cargo::ours, UNBUILT),
    (FLOOR, cargo::floor, UNBUILT),
    ("default-rust", cargo::default_rust, UNBUILT),
    ("python-urllib", python::urllib, "there is no Python 3"),
    ("python-requests", python::requests, PACKAGES),
    ("python-ric", python::ric, PACKAGES),
    ("node-fetch", node::fetch, PACKAGES),
    ("node-ric", node::ric, PACKAGES),
];

const UNBUILT: &str = "it could not be built";
const PACKAGES: &str = "its interpreter is missing, or its packages could not be installed";

/// Who takes no part.
#[derive(Debug, Serialize)]
pub struct LeftOut {
    pub contestant: String,
    /// A few words; the details were printed.
    pub why: String,
}

/// Everything that can run here, and who cannot, which is printed with the details. Where `only` names some, the others are not
/// looked at.
pub fn prepare(checkout: &Path, only: &[String]) -> (Vec<Contestant>, Vec<LeftOut>) {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| checkout.join("target"));
    let workshop = Workshop {
        checkout: checkout.to_owned(),
        // Interface clients look for the function in other folders.
        scratch: std::path::absolute(&target).unwrap_or(target).join("bench"),
    };
    let (mut contestants, mut left_out) = (Vec::new(), Vec::new());
    let mut leave_out = |contestant: &str, why: &str, details: &str| {
        eprintln!("{contestant} is left out: {details}");
        left_out.push(LeftOut {
            contestant: contestant.to_owned(),
            why: why.to_owned(),
        });
    };
    for (name, prepare, lacks) in ALL {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
            continue;
        }
        eprintln!("preparing {name}");
        match prepare(&workshop) {
            Ok(contestant) => contestants.push(contestant),
            Err(why) => leave_out(name, lacks, &why),
        }
    }
    let names = ALL.map(|(name, ..)| name);
    for name in only.iter().filter(|name| !names.contains(&name.as_str())) {
        let why = format!("nobody is called so; there are {}", names.join(", "));
        leave_out(name, &why, &why);
    }
    (contestants, left_out)
}

impl Workshop {
    /// A file or folder of the checkout's `bench/contestants`.
    fn source(&self, path: &str) -> PathBuf {
        self.checkout.join("bench/contestants").join(path)
    }

    /// Installs into a folder what a file of pins says, unless that is what is there. Answers the folder.
    fn install(
        &self,
        name: &str,
        pins: &str,
        install: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<PathBuf, String> {
        let (folder, pins) = (self.scratch.join(name), self.source(pins));
        let unread = |error| format!("{}: {error}", pins.display());
        let wanted = fs::read(&pins).map_err(unread)?;
        let made_of = folder.join("made-of");
        if fs::read(&made_of).is_ok_and(|made_of| made_of == wanted) {
            return Ok(folder);
        }
        let unwritten = |error| format!("{}: {error}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(unwritten)?;
        }
        fs::create_dir_all(&folder).map_err(unwritten)?;
        install(&folder)?;
        fs::write(made_of, wanted).map_err(unwritten)?;
        Ok(folder)
    }

    /// Copies sources to a folder, where what interpreters make of them does not litter the checkout. Answers the copies.
    fn copy(&self, folder: &str, sources: &[&str]) -> Result<Vec<PathBuf>, String> {
        let folder = self.scratch.join(folder);
        let failed = |error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(failed)?;
        let copied = sources.iter().map(|source| {
            let from = self.source(source);
            let to = folder.join(from.file_name().unwrap_or_default());
            // One that is the same stays, with what was made of it.
            if fs::read(&from).map_err(failed)? != fs::read(&to).unwrap_or_default() {
                fs::copy(&from, &to).map_err(failed)?;
            }
            Ok(to)
        });
        copied.collect()
    }
}

/// What a command prints to stdout. If it fails, the end of what it printed to either.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{name}: {error}; install it"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let said = said + &String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let end = lines[lines.len().saturating_sub(6)..].join(" | ");
    Err(format!("{name} failed ({}): {end}", output.status))
}
