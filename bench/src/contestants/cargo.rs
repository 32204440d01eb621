//! The contestants in Rust: built with the release profile of their workspace; ours and the floor static, as ours is deployed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{AT_AWS, Contestant, Workshop, run};

/// What this workspace deploys.
pub fn ours(workshop: &Workshop) -> Result<Contestant, String> {
    let manifest = workshop.checkout.join("Cargo.toml");
    let built = build_static(manifest, "defender-functions", "bootstrap")?;
    let program = stripped(&workshop.scratch, "ours", &built)?;
    Ok(Contestant::of_program("ours", program))
}

/// The least that the job can take.
pub fn floor(workshop: &Workshop) -> Result<Contestant, String> {
    let manifest = workshop.checkout.join("Cargo.toml");
    let built = build_static(manifest, "floor", "floor")?;
    let program = stripped(&workshop.scratch, "floor", &built)?;
    Ok(Contestant::of_program("floor", program))
}

/// As most would write it: default features, cargo's default profile.
pub fn default_rust(workshop: &Workshop) -> Result<Contestant, String> {
    let manifest = workshop.source("default-rust/Cargo.toml");
    let target = workshop.scratch.join("default-rust");
    let options = [OsStr::new("--target-dir"), target.as_os_str()];
    let built = build(manifest, &options, "default-rust")?;
    let program = stripped(&workshop.scratch, "default-rust", &built)?;
    Ok(Contestant {
        skips: AT_AWS,
        replaces_roots: true,
        ..Contestant::of_program("default-rust", program)
    })
}

/// A program as cargo-lambda deploys it: without the names of its functions. Answers where it is.
pub fn stripped(scratch: &Path, name: &str, program: &Path) -> Result<PathBuf, String> {
    let folder = scratch.join("stripped").join(name);
    let failed = |error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let to = folder.join("bootstrap");
    let stripped = run(Command::new("strip").arg("-o").arg(&to).arg(program));
    stripped.map_err(|why| format!("{why}; on Debian: apt-get install binutils"))?;
    Ok(to)
}

/// What ours and the floor are built for.
pub fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Builds a program that needs no C library of the system's.
fn build_static(manifest: PathBuf, package: &str, bin: &str) -> Result<PathBuf, String> {
    let target = target();
    // Where there is no rustup, the toolchain has the target or the build says that it lacks it.
    let _ = Command::new("rustup")
        .args(["--quiet", "target", "add", &target])
        .status();
    let options = ["--package", package, "--target", &target].map(OsStr::new);
    build(manifest, &options, bin)
}

/// Builds a program and says where it is. What the compiler has to say goes to stderr.
fn build(manifest: PathBuf, options: &[&OsStr], bin: &str) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--locked", "--quiet"])
        .arg("--message-format=json-render-diagnostics")
        .arg("--manifest-path")
        .arg(manifest)
        .args(["--bin", bin])
        .args(options);
    // ring's C asks nothing of a C library, so that any compiler for the processor does.
    let compiler = format!("CC_{}_unknown_linux_musl", std::env::consts::ARCH);
    if std::env::var_os(&compiler).is_none() {
        command.env(compiler, "cc");
    }
    // What `cargo run` says of this package would make other packages' build scripts run anew, `ring`'s among them.
    for (name, _) in std::env::vars_os() {
        let said = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        let name = name.to_string_lossy();
        if said.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&*name);
        }
    }
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let output = output.map_err(|error| format!("cargo could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{bin}` could not be built; why is said above"));
    }
    let lines = output.stdout.split(|&byte| byte == b'\n');
    let mut messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let program = messages.find_map(|message| match message["target"]["name"] == bin {
        true => message["executable"].as_str().map(PathBuf::from),
        false => None,
    });
    program.ok_or_else(|| format!("cargo built no executable named `{bin}`"))
}
