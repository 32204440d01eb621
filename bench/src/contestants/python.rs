//! The contestants in Python: scripts that ask the Runtime API by themselves, and one behind Lambda's runtime interface client.
//!
//! boto3 and the client come with Lambda's own Python runtime: they are installed, but not part of what is deployed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{AT_AWS, Contestant, Workshop, run};

/// As Microsoft's documents print it: a token for every call.
pub fn urllib(workshop: &Workshop) -> Result<Contestant, String> {
    let sources = ["python/with_urllib.py", "python/runtime_api.py"];
    let files = workshop.copy("python/urllib", &sources)?;
    Ok(Contestant {
        name: "python-urllib",
        program: interpreter()?,
        args: vec![files[0].clone().into()],
        env: Vec::new(),
        files,
        skips: AT_AWS,
        replaces_roots: true,
    })
}

/// With requests, and the token kept.
pub fn requests(workshop: &Workshop) -> Result<Contestant, String> {
    let sources = ["python/with_requests.py", "python/runtime_api.py"];
    let mut files = workshop.copy("python/requests", &sources)?;
    let packages = packages(workshop, "requests")?;
    let boto3 = packages_of_runtime(workshop, "boto3")?;
    let args = vec![files[0].clone().into()];
    files.extend(deployed(&packages)?);
    Ok(Contestant {
        name: "python-requests",
        program: interpreter()?,
        args,
        env: path(&[&packages, &boto3]),
        files,
        skips: &[],
        replaces_roots: true,
    })
}

/// The same behind the client that Lambda's own runtime has.
pub fn ric(workshop: &Workshop) -> Result<Contestant, String> {
    let client = packages_of_runtime(workshop, "ric")?;
    let mut files = workshop.copy("python/ric-function", &["python/with_requests.py"])?;
    let packages = packages(workshop, "requests")?;
    let boto3 = packages_of_runtime(workshop, "boto3")?;
    let function = workshop.scratch.join("python/ric-function");
    files.extend(deployed(&packages)?);
    Ok(Contestant {
        name: "python-ric",
        program: interpreter()?,
        args: ["-m", "awslambdaric", "with_requests.handle"]
            .map(OsString::from)
            .to_vec(),
        env: path(&[&function, &packages, &boto3, &client]),
        files,
        skips: &[],
        replaces_roots: true,
    })
}

/// The interpreter itself: what `python3` names may be a script that looks for it.
fn interpreter() -> Result<PathBuf, String> {
    let program = run(Command::new("python3").args(["-c", "import sys; print(sys.executable)"]))?;
    Ok(program.trim().into())
}

fn packages(workshop: &Workshop, name: &str) -> Result<PathBuf, String> {
    let pins = format!("python/requirements-{name}.txt");
    workshop.install(&format!("python/packages-{name}"), &pins, |folder| {
        let output = run(pip(workshop)?
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-cache-dir",
                "--no-deps",
                "--target",
            ])
            .arg(folder)
            .arg("--requirement")
            .arg(workshop.source(&pins)));
        output.map(drop)
    })
}

fn packages_of_runtime(workshop: &Workshop, name: &str) -> Result<PathBuf, String> {
    packages(workshop, name).map_err(|why| match name {
        "ric" => format!(
            "awslambdaric could not be installed. Where there is no wheel of it for this Python it compiles C++; on Debian: apt-get \
             install g++ make cmake autoconf automake libtool python3-dev. {why}"
        ),
        _ => why,
    })
}

/// pip as it is; where Debian left it out, that of a virtual environment.
fn pip(workshop: &Workshop) -> Result<Command, String> {
    let mut pip = Command::new("python3");
    if run(pip.args(["-m", "pip", "--version"])).is_err() {
        let home = workshop.scratch.join("python/venv");
        let made = run(Command::new("python3").args(["-m", "venv"]).arg(&home));
        made.map_err(|why| {
            format!(
                "python3 has neither pip nor venv; on Debian: apt-get install python3-venv. {why}"
            )
        })?;
        pip = Command::new(home.join("bin/python"));
    } else {
        pip = Command::new("python3");
    }
    pip.args(["-m", "pip"]);
    Ok(pip)
}

/// What is in a folder of packages but the mark that it is whole.
fn deployed(packages: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("{}: {error}", packages.display());
    let entries = fs::read_dir(packages).map_err(failed)?;
    let paths = entries.map(|entry| Ok(entry.map_err(failed)?.path()));
    let is_deployed = |path: &PathBuf| !path.ends_with("made-of") && !path.ends_with("bin");
    paths
        .filter(|path| path.as_ref().map_or(true, is_deployed))
        .collect()
}

fn path(folders: &[&PathBuf]) -> Vec<(String, OsString)> {
    // No folder's name has a colon in it: pip would not install there either.
    let path = std::env::join_paths(folders).unwrap_or_default();
    vec![("PYTHONPATH".to_owned(), path)]
}
