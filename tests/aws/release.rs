//! What `.ci/release` makes deploys, and is the same whenever it is made; the CI jobs that run it are sound.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    checkout,
    moto::Moto,
    python::{Python, run, scratch},
};

/// A release of this build of the bootstrap, which need not be the one for Lambda.
fn release(name: &str) -> PathBuf {
    let folder = scratch("release").join(name);
    run(Command::new(checkout(".ci/release"))
        .arg(env!("CARGO_BIN_EXE_bootstrap"))
        .arg(&folder)
        .env_remove("CARGO_TARGET_DIR"));
    folder
}

/// `0.1.0`
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn json_of(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

#[test]
fn a_release_deploys_and_is_the_same_when_it_is_made_again() {
    let (folder, again) = (release("one"), release("another"));
    let sums = |of: &Path| fs::read_to_string(of.join("SHA256SUMS")).expect("checksums");
    assert_eq!(sums(&folder), sums(&again));
    run(Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(&folder));
    for file in [
        "CHANGELOG.md",
        "LICENSE",
        "openapi.json",
        "tools.json",
        "monitoring.yaml",
        "workflows/hunt-and-isolate.asl.json",
    ] {
        assert!(sums(&folder).contains(&format!("  {file}\n")), "{file}");
    }

    let sam = |arguments: &[&str], environment: Vec<(String, String)>| {
        run(Command::new(Python::sam().program("sam"))
            .args(arguments)
            .current_dir(&folder)
            .env("SAM_CLI_TELEMETRY", "0")
            .envs(environment))
    };
    sam(&["validate", "--lint", "--region", "eu-west-1"], Vec::new());
    let moto = Moto::start();
    moto.ask("create_bucket", &json!({ "name": "releases" }));
    sam(
        &[
            "package",
            "--region",
            "eu-west-1",
            "--s3-bucket",
            "releases",
            "--output-template-file",
            "packaged.yaml",
        ],
        moto.environment("S3"),
    );
    let packaged = fs::read_to_string(folder.join("packaged.yaml")).expect("a template");
    assert!(
        !packaged.contains("CodeUri: defender-functions"),
        "{packaged}"
    );
    assert!(!packaged.contains("target/lambda"), "{packaged}");
    let uris: BTreeSet<_> = packaged
        .lines()
        .filter_map(|line| line.trim().strip_prefix("CodeUri: "))
        .collect();
    assert_eq!(uris.len(), 1, "all functions are one zip: {uris:?}");
    assert!(uris.iter().all(|uri| uri.starts_with("s3://releases/")));
}

#[test]
fn the_zip_is_what_lambda_runs_and_the_bill_says_what_is_in_it() {
    let folder = release("contents");
    let listing = run(Command::new("python3")
        .args(["-m", "zipfile", "--list"])
        .arg(folder.join(format!("defender-functions-{VERSION}-arm64.zip"))));
    assert_eq!(listing.lines().count(), 2, "{listing}");
    assert!(
        listing.contains("bootstrap   ") && listing.contains("1980-01-01"),
        "{listing}"
    );
    let bill = json_of(&folder.join("sbom.cdx.json"));
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["metadata"]["component"]["version"], VERSION);
    let components = bill["components"].as_array().expect("components");
    let names: BTreeSet<_> = components
        .iter()
        .filter_map(|component| component["name"].as_str())
        .collect();
    for linked in ["ring", "rustls", "serde_json", "lambda_runtime", "dlmalloc"] {
        assert!(names.contains(linked), "{linked} is not in {names:?}");
    }
    // What builds and tests, and what is of another system.
    for other in [
        "clap",
        "simulator",
        "local",
        "serde_derive",
        "cc",
        "windows-sys",
    ] {
        assert!(!names.contains(other), "{other} is in {names:?}");
    }
    let written = bill.to_string();
    let here = checkout(".");
    assert!(!written.contains(here.to_str().expect("a plain path")));
}

#[test]
fn the_ci_jobs_are_well_formed_and_pinned_and_may_do_little() {
    let python = Python::ci();
    let jobs = checkout(".github/workflows");
    let files: Vec<_> = ["ci.yml", "release.yml"].map(|name| jobs.join(name)).into();
    run(Command::new(python.program("check-jsonschema"))
        .args(["--builtin-schema", "vendor.github-workflows"])
        .args(&files));
    run(Command::new(python.program("zizmor"))
        .args(["--offline", "--no-progress", "--persona", "pedantic"])
        .args(&files));
}
