//! Where and with what a run was made.

use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use serde::Serialize;

use crate::versions;

/// The machine, the date and the versions.
#[derive(Debug, Serialize)]
pub struct Machine {
    pub date: String,
    pub commit: String,
    pub cpu: String,
    pub cores: usize,
    pub memory: String,
    pub kernel: String,
    pub versions: Vec<String>,
    /// What contestants are built of.
    pub pinned: Vec<String>,
}

impl Machine {
    /// Looks around. What cannot be had is said to be unknown.
    pub fn look(checkout: &Path) -> Self {
        let line = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(key));
            let value = line.and_then(|line| line.split_once(':'));
            value
                .map_or("unknown", |(_, value)| value.trim())
                .to_owned()
        };
        let kib = line("/proc/meminfo", "MemTotal");
        let kib: Option<f64> = kib.split(' ').next().and_then(|kib| kib.parse().ok());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let folder = checkout.display().to_string();
        let commit = first_line("git", &["-C", &folder, "describe", "--always", "--dirty"]);
        let versions =
            ["rustc", "python3", "node"].map(|tool| match first_line(tool, &["--version"]) {
                Some(version) if tool == "node" => format!("node {version}"),
                Some(version) => version,
                None => format!("no {tool}"),
            });
        Self {
            date: Timestamp::now().strftime("%Y-%m-%d").to_string(),
            commit: commit.unwrap_or_else(|| "unknown".to_owned()),
            cpu: line("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory: kib.map_or("unknown".to_owned(), |kib| {
                format!("{:.0} GiB", kib / 1048576.0)
            }),
            kernel: kernel.trim().to_owned(),
            versions: versions.to_vec(),
            pinned: versions::pinned(checkout),
        }
    }

    /// All of it in a line.
    pub fn line(&self) -> String {
        format!(
            "{}, commit {}; {} cores of {}, {}, Linux {}; {}; {}",
            self.date,
            self.commit,
            self.cores,
            self.cpu,
            self.memory,
            self.kernel,
            self.versions.join(", "),
            self.pinned.join("; ")
        )
    }
}

fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim().to_owned();
    output.status.success().then_some(line)
}
