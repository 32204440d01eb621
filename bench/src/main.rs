//! `cargo bench-all`: runs every contestant in every job and prints a table for each, targets and a plot.

mod canned;
mod check;
mod contestants;
mod drawing;
mod failure;
mod figures;
mod job;
mod loopback;
mod machine;
mod measure;
mod own_thread;
mod plot;
mod process;
mod quota;
mod relay;
mod results;
mod run;
mod runtime_api;
mod size;
mod surroundings;
mod table;
mod targets;
mod tls;
mod upstream;
mod versions;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use contestants::{Contestant, FLOOR, LeftOut, OURS};
use job::Job;
use measure::Entry;
use results::Results;
use table::Section;
use tls::Http;

/// Measures the functions beside the least that their job can take and beside what people write today. Without options: all
/// contestants in all jobs, with and without the CPU share of a small function; results go to bench/results.
#[derive(Parser)]
#[command(bin_name = "cargo bench-all")]
struct Cli {
    /// Only these contestants; ours and the floor are what targets are judged by
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,

    /// Only these jobs
    #[arg(long, value_name = "JOB", value_delimiter = ',')]
    jobs: Vec<Job>,

    /// Processes of each contestant in each job; their medians are shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Warm events of a process; fewer where answers are large
    #[arg(long, default_value_t = 200)]
    warm: usize,

    /// A look in under a minute: ours and the floor, few rounds
    #[arg(long)]
    quick: bool,

    /// The round trip to the upstream, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,

    /// What the upstream speaks
    #[arg(long, value_enum, default_value_t = Http::One)]
    http: Http,

    /// Measures with the CPU share of a 128 MB function, too, and fails where this machine does not allow it
    #[arg(long, overrides_with = "no_quota")]
    quota: bool,

    /// Leaves the CPU share out
    #[arg(long)]
    no_quota: bool,

    /// Events at once for ours, in a table of its own; 1 leaves it out
    #[arg(long, default_value_t = 64)]
    concurrency: usize,

    /// Another build of ours to compare; may be given several times
    #[arg(long, value_name = "NAME=PATH", value_parser = named_path)]
    binary: Vec<(String, PathBuf)>,

    /// Only looks whether every contestant answers every job with what the upstream gave
    #[arg(long)]
    check: bool,
}

/// The workspace.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What `--quick` does instead of the defaults.
const QUICK_ROUNDS: u32 = 2;
const QUICK_WARM: usize = 40;

fn main() -> ExitCode {
    let mut cli = Cli::parse();
    if cli.quick {
        (cli.rounds, cli.warm) = (cli.rounds.min(QUICK_ROUNDS), cli.warm.min(QUICK_WARM));
        if cli.only.is_empty() {
            cli.only = ["ours", "floor"].map(str::to_owned).to_vec();
        }
    }
    match bench(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether everybody who took part answered as they should.
fn bench(cli: &Cli) -> Result<bool, Box<dyn Error>> {
    let checkout = Path::new(CHECKOUT).canonicalize()?;
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let scratch = target
        .map_or_else(|| checkout.join("target"), PathBuf::from)
        .join("bench");
    std::fs::create_dir_all(&scratch)?;
    let (entries, left_out) = take_part(cli, &checkout, &scratch)?;
    if entries.is_empty() {
        return Err("there is nobody to measure".into());
    }
    // Whoever is named, or is what the others are judged by, must be there.
    let all_there = !left_out.iter().any(|LeftOut { contestant, .. }| {
        [OURS, FLOOR].contains(&&**contestant) || cli.only.contains(contestant)
    });
    let round_trip = Duration::from_millis(cli.delay);
    let bench = surroundings::set_up(cli.http, round_trip, scratch.clone())?;
    let jobs = match cli.jobs.is_empty() {
        true => Job::ALL.to_vec(),
        false => cli.jobs.clone(),
    };
    let (entries, mut failures) = run::check(&bench, entries, &jobs);
    if cli.check {
        return Ok(all_there && failures.is_empty());
    }
    let quota = match cli.no_quota || (cli.quick && !cli.quota) {
        true => Err("it was not asked for".to_owned()),
        false => quota::Quota::make(),
    };
    if let Err(why) = &quota {
        if cli.quota {
            return Err(why.clone().into());
        }
        eprintln!("The CPU share of a small function is left out: {why}");
    }
    let plan = run::Plan {
        jobs,
        rounds: cli.rounds,
        warm: cli.warm,
        concurrency: cli.concurrency,
        quota: quota.as_ref().ok(),
    };
    let sections = run::all(&bench, &entries, &plan, &mut failures);
    let mut stem = "results".to_owned();
    if cli.http == Http::Two {
        stem += "-h2";
    }
    if cli.delay > 0 {
        stem += &format!("-delay-{}", cli.delay);
    }
    let results = Results {
        machine: machine::Machine::look(&checkout),
        settings: settings(cli, quota.is_ok()),
        round_trip: cli.delay as f64,
        left_out,
        skips: run::skips(&entries, &plan.jobs),
        failures,
        targets: targets::judge(&sections, unlike_floor(cli)),
        sections,
    };
    println!("{}", results.markdown());
    let folder = match is_whole(cli, &results.sections) {
        true => checkout.join("bench/results"),
        false => scratch,
    };
    results.write(&folder, &stem)?;
    eprintln!("Written to {}", folder.join(stem).display());
    Ok(all_there && results.failures.is_empty())
}

/// Whether the run is one to compare others with: everything by default, and those there that targets are judged by.
fn is_whole(cli: &Cli, sections: &[Section]) -> bool {
    let default = Cli::parse_from(["cargo bench-all"]);
    let everything = cli.only.is_empty()
        && cli.jobs.is_empty()
        && cli.binary.is_empty()
        && !cli.quick
        && !cli.no_quota
        && (cli.rounds, cli.warm) == (default.rounds, default.warm)
        && (cli.delay, cli.http) == (default.delay, default.http)
        && cli.concurrency == default.concurrency;
    everything
        && sections.iter().all(|section| {
            let has_floor = section.row(FLOOR).is_some() || section.concurrency > 1;
            section.row(OURS).is_some() && has_floor
        })
}

/// Who is measured, and why others are not.
fn take_part(
    cli: &Cli,
    checkout: &Path,
    scratch: &Path,
) -> Result<(Vec<Entry>, Vec<LeftOut>), String> {
    let (contestants, left_out) = contestants::prepare(checkout, &cli.only);
    let entries = contestants.into_iter().map(|contestant| Entry {
        ours: contestant.name == OURS,
        contestant,
    });
    let mut entries: Vec<_> = entries.collect();
    for (name, path) in &cli.binary {
        if entries.iter().any(|entry| entry.contestant.name == name) {
            return Err(format!(
                "--binary: there is a contestant named {name} already"
            ));
        }
        let program = contestants::stripped(scratch, name, path)?;
        entries.push(Entry {
            ours: true,
            contestant: Contestant::of_program(name.clone().leak(), program),
        });
    }
    Ok((entries, left_out))
}

/// Why the floor is no measure of the run, if it is none.
fn unlike_floor(cli: &Cli) -> Option<&'static str> {
    match (cli.delay, cli.http) {
        (0, Http::One) => None,
        (0, Http::Two) => Some("the floor speaks HTTP/1.1 only"),
        _ => Some("the floor connects to one service after the other, and waits for each"),
    }
}

/// How the run was made, in words.
fn settings(cli: &Cli, has_quota: bool) -> String {
    let http = match cli.http {
        Http::One => "HTTP/1.1",
        Http::Two => "HTTP/2 for who offers it",
    };
    let mut words = format!(
        "Medians of n processes, contestants in turn, their order reversed each round; p99 of all their warm answers together. At most \
         {} warm events a process. Ours and the floor are built for {}. TLS 1.3, {http}, a round trip of {} ms.",
        cli.warm,
        contestants::target(),
        cli.delay
    );
    words += &match has_quota {
        true => format!(" The CPU share of a small function: {}.", quota::in_words()),
        false => " The CPU share of a small function was left out.".to_owned(),
    };
    words
}

fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text
        .split_once('=')
        .ok_or("it takes NAME=PATH, such as ours-musl=target/musl/bootstrap")?;
    let path = Path::new(path)
        .canonicalize()
        .map_err(|error| format!("{path}: {error}"))?;
    Ok((name.to_owned(), path))
}
