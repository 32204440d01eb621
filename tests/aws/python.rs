//! The Python environments in which the stand-ins for AWS and its tools run: made once, kept under `target`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::checkout;

/// A virtual environment with what `tests/aws/requirements-<name>.txt` pins.
pub struct Python {
    home: PathBuf,
}

impl Python {
    /// ministack, moto and boto3.
    pub fn cloud() -> Self {
        Self::with("cloud")
    }

    /// The AWS CLI.
    pub fn cli() -> Self {
        Self::with("cli")
    }

    /// SAM, cfn-lint and cargo-lambda.
    pub fn sam() -> Self {
        Self::with("sam")
    }

    /// What judges the description of the functions.
    pub fn description() -> Self {
        Self::with("description")
    }

    /// What reads the definitions of CI jobs.
    pub fn ci() -> Self {
        Self::with("ci")
    }

    /// The environment, made if its pins have changed since it was. One test makes it while the others wait.
    fn with(name: &str) -> Self {
        let requirements = checkout(&format!("tests/aws/requirements-{name}.txt"));
        let pins = fs::read_to_string(&requirements).expect("the requirements are in the checkout");
        let home = checkout("target/python").join(name);
        fs::create_dir_all(home.parent().expect("it was joined")).expect("target can be written");
        let lock = File::create(home.with_extension("lock")).expect("target can be written");
        lock.lock().expect("files can be locked");

        let made_of = home.join("requirements.txt");
        if fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == pins) {
            return Self { home };
        }
        eprintln!("making {} from {}", home.display(), requirements.display());
        let python = Self { home };
        let mut install = if venv(&python.home, &[]).is_ok() {
            Command::new(python.program("pip"))
        } else {
            // Debian's python3 is without ensurepip; a pip that is there will do.
            let made = venv(&python.home, &["--without-pip"]);
            made.unwrap_or_else(|error| panic!("these tests need python3, 3.10 or later: {error}"));
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "--python"])
                .arg(python.program("python"));
            assert!(
                Command::new("python3")
                    .args(["-m", "pip", "--version"])
                    .output()
                    .is_ok_and(|pip| pip.status.success()),
                "python3 has neither venv nor pip; on Debian and Ubuntu: apt-get install python3-venv",
            );
            pip
        };
        run(install
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-cache-dir",
                "--requirement",
            ])
            .arg(&requirements));
        fs::write(made_of, pins).expect("target can be written");
        python
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.home.join("bin").join(name)
    }

    /// What a script of `tests/aws` prints: JSON.
    pub fn script(&self, name: &str, arguments: &[&str]) -> Value {
        let output = run(Command::new(self.program("python"))
            .arg(checkout("tests/aws").join(name))
            .args(arguments)
            // Nobody's own AWS profile, proxy or telemetry has a say.
            .env_clear()
            .env("HOME", scratch("home"))
            .env("SAM_CLI_TELEMETRY", "0"));
        serde_json::from_str(&output)
            .unwrap_or_else(|error| panic!("{name} printed no JSON ({error}): {output}"))
    }
}

/// Makes a virtual environment, in place of what is there.
fn venv(home: &Path, options: &[&str]) -> Result<(), String> {
    let mut command = Command::new("python3");
    let output = command
        .args(["-m", "venv", "--clear"])
        .args(options)
        .arg(home)
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Runs a command to its end and gives what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr),
    );
    text(&output.stdout)
}

/// A folder under `target` for what a test writes.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("target can be written");
    folder
}
