//! The `bootstrap` that is guarded: the release build with its symbols, and the bytes of it that are deployed.

use std::error::Error;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::write::SimpleFileOptions;

/// Builds it for a target; says where it is.
pub fn build(target: &str) -> Result<PathBuf, Box<dyn Error>> {
    // Where there is no rustup, the toolchain has the target or the build says that it lacks it.
    let _ = Command::new("rustup")
        .args(["--quiet", "target", "add", target])
        .status();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "--release",
        "--package=defender-functions",
        "--bin=bootstrap",
    ]);
    command.arg(format!("--target={target}"));
    command.arg(concat!(
        "--manifest-path=",
        env!("CARGO_MANIFEST_DIR"),
        "/../../Cargo.toml"
    ));
    // ring's C asks nothing of a C library, so that any compiler for the processor does.
    let compiler = format!("CC_{}", target.replace('-', "_"));
    if target.ends_with("musl") && std::env::var_os(&compiler).is_none() {
        command.env(compiler, "cc");
    }
    // What `cargo run` says of this package would make other packages' build scripts run anew.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|said| name.starts_with(said))
        {
            command.env_remove(&*name);
        }
    }
    if !command.status()?.success() {
        return Err("`bootstrap` could not be built; why is said above".into());
    }
    // This program is in the target directory's `debug` or `release`.
    let own = std::env::current_exe()?;
    let targets = own
        .ancestors()
        .nth(2)
        .ok_or("this program is in no target directory")?;
    Ok(targets.join(target).join("release").join("bootstrap"))
}

/// The crate that describes the operations for `cargo local`, which no function has a use for.
const DESCRIPTION: &str = "schemars";

/// Sees to it that nothing of the description is linked: neither a symbol nor a path of its source is in the file.
pub fn describes_nothing(bootstrap: &Path) -> Result<(), Box<dyn Error>> {
    let bytes = fs::read(bootstrap)?;
    let name = DESCRIPTION.as_bytes();
    match bytes.windows(name.len()).any(|part| part == name) {
        true => Err(format!(
            "{DESCRIPTION} is linked into {}. Only `local` may call what makes schemas.",
            bootstrap.display()
        )
        .into()),
        false => Ok(()),
    }
}

/// The bytes of what is deployed, as a file and as a zip.
pub struct Size {
    pub binary: u64,
    pub zip: u64,
}

impl Size {
    pub fn of(bootstrap: &Path, kept: &Path) -> Result<Self, Box<dyn Error>> {
        let stripped = kept.join("bootstrap");
        let strip = Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(bootstrap)
            .status();
        let strip = strip.map_err(|error| {
            format!("strip cannot be started: {error}. Install it: apt-get install binutils")
        })?;
        if !strip.success() {
            return Err(format!("strip cannot strip {}", bootstrap.display()).into());
        }
        let stripped = fs::read(&stripped)?;
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(
            "bootstrap",
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated),
        )?;
        zip.write_all(&stripped)?;
        Ok(Self {
            binary: stripped.len() as u64,
            zip: zip.finish()?.into_inner().len() as u64,
        })
    }
}
