//! The versions of what contestants are built of, as their pins say.

use std::fs;
use std::path::Path;

/// What makes the difference in Rust, with the lock file that names it.
const RUST: [(&str, &str, [&str; 4]); 2] = [
    (
        "ours and the floor",
        "Cargo.lock",
        ["lambda_runtime", "reqwest", "rustls", "ring"],
    ),
    (
        "default-rust",
        "bench/contestants/default-rust/Cargo.lock",
        ["lambda_runtime", "reqwest", "rustls", "aws-lc-rs"],
    ),
];
/// Packages, and the files of pins that name them.
const PINNED: [(&str, &str); 5] = [
    ("requests", "python/requirements-requests.txt"),
    ("boto3", "python/requirements-boto3.txt"),
    ("awslambdaric", "python/requirements-ric.txt"),
    ("aws-lambda-ric", "node/ric/package.json"),
    ("@aws-sdk/client-secrets-manager", "node/aws/package.json"),
];

/// All of them in words; what cannot be read is left out.
pub fn pinned(checkout: &Path) -> Vec<String> {
    let read = |file: &str| fs::read_to_string(checkout.join(file)).unwrap_or_default();
    let mut all = Vec::new();
    for (who, lock, crates) in RUST {
        let lock = read(lock);
        let crates = crates.iter().filter_map(|name| of_crate(&lock, name));
        all.push(format!("{who}: {}", crates.collect::<Vec<_>>().join(", ")));
    }
    let packages = PINNED
        .iter()
        .filter_map(|(name, file)| of_package(&read(&format!("bench/contestants/{file}")), name));
    all.push(format!(
        "scripts: {}",
        packages.collect::<Vec<_>>().join(", ")
    ));
    all
}

fn of_crate(lock: &str, name: &str) -> Option<String> {
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    let (version, _) = rest.split_once('"')?;
    Some(format!("{name} {version}"))
}

/// From `name==1.2` or `"name": "1.2"`.
fn of_package(pins: &str, name: &str) -> Option<String> {
    let line = pins
        .lines()
        .map(|line| line.trim().trim_start_matches('"'))
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(['=', '"']));
    let version = line?.trim_matches(['=', ':', ' ', '"', ',']);
    Some(format!("{name} {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_found() {
        let all = pinned(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).join("; ");
        let packages = PINNED.map(|(name, _)| name);
        let crates = RUST.map(|(_, _, crates)| crates).concat();
        for name in crates.iter().chain(&packages) {
            let rest = all.split_once(&format!("{name} ")).map(|(_, rest)| rest);
            let digit = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            assert!(digit, "{name}: {all}");
        }
    }
}
