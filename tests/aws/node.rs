//! The Node environment that checks workflows: made once from its lockfile, kept under `target`.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use serde_json::Value;

use crate::{checkout, python::run};

/// What `tests/aws/asl/package-lock.json` pins.
pub struct Node {
    home: PathBuf,
}

impl Node {
    /// asl-validator and JSONata, installed if their pins have changed since they were.
    pub fn asl() -> Self {
        let pinned = checkout("tests/aws/asl");
        let home = checkout("target/node/asl");
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

    /// What `asl.js` prints: JSON.
    pub fn asl_js(&self, what: &str, argument: &Value) -> Value {
        let printed = run(Command::new("node")
            .arg(checkout("tests/aws/asl/asl.js"))
            .args([what, &argument.to_string()])
            .env("NODE_PATH", self.home.join("node_modules")));
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }
}
