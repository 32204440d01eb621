//! The Node environments that check workflows and look at pages: made once from their lockfiles, kept under `target`.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use serde_json::Value;

use crate::{checkout, python::run};

/// What `tests/aws/<name>/package-lock.json` pins.
pub struct Node {
    home: PathBuf,
}

impl Node {
    /// asl-validator and JSONata.
    pub fn asl() -> Self {
        Self::with("asl")
    }

    /// Playwright's driver and axe, without a browser.
    pub fn browser() -> Self {
        Self::with("browser")
    }

    /// The environment, installed if its pins have changed since it was.
    fn with(name: &str) -> Self {
        let pinned = checkout("tests/aws").join(name);
        let home = checkout("target/node").join(name);
        fs::create_dir_all(&home).expect("target can be written");
        let lock = File::create(home.with_extension("lock")).expect("target can be written");
        lock.lock().expect("files can be locked");

        let pins = fs::read(pinned.join("package-lock.json")).expect("it is in the checkout");
        let made_of = home.join("made-of.json");
        if fs::read(&made_of).is_ok_and(|made_of| made_of == pins) {
            return Self { home };
        }
        let npm = Command::new("npm").arg("--version").output();
        assert!(npm.is_ok(), "these tests need Node 20 or later, with npm");
        for name in ["package.json", "package-lock.json"] {
            fs::copy(pinned.join(name), home.join(name)).expect("target can be written");
        }
        run(Command::new("npm")
            .args([
                "ci",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--cache",
                "cache",
            ])
            .current_dir(&home));
        fs::write(made_of, pins).expect("target can be written");
        Self { home }
    }

    /// What `asl.js` prints.
    pub fn asl_js(&self, what: &str, argument: &Value) -> Value {
        self.script("asl/asl.js", &[what, &argument.to_string()])
    }

    /// What `consent.js` prints.
    pub fn consent_js(&self, wanted: &Value) -> Value {
        self.script("browser/consent.js", &[&wanted.to_string()])
    }

    /// What `console.js` prints.
    pub fn console_js(&self, wanted: &Value) -> Value {
        self.script("browser/console.js", &[&wanted.to_string()])
    }

    /// What a script of `tests/aws` prints: JSON.
    fn script(&self, name: &str, arguments: &[&str]) -> Value {
        let printed = run(Command::new("node")
            .arg(checkout("tests/aws").join(name))
            .args(arguments)
            .env("NODE_PATH", self.home.join("node_modules")));
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }
}
