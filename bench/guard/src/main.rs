//! `cargo guard`: counts the instructions, allocations and bytes of the release build, and compares them with what was recorded. What
//! it counts does not depend on how fast the machine is, or on what else it does.

mod answers;
mod binary;
mod callgrind;
mod chain;
mod figures;
mod http;
mod pace;
mod profile;
mod record;
mod runtime_api;
mod upstream;

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Parser;

use callgrind::Bench;
use record::{Compared, Record};

/// Compares what the release build of `bootstrap` costs with bench/guard/recorded.toml. Exit code 1: a figure is beyond its tolerance.
#[derive(Parser)]
#[command(bin_name = "cargo guard")]
struct Cli {
    /// Write the figures down instead
    #[arg(long)]
    record: bool,
    /// Count another build of bootstrap, one that has its symbols
    #[arg(long, value_name = "PATH")]
    bootstrap: Option<PathBuf>,
    /// Build and count for another target than the recorded one
    #[arg(long, conflicts_with = "bootstrap")]
    target: Option<String>,
}

fn main() -> ExitCode {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        println!(
            "Nothing is compared: the figures are those of x86-64 Linux, and this machine is another."
        );
        return ExitCode::SUCCESS;
    }
    match guard(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn guard(cli: Cli) -> Result<ExitCode, Box<dyn Error>> {
    if !callgrind::is_here() {
        return Err("valgrind is not here. Install it: apt-get install valgrind".into());
    }
    let record = Record::open()?;
    let target = cli
        .target
        .as_deref()
        .unwrap_or(record.text("target"))
        .to_owned();
    let bootstrap = match cli.bootstrap {
        Some(path) => path
            .canonicalize()
            .map_err(|error| format!("{}: {error}", path.display()))?,
        None => binary::build(&target)?,
    };
    binary::describes_nothing(&bootstrap)?;
    let kept = bootstrap.with_file_name("guarded");
    std::fs::create_dir_all(&kept)?;
    let figures = figures::measure(&Bench {
        bootstrap,
        kept: kept.clone(),
    })?;
    let compared = record.compare(&figures)?;
    print(&compared);

    let rustc = rustc()?;
    if cli.record {
        record.rewrite(&figures, &target, &rustc)?;
        println!("Recorded.");
        return Ok(ExitCode::SUCCESS);
    }
    if compared.iter().all(|figure| figure.verdict().is_none()) {
        println!("All as recorded.");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "`callgrind_annotate` shows where the instructions of the profiles in {} went.",
        kept.display()
    );
    println!(
        "What has got less, or is worth what it costs: `cargo guard --record`, and commit bench/guard/recorded.toml."
    );
    if rustc != record.text("rustc") {
        println!(
            "Recorded with {}, built with {rustc}: the difference may be the compiler's.",
            record.text("rustc")
        );
    }
    Ok(ExitCode::FAILURE)
}

fn print(compared: &[Compared]) {
    println!(
        "{:<42}{:>12}{:>12}{:>10}{:>12}",
        "", "recorded", "now", "change %", "tolerance %"
    );
    for figure in compared {
        let Compared {
            name,
            recorded,
            now,
            tolerance,
        } = figure;
        let verdict = figure.verdict().unwrap_or_default();
        println!(
            "{name:<42}{recorded:>12}{now:>12}{:>+10.2}{tolerance:>12}  {verdict}",
            figure.change()
        );
    }
}

/// The compiler's version, as `rustc 1.95.0 (59807616e 2026-04-14)`.
fn rustc() -> Result<String, Box<dyn Error>> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
